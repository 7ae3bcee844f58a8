// UDP datagrams. Read RFC 768, RFC 1122 §4.1.3 and, for the zero checksum, RFC 8200 §8.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "models/wire/byte_order.h"
#include "models/wire/checksum.h"
#include "models/wire/parsed.h"

namespace twinpath {

inline constexpr std::size_t kUdpHeaderLen = 8;
inline constexpr std::size_t kUdpChecksumOffset = 6;

class UdpView {
 public:
  // `datagram` is the whole IP payload, `pseudo` the pseudo-header's sum, or nothing when the
  // device verified the checksum. Bytes behind the UDP length are ignored, and not part of the
  // checksum.
  static Parsed<UdpView> parse(std::span<const std::byte> datagram, std::optional<InetSum> pseudo) {
    if (datagram.size() < kUdpHeaderLen) return DropReason::kTruncated;
    const std::size_t len = load_be16(datagram.data() + 4);
    if (len < kUdpHeaderLen) return DropReason::kBadLength;
    if (len > datagram.size()) return DropReason::kTruncated;
    const UdpView view(datagram.first(len));
    if (pseudo && !view.checksum_is_good(*pseudo, datagram.size())) return DropReason::kBadChecksum;
    return view;
  }

  std::uint16_t src_port() const { return load_be16(bytes_.data()); }
  std::uint16_t dst_port() const { return load_be16(bytes_.data() + 2); }
  std::uint16_t checksum() const { return load_be16(bytes_.data() + kUdpChecksumOffset); }
  // RFC 768: an all-zero field means that the sender made no checksum. Over IPv6 the caller must
  // drop such a datagram (RFC 8200 §8.1).
  bool has_checksum() const { return checksum() != 0; }
  std::span<const std::byte> payload() const { return bytes_.subspan(kUdpHeaderLen); }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  explicit UdpView(std::span<const std::byte> bytes) : bytes_(bytes) {}

  // `pseudo` counts the length of the IP payload; the checksum covers the UDP length (RFC 768).
  // They differ only when IP carries more than the datagram.
  bool checksum_is_good(InetSum pseudo, std::size_t ip_payload_len) const {
    if (!has_checksum()) return true;
    pseudo.add_u32(~static_cast<std::uint32_t>(ip_payload_len));
    pseudo.add_u32(static_cast<std::uint32_t>(bytes_.size()));
    return pseudo.add_bytes(bytes_).is_valid();
  }

  std::span<const std::byte> bytes_;
};

struct UdpRepr {
  std::uint16_t src_port = 0;
  std::uint16_t dst_port = 0;
  std::size_t payload_len = 0;  // at most 65535 - 8

  static constexpr std::size_t header_len() { return kUdpHeaderLen; }
  // Writes the header with its checksum over `rest`: the sums of the pseudo-header and the payload.
  // Requires: out.size() >= header_len().
  void emit(std::span<std::byte> out, InetSum rest) const;
  // Writes the pseudo-header's sum, not complemented, for a device that completes it.
  void emit_for_offload(std::span<std::byte> out, InetSum pseudo) const;
};

}  // namespace twinpath
