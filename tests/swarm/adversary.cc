// What the adversary reads, and what it makes of it. Numbers are chosen when a forgery arrives, so
// that "beyond everything sent" is true then.
#include "tests/swarm/adversary.h"

#include <algorithm>
#include <array>

#include "models/wire/icmpv4.h"

namespace twinpath::swarm {
namespace {

constexpr std::size_t kWaysMax = 256;
constexpr std::size_t kKeptMax = 16;
constexpr std::uint64_t kDelayNsMax = 5'000'000;
constexpr std::uint32_t kFar = 1U << 30;     // more than any window
constexpr std::uint32_t kUnseen = 1U << 24;  // what a host may have sent that never left it

std::uint64_t pair_of(Ipv4Address a, Ipv4Address b) {
  return std::uint64_t{a.value()} << 32 | b.value();
}

}  // namespace

void Adversary::see(const SeenFrame& frame) {
  const auto ethernet = EthernetView::parse(frame.bytes);
  if (!ethernet || ethernet->ethertype() != EtherType::kIpv4) return;
  const auto ip = Ipv4View::parse(ethernet->payload());
  if (!ip || ip->protocol() != IpProtocol::kTcp || ip->is_fragment()) return;
  if (frame.direction == Direction::kTransmit) return note(*ip, *ethernet);
  if (config_.percent > 0 && dice_.percent(config_.percent)) provoke(frame, *ip);
}

void Adversary::note(const Ipv4View& ip, const EthernetView& frame) {
  const auto view = TcpView::parse(ip.payload(), ip.pseudo_sum());
  if (!view) return;
  const TcpFlags flags = view->flags();
  const Key key{pair_of(ip.src(), ip.dst()),
                std::uint32_t{view->src_port()} << 16 | view->dst_port()};
  const auto known = ways_.find(key);
  if (known == ways_.end() && (!flags.syn() || ways_.size() >= kWaysMax)) return;
  Way& way = ways_[key];
  if (flags.syn() && (known == ways_.end() || way.isn != view->seq())) {
    way = Way();
    way.isn = view->seq();
    way.sent_end = view->seq();
    way.first_stamps = view->options().timestamps;
  }
  way.from_mac = frame.src();
  way.to_mac = frame.dst();
  way.from = ip.src();
  way.to = ip.dst();
  way.from_port = view->src_port();
  way.to_port = view->dst_port();
  way.sent_end = later(way.sent_end, view->seq() + view->segment_len());
  if (flags.ack()) way.ack = view->ack();
  way.window = view->window();
  way.stamps = view->options().timestamps;
  way.sacks = view->options().sack;
  const bool has_text = !view->payload().empty() && !flags.syn();
  way.is_established = way.is_established || has_text || flags.fin();
  if (!has_text) return;
  way.kept.push_back({view->seq(), {view->payload().begin(), view->payload().end()}});
  if (way.kept.size() > kKeptMax) way.kept.pop_front();
}

void Adversary::provoke(const SeenFrame& frame, const Ipv4View& ip) {
  const auto view = TcpView::parse(ip.payload(), ip.pseudo_sum());
  if (!view) return;
  const std::uint32_t src = view->src_port();
  const std::uint32_t dst = view->dst_port();
  const Victim victim{frame.end,
                      {pair_of(ip.src(), ip.dst()), src << 16 | dst},
                      {pair_of(ip.dst(), ip.src()), dst << 16 | src}};
  network_.in(Duration(static_cast<std::int64_t>(dice_.uniform({0, kDelayNsMax}))),
              [this, victim] { attack(victim); });
}

void Adversary::attack(const Victim& victim) {
  using Attack = void (Adversary::*)(const Victim&);
  constexpr std::array<Attack, 16> kAttacks = {
      &Adversary::forge_control,    &Adversary::forge_control,
      &Adversary::forge_text,       &Adversary::forge_old_text,
      &Adversary::forge_copy,       &Adversary::forge_copy,
      &Adversary::forge_held_copy,  &Adversary::forge_window,
      &Adversary::forge_sacks,      &Adversary::forge_options,
      &Adversary::forge_duplicates, &Adversary::forge_error,
      &Adversary::forge_fragments,  &Adversary::cut_in_fragments,
      &Adversary::forge_urgent,     &Adversary::flood};
  if (config_.percent == 0) return;
  const auto forward = ways_.find(victim.forward);
  const auto back = ways_.find(victim.back);
  if (forward == ways_.end() || back == ways_.end()) return;
  // A half-open connection may be reset by what an open one must survive.
  const bool is_open = back->second.is_established || (forward->second.is_established &&
                                                       back->second.ack > forward->second.isn + 1);
  if (!is_open) return;
  ++attacks_;
  if (config_.may_reset && dice_.percent(3)) return reset_exactly(victim);
  (this->*kAttacks[dice_.uniform({0, kAttacks.size() - 1})])(victim);
}

// A segment that says nothing new: what the peer said last.
TcpRepr Adversary::plausible(const Way& forward, const Way& back) const {
  TcpRepr repr;
  repr.seq = forward.sent_end;
  repr.ack = forward.ack;
  repr.flags = kAck;
  repr.window = forward.window;
  const bool stamped = forward.first_stamps && back.first_stamps;
  if (stamped && forward.stamps) repr.options.timestamps = forward.stamps;
  return repr;
}

// Never the number the victim expects: before what it has acknowledged, or beyond everything sent.
SeqNum Adversary::harmless_seq(const Way& forward, const Way& back) {
  const auto step = static_cast<std::uint32_t>(dice_.scaled({1, 1 << 20}));
  if (dice_.percent(30)) return back.ack - step;
  return dice_.percent(30) ? forward.sent_end + kFar / 2 + step : forward.sent_end + step;
}

std::vector<std::byte> Adversary::wrong_bytes(std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(dice_.uniform({0, 255}));
  return bytes;
}

// RST, SYN, SYN,ACK and FIN at numbers nobody expects.
void Adversary::forge_control(const Victim& victim) {
  const Way& forward = ways_[victim.forward];
  const Way& back = ways_[victim.back];
  TcpRepr repr = plausible(forward, back);
  repr.seq = harmless_seq(forward, back);
  repr.flags = dice_.pick({kRst, kRst | kAck, kSyn, kSyn | kAck, kRst | kSyn, kFin | kAck});
  if (repr.flags.fin())
    repr.ack = back.sent_end + kUnseen + static_cast<std::uint32_t>(dice_.scaled({1, kFar}));
  if (repr.flags.syn()) repr.options.mss = 1460;
  send(victim, repr, {});
}

// Text the victim would take, but for an acknowledgement that is absent, of the future or of a past
// nobody remembers (RFC 5961 §5.2).
void Adversary::forge_text(const Victim& victim) {
  const Way& forward = ways_[victim.forward];
  const Way& back = ways_[victim.back];
  TcpRepr repr = plausible(forward, back);
  repr.seq = back.ack + static_cast<std::uint32_t>(dice_.uniform({0, 3000}));
  const auto step = static_cast<std::uint32_t>(dice_.scaled({1, kFar}));
  switch (dice_.uniform({0, 2})) {
    case 0:
      repr.flags = dice_.pick({TcpFlags(), kPsh, kFin, kUrg});
      break;
    case 1:
      repr.ack = back.sent_end + kUnseen + step;
      break;
    default:
      repr.ack = back.isn - kFar - step / 2;
      break;
  }
  if (repr.flags.ack() && dice_.percent(20)) repr.flags |= kFin;
  send(victim, repr, wrong_bytes(dice_.scaled({1, 1000})));
}

// RFC 7323 §5: text whose timestamp is older than the connection.
void Adversary::forge_old_text(const Victim& victim) {
  const Way& forward = ways_[victim.forward];
  const Way& back = ways_[victim.back];
  if (!forward.first_stamps || !back.first_stamps) return;
  TcpRepr repr = plausible(forward, back);
  repr.seq = back.ack + static_cast<std::uint32_t>(dice_.uniform({0, 3000}));
  const auto age = static_cast<std::uint32_t>(dice_.scaled({1, kFar}));
  repr.options.timestamps = {forward.first_stamps->value - age, back.first_stamps->value};
  if (dice_.percent(20)) repr.flags |= kFin;
  send(victim, repr, wrong_bytes(dice_.scaled({1, 1000})));
}

// What was acknowledged comes again with other bytes, and behind it what is still to come, right.
void Adversary::forge_copy(const Victim& victim) {
  const Way& forward = ways_[victim.forward];
  const Way& back = ways_[victim.back];
  const std::int32_t taken = back.ack - (forward.isn + 1);
  if (taken <= 0) return;
  const auto old = static_cast<std::uint32_t>(
      dice_.scaled({1, std::min<std::uint64_t>(static_cast<std::uint64_t>(taken), 1000)}));
  TcpRepr repr = plausible(forward, back);
  repr.seq = back.ack - old;
  std::vector<std::byte> payload = wrong_bytes(old);
  for (const Kept& kept : forward.kept) {
    const std::int32_t from = back.ack - kept.first;
    if (from < 0 || static_cast<std::size_t>(from) >= kept.bytes.size()) continue;
    payload.insert(payload.end(), kept.bytes.begin() + from, kept.bytes.end());
    break;
  }
  if (payload.size() > 1400) payload.resize(1400);
  send(victim, repr, payload);
}

// The same for what lies beyond a hole: the bytes that came first stay.
void Adversary::forge_held_copy(const Victim& victim) {
  const Way& forward = ways_[victim.forward];
  const Way& back = ways_[victim.back];
  for (const SeqRange& block : back.sacks) {
    if (block.first < back.ack || block.end > forward.sent_end || block.end <= block.first)
      continue;
    TcpRepr repr = plausible(forward, back);
    repr.seq = block.first;
    return send(victim, repr, wrong_bytes(std::min<std::size_t>(block.len(), 1400)));
  }
}

// A smaller window, none at all, or a larger one than the peer has.
void Adversary::forge_window(const Victim& victim) {
  TcpRepr repr = plausible(ways_[victim.forward], ways_[victim.back]);
  repr.window = static_cast<std::uint16_t>(dice_.percent(40) ? 0 : dice_.scaled({1, 65535}));
  repr.flags |= dice_.pick({TcpFlags(), kPsh, kEce, kCwr});
  send(victim, repr, {});
}

void Adversary::forge_sacks(const Victim& victim) {
  const Way& forward = ways_[victim.forward];
  const Way& back = ways_[victim.back];
  TcpRepr repr = plausible(forward, back);
  const std::uint64_t blocks = dice_.uniform({1, 4});
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const SeqNum base = dice_.percent(70) ? forward.ack : back.sent_end;
    const SeqNum first = base - 3000 + static_cast<std::uint32_t>(dice_.uniform({0, 20000}));
    const SeqNum end = first - 500 + static_cast<std::uint32_t>(dice_.uniform({0, 10000}));
    repr.options.sack.push_back({first, end});
  }
  send(victim, repr, {});
}

