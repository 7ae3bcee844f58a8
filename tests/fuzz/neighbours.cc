// ARP and Neighbour Discovery against a host that sends all the while: the cache stays within its
// bound, what waits is bounded, and with nobody answering the host falls silent.
//
// Input: records {what, milliseconds / 64, neighbour, variant} of one byte each.
#include <array>

#include "models/base/heap_pool.h"
#include "models/host/ip_host.h"
#include "models/wire/arp.h"
#include "models/wire/ip_scope.h"
#include "tests/fuzz/target.h"

using namespace twinpath;

namespace {

const MacAddress kMac = MacAddress::from_u64(0x020000000001);
const IpAddress kOurs = *IpAddress::parse("2001:db8::1");
constexpr Ipv4Address kOurs4(0xc6120001);
constexpr std::uint32_t kEntriesMax = 8;

HostConfig config() {
  HostConfig made;
  made.interfaces = {
      {.mac = kMac,
       .addresses = {*IpPrefix::parse("198.18.0.1/24"), *IpPrefix::parse("2001:db8::1/64")}}};
  made.arp_entries_max = kEntriesMax;
  made.arp_queue_frames = 4;
  return made;
}

struct Record {
  std::uint8_t what;
  std::uint8_t wait;
  std::uint8_t neighbour;
  std::uint8_t variant;
};

IpAddress address_of(const Record& record) {
  const std::uint64_t number = record.neighbour % 32;  // 1 is our own
  if (record.what % 2 == 0) return Ipv4Address(0xc6120000 + static_cast<std::uint32_t>(number));
  return IpAddress::from_words({kOurs.high(), number});
}

MacAddress mac_of(const Record& record) {
  return MacAddress::from_u64(0x020000000000 + record.neighbour + (record.variant & 1U) * 256);
}

BufPtr arp_frame(HeapPool& pool, const Record& record) {
  BufPtr buf(pool.take());
  EthernetRepr{.dst = kMac, .src = mac_of(record), .ethertype = EtherType::kArp}.emit(
      buf->push_back(kEthernetHeaderLen));
  const ArpPacket packet{
      .operation = (record.variant & 2) != 0 ? ArpOperation::kReply : ArpOperation::kRequest,
      .sender_mac = mac_of(record),
      .sender_ip = (record.variant & 4) != 0 ? Ipv4Address() : address_of(record).v4(),
      .target_mac = MacAddress(),
      .target_ip = (record.variant & 8) != 0 ? Ipv4Address(0xc6120009) : kOurs4};
  packet.emit(buf->push_back(kArpLen));
  return buf;
}

BufPtr nd_frame(HeapPool& pool, const Record& record) {
  BufPtr buf(pool.take());
  NdMessage message;
  const bool answer = (record.variant & 2) != 0;
  message.kind = answer ? NdMessage::Kind::kAdvertisement : NdMessage::Kind::kSolicitation;
  message.target = answer ? address_of(record) : kOurs;
  message.solicited = answer && (record.variant & 4) != 0;
  message.overrides = answer && (record.variant & 8) != 0;
  if ((record.variant & 16) == 0) message.link_address = mac_of(record);
  const IpAddress source = (record.variant & 32) != 0 ? IpAddress() : address_of(record);
  const IpAddress target = (record.variant & 64) != 0 ? solicited_node(kOurs) : kOurs;
  message.emit(buf->push_back(static_cast<std::uint32_t>(message.len())), source, target);
  const Ipv6Repr header{.src = source.v6(),
                        .dst = target.v6(),
                        .protocol = IpProtocol::kIcmpv6,
                        .payload_len = message.len(),
                        .hop_limit = (record.variant & 128) != 0 ? std::uint8_t{64} : kNdHopLimit};
  header.emit(buf->push_front(kIpv6HeaderLen));
  EthernetRepr{.dst = kMac, .src = mac_of(record), .ethertype = EtherType::kIpv6}.emit(
      buf->push_front(kEthernetHeaderLen));
  return buf;
}

void drain(IpHost& host, Instant now) {
  std::array<BufPtr, kBurst> out;
  for (std::size_t rounds = 0; rounds < 1000; ++rounds) {
    if (host.poll_tx(now, 0, out) == 0) return;
  }
  CHECK(false);  // a host that never stops sending
}

// Timers until `end`; more than a few per millisecond would be a storm.
void advance(IpHost& host, Instant& now, Instant end) {
  for (std::size_t turns = 0; host.next_deadline() <= end; ++turns) {
    CHECK(turns < 100000);
    now = std::max(now, host.next_deadline());
    host.on_time(now);
    drain(host, now);
  }
  now = end;
}

}  // namespace

FUZZ_TARGET(input) {
  HeapPool pool({.bufs_max = 256});
  IpHost host(config(), TcpConfig(), pool);
  const UdpId udp = host.udp().open().id;
  const std::array<std::byte, 16> data{};
  Instant now = kStart;
  while (input.size() >= 4) {
    const Record record{load_u8(input.data()), load_u8(&input[1]), load_u8(&input[2]),
                        load_u8(&input[3])};
    input = input.subspan(4);
    advance(host, now, after(now, std::chrono::milliseconds(record.wait * 64)));
    if (record.what % 4 < 2) {
      const UdpEndpoint target{address_of(record), 9};
      host.udp().send(now, udp, &target, data);
    } else {
      BufPtr frame = record.what % 2 == 0 ? arp_frame(pool, record) : nd_frame(pool, record);
      host.on_rx(now, 0, std::span(&frame, 1));
    }
    drain(host, now);
    CHECK(host.ip().neighbours() <= kEntriesMax);
    CHECK(pool.outstanding() <= kEntriesMax * 4);
  }
  advance(host, now, after(now, std::chrono::minutes(10)));
  CHECK(host.next_deadline() == kNever && pool.outstanding() == 0);
}
