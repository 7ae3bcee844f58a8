// One record for each index of an allocator: fixed in size, made once.
#pragma once

#include <vector>

#include "models/nf/state/flow_map.h"

namespace twinpath {

template <typename T>
class StateVector {
 public:
  explicit StateVector(std::uint32_t entries, const T& value = T()) : values_(entries, value) {}

  // Requires: index < entries.
  [[nodiscard]] T& operator[](Index index) { return values_[index]; }
  [[nodiscard]] const T& operator[](Index index) const { return values_[index]; }
  void prefetch(Index index) const { __builtin_prefetch(&values_[index]); }

 private:
  std::vector<T> values_;
};

}  // namespace twinpath
