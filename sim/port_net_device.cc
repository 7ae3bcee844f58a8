// Packets of ns-3 into frames with an Ethernet header, and back.
#include "sim/port_net_device.h"

#include <ns3/boolean.h>
#include <ns3/global-value.h>

#include <array>

#include "models/base/check.h"
#include "models/wire/ethernet.h"
#include "sim/frame_pool.h"
#include "sim/packet_copy.h"
#include "sim/sim_time.h"

namespace twinpath::sim {

NS_OBJECT_ENSURE_REGISTERED(PortNetDevice);

namespace {

void store(const ns3::Address& address, std::byte* at) {
  ns3::Mac48Address::ConvertFrom(address).CopyTo(reinterpret_cast<std::uint8_t*>(at));
}

ns3::Mac48Address to_mac48(const MacAddress& mac) {
  ns3::Mac48Address address;
  address.CopyFrom(mac.octets().data());
  return address;
}

MacAddress to_mac(const ns3::Address& address) {
  std::array<std::byte, MacAddress::kLen> octets{};
  store(address, octets.data());
  return MacAddress::load(octets.data());
}

bool is_right(std::uint16_t protocol, const PacketBuf& frame) {
  const auto packet = frame.bytes().subspan(kEthernetHeaderLen);
  return ChecksumOffload::check(static_cast<EtherType>(protocol), packet) == DropReason::kNone;
}

}  // namespace

ns3::TypeId PortNetDevice::GetTypeId() {
  static ns3::TypeId tid =
      ns3::TypeId("twinpath::PortNetDevice")
          .SetParent<ns3::NetDevice>()
          .SetGroupName("Twinpath")
          .AddConstructor<PortNetDevice>()
          .AddAttribute("ChecksumOffload",
                        "The device checks and fills in checksums, as network cards do. Without "
                        "it ns-3's stack does, for which ChecksumEnabled is set.",
                        ns3::BooleanValue(true),
                        ns3::MakeBooleanAccessor(&PortNetDevice::offloads_),
                        ns3::MakeBooleanChecker())
          .AddTraceSource("MacTx", "A packet was handed to the port",
                          ns3::MakeTraceSourceAccessor(&PortNetDevice::mac_tx_),
                          "ns3::Packet::TracedCallback")
          .AddTraceSource("MacRx", "A packet was handed to the stack",
                          ns3::MakeTraceSourceAccessor(&PortNetDevice::mac_rx_),
                          "ns3::Packet::TracedCallback");
  return tid;
}

PortNetDevice::PortNetDevice() : pool_(frame_pool()), wakeup_(*this) {
  SetAddress(ns3::Mac48Address::Allocate());
}

PortNetDevice::~PortNetDevice() = default;

void PortNetDevice::attach(std::shared_ptr<SimPort> port,
                           std::vector<std::unique_ptr<PortDecorator>> around) {
  CHECK(port_ == nullptr && port != nullptr);
  // Without either ns-3's stack sends zero for every checksum, and who receives them verifies them.
  if (!offloads_) ns3::GlobalValue::BindFailSafe("ChecksumEnabled", ns3::BooleanValue(true));
  port_ = std::move(port);
  around_ = std::move(around);
  outermost_ = around_.empty() ? static_cast<Port*>(port_.get()) : around_.back().get();
  port_->set_owner(this);
  rearm();
}

void PortNetDevice::SetAddress(ns3::Address address) { own_ = {to_mac(address), address}; }

bool PortNetDevice::SetMtu(std::uint16_t mtu) {
  mtu_bytes_ = mtu;
  return true;
}

ns3::Address PortNetDevice::GetBroadcast() const { return ns3::Mac48Address::GetBroadcast(); }

ns3::Address PortNetDevice::GetMulticast(ns3::Ipv4Address group) const {
  return ns3::Mac48Address::GetMulticast(group);
}

ns3::Address PortNetDevice::GetMulticast(ns3::Ipv6Address group) const {
  return ns3::Mac48Address::GetMulticast(group);
}

void PortNetDevice::SetNode(ns3::Ptr<ns3::Node> node) {
  node_ = node;
  wakeup_.set_context(node->GetId());
}

void PortNetDevice::DoDispose() {
  wakeup_.stop();
  if (port_ != nullptr) port_->set_owner(nullptr);
  outermost_ = nullptr;
  around_.clear();
  port_.reset();
  node_ = nullptr;
  receive_.Nullify();
  promiscuous_.Nullify();
  ns3::NetDevice::DoDispose();
}

void PortNetDevice::begin_turn(Instant now) {
  if (!around_.empty()) around_.back()->begin_turn(now);
}

void PortNetDevice::rearm() {
  wakeup_.by(port_->next_arrival());
  if (!around_.empty()) wakeup_.by(around_.back()->next_deadline());
}

// A full queue is the link's business, as behind a real interface: it drops and counts.
bool PortNetDevice::SendFrom(ns3::Ptr<ns3::Packet> packet, const ns3::Address& source,
                             const ns3::Address& dest, std::uint16_t protocol) {
  if (outermost_ == nullptr) return false;
  BufPtr frame = from_ns3(*packet, *pool_, kEthernetHeaderLen);
  if (!frame) {
    ++counters_.dropped_no_buffer;
    return false;
  }
  mac_tx_(packet);
  std::byte* header = frame->push_front(kEthernetHeaderLen).data();
  store(dest, header);
  store(source, header + MacAddress::kLen);
  store_be16(header + 2 * MacAddress::kLen, protocol);
  begin_turn(sim_now());
  const bool is_sent = transmit(std::move(frame));
  rearm();
  return is_sent;
}

// True when nothing was refused. A fragment that waits for its sum is taken, not refused.
bool PortNetDevice::transmit(BufPtr frame) {
  if (offloads_) {
    offload_.fill(std::move(frame), ready_);
    counters_.dropped_fragments = offload_.dropped();
  } else {
    ready_.push_back(std::move(frame));
  }
  if (ready_.empty()) return true;
  const std::size_t sent = outermost_->tx_burst(ready_);
  counters_.sent += sent;
  const bool is_sent = sent == ready_.size();
  ready_.clear();
  return is_sent;
}

void PortNetDevice::on_wake(Instant now) {
  if (outermost_ == nullptr) return;
  std::array<BufPtr, kBurst> frames;
  begin_turn(now);
  for (;;) {
    const std::size_t count = outermost_->rx_burst(frames);
    deliver(std::span(frames).first(count));
    if (count < kBurst || outermost_ == nullptr) break;
  }
  if (port_ != nullptr) rearm();
}

// What the stack need not be asked for is done for the whole burst first: the stack's code for a
// packet is larger than a core's first cache and drives ours out of it.
void PortNetDevice::deliver(std::span<BufPtr> frames) {
  std::array<Arrival, kBurst> arrivals;
  std::size_t count = 0;
  for (BufPtr& frame : frames) {
    if (take_in(*frame, arrivals[count])) ++count;
    frame.reset();
  }
  for (Arrival& arrival : std::span(arrivals).first(count)) {
    if (outermost_ != nullptr) hand_over(arrival);
    arrival.packet = nullptr;
  }
}

ns3::NetDevice::PacketType PortNetDevice::type_of(const MacAddress& target) const {
  if (target.is_multicast()) return target.is_broadcast() ? PACKET_BROADCAST : PACKET_MULTICAST;
  return target == own_.mac ? PACKET_HOST : PACKET_OTHERHOST;
}

// False when nobody wants the frame.
bool PortNetDevice::take_in(const PacketBuf& frame, Arrival& into) {
  if (frame.len < kEthernetHeaderLen) {
    ++counters_.dropped_short;
    return false;
  }
  into.target = MacAddress::load(frame.data());
  into.source = MacAddress::load(frame.data() + MacAddress::kLen);
  into.protocol = load_be16(frame.data() + 2 * MacAddress::kLen);
  into.type = type_of(into.target);
  const bool is_ours = into.type != PACKET_OTHERHOST;
  if (!is_ours && promiscuous_.IsNull()) return false;
  into.is_right = !offloads_ || !is_ours || is_right(into.protocol, frame);
  into.packet = to_ns3(frame.bytes().subspan(kEthernetHeaderLen));
  return true;
}

void PortNetDevice::hand_over(const Arrival& arrival) {
  if (last_source_.mac != arrival.source) {
    last_source_ = {arrival.source, to_mac48(arrival.source)};
  }
  const ns3::Address& source = last_source_.address;
  if (!promiscuous_.IsNull()) {
    promiscuous_(this, arrival.packet, arrival.protocol, source, to_mac48(arrival.target),
                 arrival.type);
  }
  if (arrival.type == PACKET_OTHERHOST) return;
  if (!arrival.is_right) {
    ++counters_.dropped_wrong;
    return;
  }
  ++counters_.received;
  mac_rx_(arrival.packet);
  if (!receive_.IsNull()) receive_(this, arrival.packet, arrival.protocol, source);
}

}  // namespace twinpath::sim
