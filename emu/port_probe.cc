// See port_probe.h. Everything runs on one thread, so what is measured is what one core can do with
// both ends of a cable.
#include "emu/port_probe.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "models/base/check.h"
#include "models/wire/arp.h"
#include "models/wire/ethernet.h"

namespace twinpath::emu {
namespace {

constexpr std::uint16_t kExperimentalType = 0x88b5;
constexpr std::uint64_t kMagic = 0x7477696e70617468;  // "twinpath"
constexpr auto kLastFrames = std::chrono::milliseconds(20);

}  // namespace

enum class Purpose : std::uint16_t { kCable, kFull, kLatency, kCapacity };

// Written as it lies in memory: it never leaves this machine's ports.
struct PortProbe::Tag {
  std::uint64_t magic = kMagic;
  std::uint16_t from = 0;
  Purpose purpose = Purpose::kCable;
  std::uint32_t number = 0;
};

Instant PortProbe::advance(std::size_t port) {
  const Instant now = clock_.now();
  if (ports_[port].clocked != nullptr) ports_[port].clocked->advance(now);
  return now;
}

BufPtr PortProbe::tagged(std::size_t from, const Tag& tag, std::uint32_t frame_bytes) {
  BufPtr frame(ports_[from].pool->take());
  if (frame == nullptr || frame->tailroom() < frame_bytes) return nullptr;
  const std::span<std::byte> bytes = frame->push_back(frame_bytes);
  std::fill(bytes.begin(), bytes.end(), std::byte{0});
  EthernetRepr{.dst = MacAddress::broadcast(),
               .src = ports_[from].mac,
               .ethertype = static_cast<EtherType>(kExperimentalType)}
      .emit(bytes);
  std::memcpy(bytes.data() + kEthernetHeaderLen, &tag, sizeof(tag));
  return frame;
}

bool PortProbe::send_frame(std::size_t from, BufPtr frame) {
  const Instant until = clock_.now() + kAnswerWait;
  while (frame != nullptr && advance(from) < until) {
    if (ports_[from].port->tx_burst({&frame, 1}) == 1) return true;
  }
  return false;
}

bool PortProbe::send(std::size_t from, const Tag& tag, std::uint32_t frame_bytes) {
  return send_frame(from, tagged(from, tag, frame_bytes));
}

// One burst; tags are handed on, everything else is counted. How many frames there were.
template <typename OnTag>
std::size_t PortProbe::receive(std::size_t at, OnTag&& on_tag) {
  advance(at);
  std::array<BufPtr, kBurst> frames;
  const std::size_t got = ports_[at].port->rx_burst(frames);
  for (const BufPtr& frame : std::span(frames).first(got)) {
    Tag tag{.magic = 0};
    const std::span<const std::byte> bytes = frame->bytes();
    if (bytes.size() >= kEthernetHeaderLen + sizeof(tag) &&
        load_be16(bytes.data() + kEthernetHeaderLen - 2) == kExperimentalType) {
      std::memcpy(&tag, bytes.data() + kEthernetHeaderLen, sizeof(tag));
    }
    if (tag.magic == kMagic && tag.from < ports_.size()) {
      on_tag(tag, frame->len);
    } else {
      ++strangers_[at];
    }
  }
  return got;
}

void PortProbe::collect(std::vector<CableSeen>& seen) {
  for (std::size_t to = 0; to < ports_.size(); ++to) {
    receive(to, [&](const Tag& tag, std::uint32_t) {
      auto known = std::find_if(seen.begin(), seen.end(), [&](const CableSeen& cable) {
        return cable.from == tag.from && cable.to == to;
      });
      if (known == seen.end()) known = seen.insert(seen.end(), {tag.from, to});
      known->small += tag.purpose == Purpose::kCable ? 1 : 0;
      known->full += tag.purpose == Purpose::kFull ? 1 : 0;
    });
  }
}

std::vector<CableSeen> PortProbe::find_cables() {
  std::vector<CableSeen> seen;
  for (std::size_t from = 0; from < ports_.size(); ++from) {
    const auto full =
        static_cast<std::uint32_t>(ports_[from].port->caps().mtu_bytes + kEthernetHeaderLen);
    for (std::uint32_t number = 0; number < kTags; ++number) {
      const auto port = static_cast<std::uint16_t>(from);
      send(from, {.from = port, .purpose = Purpose::kCable, .number = number}, kSmallFrameBytes);
      send(from, {.from = port, .purpose = Purpose::kFull, .number = number}, full);
      collect(seen);
    }
    const Instant until = clock_.now() + kAnswerWait;
    while (clock_.now() < until) collect(seen);
  }
  return seen;
}

Histogram PortProbe::latency(ProbePath path) {
  Histogram times;
  for (std::uint32_t round = 0; round < kRoundsMax; ++round) {
    const Instant sent = clock_.now();
    const Tag tag{.from = static_cast<std::uint16_t>(path.from),
                  .purpose = Purpose::kLatency,
                  .number = round};
    if (!send(path.from, tag, kSmallFrameBytes)) break;
    bool arrived = false;
    while (!arrived && clock_.now() < sent + kRoundWait) {
      receive(path.to, [&](const Tag& got, std::uint32_t) {
        arrived = arrived || (got.purpose == Purpose::kLatency && got.number == round);
      });
      if (arrived) times.add(static_cast<std::uint64_t>((clock_.now() - sent).count()));
    }
  }
  return times;
}

ProbeCapacity PortProbe::capacity(ProbePath path, Duration trial) {
  ProbeCapacity result;
  const Instant began = clock_.now();
  Instant last = began;
  std::array<BufPtr, kBurst> frames;
  const Tag tag{.from = static_cast<std::uint16_t>(path.from), .purpose = Purpose::kCapacity};
  const auto count = [&](const Tag& got, std::uint32_t) {
    result.received += got.purpose == Purpose::kCapacity ? 1 : 0;
  };
  for (Instant now = began; now < began + trial; now = advance(path.from)) {
    const std::size_t room = std::min(ports_[path.from].port->tx_room(), frames.size());
    std::size_t made = 0;
    while (made < room && (frames[made] = tagged(path.from, tag, kSmallFrameBytes))) ++made;
    result.sent += ports_[path.from].port->tx_burst(std::span(frames).first(made));
    for (BufPtr& frame : frames) frame.reset();
    if (receive(path.to, count) > 0) last = clock_.now();
  }
  const Instant until = clock_.now() + kLastFrames;
  while (clock_.now() < until) {
    if (receive(path.to, count) > 0) last = clock_.now();
  }
  result.took = last - began;
  return result;
}

std::optional<MacAddress> PortProbe::ask(std::size_t port, Ipv4Address address) {
  BufPtr frame(ports_[port].pool->take());
  CHECK(frame != nullptr);
  const std::span<std::byte> bytes = frame->push_back(kSmallFrameBytes);
  std::fill(bytes.begin(), bytes.end(), std::byte{0});
  EthernetRepr{
      .dst = MacAddress::broadcast(), .src = ports_[port].mac, .ethertype = EtherType::kArp}
      .emit(bytes);
  ArpPacket probe;
  probe.sender_mac = ports_[port].mac;
  probe.target_ip = address;
  probe.emit(bytes.subspan(kEthernetHeaderLen));
  if (!send_frame(port, std::move(frame))) return std::nullopt;
  return answer(port, address);
}

std::optional<MacAddress> PortProbe::answer(std::size_t port, Ipv4Address address) {
  const Instant until = clock_.now() + kAnswerWait;
  std::array<BufPtr, kBurst> frames;
  while (advance(port) < until) {
    const std::size_t got = ports_[port].port->rx_burst(frames);
    for (const BufPtr& frame : std::span(frames).first(got)) {
      const std::span<const std::byte> bytes = frame->bytes();
      if (bytes.size() < kEthernetHeaderLen + kArpLen) continue;
      if (load_be16(bytes.data() + kEthernetHeaderLen - 2) !=
          static_cast<std::uint16_t>(EtherType::kArp)) {
        continue;
      }
      const auto arp = ArpPacket::parse(bytes.subspan(kEthernetHeaderLen));
      if (arp && arp->operation == ArpOperation::kReply && arp->sender_ip == address) {
        return arp->sender_mac;
      }
    }
    for (BufPtr& frame : frames) frame.reset();
  }
  return std::nullopt;
}

}  // namespace twinpath::emu
