// A thousand TCP flows over a dumbbell in ns-3, segments per CPU second: our stack on direct links
// and switches against ns3::TcpSocketBase on point-to-point links and routers. Both sides: ten
// hosts on either side, 10 Gb/s everywhere, 7 ms one way, 128 kB buffers, a bottleneck queue of one
// bandwidth-delay product, CUBIC, timestamps, delayed acknowledgements, 1448 bytes per segment;
// ours with real payload, checksums and fingerprints. Point `memory`: heap bytes of a flow that is
// open and idle, both of its ends together.
//   bench_sim_flows --side ours|peer --point 1000|memory
#include <malloc.h>
#include <ns3/bulk-send-helper.h>
#include <ns3/config.h>
#include <ns3/global-value.h>
#include <ns3/inet-socket-address.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4-address-helper.h>
#include <ns3/ipv4-global-routing-helper.h>
#include <ns3/object-factory.h>
#include <ns3/packet-sink-helper.h>
#include <ns3/packet-sink.h>
#include <ns3/point-to-point-helper.h>
#include <ns3/simulator.h>
#include <ns3/string.h>
#include <ns3/tcp-socket-factory.h>
#include <ns3/traffic-control-helper.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "models/app/bulk.h"
#include "models/host/switch_host.h"
#include "sim/sim_time.h"
#include "sim/twinpath_helper.h"

namespace {

using namespace twinpath;

constexpr std::uint32_t kPayloadBytes = 1448;
constexpr std::uint32_t kHostsPerSide = 10;
constexpr std::uint32_t kFlowsPerHost = 100;
constexpr std::uint32_t kFlows = kHostsPerSide * kFlowsPerHost;
constexpr std::uint32_t kBufferBytes = 128'000;
constexpr std::uint16_t kPort = 5001;
constexpr auto kLeafDelay = std::chrono::milliseconds(1);
constexpr auto kCoreDelay = std::chrono::milliseconds(5);
constexpr auto kTime = std::chrono::milliseconds(200);
constexpr std::uint32_t kQueueFrames = 11'600;  // 10 Gb/s x 14 ms / 1514 B

struct Result {
  double work = 0;
  double cpu_s = 0;
  double bytes_per_flow = 0;
};

double cpu_s() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

std::size_t heap_bytes() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

double run_for(Duration time) {
  const double before = cpu_s();
  ns3::Simulator::Stop(sim::to_ns3_time(time));
  ns3::Simulator::Run();
  return cpu_s() - before;
}

// ns-3's side: ten point-to-point leaves on either router.
class PeerDumbbell {
 public:
  PeerDumbbell() {
    configure();
    routers_.Create(2);
    left_.Create(kHostsPerSide);
    right_.Create(kHostsPerSide);
    ns3::InternetStackHelper internet;
    internet.SetIpv6StackInstall(false);
    for (const auto& nodes : {routers_, left_, right_}) internet.Install(nodes);
    join({routers_.Get(0), routers_.Get(1)}, "5ms");
    for (std::uint32_t index = 0; index < kHostsPerSide; ++index) {
      join({left_.Get(index), routers_.Get(0)}, "1ms");
      right_addresses_.push_back(join({right_.Get(index), routers_.Get(1)}, "1ms"));
    }
    ns3::Ipv4GlobalRoutingHelper::PopulateRoutingTables();
  }
  ~PeerDumbbell() { ns3::Simulator::Destroy(); }

  Result bulk() {
    ns3::ApplicationContainer sinks;
    for (std::uint32_t host = 0; host < kHostsPerSide; ++host) {
      const ns3::InetSocketAddress target(right_addresses_[host], kPort);
      sinks.Add(ns3::PacketSinkHelper("ns3::TcpSocketFactory", target).Install(right_.Get(host)));
      ns3::BulkSendHelper source("ns3::TcpSocketFactory", target);
      source.SetAttribute("SendSize", ns3::UintegerValue(kPayloadBytes));
      for (std::uint32_t flow = 0; flow < kFlowsPerHost; ++flow) source.Install(left_.Get(host));
    }
    Result result;
    result.cpu_s = run_for(kTime);
    for (std::uint32_t index = 0; index < sinks.GetN(); ++index) {
      const auto sink = ns3::DynamicCast<ns3::PacketSink>(sinks.Get(index));
      result.work += static_cast<double>(sink->GetTotalRx()) / kPayloadBytes;
    }
    return result;
  }

