// ICMP errors of both versions about real packets of a host with a connection under way: whatever
// they say, no path gets narrower than the standards allow, nothing is answered by an error, and an
// established connection lives (RFC 5927).
//
// Input: records {which packet is quoted, where a byte of it changes, the change, error} followed
// by two bytes of MTU.
#include <array>
#include <vector>

#include "models/app/app_host.h"
#include "models/app/bulk.h"
#include "models/base/heap_pool.h"
#include "models/wire/ethernet.h"
#include "tests/fuzz/target.h"

using namespace twinpath;

namespace {

using Bytes = std::vector<std::byte>;
constexpr std::size_t kPacketsMax = 64;
constexpr std::size_t kErrorsMax = 64;         // of one input
constexpr std::uint32_t kBufferBytes = 16384;  // what a turn carries at most

HostConfig config(std::uint64_t number) {
  HostConfig made;
  const std::string end = std::to_string(number);
  made.interfaces = {{.mac = MacAddress::from_u64(0x020000000000 + number),
                      .addresses = {*IpPrefix::parse("198.18.0." + end + "/24"),
                                    *IpPrefix::parse("2001:db8::" + end + "/64")}}};
  return made;
}

TcpConfig slow() {
  TcpConfig made;
  made.send_buffer_bytes = made.receive_buffer_bytes = kBufferBytes;
  return made;
}

struct World {
  explicit World(const IpAddress& to) {
    server.add<BulkSink>("sink", kStart, BulkSinkConfig());
    client.add<Bulk>("bulk", kStart, BulkConfig{.size_bytes = 0, .to = to});
    client.on_time(now);
    server.on_time(now);
    for (int i = 0; i < 20; ++i) turn();
  }
  void carry(AppHost& from, AppHost& to, bool keep) {
    std::array<BufPtr, kBurst> out;
    const std::size_t count = from.poll_tx(now, 0, out);
    for (std::size_t i = 0; keep && i < count && packets.size() < kPacketsMax; ++i) {
      packets.emplace_back(out[i]->bytes().begin() + kEthernetHeaderLen, out[i]->bytes().end());
    }
    if (count > 0) to.on_rx(now, 0, std::span(out).first(count));
  }
  void turn() {
    now = after(now, std::chrono::milliseconds(1));
    client.on_time(now);
    server.on_time(now);
    carry(client, server, true);
    carry(server, client, false);
  }

  HeapPool pool;
  AppHost client{config(1), slow(), pool};
  AppHost server{config(2), slow(), pool};
  std::vector<Bytes> packets;  // the client's
  Instant now = kStart;
};

BufPtr error_frame(World& world, const Bytes& quoted, std::span<const std::byte> record) {
  BufPtr buf(world.pool.take());
  const std::uint8_t what = load_u8(&record[3]);
  const std::uint16_t mtu = load_be16(&record[4]);
  const bool v4 = load_u8(quoted.data()) >> 4 == 4;
  EtherType type = v4 ? EtherType::kIpv4 : EtherType::kIpv6;
  if (v4) {
    Icmpv4Repr message = Icmpv4Repr::fragmentation_needed(mtu, quoted);
    if (what % 2 == 1) message = Icmpv4Repr::unreachable(UnreachableCode(what / 2 % 16), quoted);
    message.emit(buf->push_back(static_cast<std::uint32_t>(message.len())));
    const Ipv4Repr ip{.src = Ipv4Address(0xc6120002),
                      .dst = Ipv4Address(0xc6120001),
                      .protocol = IpProtocol::kIcmp,
                      .payload_len = message.len()};
    ip.emit(buf->push_front(kIpv4HeaderLen));
  } else {
    const IpAddress from = *IpAddress::parse("2001:db8::2");
    const IpAddress to = *IpAddress::parse("2001:db8::1");
    const auto kind = static_cast<Icmpv6Type>(what % 4 + 1);
    auto message = Icmpv6Repr::error(kind, what / 4 % 8, quoted);
    message.word = mtu;
    message.emit(buf->push_back(static_cast<std::uint32_t>(message.len())), from, to);
    const Ipv6Repr ip{.src = from.v6(),
                      .dst = to.v6(),
                      .protocol = IpProtocol::kIcmpv6,
                      .payload_len = message.len()};
    ip.emit(buf->push_front(kIpv6HeaderLen));
  }
  EthernetRepr{.dst = MacAddress::from_u64(0x020000000001),
               .src = MacAddress::from_u64(0x020000000002),
               .ethertype = type}
      .emit(buf->push_front(kEthernetHeaderLen));
  return buf;
}

void attack(const IpAddress& to, std::span<const std::byte> input) {
  World world(to);
  const std::uint32_t least = to.is_v4() ? 552 : 1280;
  for (std::size_t i = 0; i < kErrorsMax && input.size() >= 6; ++i) {
    Bytes quoted = world.packets[load_u8(input.data()) % world.packets.size()];
    const std::size_t at = load_u8(&input[1]) % std::min<std::size_t>(quoted.size(), 80);
    quoted[at] ^= input[2];
    const std::uint64_t errors_before = world.client.ip().counters().icmp_errors_out;
    BufPtr frame = error_frame(world, quoted, input);
    world.client.on_rx(world.now, 0, std::span(&frame, 1));
    CHECK(world.client.ip().counters().icmp_errors_out == errors_before);
    CHECK(world.client.ip().ip().mtu_bytes(world.now, to) >= least);
    input = input.subspan(6);
    world.turn();
  }
  CHECK(world.client.ip().tcp().connections() == 1);
}

}  // namespace

FUZZ_TARGET(input) {
  if (input.empty()) return;
  const bool v6 = (input[0] & std::byte{1}) != std::byte{0};
  attack(*IpAddress::parse(v6 ? "2001:db8::2" : "198.18.0.2"), input.subspan(1));
}
