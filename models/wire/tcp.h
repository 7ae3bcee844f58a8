// TCP segments. Read RFC 9293 §3.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "models/wire/byte_order.h"
#include "models/wire/checksum.h"
#include "models/wire/parsed.h"
#include "models/wire/seq.h"
#include "models/wire/tcp_options.h"

namespace twinpath {

inline constexpr std::size_t kTcpHeaderLen = 20;
inline constexpr std::size_t kTcpHeaderLenMax = 60;
inline constexpr std::size_t kTcpChecksumOffset = 16;

// The control bits, with AE of RFC 9768 §3.1 as the ninth. The other reserved bits are ignored on
// receipt and sent as zero (RFC 9293 §3.1).
class TcpFlags {
 public:
  constexpr TcpFlags() = default;
  constexpr explicit TcpFlags(std::uint16_t bits) : bits_(bits & 0x01ff) {}
  constexpr std::uint16_t bits() const { return bits_; }
  constexpr bool has(TcpFlags all) const { return (bits_ & all.bits_) == all.bits_; }
  constexpr bool has_any(TcpFlags any) const { return (bits_ & any.bits_) != 0; }
  constexpr bool fin() const { return (bits_ & 0x01) != 0; }
  constexpr bool syn() const { return (bits_ & 0x02) != 0; }
  constexpr bool rst() const { return (bits_ & 0x04) != 0; }
  constexpr bool psh() const { return (bits_ & 0x08) != 0; }
  constexpr bool ack() const { return (bits_ & 0x10) != 0; }
  constexpr bool urg() const { return (bits_ & 0x20) != 0; }
  constexpr bool ece() const { return (bits_ & 0x40) != 0; }
  constexpr bool cwr() const { return (bits_ & 0x80) != 0; }
  constexpr bool ae() const { return (bits_ & 0x100) != 0; }
  friend constexpr TcpFlags operator|(TcpFlags a, TcpFlags b) {
    return TcpFlags(static_cast<std::uint16_t>(a.bits_ | b.bits_));
  }
  friend constexpr TcpFlags operator&(TcpFlags a, TcpFlags b) {
    return TcpFlags(static_cast<std::uint16_t>(a.bits_ & b.bits_));
  }
  constexpr TcpFlags& operator|=(TcpFlags other) { return *this = *this | other; }
  friend constexpr bool operator==(TcpFlags, TcpFlags) = default;

 private:
  std::uint16_t bits_ = 0;
};

inline constexpr TcpFlags kFin{0x01};
inline constexpr TcpFlags kSyn{0x02};
inline constexpr TcpFlags kRst{0x04};
inline constexpr TcpFlags kPsh{0x08};
inline constexpr TcpFlags kAck{0x10};
inline constexpr TcpFlags kUrg{0x20};
inline constexpr TcpFlags kEce{0x40};
inline constexpr TcpFlags kCwr{0x80};
inline constexpr TcpFlags kAe{0x100};

class TcpView {
 public:
  // `segment` is the whole IP payload. `pseudo` is the sum of the pseudo-header to verify against
  // (Ipv4View::pseudo_sum()), or nothing when the device verified the checksum.
  static Parsed<TcpView> parse(std::span<const std::byte> segment, std::optional<InetSum> pseudo) {
    if (segment.size() < kTcpHeaderLen) return DropReason::kTruncated;
    const std::size_t header_len = (load_u8(segment.data() + 12) >> 4) * 4u;
    if (header_len < kTcpHeaderLen) return DropReason::kBadHeaderLength;
    if (header_len > segment.size()) return DropReason::kTruncated;
    if (pseudo && !pseudo->add_bytes(segment).is_valid()) return DropReason::kBadChecksum;
    return Parsed<TcpView>(std::in_place, segment, header_len);
  }

  std::uint16_t src_port() const { return load_be16(at(0)); }
  std::uint16_t dst_port() const { return load_be16(at(2)); }
  SeqNum seq() const { return SeqNum(load_be32(at(4))); }
  SeqNum ack() const { return SeqNum(load_be32(at(8))); }
  TcpFlags flags() const { return TcpFlags(load_be16(at(12))); }
  std::uint16_t window() const { return load_be16(at(14)); }  // unscaled
  std::uint16_t checksum() const { return load_be16(at(kTcpChecksumOffset)); }
  std::uint16_t urgent_pointer() const { return load_be16(at(18)); }
  const TcpOptions& options() const { return options_; }
  std::span<const std::byte> raw_options() const {
    return segment_.subspan(kTcpHeaderLen, header_len_ - kTcpHeaderLen);
  }
  std::size_t header_len() const { return header_len_; }
  std::span<const std::byte> payload() const { return segment_.subspan(header_len_); }
  // SEG.LEN: the octets of sequence space, SYN and FIN included (RFC 9293 §3.3.1).
  std::uint32_t segment_len() const {
    return static_cast<std::uint32_t>(segment_.size() - header_len_) + (flags().syn() ? 1u : 0u) +
           (flags().fin() ? 1u : 0u);
  }
  std::span<const std::byte> bytes() const { return segment_; }

 private:
  friend class Parsed<TcpView>;
  TcpView(std::span<const std::byte> segment, std::size_t header_len)
      : segment_(segment), header_len_(header_len) {
    if (header_len > kTcpHeaderLen) options_.read(raw_options());
  }
  const std::byte* at(std::size_t offset) const { return segment_.data() + offset; }

  std::span<const std::byte> segment_;
  std::size_t header_len_;
  TcpOptions options_;
};

struct TcpRepr {
  std::uint16_t src_port = 0;
  std::uint16_t dst_port = 0;
  SeqNum seq;
  SeqNum ack;  // sent as 0 unless flags has ACK
  TcpFlags flags;
  std::uint16_t window = 0;  // already scaled down
  std::uint16_t urgent_pointer = 0;
  TcpOptions options;

  std::size_t header_len() const { return kTcpHeaderLen + options.wire_len(); }
  // Writes the header with a complete checksum over `rest`: the pseudo-header's sum plus that of
  // the payload, which copy_and_sum() yields while it copies. Requires: out.size() >= header_len().
  void emit(std::span<std::byte> out, InetSum rest) const;
  // Writes the header with the pseudo-header's sum, not complemented, in the checksum field: what a
  // device that fills in checksums expects to find there.
  void emit_for_offload(std::span<std::byte> out, InetSum pseudo) const;
};

}  // namespace twinpath
