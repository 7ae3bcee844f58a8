// A whole frame as a card and a host take it: RSS, Ethernet, IP, transport, and damage by a link.
#include <algorithm>

#include "models/base/heap_pool.h"
#include "models/port/link.h"
#include "models/port/toeplitz.h"
#include "models/wire/ethernet.h"
#include "models/wire/icmpv4.h"
#include "models/wire/ipv4.h"
#include "models/wire/tcp.h"
#include "models/wire/udp.h"
#include "tests/fuzz/target.h"

using namespace twinpath;

namespace {

void parse_up(std::span<const std::byte> frame) {
  const auto ethernet = EthernetView::parse(frame);
  if (!ethernet) return;
  const auto ip = Ipv4View::parse(ethernet->payload());
  if (!ip) return;
  if (const auto tcp = TcpView::parse(ip->payload(), ip->pseudo_sum())) fuzz::touch(tcp->payload());
  if (const auto udp = UdpView::parse(ip->payload(), ip->pseudo_sum())) fuzz::touch(udp->payload());
  if (const auto icmp = Icmpv4View::parse(ip->payload())) fuzz::touch(icmp->data());
}

}  // namespace

FUZZ_TARGET(input) {
  if (input.empty() || input.size() > 1500) return;
  CHECK(rss_input(input).len <= kRssInputLenMax);
  fuzz::touch(rss_input(input).span());
  parse_up(input);
  HeapPool pool;
  LinkConfig config;
  config.faults.corrupt = 1;
  config.faults.duplicate = 1;
  LinkModel link(config, Rng(static_cast<std::uint64_t>(input[0])));
  BufPtr frame(pool.take());
  std::ranges::copy(input, frame->push_back(static_cast<std::uint32_t>(input.size())).begin());
  link.offer(kStart, std::move(frame));
  BufPtr out[2];
  CHECK(link.collect(kStart, out) == 2);
  parse_up(out[0]->bytes());
}
