// One bulk TCP flow in ns-3, segments per CPU second: our stack on a direct link, with real
// payload, checksums and the run's fingerprint, against ns-3's TcpSocketBase with BulkSend and
// PacketSink. Both sides: 10 us one way, CUBIC, timestamps, delayed acknowledgements of two
// segments, 1448 bytes of payload per segment, queues that hold a whole window, pcap off.
//   bench_sim_bulk --side ours|peer --point 10G|1G|10G-p2p [--segments N]
#include <ns3/bulk-send-helper.h>
#include <ns3/config.h>
#include <ns3/data-rate.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4-address-helper.h>
#include <ns3/ipv4-interface-container.h>
#include <ns3/object-factory.h>
#include <ns3/packet-sink-helper.h>
#include <ns3/packet-sink.h>
#include <ns3/point-to-point-helper.h>
#include <ns3/point-to-point-net-device.h>
#include <ns3/simulator.h>
#include <ns3/string.h>
#include <ns3/tcp-socket-base.h>
#include <ns3/traffic-control-helper.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "models/app/bulk.h"
#include "sim/sim_time.h"
#include "sim/twinpath_helper.h"

namespace {

using namespace twinpath;

constexpr std::uint32_t kPayloadBytes = 1448;
constexpr std::uint16_t kPort = 5001;

struct Trial {
  std::string side = "ours";
  std::string point = "10G";
  std::uint64_t segments = 0;  // 0: enough for a second or two
  [[nodiscard]] bool fast() const { return point != "1G"; }
  [[nodiscard]] std::uint64_t rate_bps() const { return fast() ? 10'000'000'000 : 1'000'000'000; }
  [[nodiscard]] std::uint32_t buffer_bytes() const { return fast() ? 1'000'000 : 128'000; }
  [[nodiscard]] std::uint64_t work() const {
    if (segments != 0) return segments;
    return side == "ours" ? 1'200'000 : 60'000;
  }
  // Until when the flow, in model time, has moved that many segments at full rate.
  [[nodiscard]] Duration time() const {
    const std::uint64_t bits = work() * (kPayloadBytes + 66) * 8;
    return Duration(static_cast<std::int64_t>(bits * 1'000'000'000 / rate_bps()));
  }
};

double cpu_s() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

struct Result {
  std::uint64_t bytes = 0;
  double cpu_s = 0;
};

Result run_for(Duration time) {
  const double before = cpu_s();
  ns3::Simulator::Stop(sim::to_ns3_time(time));
  ns3::Simulator::Run();
  return {0, cpu_s() - before};
}

ns3::NetDeviceContainer point_to_point(const Trial& trial, const ns3::NodeContainer& nodes) {
  ns3::PointToPointHelper helper;
  helper.SetDeviceAttribute("DataRate", ns3::DataRateValue(ns3::DataRate(trial.rate_bps())));
  helper.SetChannelAttribute("Delay", ns3::StringValue("10us"));
  helper.SetQueue("ns3::DropTailQueue", "MaxSize", ns3::StringValue("4000p"));
  return helper.Install(nodes);
}

Result run_peer(const Trial& trial) {
  const auto set = [](const char* name, const ns3::AttributeValue& value) {
    if (!ns3::Config::SetDefaultFailSafe(name, value)) std::exit(4);
  };
  set("ns3::TcpSocket::SegmentSize", ns3::UintegerValue(kPayloadBytes));
  set("ns3::TcpSocket::SndBufSize", ns3::UintegerValue(trial.buffer_bytes()));
  set("ns3::TcpSocket::RcvBufSize", ns3::UintegerValue(trial.buffer_bytes()));
  set("ns3::TcpSocket::DelAckCount", ns3::UintegerValue(2));
  set("ns3::TcpSocket::DelAckTimeout", ns3::TimeValue(ns3::MilliSeconds(40)));
  set("ns3::TcpSocket::InitialCwnd", ns3::UintegerValue(10));
  set("ns3::TcpL4Protocol::SocketType", ns3::StringValue("ns3::TcpCubic"));
  ns3::NodeContainer nodes(2);
  ns3::InternetStackHelper internet;
  internet.SetIpv6StackInstall(false);
  internet.Install(nodes);
  const auto devices = point_to_point(trial, nodes);
  const auto interfaces = ns3::Ipv4AddressHelper("198.18.0.0", "255.255.255.0").Assign(devices);
  ns3::TrafficControlHelper::Default().Uninstall(devices);  // work that ours does not do
  const ns3::InetSocketAddress target(interfaces.GetAddress(1), kPort);
  ns3::PacketSinkHelper sink("ns3::TcpSocketFactory", target);
  const auto sinks = sink.Install(nodes.Get(1));
  ns3::BulkSendHelper source("ns3::TcpSocketFactory", target);
  source.SetAttribute("SendSize", ns3::UintegerValue(kPayloadBytes));
  source.Install(nodes.Get(0));
  Result result = run_for(trial.time());
  result.bytes = ns3::DynamicCast<ns3::PacketSink>(sinks.Get(0))->GetTotalRx();
  ns3::Simulator::Destroy();
  return result;
}

ns3::Ptr<sim::TwinpathHost> make_host(const Trial& trial) {
  const auto host = ns3::CreateObject<sim::TwinpathHost>();
  host->config().mss_bytes = 1460;  // 1448 of payload behind the timestamps
  host->config().send_buffer_bytes = trial.buffer_bytes();
  host->config().receive_buffer_bytes = trial.buffer_bytes();
  return host;
}

void join_directly(const Trial& trial, const ns3::Ptr<sim::TwinpathHost>& a,
                   const ns3::Ptr<sim::TwinpathHost>& b) {
  const LinkConfig config{.rate_bps = trial.rate_bps(),
                          .delay = std::chrono::microseconds(10),
                          .queue_bytes = 6'000'000};
  sim::DirectLink link({.from_a = config, .from_b = config}, Rng(1));
  const ns3::Ptr<sim::TwinpathHost> hosts[] = {a, b};
  for (std::size_t end = 0; end < 2; ++end) {
    InterfaceConfig interface;
    interface.mac = MacAddress::from_u64(0x020000000001 + end);
    interface.addresses = {
        Ipv4Prefix(Ipv4Address(static_cast<std::uint32_t>(0xc6120001 + end)), 24)};
    hosts[end]->add_interface(interface, link.end(end));
  }
}

void join_by_devices(const Trial& trial, const ns3::Ptr<sim::TwinpathHost>& a,
                     const ns3::Ptr<sim::TwinpathHost>& b) {
  ns3::NodeContainer nodes(2);
  const auto devices = point_to_point(trial, nodes);
  nodes.Get(0)->AggregateObject(a);
  nodes.Get(1)->AggregateObject(b);
  a->add_interface(devices.Get(0), {*Ipv4Prefix::parse("198.18.0.1/24")});
  b->add_interface(devices.Get(1), {*Ipv4Prefix::parse("198.18.0.2/24")});
}

Result run_ours(const Trial& trial) {
  ns3::Simulator::SetScheduler(ns3::ObjectFactory("ns3::PriorityQueueScheduler"));
  const auto a = make_host(trial);
  const auto b = make_host(trial);
  if (trial.point == "10G-p2p") {
    join_by_devices(trial, a, b);
  } else {
    join_directly(trial, a, b);
  }
  BulkSinkConfig sink_config;
  sink_config.port = kPort;
  sink_config.verify = false;
  const BulkSink& sink = b->apps().add<BulkSink>("b/app0", kStart, sink_config);
  BulkConfig config;
  config.port = kPort;
  config.to = Ipv4Address(0xc6120002);
  a->apps().add<Bulk>("a/app0", kStart, config);
  Result result = run_for(trial.time());
  result.bytes = sink.totals().bytes;
  a->Dispose();
  b->Dispose();
  ns3::Simulator::Destroy();
  return result;
}

Trial parse(int argc, char** argv) {
  Trial trial;
  for (int index = 1; index + 1 < argc; index += 2) {
    if (std::strcmp(argv[index], "--side") == 0) trial.side = argv[index + 1];
    if (std::strcmp(argv[index], "--point") == 0) trial.point = argv[index + 1];
    if (std::strcmp(argv[index], "--segments") == 0) {
      trial.segments = std::strtoull(argv[index + 1], nullptr, 10);
    }
  }
  return trial;
}

}  // namespace

int main(int argc, char** argv) {
  const Trial trial = parse(argc, argv);
  const Result result = trial.side == "ours" ? run_ours(trial) : run_peer(trial);
  const std::uint64_t segments = result.bytes / kPayloadBytes;
  if (segments < trial.work() / 2) {
    std::fprintf(stderr, "only %llu segments arrived\n", static_cast<unsigned long long>(segments));
    return 1;
  }
  std::printf("{\"work\":%llu,\"cpu_s\":%.6f,\"offloads\":\"none\"}\n",
              static_cast<unsigned long long>(segments), result.cpu_s);
  return 0;
}