// Options nobody can read. Timestamps could be anything; those would be believed, so there are
// none.
void Adversary::forge_options(const Victim& victim) {
  const Way& forward = ways_[victim.forward];
  TcpRepr repr = plausible(forward, ways_[victim.back]);
  repr.options = TcpOptions();
  std::vector<std::byte> options = wrong_bytes(4 * dice_.uniform({1, 10}));
  std::ranges::replace(options, std::byte{8}, std::byte{253});
  std::vector<std::byte> whole(kTcpHeaderLen + options.size());
  repr.src_port = forward.from_port;
  repr.dst_port = forward.to_port;
  repr.emit(whole, InetSum());
  std::ranges::copy(options, whole.begin() + kTcpHeaderLen);
  whole[12] = static_cast<std::byte>(whole.size() / 4 << 4);
  store_be16(&whole[kTcpChecksumOffset], 0);
  InetSum sum = pseudo_sum(forward.from, forward.to,
                           {IpProtocol::kTcp, static_cast<std::uint32_t>(whole.size())});
  store_be16(&whole[kTcpChecksumOffset], sum.add_bytes(whole).checksum());
  deliver(victim, IpPart(), whole);
}

void Adversary::forge_duplicates(const Victim& victim) {
  const TcpRepr repr = plausible(ways_[victim.forward], ways_[victim.back]);
  const std::uint64_t copies = dice_.uniform({1, 5});
  for (std::uint64_t i = 0; i < copies; ++i) send(victim, repr, {});
}

