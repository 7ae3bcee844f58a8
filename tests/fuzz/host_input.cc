// Frames into a live host with a web server, a datagram echo and a client under way: whatever
// arrives, the answers stay within their limits and every buffer comes home.
//
// Input: records of {milliseconds to wait, length, bytes}. The link address, the target address and
// the checksums of IP, UDP and TCP are made right (the device says it verified them), so that what
// comes through is not only what guesses a checksum.
#include <algorithm>
#include <array>

#include "models/app/app_host.h"
#include "models/app/http_get.h"
#include "models/app/http_server.h"
#include "models/app/udp_apps.h"
#include "models/base/heap_pool.h"
#include "models/wire/ethernet.h"
#include "tests/fuzz/target.h"

using namespace twinpath;

namespace {

const MacAddress kMac = MacAddress::from_u64(0x020000000001);
const Ipv4Address kAddress(0xc6120001);
const IpAddress kAddress6 = *IpAddress::parse("2001:db8::1");
constexpr std::size_t kFrameBytesMax = 1514;

HostConfig config() {
  HostConfig made;
  made.interfaces = {
      {.mac = kMac, .addresses = {Ipv4Prefix(kAddress, 24), *IpPrefix::parse("2001:db8::1/64")}}};
  made.reassembly_bytes_max = 65536;
  made.arp_entries_max = 8;
  return made;
}

BufPtr frame_of(HeapPool& pool, std::span<const std::byte> bytes) {
  BufPtr buf(pool.take());
  if (buf == nullptr) return buf;
  std::ranges::copy(bytes, buf->push_back(static_cast<std::uint32_t>(bytes.size())).begin());
  buf->flags = kChecksumVerified;
  if (bytes.size() >= kEthernetHeaderLen && (bytes[0] & std::byte{1}) == std::byte{0}) {
    kMac.store(buf->data());
  }
  constexpr std::size_t kTargetOffset = kEthernetHeaderLen + 16;
  if (bytes.size() >= kTargetOffset + 4 && load_be16(buf->data() + 12) == 0x0800) {
    kAddress.store(buf->data() + kTargetOffset);
  }
  constexpr std::size_t kTarget6Offset = kEthernetHeaderLen + 24;
  if (bytes.size() >= kTarget6Offset + 16 && load_be16(buf->data() + 12) == 0x86dd &&
      bytes[kTarget6Offset] != std::byte{0xff}) {
    kAddress6.v6().store(buf->data() + kTarget6Offset);
  }
  return buf;
}

void drain(AppHost& host, Instant now) {
  std::array<BufPtr, kBurst> out;
  for (std::size_t rounds = 0; rounds < 1000; ++rounds) {
    if (host.poll_tx(now, 0, out) == 0) return;
  }
  CHECK(false);  // a host that never stops sending
}

}  // namespace

FUZZ_TARGET(input) {
  HeapPool pool({.bufs_max = 256});
  AppHost host(config(), TcpConfig{.receive_buffer_bytes = 65536}, pool);
  host.add<HttpServer>("web", kStart, HttpServerConfig());
  host.add<UdpEchoServer>("echo", kStart, UdpEchoServerConfig());
  host.add<HttpGet>("get", kStart, HttpGetConfig{.to = Ipv4Address(0xc6120002)});
  Instant now = kStart;
  host.on_time(now);
  while (input.size() >= 3) {
    now = now + std::chrono::milliseconds(load_u8(input.data()));
    const std::size_t wanted = load_be16(input.data() + 1) % (kFrameBytesMax + 1);
    const auto bytes = input.subspan(3, std::min(wanted, input.size() - 3));
    input = input.subspan(3 + bytes.size());
    if (BufPtr frame = frame_of(pool, bytes)) host.on_rx(now, 0, std::span(&frame, 1));
    host.on_time(now);
    drain(host, now);
  }
  CHECK(host.ip().ip().neighbours() <= 8);
}
