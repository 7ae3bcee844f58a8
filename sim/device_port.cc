// Frames across the ns3::Packet boundary: one copy each way, the Ethernet header as arguments.
#include "sim/device_port.h"

#include <ns3/boolean.h>
#include <ns3/global-value.h>

#include <algorithm>

#include "models/base/check.h"
#include "models/wire/icmpv6.h"
#include "models/wire/ipv6.h"
#include "models/wire/neighbour_discovery.h"
#include "sim/packet_copy.h"
#include "sim/sim_time.h"

namespace twinpath::sim {

namespace {

constexpr std::uint32_t kEthernetLen = 14;  // IEEE 802.3 §3.2: two addresses and a type
constexpr std::size_t kMacLen = 6;
constexpr std::uint16_t kIpv4 = 0x0800;
constexpr std::uint16_t kArp = 0x0806;
constexpr std::uint16_t kIpv6 = 0x86dd;
// The peer of a point-to-point device as our host sees it; locally administered.
constexpr std::array<std::byte, kMacLen> kPeer = {std::byte{0x02}, std::byte{0}, std::byte{0},
                                                  std::byte{0},    std::byte{0}, std::byte{1}};

std::uint16_t read_u16(const std::byte* at) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(at[0]) << 8 |
                                    std::to_integer<unsigned>(at[1]));
}

void write_u16(std::byte* at, std::uint16_t value) {
  at[0] = static_cast<std::byte>(value >> 8);
  at[1] = static_cast<std::byte>(value & 0xff);
}

ns3::Mac48Address to_address(const std::byte* at) {
  ns3::Mac48Address address;
  address.CopyFrom(reinterpret_cast<const std::uint8_t*>(at));
  return address;
}

bool is_mac(const ns3::Address& address) { return ns3::Mac48Address::IsMatchingType(address); }

std::array<std::byte, kMacLen> to_mac(const ns3::Address& address) {
  std::array<std::byte, kMacLen> mac{};
  ns3::Mac48Address::ConvertFrom(address).CopyTo(reinterpret_cast<std::uint8_t*>(mac.data()));
  return mac;
}

}  // namespace

DevicePort::DevicePort(ns3::Ptr<ns3::NetDevice> device, std::shared_ptr<BufPool> pool)
    : device_(device), pool_(std::move(pool)), has_layer2_(device->NeedsArp()) {
  CHECK(device->GetNode());
  // Without this ns-3's stack sends zero for every checksum, and ours verifies them.
  ns3::GlobalValue::BindFailSafe("ChecksumEnabled", ns3::BooleanValue(true));
  if (is_mac(device->GetAddress())) own_ = to_mac(device->GetAddress());
  handler_ = ns3::MakeCallback(&DevicePort::receive, this);
  constexpr std::uint16_t kEveryProtocol = 0;
  device->GetNode()->RegisterProtocolHandler(handler_, kEveryProtocol, device, has_layer2_);
}

DevicePort::~DevicePort() {
  if (device_->GetNode()) device_->GetNode()->UnregisterProtocolHandler(handler_);
}

PortCaps DevicePort::caps() const {
  PortCaps caps;
  caps.mtu_bytes = device_->GetMtu();
  caps.arp = has_layer2_;
  return caps;
}

std::size_t DevicePort::rx_burst(std::span<BufPtr> out) {
  const std::size_t count = std::min(out.size(), queue_.size());
  for (std::size_t index = 0; index < count; ++index) {
    out[index] = std::move(queue_.front());
    queue_.pop_front();
  }
  return count;
}

void DevicePort::receive(ns3::Ptr<ns3::NetDevice>, ns3::Ptr<const ns3::Packet> packet,
                         std::uint16_t protocol, const ns3::Address& from, const ns3::Address& to,
                         ns3::NetDevice::PacketType type) {
  if (type == ns3::NetDevice::PACKET_OTHERHOST) return;
  BufPtr frame = from_ns3(*packet, *pool_, kEthernetLen);
  if (!frame) {
    ++counters_.dropped_no_buffer;
    return;
  }
  std::byte* header = frame->push_front(kEthernetLen).data();
  const Mac target = target_of(to);
  const Mac source = source_of(from);
  std::copy(target.begin(), target.end(), header);
  std::copy(source.begin(), source.end(), header + kMacLen);
  write_u16(header + 2 * kMacLen, protocol);
  enqueue(std::move(frame));
}

DevicePort::Mac DevicePort::target_of(const ns3::Address& to) const {
  return has_layer2_ && is_mac(to) ? to_mac(to) : own_;
}

DevicePort::Mac DevicePort::source_of(const ns3::Address& from) const {
  return has_layer2_ && is_mac(from) ? to_mac(from) : kPeer;
}

void DevicePort::enqueue(BufPtr frame) {
  if (queue_.size() == kQueueFrames) {
    ++counters_.dropped_full;
    return;
  }
  frame->arrived = sim_now();
  ++counters_.received;
  queue_.push_back(std::move(frame));
  if (owner_ != nullptr) owner_->frames_now();
}

std::size_t DevicePort::tx_burst(std::span<BufPtr> frames) {
  const std::size_t count = std::min(frames.size(), kBurst);
  for (BufPtr& frame : frames.first(count)) {
    send(*frame);
    frame.reset();
  }
  return count;
}