void Adversary::forge_error(const Victim& victim) {
  const Way& forward = ways_[victim.forward];
  const Way& back = ways_[victim.back];
  std::array<std::byte, kIpv4HeaderLen + 8> quoted{};
  const Ipv4Repr ip{.src = back.from, .dst = back.to, .payload_len = 1000};
  ip.emit(quoted);
  store_be16(&quoted[kIpv4HeaderLen], back.from_port);
  store_be16(&quoted[kIpv4HeaderLen + 2], back.to_port);
  const SeqNum seq = dice_.percent(80) ? forward.ack : harmless_seq(forward, back);
  store_be32(&quoted[kIpv4HeaderLen + 4], seq.value());
  const auto mtu = dice_.pick<std::uint16_t>({0, 68, 296, 552, 576, 1006, 1280, 1492, 9000});
  Icmpv4Repr message = Icmpv4Repr::fragmentation_needed(mtu, quoted);
  if (dice_.percent(50)) {
    message = Icmpv4Repr::unreachable(static_cast<UnreachableCode>(dice_.uniform({0, 15})), quoted);
  }
  std::vector<std::byte> bytes(message.len());
  message.emit(bytes);
  deliver(victim, {.protocol = IpProtocol::kIcmp}, bytes);
}

void Adversary::forge_fragments(const Victim& victim) {
  const std::uint64_t count = dice_.uniform({1, 8});
  const auto identification = static_cast<std::uint16_t>(dice_.uniform({0, 65535}));
  for (std::uint64_t i = 0; i < count; ++i) {
    IpPart part;
    part.identification = identification;
    part.offset_bytes = 8 * dice_.uniform({0, 8000});
    part.more = part.offset_bytes == 0 || dice_.percent(80);
    deliver(victim, part, wrong_bytes(8 * dice_.uniform({1, 150})));
  }
}

