// Packets a second from a real interface into an ns-3 node without a loss: our PortNetDevice over a
// paced simulator and a DPDK port, against ns-3's FdNetDevice over RealtimeSimulatorImpl on a
// packet socket. Same interface, same frames, same kernel buffer, same receiver. A child offers
// rising rates until frames are missing; the kernel makes the frames where the interface's driver
// would, so that the receiver is what ends first. Needs root: the interface lives in a network
// namespace of this process.
//   bench_bridge --point device|socket|socket-deep --side ours|peer
// device: a protocol handler of the node counts, so the devices alone are compared.
// socket: ns-3's own IP, UDP and a socket stand behind both. Checksums are checked on both sides:
// by our device, as it does for its users, and by ns-3's stack behind the peer's, which cannot.
// socket-deep: and the peer's own queue is as long as the ring below, not the 1000 of its default.
#include <fcntl.h>
#include <netinet/in.h>
#include <ns3/boolean.h>
#include <ns3/fd-net-device.h>
#include <ns3/global-value.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4.h>
#include <ns3/node.h>
#include <ns3/simulator.h>
#include <ns3/socket.h>
#include <ns3/string.h>
#include <ns3/uinteger.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "bindings/bridge/paced.h"
#include "emu/eal.h"
#include "emu/setup_error.h"
#include "emu/worker.h"
#include "models/wire/ethernet.h"
#include "sim/frame_pool.h"
#include "sim/port_net_device.h"
#include "tests/bench/live_frames.h"
#include "tests/bench/packet_socket.h"

