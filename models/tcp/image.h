// A connection as bytes: versioned, without pointers, in any state. What export_image() gives can
// be carried to another stack, core or process and continued there; the peer notices nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace twinpath {

class TcbImage {
 public:
  // Of the byte format; another version is refused, never guessed at.
  static constexpr std::uint32_t kVersion = 8;

  explicit TcbImage(std::vector<std::byte> bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace twinpath
