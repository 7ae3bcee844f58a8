// The fast path is find_path() hitting its slot and two headers written; the rest is for packets
// whose way is not known yet, or which do not fit.
#include "models/host/ip_output.h"

#include <algorithm>

#include "models/base/rng.h"
#include "models/wire/icmpv6.h"

namespace twinpath {

namespace {

// Payload bytes per fragment: all but the last are multiples of 8 (RFC 791 §3.2, RFC 8200 §4.5).
std::uint32_t part_bytes(const IpAddress& target, std::uint32_t mtu_bytes) {
  const std::uint32_t headers =
      ip_header_len(target) +
      (target.is_v4() ? 0 : static_cast<std::uint32_t>(kIpv6FragmentHeaderLen));
  return (mtu_bytes - headers) & ~7U;
}

}  // namespace

IpOutput::IpOutput(HostContext& context, LinkUser& user)
    : context_(context),
      user_(user),
      routes_(context.config),
      link_(context, routes_, *this),
      fragment_secret_(Rng(context.config.seed).fork("ip.identification").at(0)) {}

IpOutput::Framed IpOutput::frame(Instant now, const IpDeparture& departure, BufPtr packet) {
  const Path* path = find_path(now, departure.target);
  if (path == nullptr) {
    send_slowly(now, departure, std::move(packet));
    return {};
  }
  if (packet->len + ip_header_len(departure.target) > path->mtu_bytes) {
    refuse(now, DropReason::kTooBig, *packet);
    return {};
  }
  push_header(departure, Part(), *packet);
  link_.push_header(path->interface, path->mac, *packet);
  return {std::move(packet), path->port};
}

// Fills the slot of `target`. Nothing when its neighbour has to be asked first.
const IpOutput::Path* IpOutput::resolve_path(Instant now, const IpAddress& target) {
  const auto hop = routes_.find(target);
  if (!hop) return nullptr;
  const Resolution neighbour = link_.resolve(now, *hop);
  if (neighbour.outcome != Resolution::Outcome::kKnown) return nullptr;
  if (paths_.empty()) paths_.resize(kPaths);
  Path& slot = paths_[slot_of(target)];
  slot = {.target = target,
          .until = neighbour.until,
          .mtu_bytes = link_.mtu_bytes(hop->interface),
          .mac = neighbour.mac,
          .interface = hop->interface,
          .port = context_.interfaces.port_of(hop->interface)};
  if (const auto* known = path_mtus_.find(now, target)) {
    slot.mtu_bytes = std::min(slot.mtu_bytes, known->mtu_bytes);
    slot.until = std::min(slot.until, known->until);
  }
  return &slot;
}

std::optional<Hop> IpOutput::hop_of(const IpDeparture& departure) const {
  const bool elsewhere = departure.interface == kNoInterface || routes_.is_local(departure.target);
  if (elsewhere) return routes_.find(departure.target);
  return Hop{departure.interface, departure.target, departure.source};
}

std::uint32_t IpOutput::mtu_on(Instant now, const Hop& hop, const IpAddress& target) const {
  const std::uint32_t mtu = link_.mtu_bytes(hop.interface);
  const auto* known = path_mtus_.find(now, target);
  return known == nullptr ? mtu : std::min(mtu, known->mtu_bytes);
}

void IpOutput::push_header(const IpDeparture& departure, const Part& part,
                           PacketBuf& packet) const {
  if (!departure.target.is_v4()) return push_header_v6(departure, part, packet);
  const Ipv4Repr header{.src = departure.source.v4(),
                        .dst = departure.target.v4(),
                        .protocol = departure.protocol,
                        .payload_len = packet.len,
                        .ttl = hop_limit_of(departure),
                        .dscp = static_cast<std::uint8_t>(departure.traffic_class >> 2),
                        .ecn = static_cast<Ecn>(departure.traffic_class & 3),
                        // RFC 6864 §4.1: 0, for it is meaningless in atomic datagrams.
                        .identification = static_cast<std::uint16_t>(part.identification),
                        .dont_fragment = part.whole,
                        .more_fragments = part.more,
                        .fragment_offset_bytes = part.offset_bytes};
  header.emit(packet.push_front(kIpv4HeaderLen));
}

void IpOutput::push_header_v6(const IpDeparture& departure, const Part& part,
                              PacketBuf& packet) const {
  std::array<std::byte, kIpv6FragmentHeaderLen - 2> body{};
  store_be16(body.data(), static_cast<std::uint16_t>(part.offset_bytes | (part.more ? 1U : 0U)));
  store_be32(body.data() + 2, part.identification);
  const Ipv6Extension fragment{IpProtocol::kFragment, body};
  Ipv6Repr header{.src = departure.source.v6(),
                  .dst = departure.target.v6(),
                  .protocol = departure.protocol,
                  .payload_len = packet.len,
                  .hop_limit = hop_limit_of(departure),
                  .dscp = static_cast<std::uint8_t>(departure.traffic_class >> 2),
                  .ecn = static_cast<Ecn>(departure.traffic_class & 3)};
  if (!part.whole) header.extensions = {&fragment, 1};
  header.emit(packet.push_front(static_cast<std::uint32_t>(header.header_len())));
}

void IpOutput::refuse(Instant now, DropReason reason, const PacketBuf& packet) {
  context_.drop(now, {reason, Way::kOut, 0, packet.len});
}

void IpOutput::send(Instant now, const IpDeparture& departure, BufPtr packet) {
  const bool ordinary = departure.interface == kNoInterface && packet->pool != &context_.large;
  const Path* path = ordinary ? find_path(now, departure.target) : nullptr;
  if (path == nullptr || packet->len + ip_header_len(departure.target) > path->mtu_bytes) {
    return send_slowly(now, departure, std::move(packet));
  }
  push_header(departure, Part(), *packet);
  link_.push_header(path->interface, path->mac, *packet);
  enqueue(now, path->port, std::move(packet));
}

void IpOutput::send_slowly(Instant now, const IpDeparture& departure, BufPtr packet) {
  const auto hop = hop_of(departure);
  if (!hop) return refuse(now, DropReason::kNoRoute, *packet);
  const std::uint32_t mtu = mtu_on(now, *hop, departure.target);
  const bool fits = packet->len + ip_header_len(departure.target) <= mtu;
  // TCP cuts its segments itself; one that is too long now goes again, shorter.
  if (!fits && departure.protocol == IpProtocol::kTcp) {
    return refuse(now, DropReason::kTooBig, *packet);
  }
  if (!fits) return send_parts(now, *hop, departure, *packet);
  // A buffer of the host's own never leaves it: a device may want another kind.
  if (packet->pool == &context_.large) packet = copy_of(*packet, packet->bytes());
  if (packet == nullptr) {
    context_.drop(now, {DropReason::kNoBuffer, Way::kOut, 0, 0});
    return;
  }
  push_header(departure, Part(), *packet);
  link_.send(now, *hop, std::move(packet));
}

// Of a part of `whole`.
BufPtr IpOutput::copy_of(const PacketBuf& whole, std::span<const std::byte> bytes) {
  BufPtr buf(context_.pool.take());
  if (buf == nullptr || buf->tailroom() < bytes.size()) return nullptr;
  std::ranges::copy(bytes, buf->push_back(static_cast<std::uint32_t>(bytes.size())).begin());
  buf->reserved = whole.reserved;
  return buf;
}

// All of them or, without buffers, those that came before: the receiver's time-out takes care.
void IpOutput::send_parts(Instant now, const Hop& hop, const IpDeparture& departure,
                          PacketBuf& packet) {
  const std::uint32_t each = part_bytes(departure.target, mtu_on(now, hop, departure.target));
  const IpAddress& to = departure.target;
  // RFC 7739 §5.3: a counter whose start nobody outside can guess, another one for each target.
  Part part{.whole = false};
  part.identification = static_cast<std::uint32_t>(
      hash_pair({fragment_secret_ ^ to.high(), to.low()}) + datagrams_cut_++);
  for (std::uint32_t offset = 0; offset < packet.len; offset += each) {
    const std::uint32_t count = std::min(each, packet.len - offset);
    BufPtr piece = copy_of(packet, packet.bytes().subspan(offset, count));
    if (piece == nullptr) {
      context_.drop(now, {DropReason::kNoBuffer, Way::kOut, 0, packet.len - offset});
      return;
    }
    part.offset_bytes = offset;
    part.more = offset + count < packet.len;
    push_header(departure, part, *piece);
    ++context_.counters.fragments_out;
    link_.send(now, hop, std::move(piece));
  }
}

bool IpOutput::lower_path_mtu(Instant now, const IpAddress& target, std::uint32_t mtu_bytes) {
  // RFC 8201 §4: no path of IPv6 takes less.
  if (!target.is_v4() && mtu_bytes < kIpv6MtuMin) return false;
  if (target.is_v4()) mtu_bytes = std::max(mtu_bytes, kIpv4PathMtuMin);
  if (mtu_bytes >= this->mtu_bytes(now, target)) return false;
  path_mtus_.learn({target, mtu_bytes, after(now, context_.config.path_mtu_timeout)});
  ++context_.counters.path_mtu_lowered;
  if (!paths_.empty()) paths_[slot_of(target)] = Path();
  return true;
}

Errno IpOutput::reachability(Instant now, const IpAddress& target) {
  if (target.is_multicast() || target.is_any()) return Errno::kNetworkUnreachable;
  const auto hop = routes_.find(target);
  if (!hop) return Errno::kNetworkUnreachable;
  const Resolution neighbour = link_.resolve(now, *hop);
  return neighbour.outcome == Resolution::Outcome::kUnreachable ? Errno::kHostUnreachable
                                                                : Errno::kNone;
}

std::uint32_t IpOutput::room(const IpAddress& target) const {
  const auto hop = routes_.find(target);
  return hop ? link_.room(context_.interfaces.port_of(hop->interface)) : 0;
}

std::uint32_t IpOutput::frames_of(Instant now, const IpAddress& target,
                                  std::uint32_t payload_bytes) {
  const std::uint32_t mtu = mtu_bytes(now, target);
  if (mtu == 0 || payload_bytes + ip_header_len(target) <= mtu) return 1;
  const std::uint32_t each = part_bytes(target, mtu);
  return (payload_bytes + each - 1) / each;
}

std::uint32_t IpOutput::mtu_bytes(Instant now, const IpAddress& target) {
  if (const Path* known = known_path(now, target)) return known->mtu_bytes;
  const auto hop = routes_.find(target);
  return hop ? mtu_on(now, *hop, target) : 0;
}

}  // namespace twinpath
