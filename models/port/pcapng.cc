// Blocks of a pcapng file. Every block: type, total length, body, total length again; options are
// padded to 4 bytes.
#include "models/port/pcapng.h"

#include <algorithm>
#include <array>
#include <vector>

#include "models/base/check.h"
#include "models/port/pcap.h"
#include "models/wire/byte_order.h"
#include "models/wire/ethernet.h"
#include "models/wire/ipv4.h"

namespace twinpath {
namespace {

constexpr std::uint32_t kSectionHeader = 0x0A0D0D0A;
constexpr std::uint32_t kInterface = 1;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::uint32_t kByteOrderMagic = 0x1A2B3C4D;
constexpr std::uint16_t kOptComment = 1;
constexpr std::uint16_t kOptName = 2;         // if_name
constexpr std::uint16_t kOptFlags = 2;        // epb_flags
constexpr std::uint16_t kOptResolution = 9;   // if_tsresol
constexpr std::uint16_t kOptApplication = 4;  // shb_userappl
constexpr std::uint8_t kNanoseconds = 9;      // 10^-9

class Block {
 public:
  explicit Block(std::uint32_t type) { u32(type).u32(0); }
  Block& u16(std::uint16_t value) {
    bytes_.push_back(static_cast<std::byte>(value));
    bytes_.push_back(static_cast<std::byte>(value >> 8));
    return *this;
  }
  Block& u32(std::uint32_t value) {
    return u16(static_cast<std::uint16_t>(value)).u16(static_cast<std::uint16_t>(value >> 16));
  }
  Block& bytes(std::span<const std::byte> data) {
    bytes_.insert(bytes_.end(), data.begin(), data.end());
    bytes_.resize((bytes_.size() + 3) / 4 * 4);
    return *this;
  }
  Block& option(std::uint16_t code, std::span<const std::byte> value) {
    constexpr std::size_t kMost = 0xffff;
    const auto kept = value.first(std::min(value.size(), kMost));
    return u16(code).u16(static_cast<std::uint16_t>(kept.size())).bytes(kept);
  }
  Block& option(std::uint16_t code, std::string_view text) {
    return option(code, std::as_bytes(std::span(text)));
  }
  [[nodiscard]] std::span<const std::byte> finish(bool has_options) {
    if (has_options) u32(0);  // opt_endofopt
    u32(static_cast<std::uint32_t>(bytes_.size() + 4));
    std::copy(bytes_.end() - 4, bytes_.end(), bytes_.begin() + 4);
    return bytes_;
  }

