// See checksum_offload.h. RFC 1071, RFC 768 for the sum that is never sent as zero.
#include "sim/checksum_offload.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "models/wire/byte_order.h"
#include "models/wire/checksum.h"
#include "models/wire/ipv4.h"
#include "models/wire/ipv6.h"
#include "models/wire/tcp.h"
#include "models/wire/udp.h"

namespace twinpath::sim {

namespace {

constexpr std::size_t kIpv4ChecksumOffset = 10;
constexpr std::size_t kIcmpChecksumOffset = 2;

std::optional<std::size_t> field_offset(IpProtocol protocol) {
  if (protocol == IpProtocol::kTcp) return kTcpChecksumOffset;
  if (protocol == IpProtocol::kUdp) return kUdpChecksumOffset;
  if (protocol == IpProtocol::kIcmp || protocol == IpProtocol::kIcmpv6) return kIcmpChecksumOffset;
  return std::nullopt;
}

// The field of a transport's sum, when there is one and nobody has filled it in.
std::byte* empty_field(IpProtocol protocol, std::span<std::byte> payload) {
  const auto offset = field_offset(protocol);
  if (!offset || payload.size() < *offset + 2) return nullptr;
  std::byte* field = payload.data() + *offset;
  return load_be16(field) == 0 ? field : nullptr;
}

// ICMP's covers the message alone (RFC 792), all others a pseudo-header too.
InetSum pseudo_or_none(IpProtocol protocol, InetSum pseudo) {
  return protocol == IpProtocol::kIcmp ? InetSum() : pseudo;
}

void store_sum(IpProtocol protocol, const InetSum& sum, std::byte* field) {
  const std::uint16_t value = sum.checksum();
  store_be16(field, value == 0 && protocol == IpProtocol::kUdp ? 0xffff : value);
}

DropReason check_transport(IpProtocol protocol, std::span<const std::byte> payload,
                           const InetSum& pseudo) {
  switch (protocol) {
    case IpProtocol::kTcp:
      return TcpView::parse(payload, pseudo).reason();
    case IpProtocol::kUdp:
      return UdpView::parse(payload, pseudo).reason();
    case IpProtocol::kIcmp:
    case IpProtocol::kIcmpv6: {
      InetSum sum = pseudo_or_none(protocol, pseudo);
      return sum.add_bytes(payload).is_valid() ? DropReason::kNone : DropReason::kBadChecksum;
    }
    default:
      return DropReason::kNone;
  }
}

template <typename View>
DropReason check_packet(const Parsed<View>& packet) {
  if (!packet) return packet.reason();
  if (packet->is_fragment()) return DropReason::kNone;
  return check_transport(packet->protocol(), packet->payload(), packet->pseudo_sum());
}

template <typename View>
void fill_whole(const View& packet, std::span<std::byte> payload) {
  if (std::byte* field = empty_field(packet.protocol(), payload)) {
    InetSum sum = pseudo_or_none(packet.protocol(), packet.pseudo_sum());
    store_sum(packet.protocol(), sum.add_bytes(payload), field);
  }
}

void fill_header(std::span<std::byte> header) {
  if (load_be16(header.data() + kIpv4ChecksumOffset) != 0) return;
  store_be16(header.data() + kIpv4ChecksumOffset, sum_bytes(header).checksum());
}

}  // namespace

DropReason ChecksumOffload::check(EtherType type, std::span<const std::byte> packet) {
  if (type == EtherType::kIpv4) return check_packet(Ipv4View::parse(packet));
  if (type == EtherType::kIpv6) return check_packet(Ipv6View::parse(packet));
  return DropReason::kNone;
}

void ChecksumOffload::fill(BufPtr frame, std::vector<BufPtr>& ready) {
  const std::span<std::byte> packet = frame->bytes().subspan(kEthernetHeaderLen);
  const auto type = static_cast<EtherType>(load_be16(packet.data() - 2));
  if (type == EtherType::kIpv4) return fill_ipv4(std::move(frame), packet, ready);
  if (type == EtherType::kIpv6) return fill_ipv6(std::move(frame), packet, ready);
  ready.push_back(std::move(frame));
}

void ChecksumOffload::fill_ipv4(BufPtr frame, std::span<std::byte> packet,
                                std::vector<BufPtr>& ready) {
  const auto view = Ipv4View::parse(packet, HeaderChecksum::kDeviceVerified);
  if (view) {
    fill_header(packet.first(view->header_len()));
    const auto payload = packet.subspan(view->header_len(), view->total_len() - view->header_len());
    if (view->is_fragment()) {
      const Datagram of{view->src(), view->dst(), view->identification(), view->protocol()};
      return hold(std::move(frame),
                  {of, view->fragment_offset_bytes(), view->more_fragments(), payload}, ready);
    }
    fill_whole(*view, payload);
  }
  ready.push_back(std::move(frame));
}

void ChecksumOffload::fill_ipv6(BufPtr frame, std::span<std::byte> packet,
                                std::vector<BufPtr>& ready) {
  const auto view = Ipv6View::parse(packet);
  if (view) {
    const auto payload = packet.subspan(view->header_len(), view->payload().size());
    const Ipv6Fragment& fragment = view->fragment();
    if (view->is_fragment()) {
      const Datagram of{IpAddress(view->src()), IpAddress(view->dst()), fragment.identification,
                        view->protocol()};
      return hold(std::move(frame), {of, fragment.offset_bytes, fragment.more, payload}, ready);
    }
    fill_whole(*view, payload);
  }
  ready.push_back(std::move(frame));
}

void ChecksumOffload::hold(BufPtr frame, const Piece& piece, std::vector<BufPtr>& ready) {
  const auto same = [&](const Held& held) { return held.of == piece.of; };
  const auto held = std::find_if(held_.begin(), held_.end(), same);
  if (piece.offset_bytes != 0) {
    if (held == held_.end()) return ready.push_back(std::move(frame));
    return extend(held, std::move(frame), piece, ready);
  }
  if (held != held_.end()) give_up(held);
  std::byte* field = empty_field(piece.of.protocol, piece.bytes);
  if (field == nullptr) return ready.push_back(std::move(frame));
  if (held_.size() == kHeldMax) give_up(held_.begin());
  held_.push_back({.of = piece.of, .frames = {}, .field = field, .len = 0, .sum = {}});
  extend(held_.end() - 1, std::move(frame), piece, ready);
}

void ChecksumOffload::extend(std::deque<Held>::iterator held, BufPtr frame, const Piece& piece,
                             std::vector<BufPtr>& ready) {
  held->frames.push_back(std::move(frame));
  if (piece.offset_bytes != held->len || piece.bytes.empty()) return give_up(held);
  held->sum.add_piece(sum_bytes(piece.bytes), piece.offset_bytes);
  held->len += piece.bytes.size();
  if (piece.more) return;
  const PseudoHeader header{held->of.protocol, static_cast<std::uint32_t>(held->len)};
  const InetSum pseudo = pseudo_sum(held->of.src, held->of.dst, header);
  store_sum(held->of.protocol, held->sum.add(pseudo_or_none(held->of.protocol, pseudo)),
            held->field);
  std::move(held->frames.begin(), held->frames.end(), std::back_inserter(ready));
  held_.erase(held);
}

void ChecksumOffload::give_up(std::deque<Held>::iterator held) {
  dropped_ += held->frames.size();
  held_.erase(held);
}

}  // namespace twinpath::sim
