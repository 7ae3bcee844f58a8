// Which sequence numbers of one sender came, in bounded memory, so that a datagram that comes twice
// is told from two. The idea is the anti-replay window of RFC 4303 §3.4.3.
#pragma once

#include <bitset>
#include <cstdint>

namespace twinpath {

class SeenNumbers {
 public:
  // A number this far behind the newest cannot be told any more; it counts as seen.
  static constexpr std::size_t kWindow = 8192;

  // False when it was seen.
  bool add(std::uint64_t number);
  // The highest number, plus one.
  [[nodiscard]] std::uint64_t end() const { return end_; }

 private:
  std::bitset<kWindow> seen_;  // of [end_ - kWindow, end_), each at its number modulo kWindow
  std::uint64_t end_ = 0;
};

}  // namespace twinpath