 private:
  std::vector<std::byte> bytes_;
};

constexpr std::size_t kPortsLen = 4;  // both ports stand first in TCP and in UDP

const char* name_of(LinkDrop why) {
  switch (why) {
    case LinkDrop::kLoss:
      return "loss (asked)";
    case LinkDrop::kBurstLoss:
      return "burst_loss (asked)";
    case LinkDrop::kQueueFull:
      return "queue_full (queue)";
    case LinkDrop::kInFlightLimit:
      return "in_flight_limit (resource)";
  }
  return "";
}

}  // namespace

PcapngWriter::PcapngWriter(ByteSink& sink, std::span<const std::string> interfaces) : sink_(sink) {
  constexpr std::uint32_t kUnknownLength = 0xffffffff;
  Block section(kSectionHeader);
  section.u32(kByteOrderMagic).u16(1).u16(0).u32(kUnknownLength).u32(kUnknownLength);
  put(section.option(kOptApplication, "Twinpath").finish(true));
  for (const std::string& name : interfaces) {
    Block block(kInterface);
    block.u16(static_cast<std::uint16_t>(kPcapEthernet)).u16(0).u32(kPcapSnapLenMax);
    const std::byte resolution{kNanoseconds};
    block.option(kOptName, name).option(kOptResolution, std::span(&resolution, 1));
    put(block.finish(true));
  }
}

void PcapngWriter::put(std::span<const std::byte> block) {
  if (good_) good_ = sink_.write(block);
}

void PcapngWriter::write(const Packet& packet, std::span<const std::byte> kept,
                         std::size_t original_bytes) {
  const auto ns = static_cast<std::uint64_t>(to_ns(packet.at));
  Block block(kEnhancedPacket);
  block.u32(packet.interface).u32(static_cast<std::uint32_t>(ns >> 32));
  block.u32(static_cast<std::uint32_t>(ns)).u32(static_cast<std::uint32_t>(kept.size()));
  block.u32(static_cast<std::uint32_t>(original_bytes)).bytes(kept);
  if (packet.direction) {
    const std::uint32_t inbound_or_outbound = *packet.direction == Direction::kReceive ? 1 : 2;
    block.u16(kOptFlags).u16(4).u32(inbound_or_outbound);
  }
  if (!packet.comment.empty()) block.option(kOptComment, packet.comment);
  put(block.finish(packet.direction || !packet.comment.empty()));
  if (good_) ++packets_;
}

std::string flow_text(std::span<const std::byte> frame) {
  const auto ethernet = EthernetView::parse(frame);
  if (!ethernet) return {};
  if (ethernet->ethertype() == EtherType::kArp) return "arp";
  if (ethernet->ethertype() != EtherType::kIpv4) return {};
  // The checksum is left alone: a damaged packet has a flow too.
  const auto ip = Ipv4View::parse(ethernet->payload(), HeaderChecksum::kDeviceVerified);
  if (!ip) return {};
  const bool is_tcp = ip->protocol() == IpProtocol::kTcp;
  const bool has_ports =
      (is_tcp || ip->protocol() == IpProtocol::kUdp) && ip->payload().size() >= kPortsLen;
  const auto end = [&](Ipv4Address address, std::size_t at) {
    const std::string text = address.to_string();
    if (!has_ports) return text;
    return text + ":" + std::to_string(load_be16(ip->payload().data() + at));
  };
  std::string kind = "ip protocol " + std::to_string(static_cast<int>(ip->protocol()));
  if (ip->protocol() == IpProtocol::kIcmp) kind = "icmp";
  if (has_ports) kind = is_tcp ? "tcp" : "udp";
  return kind + " " + end(ip->src(), 0) + " > " + end(ip->dst(), 2);
}

void PcapngPort::capture(Direction direction, std::span<const std::byte> frame) {
  const bool received = direction == Direction::kReceive;
  const std::uint64_t index = received ? received_++ : sent_++;
  const FrameWindow& window = received ? options_.receive : options_.transmit;
  if (index < window.from || index >= window.to) return;
  const std::string flow = options_.comments ? flow_text(frame) : "";
  writer_.write({options_.interface, now(), direction, flow}, frame);
}

std::size_t PcapngPort::rx_burst(std::span<BufPtr> out) {
  const std::size_t count = inner().rx_burst(out);
  for (const BufPtr& frame : out.first(count)) capture(Direction::kReceive, frame->bytes());
  return count;
}

std::size_t PcapngPort::tx_burst(std::span<BufPtr> frames) {
  // Captured before they are handed over, so ask first how many will be taken.
  const std::size_t count = std::min(frames.size(), inner().tx_room());
  for (const BufPtr& frame : frames.first(count)) capture(Direction::kTransmit, frame->bytes());
  CHECK(inner().tx_burst(frames.first(count)) == count);
  return count;
}

void PcapngLinkDrops::dropped(Instant now, const PacketBuf& frame, LinkDrop why) {
  const std::string flow = flow_text(frame.bytes());
  std::string comment = std::string("dropped: ") + name_of(why) + ", " + way_;
  if (!flow.empty()) comment += "; " + flow;
  writer_.write({interface_, now, std::nullopt, comment}, frame.bytes());
}

}  // namespace twinpath
