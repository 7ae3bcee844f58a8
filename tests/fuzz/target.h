// What every fuzz target needs: the input as bytes, and a way to fail that libFuzzer records.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "models/base/check.h"

namespace twinpath::fuzz {

inline std::span<const std::byte> bytes_of(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

// Touches every byte, so that the address sanitizer sees a span that lies.
inline void touch(std::span<const std::byte> bytes) {
  unsigned sum = 0;
  for (const std::byte byte : bytes) sum += static_cast<unsigned>(byte);
  asm volatile("" : : "r"(sum));
}

}  // namespace twinpath::fuzz

// libFuzzer's entry point is named by libFuzzer.
#define FUZZ_TARGET(input)                                                            \
  static void run_target(std::span<const std::byte> input);                           \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) { \
    run_target(twinpath::fuzz::bytes_of(data, size));                                 \
    return 0;                                                                         \
  }                                                                                   \
  static void run_target(std::span<const std::byte> input)