  Result idle_flows() {
    const auto factory = ns3::TcpSocketFactory::GetTypeId();
    const std::size_t before = heap_bytes();
    std::vector<ns3::Ptr<ns3::Socket>> sockets;
    for (std::uint32_t host = 0; host < kHostsPerSide; ++host) {
      const auto listener = ns3::Socket::CreateSocket(right_.Get(host), factory);
      listener->Bind(ns3::InetSocketAddress(ns3::Ipv4Address::GetAny(), kPort));
      listener->Listen();
      sockets.push_back(listener);
      for (std::uint32_t flow = 0; flow < kFlowsPerHost; ++flow) {
        sockets.push_back(ns3::Socket::CreateSocket(left_.Get(host), factory));
        sockets.back()->Connect(ns3::InetSocketAddress(right_addresses_[host], kPort));
      }
    }
    run_for(std::chrono::seconds(5));
    return {.bytes_per_flow = static_cast<double>(heap_bytes() - before) / kFlows};
  }

 private:
  static void set(const char* name, const ns3::AttributeValue& value) {
    if (!ns3::Config::SetDefaultFailSafe(name, value)) std::exit(4);
  }
  static void configure() {
    set("ns3::TcpSocket::SegmentSize", ns3::UintegerValue(kPayloadBytes));
    set("ns3::TcpSocket::SndBufSize", ns3::UintegerValue(kBufferBytes));
    set("ns3::TcpSocket::RcvBufSize", ns3::UintegerValue(kBufferBytes));
    set("ns3::TcpSocket::DelAckCount", ns3::UintegerValue(2));
    set("ns3::TcpSocket::DelAckTimeout", ns3::TimeValue(ns3::MilliSeconds(40)));
    set("ns3::TcpSocket::InitialCwnd", ns3::UintegerValue(10));
    set("ns3::TcpSocketBase::MinRto", ns3::TimeValue(ns3::MilliSeconds(200)));
    set("ns3::TcpL4Protocol::SocketType", ns3::StringValue("ns3::TcpCubic"));
  }
  // The address of the first of the two.
  ns3::Ipv4Address join(std::pair<ns3::Ptr<ns3::Node>, ns3::Ptr<ns3::Node>> ends,
                        const char* delay) {
    ns3::PointToPointHelper helper;
    helper.SetDeviceAttribute("DataRate", ns3::StringValue("10Gbps"));
    helper.SetChannelAttribute("Delay", ns3::StringValue(delay));
    helper.SetQueue("ns3::DropTailQueue", "MaxSize",
                    ns3::StringValue(std::to_string(kQueueFrames) + "p"));
    const auto devices = helper.Install(ends.first, ends.second);
    const auto interfaces = addresses_.Assign(devices);
    addresses_.NewNetwork();
    ns3::TrafficControlHelper::Default().Uninstall(devices);  // work that ours does not do
    return interfaces.GetAddress(0);
  }

  ns3::NodeContainer routers_, left_, right_;
  ns3::Ipv4AddressHelper addresses_{"10.1.0.0", "255.255.255.0"};
  std::vector<ns3::Ipv4Address> right_addresses_;
};

// Our side: ten hosts on either switch, all in one network.
class OurDumbbell {
 public:
  OurDumbbell() {
    ns3::Simulator::SetScheduler(ns3::ObjectFactory("ns3::PriorityQueueScheduler"));
    for (auto& box : switches_) {
      box = ns3::CreateObject<sim::HostNode>();
      box->set_host(std::make_unique<SwitchHost>(SwitchConfig{.ports = kHostsPerSide + 1}, *pool_));
    }
    join(switches_[0], switches_[1]);
    for (std::uint32_t index = 0; index < 2 * kHostsPerSide; ++index) add_host(index);
  }
  ~OurDumbbell() {
    for (const auto& host : hosts_) host->Dispose();
    for (const auto& box : switches_) box->Dispose();
    ns3::Simulator::Destroy();
  }

  Result bulk() {
    std::vector<const BulkSink*> sinks;
    for (std::uint32_t host = 0; host < kHostsPerSide; ++host) {
      BulkSinkConfig sink;
      sink.port = kPort;
      sink.verify = false;
      sinks.push_back(&right(host).add<BulkSink>("sink", kStart, sink));
      for (std::uint32_t flow = 0; flow < kFlowsPerHost; ++flow) {
        BulkConfig config;
        config.port = kPort;
        config.to = address(kHostsPerSide + host).address();
        left(host).add<Bulk>("bulk" + std::to_string(flow), kStart, config);
      }
    }
    Result result;
    result.cpu_s = run_for(kTime);
    for (const BulkSink* sink : sinks) {
      result.work += static_cast<double>(sink->totals().bytes) / kPayloadBytes;
    }
    return result;
  }

