// Random input for property tests, from the project's own generator so that a failure replays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/base/rng.h"

namespace twinpath {

inline std::vector<std::byte> random_bytes(Rng& rng, std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(rng.next());
  return bytes;
}

template <typename Integer>
Integer random_value(Rng& rng) {
  return static_cast<Integer>(rng.next());
}

}  // namespace twinpath
