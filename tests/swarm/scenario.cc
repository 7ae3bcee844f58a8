// Worlds from seeds. Limits go down to what still has to work, never below: what is refused by
// validate() is not a world.
#include "tests/swarm/scenario.h"

#include <algorithm>
#include <sstream>

namespace twinpath::swarm {

namespace {

constexpr std::uint64_t kMicrosecond = 1000;
constexpr std::uint64_t kMillisecond = 1000000;
constexpr std::uint64_t kSecond = 1000000000;

TcpConfig make_tcp(Dice& dice) {
  TcpConfig tcp;
  tcp.mss_bytes = static_cast<std::uint32_t>(dice.percent(70) ? 1460 : dice.scaled({88, 1460}));
  tcp.initial_window_segments = static_cast<std::uint32_t>(dice.pick({1, 2, 10, 64}));
  tcp.send_buffer_bytes = static_cast<std::uint32_t>(dice.scaled({2048, 1 << 20}));
  tcp.receive_buffer_bytes = static_cast<std::uint32_t>(dice.scaled({2048, 1 << 20}));
  tcp.congestion = dice.pick({CongestionKind::kReno, CongestionKind::kCubic, CongestionKind::kDctcp,
                              CongestionKind::kBbr});
  tcp.pacing = dice.pick({PacingMode::kOff, PacingMode::kOn, PacingMode::kAuto});
  tcp.ecn = dice.pick({EcnMode::kOff, EcnMode::kAccept, EcnMode::kRequest});
  tcp.delayed_ack = dice.pick({Duration(0), Duration(40000000), Duration(200000000)});
  tcp.nagle = dice.percent(50);
  tcp.timestamps = dice.percent(70);
  tcp.window_scaling = dice.percent(70);
  tcp.sack = dice.percent(50);
  tcp.slow_start_after_idle = dice.percent(50);
  tcp.rto_min = dice.time({10 * kMillisecond, kSecond});
  tcp.rto_initial = dice.time({100 * kMillisecond, 3 * kSecond});
  tcp.rto_max = dice.time({5 * kSecond, 60 * kSecond});
  tcp.rto_initial = std::min(tcp.rto_initial, tcp.rto_max);
  tcp.msl = dice.time({10 * kMillisecond, 30 * kSecond});
  // The fault phase is shorter than any patience, so giving up is always a bug.
  tcp.syn_retries = tcp.syn_ack_retries = 30;
  tcp.retries2 = 60;
  tcp.out_of_order_slices_max = static_cast<std::uint32_t>(dice.scaled({1, 1024}));
  return tcp;
}

SwarmHost make_host(Dice& dice, std::size_t index) {
  SwarmHost host;
  host.config.name = "h" + std::to_string(index);
  host.config.seed = dice.seed();
  host.config.publisher = static_cast<std::uint16_t>(index);
  host.config.tx_queue_frames = static_cast<std::uint32_t>(dice.scaled({2, 256}));
  host.config.arp_entries_max = static_cast<std::uint32_t>(dice.scaled({4, 512}));
  host.config.arp_queue_frames = static_cast<std::uint32_t>(dice.scaled({1, 32}));
  host.config.arp_attempts = 100;
  host.config.arp_interval = dice.time({10 * kMillisecond, kSecond});
  host.config.arp_reachable = dice.time({100 * kMillisecond, 60 * kSecond});
  host.config.stream_chunk_bytes = static_cast<std::uint32_t>(dice.scaled({64, 16384}));
  host.config.stream_chunks_max = static_cast<std::uint32_t>(dice.scaled({16, 4096}));
  host.tcp = make_tcp(dice);
  return host;
}

FaultConfig make_faults(Dice& dice) {
  FaultConfig faults;
  const auto fraction = [&dice](std::uint64_t most) {
    return static_cast<double>(dice.scaled({1, most})) / 1000;
  };
  if (dice.percent(40)) faults.loss = fraction(200);
  if (dice.percent(20)) faults.burst_enter = fraction(50);
  if (dice.percent(30)) faults.corrupt = fraction(100);
  if (dice.percent(30)) faults.duplicate = fraction(300);
  if (dice.percent(30)) faults.reorder = fraction(300);
  faults.reorder_frames = static_cast<std::uint32_t>(dice.uniform({1, 20}));
  faults.reorder_hold = dice.time({kMillisecond, 100 * kMillisecond});
  return faults;
}

SwarmLink make_link(Dice& dice, Instant healed) {
  SwarmLink link;
  link.config.rate_bps = dice.percent(30) ? 0 : dice.scaled({1000000, 10000000000});
  if (dice.percent(80)) link.config.delay = dice.time({kMicrosecond, 100 * kMillisecond});
  if (dice.percent(30)) link.config.jitter = dice.time({kMicrosecond, 20 * kMillisecond});
  link.config.queue_bytes = dice.scaled({3000, 1 << 20});
  if (dice.percent(30)) link.config.ecn_threshold_bytes = dice.scaled({1000, 1 << 18});
  link.config.faults = make_faults(dice);
  while (dice.percent(25) && link.outages.size() < 3) {
    const auto end = static_cast<std::uint64_t>(to_ns(healed));
    const auto from = static_cast<std::int64_t>(dice.uniform({0, end - 1}));
    const Instant until = after(at_ns(from), dice.time({kMillisecond, kSecond}));
    link.outages.push_back({at_ns(from), std::min(until, healed)});
  }
  return link;
}

// A random tree: each host hangs on one before it; each link is a net of its own.
void join_hosts(Dice& dice, Scenario& scenario) {
  for (std::size_t index = 1; index < scenario.hosts.size(); ++index) {
    SwarmLink link = make_link(dice, scenario.healed);
    link.a = dice.uniform({0, index - 1});
    link.b = index;
    const auto net = static_cast<std::uint32_t>(0xc6120000 | index << 8);
    for (std::size_t end : {link.a, link.b}) {
      HostConfig& config = scenario.hosts[end].config;
      const auto port = static_cast<PortId>(config.interfaces.size());
      (end == link.a ? link.port_a : link.port_b) = port;
      InterfaceConfig interface;
      interface.mac = MacAddress::from_u64(0x020000000000 | end << 8 | port);
      interface.addresses = {Ipv4Prefix(Ipv4Address(net | (end == link.a ? 1U : 2U)), 24)};
      config.interfaces.push_back(interface);
    }
    scenario.links.push_back(link);
  }
}

void make_moody(Dice& dice, SwarmFlow& flow) {
  flow.moody = {.to = flow.server_address,
                .port = flow.port,
                .bytes = flow.bytes,
                .write_max = static_cast<std::uint32_t>(dice.scaled({1, 20000})),
                .pause_max = dice.time({kMicrosecond, 20 * kMillisecond}),
                .walks_away = dice.percent(20)};
  // Keep byte-sized dealings short: they cost a thousand times more per byte.
  const auto smallest = std::min<std::uint64_t>(flow.moody.write_max, 1000);
  flow.moody.bytes = std::min(flow.bytes, 200 * smallest);
  flow.slow = {.port = flow.port,
               .read_max = static_cast<std::uint32_t>(dice.scaled({1, 20000})),
               .pause_max = dice.time({kMicrosecond, 20 * kMillisecond})};
  flow.moody.bytes = std::min<std::uint64_t>(flow.moody.bytes, 500 * flow.slow.read_max);
}

SwarmFlow make_flow(Dice& dice, const Scenario& scenario, std::size_t index) {
  const SwarmLink& link = scenario.links[dice.uniform({0, scenario.links.size() - 1})];
  const bool forward = dice.percent(50);
  SwarmFlow flow;
  flow.traffic = static_cast<Traffic>(dice.uniform({0, kTraffics - 1}));
  flow.client = forward ? link.a : link.b;
  flow.server = forward ? link.b : link.a;
  const PortId server_port = forward ? link.port_b : link.port_a;
  flow.server_address =
      scenario.hosts[flow.server].config.interfaces[server_port].addresses[0].address();
  flow.port = static_cast<std::uint16_t>(1000 + index);
  flow.start = at_ns(static_cast<std::int64_t>(dice.uniform({0, kSecond})));
  flow.bytes = dice.percent(5) ? 0 : dice.scaled({1, 600000});
  make_moody(dice, flow);
  flow.requests = {
      .request_bytes = static_cast<std::uint32_t>(dice.scaled({8, 4000})),
      .response_bytes = static_cast<std::uint32_t>(dice.scaled({1, 8000})),
      .think = dice.percent(50) ? Duration(0) : dice.time({kMicrosecond, 50 * kMillisecond}),
      .connections = static_cast<std::uint32_t>(dice.uniform({1, 4})),
      .requests = dice.uniform({1, 20}),
      .per_connection = static_cast<std::uint32_t>(dice.pick({0, 0, 1, 3})),
      .rate_per_s = dice.percent(30) ? 50.0 : 0.0,
      .port = flow.port,
      .to = flow.server_address};
  flow.echo = {.size_bytes = static_cast<std::uint32_t>(dice.scaled({8, 1400})),
               .count = dice.uniform({1, 30}),
               .interval = dice.time({kMicrosecond, 50 * kMillisecond}),
               .port = flow.port,
               .to = flow.server_address};
  flow.http = {.size_bytes = flow.bytes,
               .requests = static_cast<std::uint32_t>(dice.uniform({1, 3})),
               .keep_alive = dice.percent(70),
               .port = flow.port,
               .path = dice.percent(70) ? "/bytes/" : "/chunked/",
               .to = flow.server_address};
  return flow;
}

// Enough that nobody can hold everything: the pieces out of order of every connection, and some.
void make_pool(Dice& dice, Scenario& scenario) {
  scenario.shared_pool = dice.percent(50);
  if (dice.percent(50)) return;
  constexpr std::uint32_t kConnectionsMax = 4;  // of one flow
  for (SwarmHost& host : scenario.hosts) {
    host.tcp.out_of_order_slices_max = static_cast<std::uint32_t>(dice.uniform({1, 4}));
  }
  const auto connections = static_cast<std::uint32_t>(kConnectionsMax * scenario.flows.size());
  scenario.pool.bufs_max = 32 + 8 * connections;
}

}  // namespace

Scenario make_scenario(std::uint64_t seed) {
  Dice dice(Rng(seed).fork("swarm"));
  Scenario scenario;
  scenario.seed = seed;
  scenario.healed = at_ns(static_cast<std::int64_t>(dice.scaled({kSecond, 6 * kSecond})));
  const std::size_t hosts = dice.percent(60) ? 2 : dice.uniform({3, 5});
  for (std::size_t i = 0; i < hosts; ++i) scenario.hosts.push_back(make_host(dice, i));
  join_hosts(dice, scenario);
  const std::size_t flows = dice.uniform({1, 4});
  for (std::size_t i = 0; i < flows; ++i) {
    scenario.flows.push_back(make_flow(dice, scenario, i));
  }
  make_pool(dice, scenario);
  return scenario;
}

Scenario with_room(Scenario scenario) {
  scenario.pool = HeapPoolOptions();
  for (SwarmHost& host : scenario.hosts) {
    host.config.stream_chunk_bytes = HostConfig().stream_chunk_bytes;
    host.config.stream_chunks_max = HostConfig().stream_chunks_max;
  }
  return scenario;
}

Scenario with_moves(Scenario scenario) {
  constexpr std::uint64_t kMovesMax = 4000;
  constexpr std::uint64_t kAfterStart = 5 * kSecond;
  Dice dice(Rng(scenario.seed).fork("swarm.moves"));
  const std::uint64_t moves = dice.scaled({1, kMovesMax});
  for (std::uint64_t i = 0; i < moves; ++i) {
    // The moments soon after a start are the busy ones.
    const SwarmFlow& flow = scenario.flows[dice.uniform({0, scenario.flows.size() - 1})];
    const Instant at = after(flow.start, dice.time({kMicrosecond, kAfterStart}));
    scenario.moves.push_back({at, dice.percent(50) ? flow.client : flow.server, dice.seed()});
  }
  return scenario;
}

Scenario with_adversary(Scenario scenario) {
  Dice dice(Rng(scenario.seed).fork("swarm.adversary"));
  scenario = with_room(std::move(scenario));
  scenario.adversary.percent = static_cast<unsigned>(dice.scaled({1, 60}));
  scenario.adversary.may_reset = dice.percent(25);
  for (SwarmHost& host : scenario.hosts) {
    host.tcp.out_of_order_slices_max = TcpConfig().out_of_order_slices_max;
    host.tcp.syn_backlog_max = static_cast<std::uint32_t>(dice.scaled({8, 512}));
    host.tcp.black_hole_detection = dice.percent(30);
    host.tcp.minshall = dice.percent(30);
    host.tcp.quick_acks = static_cast<std::uint32_t>(dice.pick({0, 16}));
    // Who was reset unheard is missed by the other side.
    host.tcp.keepalive = scenario.adversary.may_reset;
    host.tcp.keepalive_idle = std::chrono::seconds(10);
    host.tcp.keepalive_interval = std::chrono::seconds(5);
    // Both clocks about to wrap.
    if (dice.percent(50)) {
      host.tcp.initial_sequence = 0U - static_cast<std::uint32_t>(dice.scaled({1, 1 << 20}));
    }
    if (dice.percent(50)) {
      host.tcp.initial_timestamp = 0U - static_cast<std::uint32_t>(dice.scaled({1, 20000}));
    }
  }
  return scenario;
}

std::string describe(const Scenario& scenario) {
  constexpr const char* kNames[kTraffics] = {"bulk", "http", "requests", "moody", "echo"};
  std::ostringstream text;
  text << scenario.hosts.size() << " hosts, healed at " << to_ns(scenario.healed) << " ns, pool "
       << scenario.pool.bufs_max << (scenario.shared_pool ? " shared" : " each") << "\n";
  for (const SwarmHost& host : scenario.hosts) {
    text << "  " << host.config.name << ": mss " << host.tcp.mss_bytes << " buffers "
         << host.tcp.send_buffer_bytes << "/" << host.tcp.receive_buffer_bytes << " nagle "
         << host.tcp.nagle << " ts " << host.tcp.timestamps << " ws " << host.tcp.window_scaling
         << " ooo " << host.tcp.out_of_order_slices_max << " chunks "
         << host.config.stream_chunks_max << "x" << host.config.stream_chunk_bytes << "\n";
  }
  for (const SwarmLink& link : scenario.links) {
    const FaultConfig& faults = link.config.faults;
    text << "  h" << link.a << "-h" << link.b << ": " << link.config.rate_bps << " bit/s, "
         << link.config.delay.count() << " ns, queue " << link.config.queue_bytes << ", loss "
         << faults.loss << " corrupt " << faults.corrupt << " duplicate " << faults.duplicate
         << " reorder " << faults.reorder << " outages " << link.outages.size() << "\n";
  }
  for (const SwarmFlow& flow : scenario.flows) {
    text << "  " << kNames[static_cast<std::size_t>(flow.traffic)] << " h" << flow.client << "->h"
         << flow.server << " port " << flow.port << " bytes " << flow.bytes << "\n";
  }
  return text.str();
}

}  // namespace twinpath::swarm
