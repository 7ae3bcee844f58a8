// SHA-256, to name a whole body by one number. Read FIPS 180-4 §5 and §6.2.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace twinpath {

using Sha256Digest = std::array<std::uint8_t, 32>;

class Sha256 {
 public:
  Sha256();
  void add(std::span<const std::byte> data);
  // Requires: called once, and nothing is added afterwards.
  Sha256Digest finish();

 private:
  static constexpr std::size_t kBlockBytes = 64;
  void compress(const std::byte* block);

  std::array<std::uint32_t, 8> state_;
  std::array<std::byte, kBlockBytes> pending_{};
  std::uint64_t bytes_ = 0;
};

std::string hex(const Sha256Digest& digest);

}  // namespace twinpath