void DevicePort::send(PacketBuf& frame) {
  if (frame.len < kEthernetLen) {
    ++counters_.dropped_short;
    return;
  }
  const std::uint16_t ethertype = read_u16(frame.data() + 2 * kMacLen);
  if (has_layer2_) {
    send_layer2(frame, ethertype);
  } else {
    send_layer3(frame, ethertype);
  }
}

void DevicePort::send_layer2(const PacketBuf& frame, std::uint16_t ethertype) {
  const ns3::Mac48Address target = to_address(frame.data());
  const ns3::Mac48Address source = to_address(frame.data() + kMacLen);
  const auto packet = to_ns3(frame.bytes().subspan(kEthernetLen));
  const bool sent = device_->SupportsSendFrom()
                        ? device_->SendFrom(packet, source, target, ethertype)
                        : device_->Send(packet, target, ethertype);
  ++(sent ? counters_.sent : counters_.dropped_refused);
}

void DevicePort::send_layer3(PacketBuf& frame, std::uint16_t ethertype) {
  if (ethertype == kArp && answer_arp(frame)) return;
  if (ethertype == kIpv6 && answer_nd(frame)) return;
  if (ethertype != kIpv4 && ethertype != kIpv6) {
    ++counters_.dropped_ethertype[ethertype];
    return;
  }
  const auto packet = to_ns3(frame.bytes().subspan(kEthernetLen));
  const bool sent = device_->Send(packet, device_->GetBroadcast(), ethertype);
  ++(sent ? counters_.sent : counters_.dropped_refused);
}

// RFC 826: a request has its operation at 6, the asker's addresses at 8 and 14, the asked at 24.
bool DevicePort::answer_arp(const PacketBuf& request) {
  constexpr std::uint32_t kArpLen = 28;
  constexpr std::uint16_t kRequest = 1;
  constexpr std::uint16_t kReply = 2;
  if (request.len < kEthernetLen + kArpLen) return false;
  const std::byte* asked = request.data() + kEthernetLen;
  const bool is_probe = std::equal(asked + 14, asked + 18, asked + 24);  // gratuitous: about itself
  if (read_u16(asked + 6) != kRequest || is_probe) return read_u16(asked + 6) == kRequest;
  BufPtr reply(pool_->take());
  if (!reply) {
    ++counters_.dropped_no_buffer;
    return true;
  }
  std::byte* header = reply->push_back(kEthernetLen + kArpLen).data();
  std::copy(asked + 8, asked + 8 + kMacLen, header);
  std::copy(kPeer.begin(), kPeer.end(), header + kMacLen);
  write_u16(header + 2 * kMacLen, kArp);
  std::byte* answer = header + kEthernetLen;
  std::copy(asked, asked + 6, answer);
  write_u16(answer + 6, kReply);
  std::copy(kPeer.begin(), kPeer.end(), answer + 8);
  std::copy(asked + 24, asked + 28, answer + 14);
  std::copy(asked + 8, asked + 18, answer + 18);
  ++counters_.answered_arp;
  enqueue(std::move(reply));
  return true;
}

// RFC 4861 §7.2.4, in the peer's place; nobody behind this device would. True: the frame was
// Neighbour Discovery and goes no further. A probe for duplicates finds none.
bool DevicePort::answer_nd(const PacketBuf& frame) {
  const auto ip = Ipv6View::parse(frame.bytes().subspan(kEthernetLen));
  if (!ip || ip->protocol() != IpProtocol::kIcmpv6 || ip->payload().empty()) return false;
  const auto type = static_cast<Icmpv6Type>(load_u8(ip->payload().data()));
  if (type == Icmpv6Type::kNeighbourAdvertisement) return true;
  if (type != Icmpv6Type::kNeighbourSolicitation) return false;
  const auto question = NdMessage::parse(ip->payload());
  if (!question || ip->src().is_any()) return true;
  BufPtr reply(pool_->take());
  if (!reply) {
    ++counters_.dropped_no_buffer;
    return true;
  }
  NdMessage answer;
  answer.kind = NdMessage::Kind::kAdvertisement;
  answer.target = question->target;
  answer.solicited = answer.overrides = true;
  answer.link_address = MacAddress::load(kPeer.data());
  answer.emit(reply->push_back(static_cast<std::uint32_t>(answer.len())), answer.target,
              IpAddress(ip->src()));
  const Ipv6Repr header{.src = answer.target.v6(),
                        .dst = ip->src(),
                        .protocol = IpProtocol::kIcmpv6,
                        .payload_len = answer.len(),
                        .hop_limit = kNdHopLimit};
  header.emit(reply->push_front(kIpv6HeaderLen));
  std::byte* link = reply->push_front(kEthernetLen).data();
  std::copy_n(frame.data() + kMacLen, kMacLen, link);
  std::copy(kPeer.begin(), kPeer.end(), link + kMacLen);
  write_u16(link + 2 * kMacLen, kIpv6);
  ++counters_.answered_nd;
  enqueue(std::move(reply));
  return true;
}

}  // namespace twinpath::sim
