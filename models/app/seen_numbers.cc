// See seen_numbers.h.
#include "models/app/seen_numbers.h"

#include <algorithm>

namespace twinpath {

bool SeenNumbers::add(std::uint64_t number) {
  if (number >= end_) {
    // The places of the numbers passed over are those of older ones.
    const std::uint64_t steps = std::min<std::uint64_t>(number - end_ + 1, kWindow);
    for (std::uint64_t step = 0; step < steps; ++step) seen_.reset((end_ + step) % kWindow);
    end_ = number + 1;
  } else if (end_ - number > kWindow || seen_.test(number % kWindow)) {
    return false;
  }
  seen_.set(number % kWindow);
  return true;
}

}  // namespace twinpath
