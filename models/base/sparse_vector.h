// Many at once and few ever after: what a vector grew to for the many is given back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <vector>

namespace twinpath {

// Call it when something was taken out. A vector an eighth full moves to half the room or less, so
// that the moves are few for each item taken out; small ones stay.
template <typename T>
void shrink_if_sparse(std::vector<T>& items) {
  constexpr std::size_t kKept = 256;
  if (items.capacity() <= kKept || items.size() > items.capacity() / 8) return;
  std::vector<T> smaller;
  smaller.reserve(std::max(kKept, items.capacity() / 2));
  smaller.assign(std::make_move_iterator(items.begin()), std::make_move_iterator(items.end()));
  items.swap(smaller);
}

}  // namespace twinpath
