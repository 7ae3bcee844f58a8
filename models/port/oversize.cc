// See oversize.h. Tagged frames are left out: a test-bed's veths and NICs carry none.
#include "models/port/oversize.h"

#include <algorithm>

namespace twinpath {
namespace {

constexpr std::size_t kIpv6HeaderLen = 40;
constexpr std::size_t kLengthsEnd = kEthernetHeaderLen + 6;  // both versions' length fields

// Bytes of the frame by its IP header; 0 when it carries no IP.
std::uint32_t claimed_bytes(std::span<const std::byte> frame) {
  if (frame.size() < kLengthsEnd) return 0;
  const std::byte* const ip = frame.data() + kEthernetHeaderLen;
  switch (static_cast<EtherType>(load_be16(ip - 2))) {
    case EtherType::kIpv4:
      return static_cast<std::uint32_t>(kEthernetHeaderLen) + load_be16(ip + 2);
    case EtherType::kIpv6:
      return static_cast<std::uint32_t>(kEthernetHeaderLen + kIpv6HeaderLen) + load_be16(ip + 4);
    default:
      return 0;
  }
}

}  // namespace

std::size_t OversizePort::rx_burst(std::span<BufPtr> out) {
  const std::size_t got = inner().rx_burst(out);
  for (const BufPtr& frame : out.first(got)) {
    const std::uint32_t bytes = claimed_bytes(frame->bytes());
    if (bytes <= longest_bytes_) continue;
    ++counters_.frames;
    counters_.longest_bytes = std::max(counters_.longest_bytes, bytes);
  }
  return got;
}

}  // namespace twinpath