  Result idle_flows() {
    run_for(std::chrono::milliseconds(1));  // every host built
    const std::size_t before = heap_bytes();
    for (std::uint32_t host = 0; host < kHostsPerSide; ++host) {
      Sockets& listening = right(host).sockets();
      const Fd listener = listening.socket(SocketKind::kStream).fd;
      listening.bind(listener, {IpAddress(), kPort});
      listening.listen(listener, kFlows);
      Sockets& sockets = left(host).sockets();
      for (std::uint32_t flow = 0; flow < kFlowsPerHost; ++flow) {
        const Fd fd = sockets.socket(SocketKind::kStream).fd;
        sockets.connect(sim::sim_now(), fd, {address(kHostsPerSide + host).address(), kPort});
      }
    }
    run_for(std::chrono::seconds(5));
    std::uint32_t open = 0;
    for (std::uint32_t host = 0; host < kHostsPerSide; ++host) {
      open += left(host).ip().tcp().connections();
    }
    if (open != kFlows) std::exit(1);
    return {.bytes_per_flow = static_cast<double>(heap_bytes() - before) / kFlows};
  }

 private:
  AppHost& left(std::uint32_t index) { return hosts_[index]->apps(); }
  AppHost& right(std::uint32_t index) { return hosts_[kHostsPerSide + index]->apps(); }
  static Ipv4Prefix address(std::uint32_t index) {
    return Ipv4Prefix(Ipv4Address(0xc6120001 + index), 24);
  }
  static LinkConfig link_config(Duration delay) {
    return {.rate_bps = 10'000'000'000,
            .delay = delay,
            .queue_bytes = std::uint64_t{kQueueFrames} * (kPayloadBytes + 66)};
  }
  void join(const ns3::Ptr<sim::HostNode>& a, const ns3::Ptr<sim::HostNode>& b) {
    const LinkConfig config = link_config(kCoreDelay);
    sim::DirectLink link({.name = "core", .from_a = config, .from_b = config}, Rng(1));
    a->add_port(link.end(0));
    b->add_port(link.end(1));
  }
  void add_host(std::uint32_t index) {
    const auto host = ns3::CreateObject<sim::TwinpathHost>();
    host->config().send_buffer_bytes = kBufferBytes;
    host->config().receive_buffer_bytes = kBufferBytes;
    const LinkConfig config = link_config(kLeafDelay);
    const std::string name = "leaf" + std::to_string(index);
    sim::DirectLink link({.name = name, .from_a = config, .from_b = config}, Rng(1));
    InterfaceConfig interface;
    interface.mac = MacAddress::from_u64(0x020000000001 + index);
    interface.addresses = {address(index)};
    host->add_interface(interface, link.end(0));
    switches_[index / kHostsPerSide]->add_port(link.end(1));
    host->set_name(name);
    host->set_seed(index + 1);
    hosts_.push_back(host);
  }

  std::shared_ptr<HeapPool> pool_ = sim::frame_pool();
  ns3::Ptr<sim::HostNode> switches_[2];
  std::vector<ns3::Ptr<sim::TwinpathHost>> hosts_;
};

template <typename Dumbbell>
Result trial(const std::string& point) {
  Dumbbell dumbbell;
  return point == "memory" ? dumbbell.idle_flows() : dumbbell.bulk();
}

}  // namespace

int main(int argc, char** argv) {
  std::string side = "ours";
  std::string point = "1000";
  for (int index = 1; index + 1 < argc; index += 2) {
    if (std::strcmp(argv[index], "--side") == 0) side = argv[index + 1];
    if (std::strcmp(argv[index], "--point") == 0) point = argv[index + 1];
  }
  const Result result = side == "ours" ? trial<OurDumbbell>(point) : trial<PeerDumbbell>(point);
  if (point == "memory") {
    std::printf("{\"value\":%.0f,\"offloads\":\"none\"}\n", result.bytes_per_flow);
  } else {
    std::printf("{\"work\":%.0f,\"cpu_s\":%.6f,\"offloads\":\"none\"}\n", result.work,
                result.cpu_s);
  }
  return 0;
}
