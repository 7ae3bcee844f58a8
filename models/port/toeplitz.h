// The receive-side-scaling hash of network cards. Read the "RSS hashing functions" page of the NDIS
// documentation, whose vectors the test holds. Network cards compute it over addresses and ports in
// network order, source first.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace twinpath {

inline constexpr std::size_t kRssKeyLen = 40;
inline constexpr std::size_t kRssInputLenMax = 36;  // two IPv6 addresses and two ports

using RssKey = std::array<std::uint8_t, kRssKeyLen>;

// The key of the published vectors, which nearly every driver ships as its default.
inline constexpr RssKey kStandardRssKey = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

// One lookup per input byte in tables made once per key (36 kB), instead of a shift and a test per
// bit: 12 lookups for an IPv4 flow.
class ToeplitzHash {
 public:
  explicit ToeplitzHash(const RssKey& key = kStandardRssKey);
  // Requires: input.size() <= kRssInputLenMax.
  [[nodiscard]] std::uint32_t operator()(std::span<const std::byte> input) const;

 private:
  std::vector<std::array<std::uint32_t, 256>> tables_;  // by position of the byte, by its value
};

// What RSS hashes of a frame: addresses and ports of TCP and UDP, addresses alone of other and of
// fragmented IP packets, nothing of anything else.
struct RssInput {
  std::array<std::byte, kRssInputLenMax> bytes{};
  std::size_t len = 0;
  [[nodiscard]] std::span<const std::byte> span() const { return std::span(bytes).first(len); }
};
RssInput rss_input(std::span<const std::byte> frame);

}  // namespace twinpath
