// Pieces are copies of their own size: a driver's buffers are few, and a fragment may wait a
// minute.
#include "models/host/reassembly.h"

#include <algorithm>
#include <cstring>

#include "models/wire/ethernet.h"
#include "models/wire/icmpv6.h"

namespace twinpath {

namespace {

constexpr std::uint32_t kDatagramBytesMax = 65535;
// What a datagram and a piece cost beside their bytes, about.
constexpr std::uint64_t kDatagramOverheadBytes = 512;
constexpr std::uint64_t kPieceOverheadBytes = 64;
// As much as an error quotes at most.
constexpr std::size_t kFirstBytesMax = kIpv6MtuMin;

// The ECN field ends the second byte in IPv4; in IPv6 it is two bits of its upper half.
void mark_congestion(std::byte* ip) {
  const unsigned bits = load_u8(ip) >> 4 == 4 ? 0x03 : 0x30;
  store_u8(ip + 1, static_cast<std::uint8_t>(load_u8(ip + 1) | bits));
}

}  // namespace

std::size_t Reassembler::KeyHash::operator()(const Key& key) const {
  const std::uint64_t source = hash_pair({key.source.high(), key.source.low()});
  const std::uint64_t target = hash_pair({key.target.high(), key.target.low()});
  return hash_pair({source ^ key.identification, target ^ key.protocol});
}

Reassembler::Datagram::Datagram(Reassembler& reassembler, const Key& named, InterfaceId arrived_by)
    : owner(reassembler),
      key(named),
      interface(arrived_by),
      timer(this, [](void* self, Instant now) {
        auto& datagram = *static_cast<Datagram*>(self);
        datagram.owner.on_timeout(now, datagram);
      }) {}

void Reassembler::drop(Instant now, DropReason reason, const FragmentArrival& fragment) {
  context_.drop(now, {reason, Way::kIn, context_.interfaces.port_of(fragment.interface),
                      static_cast<std::uint32_t>(fragment.packet.size())});
}

Reassembler::Datagram& Reassembler::datagram_of(Instant now, const FragmentArrival& fragment) {
  const bool v4 = fragment.target.is_v4();
  const Key key{fragment.source, fragment.target, fragment.identification,
                v4 ? static_cast<std::uint8_t>(fragment.protocol) : std::uint8_t{0}};
  const auto found = index_.find(key);
  if (found != index_.end()) return *found->second;
  datagrams_.emplace_back(*this, key, fragment.interface);
  index_.emplace(key, std::prev(datagrams_.end()));
  Datagram& datagram = datagrams_.back();
  datagram.held_bytes = kDatagramOverheadBytes;
  held_bytes_ += datagram.held_bytes;
  const HostConfig& config = context_.config;
  const Duration wait = v4 ? config.reassembly_timeout : config.reassembly6_timeout;
  context_.timers.arm(datagram.timer, after(now, wait));
  return datagram;
}

BufPtr Reassembler::add(Instant now, const FragmentArrival& fragment) {
  ++context_.counters.fragments_in;
  const std::uint64_t end = fragment.offset_bytes + fragment.bytes.size();
  if (end > kDatagramBytesMax) {
    drop(now, DropReason::kBadFragment, fragment);
    return nullptr;
  }
  Datagram& datagram = datagram_of(now, fragment);
  const Fit how = datagram.refused ? Fit::kContradiction : fit(datagram, fragment);
  // RFC 8200 §4.5 lets exact duplicates be: networks make them.
  if (how == Fit::kDuplicate) return nullptr;
  if (how == Fit::kContradiction) {
    if (!datagram.refused) drop_pieces(now, datagram, DropReason::kFragmentOverlap);
    refuse_all(datagram);
    drop(now, DropReason::kFragmentOverlap, fragment);
    return nullptr;
  }
  const std::uint64_t needed = fragment.bytes.size() + kPieceOverheadBytes +
                               (fragment.offset_bytes == 0 ? 2 * kFirstBytesMax : 0);
  if (datagram.pieces.size() == kPiecesMax || !make_room(now, datagram, needed)) {
    drop(now, DropReason::kFragmentMemory, fragment);
    if (datagram.pieces.empty()) forget(datagram);
    return nullptr;
  }
  datagram.held_bytes += needed;
  held_bytes_ += needed;
  keep(datagram, fragment);
  return datagram.have_bytes == datagram.end_bytes ? whole(now, datagram) : nullptr;
}

// RFC 5722 §4: a fragment that overlaps another one makes all of them worthless.
Reassembler::Fit Reassembler::fit(const Datagram& datagram, const FragmentArrival& fragment) {
  const auto begin = fragment.offset_bytes;
  const auto end = begin + static_cast<std::uint32_t>(fragment.bytes.size());
  const bool beyond = datagram.end_bytes != 0 &&
                      (end > datagram.end_bytes || (!fragment.more && end != datagram.end_bytes));
  const bool too_late =
      !fragment.more && !datagram.pieces.empty() && datagram.pieces.back().end() > end;
  if (beyond || too_late) return Fit::kContradiction;
  const auto next = std::lower_bound(
      datagram.pieces.begin(), datagram.pieces.end(), begin,
      [](const Piece& piece, std::uint32_t offset) { return piece.offset_bytes < offset; });
  if (next != datagram.pieces.end() && next->offset_bytes == begin) {
    return std::ranges::equal(next->bytes, fragment.bytes) ? Fit::kDuplicate : Fit::kContradiction;
  }
  if (next != datagram.pieces.end() && next->offset_bytes < end) return Fit::kContradiction;
  if (next != datagram.pieces.begin() && std::prev(next)->end() > begin) {
    return Fit::kContradiction;
  }
  return Fit::kNew;
}

void Reassembler::keep(Datagram& datagram, const FragmentArrival& fragment) {
  const auto at = std::upper_bound(
      datagram.pieces.begin(), datagram.pieces.end(), fragment.offset_bytes,
      [](std::uint32_t offset, const Piece& piece) { return offset < piece.offset_bytes; });
  datagram.pieces.insert(
      at, {fragment.offset_bytes, std::vector(fragment.bytes.begin(), fragment.bytes.end())});
  datagram.have_bytes += static_cast<std::uint32_t>(fragment.bytes.size());
  datagram.congested = datagram.congested || fragment.ecn == Ecn::kCe;
  datagram.not_capable = datagram.not_capable || fragment.ecn == Ecn::kNotEct;
  if (!fragment.more) {
    datagram.end_bytes = fragment.offset_bytes + static_cast<std::uint32_t>(fragment.bytes.size());
  }
  if (fragment.offset_bytes > 0) return;
  datagram.head.assign(fragment.head.begin(), fragment.head.end());
  if (fragment.named_offset != 0) {
    store_u8(&datagram.head[fragment.named_offset], fragment.next_header);
  }
  const auto first = fragment.packet.first(std::min(fragment.packet.size(), kFirstBytesMax));
  datagram.first.assign(first.begin(), first.end());
}

// Stays, without its pieces, so that those to come are refused too.
void Reassembler::refuse_all(Datagram& datagram) {
  datagram.refused = true;
  datagram.pieces = {};
  datagram.head = {};
  datagram.first = {};
  held_bytes_ -= datagram.held_bytes - kDatagramOverheadBytes;
  datagram.held_bytes = kDatagramOverheadBytes;
}

// Bounded by the datagrams there are.
bool Reassembler::make_room(Instant now, const Datagram& keeping, std::uint64_t bytes) {
  const std::uint64_t most = context_.config.reassembly_bytes_max;
  while (held_bytes_ + bytes > most) {
    Datagram& oldest = datagrams_.front();
    if (&oldest == &keeping) return false;
    drop_pieces(now, oldest, DropReason::kFragmentMemory);
    forget(oldest);
  }
  return true;
}

BufPtr Reassembler::whole(Instant now, Datagram& datagram) {
  const PortId port = context_.interfaces.port_of(datagram.interface);
  const auto len = static_cast<std::uint32_t>(datagram.head.size()) + datagram.end_bytes;
  // RFC 3168 §5.3: marked and not able to be marked at once is no datagram of one sender.
  const bool impossible = datagram.congested && datagram.not_capable;
  BufPtr buf(impossible ? nullptr : context_.large.take_of(len));
  if (buf == nullptr) {
    const DropReason reason = impossible ? DropReason::kBadFragment : DropReason::kNoBuffer;
    context_.drop(now, {reason, Way::kIn, port, len});
    forget(datagram);
    return nullptr;
  }
  std::ranges::copy(datagram.head,
                    buf->push_back(static_cast<std::uint32_t>(datagram.head.size())).begin());
  for (const Piece& piece : datagram.pieces) {
    const auto count = static_cast<std::uint32_t>(piece.bytes.size());
    std::ranges::copy(piece.bytes, buf->push_back(count).begin());
  }
  // RFC 3168 §5.3: one marked fragment marks the whole.
  if (datagram.congested) mark_congestion(buf->data() + kEthernetHeaderLen);
  buf->arrived = now;
  ++context_.counters.datagrams_reassembled;
  forget(datagram);
  return buf;
}

void Reassembler::on_timeout(Instant now, Datagram& datagram) {
  drop_pieces(now, datagram, DropReason::kFragmentTimeout);
  const InterfaceId interface = datagram.interface;
  const std::vector<std::byte> first = std::move(datagram.first);
  forget(datagram);
  if (!first.empty()) user_.on_reassembly_timeout(now, interface, first);
}

void Reassembler::drop_pieces(Instant now, const Datagram& datagram, DropReason reason) {
  const PortId port = context_.interfaces.port_of(datagram.interface);
  for (const Piece& piece : datagram.pieces) {
    context_.drop(now, {reason, Way::kIn, port, static_cast<std::uint32_t>(piece.bytes.size())});
  }
}

void Reassembler::forget(Datagram& datagram) {
  held_bytes_ -= datagram.held_bytes;
  const auto found = index_.find(datagram.key);
  const auto at = found->second;
  index_.erase(found);
  datagrams_.erase(at);
}

}  // namespace twinpath
