// What the loops over every byte and every header cost: checksum, copy with checksum, fingerprint,
// parsing and emitting a TCP segment, one frame through a link. The numbers printed are the median
// of kRounds rounds; cycles are those of the time stamp counter.
#include <x86intrin.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <vector>

#include "models/base/heap_pool.h"
#include "models/port/fingerprint.h"
#include "models/port/link.h"
#include "models/port/toeplitz.h"
#include "models/wire/ethernet.h"
#include "models/wire/ipv4.h"
#include "models/wire/tcp.h"

namespace twinpath {
namespace {

constexpr int kRounds = 31;
constexpr int kCallsPerRound = 20'000;

// Keeps the compiler from dropping a result.
template <typename T>
void keep(const T& value) {
  asm volatile("" : : "g"(&value) : "memory");
}

template <typename Call>
double cycles_per_call(Call call) {
  std::vector<double> rounds;
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = __rdtsc();
    for (int i = 0; i < kCallsPerRound; ++i) call();
    rounds.push_back(static_cast<double>(__rdtsc() - begin) / kCallsPerRound);
  }
  std::nth_element(rounds.begin(), rounds.begin() + kRounds / 2, rounds.end());
  return rounds[kRounds / 2];
}

template <typename Call>
void print_rate(const char* name, std::size_t bytes, Call call) {
  const double cycles = cycles_per_call(call);
  std::printf("%-28s %5zu B  %8.1f cycles  %6.2f B/cycle\n", name, bytes, cycles,
              static_cast<double>(bytes) / cycles);
}

template <typename Call>
void print_cost(const char* name, Call call) {
  std::printf("%-28s          %8.1f cycles\n", name, cycles_per_call(call));
}

void bench_bytes(std::size_t len) {
  std::vector<std::byte> source(len + 64, std::byte{0x5a});
  std::vector<std::byte> target(len + 64);
  const std::span from(source.data() + 2, len);  // as behind an Ethernet header
  const std::span to(target.data() + 6, len);
  print_rate("sum_bytes", len, [&] { keep(sum_bytes(from)); });
  print_rate("copy_and_sum", len, [&] { keep(copy_and_sum(to, from)); });
  print_rate("memcpy then sum_bytes", len, [&] {
    std::memcpy(to.data(), from.data(), len);
    keep(sum_bytes(to));
  });
  print_rate("hash_bytes", len, [&] { keep(hash_bytes(from)); });
}

std::vector<std::byte> tcp_frame(std::size_t payload_len) {
  TcpRepr tcp;
  tcp.flags = kAck;
  tcp.options.timestamps = TcpTimestamps{TsVal(1), TsVal(2)};
  Ipv4Repr ip;
  ip.payload_len = tcp.header_len() + payload_len;
  std::vector<std::byte> frame(kEthernetHeaderLen + ip.total_len());
  EthernetRepr().emit(frame);
  ip.emit(std::span(frame).subspan(kEthernetHeaderLen));
  const auto segment = std::span(frame).subspan(kEthernetHeaderLen + kIpv4HeaderLen);
  InetSum rest = ip.pseudo_sum();
  rest.add_bytes(segment.subspan(tcp.header_len()));
  tcp.emit(segment, rest);
  return frame;
}

std::uint32_t parse_all(std::span<const std::byte> frame) {
  const auto ethernet = EthernetView::parse(frame);
  if (!ethernet) return 0;
  const auto ip = Ipv4View::parse(ethernet->payload());
  if (!ip) return 0;
  const auto tcp = TcpView::parse(ip->payload(), ip->pseudo_sum());
  return tcp ? tcp->seq().value() + tcp->options().timestamps->value.value() : 0;
}

void bench_headers() {
  const auto ack = tcp_frame(0);
  const auto data = tcp_frame(1448);
  print_cost("parse Ethernet+IPv4+TCP ack", [&] { keep(parse_all(ack)); });
  print_cost("parse the same + 1448 B", [&] { keep(parse_all(data)); });
  TcpRepr tcp;
  tcp.flags = kAck;
  tcp.options.timestamps = TcpTimestamps{TsVal(1), TsVal(2)};
  Ipv4Repr ip;
  ip.payload_len = tcp.header_len();
  std::vector<std::byte> frame(100);
  print_cost("emit Ethernet+IPv4+TCP", [&] {
    EthernetRepr().emit(frame);
    ip.emit(std::span(frame).subspan(kEthernetHeaderLen));
    tcp.emit(std::span(frame).subspan(kEthernetHeaderLen + kIpv4HeaderLen), ip.pseudo_sum());
    keep(frame[50]);
  });
  const ToeplitzHash hash;
  print_cost("RSS hash of a frame", [&] { keep(hash(rss_input(ack).span())); });
}

void bench_link(const char* name, const LinkConfig& config) {
  HeapPool pool;
  LinkModel link(config, Rng(1));
  Instant now = kStart;
  print_cost(name, [&] {
    BufPtr frame(pool.take());
    frame->push_back(1500);
    now += Duration(12'000);
    link.offer(now, std::move(frame));
    BufPtr out[4];
    keep(link.collect(now, out));
  });
}

}  // namespace
}  // namespace twinpath

int main() {
  for (const std::size_t len : {20u, 64u, 536u, 1448u, 8948u}) twinpath::bench_bytes(len);
  twinpath::bench_headers();
  twinpath::LinkConfig link;
  link.rate_bps = 1'000'000'000;
  link.delay = twinpath::Duration(100'000);
  twinpath::bench_link("link: take, offer, collect", link);
  link.faults.loss = 0.01;
  twinpath::bench_link("link with 1 % loss", link);
  return 0;
}