namespace {

using namespace twinpath;

constexpr int kCpu = 1;              // our poller; the sender is on 0
constexpr int kNoVerdict = 4;        // exit code: this machine cannot run it
constexpr std::size_t kFrame = 142;  // 100 bytes of payload: what costs is the frame, not its bytes
constexpr std::uint32_t kRing = 8192;  // frames that wait below either side
constexpr int kSocketBytes = 32 << 20;
constexpr double kFirstPps = 30'000;
constexpr double kStep = 1.15;
constexpr double kFineStep = 1.03;
constexpr double kLastPps = 4'000'000;
constexpr double kTrialS = 0.25;
constexpr double kDrainS = 0.4;
constexpr int kTries = 4;                  // of a rate: another program may have had the core
constexpr std::uint64_t kBatch = 64;       // frames that come together
constexpr std::uint64_t kCallMax = 4'096;  // and at most, when the sender is late
constexpr unsigned long kTimerSlackNs = 1'000;
constexpr int kNice = -20;
constexpr std::uint16_t kPort = 9;
constexpr std::size_t kIpHeader = 20;
const char* const kAllocator = "libtcmalloc_minimal.so.4";
const char* const kAddress = "198.18.0.1";
const std::array<std::uint8_t, 6> kMac{0x02, 0x54, 0x50, 0, 0, 1};

struct Trial {
  std::string point = "device";
  std::string side = "ours";
};

// Between the sender and the simulation.
struct Shared {
  std::atomic<std::uint64_t> received{0};
  std::atomic<bool> ready{false};
  std::atomic<bool> stop{false};
  std::atomic<double> alone_pps{0};  // what the sender does where nobody listens
  double pps = 0;                    // the best rate without a loss
  bool lost_last = false;            // what ended the climb lost frames
  std::uint64_t sent = 0;
  std::uint64_t entered = 0;  // frames that the port gave to the simulation
  std::uint64_t counted = 0;  // of the frames not received: drops that the receiver tells of
};

double now_s() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void run_ip(std::vector<std::string> words) {
  words.insert(words.begin(), "ip");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t pid = -1;
  int status = -1;
  if (posix_spawnp(&pid, "ip", nullptr, nullptr, arguments.data(), environ) == 0) {
    waitpid(pid, &status, 0);
  }
  if (status != 0) throw emu::SetupError("`ip` failed", "apt-get install iproute2");
}

void make_veth() {
  if (unshare(CLONE_NEWNET) != 0) throw emu::SetupError("a namespace needs root", "sudo");
  run_ip({"link", "add", "a0", "type", "veth", "peer", "name", "b0"});
  for (const char* name : {"a0", "b0"}) {
    run_ip({"link", "set", name, "addrgenmode", "none"});
    run_ip({"link", "set", name, "up"});
  }
}

// The Internet checksum of an even number of bytes, in plain words.
std::uint16_t sum_of(std::span<const std::byte> bytes, std::uint32_t sum = 0) {
  for (std::size_t at = 0; at < bytes.size(); at += 2) sum += load_be16(bytes.data() + at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// A UDP datagram to the sink.
std::array<std::byte, kFrame> make_frame() {
  std::array<std::byte, kFrame> frame{};
  std::memcpy(frame.data(), kMac.data(), kMac.size());
  frame[6] = std::byte{0x02};
  store_be16(frame.data() + 12, static_cast<std::uint16_t>(EtherType::kIpv4));
  std::byte* ip = frame.data() + kEthernetHeaderLen;
  constexpr std::uint16_t kIpLen = kFrame - kEthernetHeaderLen;
  ip[0] = std::byte{0x45};
  store_be16(ip + 2, kIpLen);
  ip[8] = std::byte{64};
  ip[9] = std::byte{IPPROTO_UDP};
  const std::array<std::uint8_t, 8> addresses{198, 18, 0, 2, 198, 18, 0, 1};
  std::memcpy(ip + 12, addresses.data(), addresses.size());
  store_be16(ip + 10, sum_of(std::span(ip, kIpHeader)));
  std::byte* udp = ip + kIpHeader;
  store_be16(udp, kPort);
  store_be16(udp + 2, kPort);
  store_be16(udp + 4, kIpLen - kIpHeader);
  // Over the addresses, which come right before, and the rest of the pseudo header.
  const std::uint32_t rest = IPPROTO_UDP + (kIpLen - kIpHeader);
  store_be16(udp + 6, sum_of(std::span(ip + 12, kIpLen - 12), rest));
  return frame;
}

class Sender {
 public:
  explicit Sender(Shared& shared) : shared_(shared), frames_("a0", frame_) {
    prctl(PR_SET_TIMERSLACK, kTimerSlackNs);
  }

  // Frames a second at an interface where nobody listens: no receiver can be given more.
  double alone() {
    const double begin = now_s();
    std::uint64_t sent = 0;
    for (; now_s() < begin + kTrialS; sent += kCallMax) frames_.send(kCallMax);
    return static_cast<double>(sent) / (now_s() - begin);
  }

  // The best rate that lost nothing: in coarse steps first, then in fine ones from there.
  double climb() {
    const double coarse = climb({.pps = kFirstPps, .step = kStep});
    if (coarse == 0) return 0;
    return std::max(coarse, climb({.pps = coarse * kFineStep, .step = kFineStep}));
  }

 private:
  struct Slope {
    double pps;  // of its foot
    double step;
  };

  // Rates rise until one cannot be had kTries times.
  double climb(const Slope& slope) {
    double best = 0;
    double pps = slope.pps;
    for (int failed = 0; pps < kLastPps && failed < kTries;) {
      const double offered = offer(pps);
      best = std::max(best, offered);
      // Less than asked for: something else had the sender's core, or it is at its end.
      const bool is_done = offered > 0.98 * pps;
      failed = is_done ? 0 : failed + 1;
      shared_.lost_last = !is_done && (shared_.lost_last || offered == 0);
      if (is_done) pps *= slope.step;
    }
    return best;
  }

  // What was really offered; 0 when frames are missing.
  double offer(double pps) {
    const std::uint64_t before = shared_.received.load();
    const auto frames = static_cast<std::uint64_t>(pps * kTrialS);
    const double begin = now_s();
    std::uint64_t sent = 0;
    while (sent < frames) {
      const auto wanted = std::min(sent + kBatch, frames);
      const auto due = static_cast<std::uint64_t>((now_s() - begin) * pps);
      if (due < wanted) {
        wait_until(begin + static_cast<double>(wanted) / pps);
        continue;
      }
      const std::uint64_t count = std::min({due - sent, frames - sent, kCallMax});
      frames_.send(static_cast<std::uint32_t>(count));
      sent += count;
    }
    shared_.sent += sent;
    const double took = now_s() - begin;
    const double until = now_s() + kDrainS;
    while (shared_.received.load() < before + sent && now_s() < until) usleep(1000);
    const bool whole = shared_.received.load() == before + sent;
    usleep(whole ? 10'000 : 200'000);
    return whole ? static_cast<double>(sent) / took : 0;
  }

  // Asleep, not spinning: a receiver of two threads may use this core as well.
  static void wait_until(double when_s) {
    const double left = when_s - now_s();
    if (left > 0) usleep(static_cast<useconds_t>(left * 1e6));
  }

  Shared& shared_;
  std::array<std::byte, kFrame> frame_ = make_frame();
  bench::LiveFrames frames_;
};

void send_all(Shared& shared) {
  Sender sender(shared);
  shared.alone_pps.store(sender.alone());
  while (!shared.ready.load()) usleep(1000);
  usleep(200'000);
  shared.pps = sender.climb();
}

[[noreturn]] void be_sender(Shared& shared) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  cpu_set_t cpu;
  CPU_ZERO(&cpu);
  CPU_SET(0, &cpu);
  sched_setaffinity(0, sizeof(cpu), &cpu);
  int code = 0;
  try {
    send_all(shared);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_bridge: %s\n", error.what());
    code = kNoVerdict;
  }
  shared.stop.store(true);
  _exit(code);
}

// Counts what `device` hands to its node.
void count_frames(ns3::Ptr<ns3::Node> node, ns3::Ptr<ns3::NetDevice> device, Shared& shared) {
  const auto count = [&shared](ns3::Ptr<ns3::NetDevice>, ns3::Ptr<const ns3::Packet>, std::uint16_t,
                               const ns3::Address&, const ns3::Address&,
                               ns3::NetDevice::PacketType) {
    shared.received.fetch_add(1, std::memory_order_relaxed);
  };
  node->RegisterProtocolHandler(
      ns3::Callback<void, ns3::Ptr<ns3::NetDevice>, ns3::Ptr<const ns3::Packet>, std::uint16_t,
                    const ns3::Address&, const ns3::Address&, ns3::NetDevice::PacketType>(count),
      static_cast<std::uint16_t>(EtherType::kIpv4), device);
}

// Counts what reaches a UDP socket on ns-3's stack over `device`.
void count_datagrams(ns3::Ptr<ns3::Node> node, ns3::Ptr<ns3::NetDevice> device, Shared& shared) {
  ns3::InternetStackHelper internet;
  internet.SetIpv6StackInstall(false);
  internet.Install(node);
  const auto ipv4 = node->GetObject<ns3::Ipv4>();
  const std::uint32_t index = ipv4->AddInterface(device);
  ipv4->AddAddress(index, {ns3::Ipv4Address(kAddress), ns3::Ipv4Mask("/24")});
  ipv4->SetUp(index);
  const auto sink =
      ns3::Socket::CreateSocket(node, ns3::TypeId::LookupByName("ns3::UdpSocketFactory"));
  sink->Bind(ns3::InetSocketAddress(ns3::Ipv4Address::GetAny(), kPort));
  sink->SetRecvCallback(
      ns3::Callback<void, ns3::Ptr<ns3::Socket>>([&shared](ns3::Ptr<ns3::Socket> socket) {
        while (socket->Recv() != nullptr) {
          shared.received.fetch_add(1, std::memory_order_relaxed);
        }
      }));
}

ns3::Ptr<ns3::Node> make_host(const Trial& trial, ns3::Ptr<ns3::NetDevice> device, Shared& shared) {
  const auto node = ns3::CreateObject<ns3::Node>();
  ns3::Mac48Address mac;
  mac.CopyFrom(kMac.data());
  device->SetAddress(mac);
  node->AddDevice(device);
  (trial.point == "device" ? count_frames : count_datagrams)(node, device, shared);
  return node;
}

void receive_ours(const Trial& trial, Shared& shared) {
  emu::Eal eal({.cpu = 0});
  emu::MbufPool pool({.name = "bench", .bufs = 2 * kRing - 1});
  const std::string ring = ",blocksz=65536,framesz=2048,framecnt=" + std::to_string(kRing);
  twinpath::bind::PortStack stack(
      eal, pool, {.path = "host/eth0", .device = "net_af_packet0,iface=a0" + ring}, Rng(1));
  const auto frames = sim::frame_pool();
  twinpath::bind::BridgeClock clock;
  const auto simulator = twinpath::bind::install_paced(clock);
  twinpath::bind::WayOutPoll way(stack, *simulator);
  const auto device = ns3::CreateObject<sim::PortNetDevice>();
  device->attach(way.live());
  const auto node = make_host(trial, device, shared);
  twinpath::bind::SimStage stage(*simulator);
  emu::WorkerOptions options{.cpu = kCpu, .realtime = true, .all_wake = true};
  options.schedule.budget = sim::PacedSimulator::kEventsPerLook;
  options.wake_fds.push_back(stack.device().wake_fd());
  clock.start();
  emu::Worker worker(clock.tsc(), std::move(options));
  worker.add(way);
  worker.add(stage);
  worker.set_finished([&shared](Instant) { return shared.stop.load(); }, kNever);
  shared.ready.store(true);
  worker.run();
  const emu::DeviceStats below = stack.device().stats();
  shared.counted = below.rx_missed + below.rx_no_buffer;
  shared.entered = below.rx_frames;
  ns3::Simulator::Destroy();
}

void look_for_stop(Shared* shared) {
  if (shared->stop.load()) return ns3::Simulator::Stop();
  ns3::Simulator::Schedule(ns3::MilliSeconds(10), &look_for_stop, shared);
}

void receive_peer(const Trial& trial, Shared& shared) {
  ns3::GlobalValue::BindFailSafe("SimulatorImplementationType",
                                 ns3::StringValue("ns3::RealtimeSimulatorImpl"));
  ns3::GlobalValue::BindFailSafe("ChecksumEnabled", ns3::BooleanValue(true));
  const int fd = bench::packet_socket("a0");
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kSocketBytes, sizeof(kSocketBytes));
  fcntl(fd, F_SETFL, O_NONBLOCK);
  const auto device = ns3::CreateObject<ns3::FdNetDevice>();
  if (trial.point == "socket-deep")
    device->SetAttributeFailSafe("RxQueueSize", ns3::UintegerValue(kRing));
  const auto node = make_host(trial, device, shared);
  device->SetFileDescriptor(fd);
  ns3::Simulator::Schedule(ns3::MilliSeconds(10), &look_for_stop, &shared);
  shared.ready.store(true);
  ns3::Simulator::Run();
  device->Stop(ns3::Seconds(0));
  ns3::Simulator::Destroy();
}

Trial parse(int count, char** words) {
  Trial trial;
  for (int i = 1; i + 1 < count; i += 2) {
    if (std::strcmp(words[i], "--point") == 0) trial.point = words[i + 1];
    if (std::strcmp(words[i], "--side") == 0) trial.side = words[i + 1];
  }
  return trial;
}

// Before other work on this machine, either side and its sender alike. Niceness counts within a
// session only; among sessions it is the group's that does.
void go_first() {
  setsid();
  setpriority(PRIO_PROCESS, 0, kNice);
  std::ofstream("/proc/self/autogroup") << kNice;
}

bool await_sender(const Shared& shared) {
  while (shared.alone_pps.load() == 0 && !shared.stop.load()) usleep(1000);
  return !shared.stop.load();
}

// Ours has to say where every frame went; the peer has no such count.
int tell(const Trial& trial, const Shared& shared) {
  const std::uint64_t lost = shared.sent - shared.received.load();
  if (trial.side == "ours" && lost != shared.counted) {
    const std::string text = std::to_string(lost) + " frames are missing, " +
                             std::to_string(shared.counted) + " are counted as dropped; of " +
                             std::to_string(shared.sent) + " " + std::to_string(shared.entered) +
                             " entered the simulation and " +
                             std::to_string(shared.received.load()) + " reached the end";
    std::fprintf(stderr, "bench_bridge: %s\n", text.c_str());
    return 1;
  }
  std::printf("{\"value\":%.1f,\"load\":%.1f,\"ended_by\":\"%s\",\"offloads\":\"\"}\n", shared.pps,
              shared.alone_pps.load(), shared.lost_last ? "loss" : "sender");
  return shared.pps > 0 ? 0 : 1;
}

// What a bridge's worker is started with; the peer has what its users have.
void start_as_workers(char** words) {
  if (std::getenv("LD_PRELOAD") != nullptr) return;
  for (const auto& folder : std::filesystem::directory_iterator("/usr/lib")) {
    const std::filesystem::path library = folder.path() / kAllocator;
    if (!std::filesystem::exists(library)) continue;
    setenv("LD_PRELOAD", library.c_str(), 0);
    setenv("LD_BIND_NOW", "1", 0);
    execv("/proc/self/exe", words);
  }
}

int run(const Trial& trial) {
  go_first();
  make_veth();
  void* memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  Shared& shared = *new (memory) Shared;
  const pid_t sender = fork();
  if (sender == 0) be_sender(shared);
  if (await_sender(shared)) {
    if (trial.side == "ours") {
      receive_ours(trial, shared);
    } else {
      receive_peer(trial, shared);
    }
  }
  int status = 0;
  waitpid(sender, &status, 0);
  return status == 0 ? tell(trial, shared) : kNoVerdict;
}

}  // namespace

int main(int count, char** words) {
  const Trial trial = parse(count, words);
  if (trial.side == "ours") start_as_workers(words);
  try {
    return run(trial);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_bridge: %s\n", error.what());
    return kNoVerdict;
  }
}
