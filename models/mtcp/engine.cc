// The turn, and the order of what leaves.
#include "models/mtcp/engine.h"

#include <algorithm>
#include <bit>

#include "models/base/check.h"
#include "models/base/hash.h"
#include "models/port/toeplitz.h"
#include "models/wire/ethernet.h"
#include "models/wire/ipv4.h"
#include "models/wire/ipv6.h"
#include "models/wire/tcp.h"

namespace twinpath {
namespace {

enum Class : std::uint8_t { kControl, kAcknowledgement, kData, kClasses };

// Of a TCP segment. A FIN without data is control; with data it belongs to them.
Class class_of_segment(std::span<const std::byte> segment) {
  const auto tcp = TcpView::parse(segment, std::nullopt);
  if (!tcp) return kData;
  if (tcp->flags().syn() || tcp->flags().rst()) return kControl;
  if (!tcp->payload().empty()) return kData;
  return tcp->flags().fin() ? kControl : kAcknowledgement;
}

// TCP over IPv4 with neither tags nor IP options, as nearly every frame is, is read where it
// stands.
constexpr std::size_t kUsualIp = kEthernetHeaderLen;
constexpr std::size_t kUsualTcp = kUsualIp + kIpv4HeaderLen;

bool is_usual(std::span<const std::byte> frame) {
  constexpr std::uint8_t kVersionAndLen = 0x45;
  constexpr std::uint16_t kFragmentBits = 0x3fff;
  if (frame.size() < kUsualTcp + kTcpHeaderLen) return false;
  return load_be16(&frame[12]) == static_cast<std::uint16_t>(EtherType::kIpv4) &&
         load_u8(&frame[kUsualIp]) == kVersionAndLen &&
         (load_be16(&frame[kUsualIp + 6]) & kFragmentBits) == 0 &&
         load_u8(&frame[kUsualIp + 9]) == static_cast<std::uint8_t>(IpProtocol::kTcp) &&
         kUsualIp + load_be16(&frame[kUsualIp + 2]) == frame.size();
}

// Requires: is_usual(frame).
Class class_of_usual(std::span<const std::byte> frame) {
  const std::size_t header_len = (load_u8(&frame[kUsualTcp + 12]) >> 4) * 4U;
  if (header_len < kTcpHeaderLen || kUsualTcp + header_len > frame.size()) return kData;
  const TcpFlags flags(load_be16(&frame[kUsualTcp + 12]));
  if (flags.syn() || flags.rst()) return kControl;
  if (kUsualTcp + header_len < frame.size()) return kData;
  return flags.fin() ? kControl : kAcknowledgement;
}

// What carries no port (ARP, ICMP) is control, datagrams are data.
Class class_of(std::span<const std::byte> frame) {
  if (is_usual(frame)) return class_of_usual(frame);
  const auto ethernet = EthernetView::parse(frame);
  if (!ethernet) return kControl;
  if (ethernet->ethertype() == EtherType::kIpv4) {
    const auto ip = Ipv4View::parse(ethernet->payload(), HeaderChecksum::kDeviceVerified);
    if (!ip || ip->is_fragment()) return kData;
    if (ip->protocol() == IpProtocol::kTcp) return class_of_segment(ip->payload());
    return ip->protocol() == IpProtocol::kUdp ? kData : kControl;
  }
  if (ethernet->ethertype() != EtherType::kIpv6) return kControl;
  const auto ip = Ipv6View::parse(ethernet->payload());
  if (!ip || ip->is_fragment()) return kData;
  if (ip->protocol() == IpProtocol::kTcp) return class_of_segment(ip->payload());
  return ip->protocol() == IpProtocol::kUdp ? kData : kControl;
}

// Both ends of a flow in that direction as a number. Two flows with one number only lose the
// freedom to overtake each other.
std::uint32_t flow_of(std::span<const std::byte> frame) {
  if (is_usual(frame)) {  // addresses and ports lie side by side
    const std::byte* at = &frame[kUsualIp + 12];
    return static_cast<std::uint32_t>(hash_pair({load_be64(at), std::uint64_t{load_be32(at + 8)}}));
  }
  const RssInput input = rss_input(frame);
  std::uint64_t hash = input.len;
  for (const std::byte byte : input.span()) {
    hash = (hash ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3ULL;
  }
  return static_cast<std::uint32_t>(mix64(hash));
}

// The class of the latest frame of each flow of a batch.
class LatestOfFlow {
 public:
  // Requires: no more than kEngineBatchMax frames. Only what so many need is cleared.
  explicit LatestOfFlow(std::size_t frames) : mask_(2 * std::bit_ceil(frames) - 1) {
    std::fill_n(slots_.begin(), mask_ + 1, Slot{0, kControl, false});
  }
  // `own`, or the class of an earlier frame of the flow if that leaves later.
  Class not_before(std::uint32_t flow, Class own) {
    std::size_t at = flow & mask_;
    while (slots_[at].taken && slots_[at].flow != flow) at = (at + 1) & mask_;
    const Class later = slots_[at].taken ? std::max(slots_[at].latest, own) : own;
    slots_[at] = {flow, later, true};
    return later;
  }

 private:
  struct Slot {
    std::uint32_t flow;
    Class latest;
    bool taken;
  };
  std::size_t mask_;
  std::array<Slot, 2 * kEngineBatchMax> slots_;
};

}  // namespace

void order_by_class(std::span<BufPtr> frames) {
  CHECK(frames.size() <= kEngineBatchMax);
  if (frames.size() < 2) return;
  std::array<Class, kEngineBatchMax> classes;
  std::array<std::size_t, kClasses> counts{};
  for (std::size_t i = 0; i < frames.size(); ++i) {
    classes[i] = class_of(frames[i]->bytes());
    ++counts[classes[i]];
  }
  // Of one class only: nothing to order, and most batches are.
  if (std::ranges::count(counts, std::size_t{0}) == kClasses - 1) return;
  LatestOfFlow latest(frames.size());
  counts.fill(0);
  for (std::size_t i = 0; i < frames.size(); ++i) {
    classes[i] = latest.not_before(flow_of(frames[i]->bytes()), classes[i]);
    ++counts[classes[i]];
  }
  std::array<std::size_t, kClasses> next{0, counts[0], counts[0] + counts[1]};
  std::array<BufPtr, kEngineBatchMax> ordered;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    ordered[next[classes[i]]++] = std::move(frames[i]);
  }
  std::move(ordered.begin(), ordered.begin() + static_cast<std::ptrdiff_t>(frames.size()),
            frames.begin());
}

Engine::Engine(const EngineConfig& config, Host& host, Port& port)
    : config_(config), host_(host), port_(port) {
  CHECK(validate_fields(config).empty());
}

// Several bursts where the batch is longer than one.
std::size_t Engine::receive(std::size_t frames_max) {
  const std::size_t batch = std::min<std::size_t>(config_.rx_batch, frames_max);
  std::size_t count = 0;
  while (count < batch) {
    const std::size_t wanted = std::min(batch - count, kBurst);
    const std::size_t got = port_.rx_burst(std::span(received_).subspan(count, wanted));
    count += got;
    if (got < wanted) break;
  }
  return count;
}

PumpWork Engine::run(Instant now, std::size_t frames_max) {
  PumpWork work;
  work.received = receive(frames_max);
  const bool whole = config_.batch_events && config_.batch_transmit;
  const std::size_t step = whole ? kEngineBatchMax : 1;
  for (std::size_t at = 0; at < work.received; at += step) {
    const std::size_t count = std::min(step, work.received - at);
    host_.on_rx(now, 0, std::span(received_).subspan(at, count));
    if (!config_.batch_transmit) work.sent += send(now);
  }
  host_.on_time(now);
  work.sent += send(now);
  return work;
}

std::size_t Engine::send(Instant now) {
  std::size_t sent = 0;
  for (;;) {
    const std::size_t room = std::min<std::size_t>(port_.tx_room(), config_.tx_batch);
    const auto out = std::span(leaving_).first(room);
    const std::size_t ready = room == 0 ? 0 : host_.poll_tx(now, 0, out);
    if (ready == 0) return sent;
    if (config_.prioritise) order_by_class(out.first(ready));
    CHECK(port_.tx_burst(out.first(ready)) == ready);
    sent += ready;
    if (ready < room) return sent;
  }
}

}  // namespace twinpath