// A true segment once more, in pieces, as a router might cut it.
void Adversary::cut_in_fragments(const Victim& victim) {
  const Way& forward = ways_[victim.forward];
  if (forward.kept.empty()) return;
  const Kept& kept = forward.kept[dice_.uniform({0, forward.kept.size() - 1})];
  TcpRepr repr = plausible(forward, ways_[victim.back]);
  repr.seq = kept.first;
  const std::vector<std::byte> whole = segment(forward, repr, kept.bytes);
  const auto identification = static_cast<std::uint16_t>(dice_.uniform({0, 65535}));
  const std::size_t step = 8 * dice_.uniform({1, 100});
  for (std::size_t at = 0; at < whole.size(); at += step) {
    const std::size_t count = std::min(step, whole.size() - at);
    IpPart part;
    part.identification = identification;
    part.offset_bytes = at;
    part.more = at + count < whole.size();
    deliver(victim, part, std::span(whole).subspan(at, count));
  }
}

void Adversary::forge_urgent(const Victim& victim) {
  TcpRepr repr = plausible(ways_[victim.forward], ways_[victim.back]);
  repr.flags |= kUrg;
  repr.urgent_pointer = static_cast<std::uint16_t>(dice_.uniform({0, 65535}));
  send(victim, repr, {});
}

// SYNs, and acknowledgements that belong to nothing, from ports of the peer that nobody uses.
void Adversary::flood(const Victim& victim) {
  Way forward = ways_[victim.forward];
  forward.kept.clear();
  const std::uint64_t count = dice_.scaled({1, 64});
  for (std::uint64_t i = 0; i < count; ++i) {
    forward.from_port = static_cast<std::uint16_t>(dice_.uniform({1, 999}));
    TcpRepr repr;
    repr.seq = SeqNum(static_cast<std::uint32_t>(dice_.seed()));
    repr.ack = SeqNum(static_cast<std::uint32_t>(dice_.seed()));
    repr.flags = dice_.percent(80) ? kSyn : kAck;
    repr.window = 65535;
    if (repr.flags.syn()) repr.options.mss = 1460;
    deliver(victim, IpPart(), segment(forward, repr, {}));
  }
}

void Adversary::reset_exactly(const Victim& victim) {
  const Way& back = ways_[victim.back];
  TcpRepr repr = plausible(ways_[victim.forward], back);
  repr.seq = back.ack;
  repr.flags = kRst;
  send(victim, repr, {});
}

void Adversary::send(const Victim& victim, const TcpRepr& repr,
                     std::span<const std::byte> payload) {
  deliver(victim, IpPart(), segment(ways_[victim.forward], repr, payload));
}

std::vector<std::byte> Adversary::segment(const Way& way, const TcpRepr& repr,
                                          std::span<const std::byte> payload) {
  TcpRepr whole = repr;
  whole.src_port = way.from_port;
  whole.dst_port = way.to_port;
  const std::size_t header = whole.header_len();
  std::vector<std::byte> bytes(header + payload.size());
  std::ranges::copy(payload, bytes.begin() + static_cast<std::ptrdiff_t>(header));
  InetSum sum =
      pseudo_sum(way.from, way.to, {IpProtocol::kTcp, static_cast<std::uint32_t>(bytes.size())});
  whole.emit(bytes, sum.add_bytes(payload));
  return bytes;
}

void Adversary::deliver(const Victim& victim, const IpPart& part,
                        std::span<const std::byte> bytes) {
  const Way& way = ways_[victim.forward];
  BufPtr frame(pool_.take());
  if (frame == nullptr || frame->tailroom() < bytes.size() + kIpv4HeaderLen + kEthernetHeaderLen) {
    return;
  }
  EthernetRepr{.dst = way.to_mac, .src = way.from_mac}.emit(frame->push_back(kEthernetHeaderLen));
  const Ipv4Repr ip{.src = way.from,
                    .dst = way.to,
                    .protocol = part.protocol,
                    .payload_len = bytes.size(),
                    .identification = part.identification,
                    .dont_fragment = false,
                    .more_fragments = part.more,
                    .fragment_offset_bytes = part.offset_bytes};
  ip.emit(frame->push_back(kIpv4HeaderLen));
  std::ranges::copy(bytes, frame->push_back(static_cast<std::uint32_t>(bytes.size())).begin());
  ++frames_;
  hosts_[victim.end.host]->on_rx(network_.now(), victim.end.port, std::span(&frame, 1));
}

}  // namespace twinpath::swarm
