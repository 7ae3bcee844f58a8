// See probe.h. The frames are emu/port_probe's; here they are put on devices and into words.
#include "bindings/emu/probe.h"

#include <cpuid.h>

#include <array>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "bindings/emu/bed.h"
#include "bindings/emu/failure.h"
#include "emu/ethdev_port.h"
#include "emu/port_probe.h"
#include "emu/ring_pair.h"
#include "emu/tsc_clock.h"

namespace twinpath::bind {
namespace {

using nlohmann::json;

constexpr std::uint32_t kBufs = 16383;
constexpr const char* kRing = "net_ring";
constexpr auto kLinkWait = std::chrono::seconds(5);  // what a NIC takes to agree with its peer
constexpr auto kLinkLook = std::chrono::milliseconds(20);
constexpr auto kDefaultTrial = std::chrono::milliseconds(200);
constexpr unsigned kPowerLeaf = 0x80000007;  // Intel SDM vol. 2, CPUID: invariant TSC in EDX bit 8
constexpr unsigned kInvariantBit = 1U << 8;

struct WantedPort {
  std::string name;
  std::string device;
  std::uint16_t mtu_bytes;
  std::uint16_t queues;
};

struct Question {
  std::size_t port;
  std::string address;
};

struct ProbeJob {
  std::string netns;
  std::int64_t rate_bps = 0;
  Duration trial{};
  std::vector<WantedPort> ports;
  std::vector<Question> questions;
};

ProbeJob parse_probe(std::string_view text) {
  try {
    const json given = json::parse(text);
    ProbeJob job;
    job.netns = given.value("netns", "");
    job.rate_bps = given.value("rate_bps", std::int64_t{0});
    job.trial = Nanoseconds(given.value("trial_ns", Nanoseconds(kDefaultTrial).count()));
    for (const json& port : given.at("ports")) {
      job.ports.push_back({port.at("name"), port.at("device"),
                           port.value("mtu", std::uint16_t{1500}),
                           port.value("queues", std::uint16_t{1})});
    }
    for (const json& question : given.value("ask", json::array())) {
      const std::string name = question.at("port");
      for (std::size_t index = 0; index < job.ports.size(); ++index) {
        if (job.ports[index].name == name) job.questions.push_back({index, question.at("address")});
      }
    }
    return job;
  } catch (const json::exception& error) {
    throw PlanError({{"testbed check", "", error.what(), "", ""}});
  }
}

emu::EalOptions eal_options(const ProbeJob& job) {
  emu::EalOptions options;
  for (const WantedPort& port : job.ports) options.devices.push_back(port.device);
  return options;
}

bool has_invariant_tsc() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid(kPowerLeaf, &a, &b, &c, &d) != 0 && (d & kInvariantBit) != 0;
}

class Probing {
 public:
  explicit Probing(const ProbeJob& job)
      : job_(job), eal_(eal_options(job)), pool_({.name = "frames", .bufs = kBufs}) {
    for (std::size_t index = 0; index < job_.ports.size(); ++index) open(index);
    wait_for_links();
    std::vector<emu::ProbedPort> probed;
    for (std::size_t index = 0; index < ports_.size(); ++index) {
      probed.push_back({.port = ports_[index].get(),
                        .clocked = ports_[index].get(),
                        .pool = &pool_,
                        .mac = MacAddress(devices_[index]->mac())});
    }
    probe_.emplace(clock_, std::move(probed));
  }

  json run() {
    json answer{{"status", "done"}, {"kind", ""}, {"error", ""}, {"paths", json::array()}};
    const std::vector<emu::CableSeen> cables = probe_->find_cables();
    answer["cables"] = cables_of(cables);
    for (const emu::CableSeen& cable : cables) {
      if (cable.from != cable.to) answer["paths"].push_back(path_of(cable));
    }
    answer["answers"] = answers();
    answer["ports"] = ports_of();
    answer["tsc"] = {{"invariant", has_invariant_tsc()},
                     {"drift_ns", clock_.drift().count()},
                     {"steps_back", clock_.steps_back()},
                     {"over_ns", (clock_.now() - Instant()).count()}};
    return answer;
  }

 private:
  void open(std::size_t index) {
    const WantedPort& wanted = job_.ports[index];
    const std::vector<emu::MbufPool*> pools(wanted.queues, &pool_);
    devices_.push_back(std::make_unique<emu::Device>(
        eal_,
        emu::DeviceOptions{
            .device = device_for(index), .queues = wanted.queues, .mtu_bytes = wanted.mtu_bytes},
        pools));
    ports_.push_back(std::make_unique<emu::EthdevPort>(*devices_.back(), std::uint16_t{0}));
    if (job_.rate_bps > 0) ports_.back()->set_cap(emu::RateCap(job_.rate_bps));
  }

  std::string device_for(std::size_t index) {
    if (job_.ports[index].device != kRing) return job_.ports[index].device;
    if (index % 2 == 1) return rings_.back()->end_b();
    rings_.push_back(std::make_unique<emu::RingPair>(
        eal_, emu::RingPairOptions{.name = "l" + std::to_string(index)}));
    return rings_.back()->end_a();
  }

  [[nodiscard]] bool all_up() const {
    return std::all_of(devices_.begin(), devices_.end(),
                       [](const auto& device) { return device->facts().link_up; });
  }

  void wait_for_links() {
    const auto until = std::chrono::steady_clock::now() + kLinkWait;
    while (!all_up() && std::chrono::steady_clock::now() < until)
      std::this_thread::sleep_for(kLinkLook);
  }

  [[nodiscard]] json cables_of(const std::vector<emu::CableSeen>& cables) const {
    json list = json::array();
    for (const emu::CableSeen& cable : cables) {
      list.push_back({{"from", job_.ports[cable.from].name},
                      {"to", job_.ports[cable.to].name},
                      {"small", cable.small},
                      {"full", cable.full},
                      {"sent", emu::PortProbe::kTags}});
    }
    return list;
  }

  json path_of(const emu::CableSeen& cable) {
    const Histogram times = probe_->latency({cable.from, cable.to});
    const emu::ProbeCapacity capacity = probe_->capacity({cable.from, cable.to}, job_.trial);
    const double seconds = std::chrono::duration<double>(capacity.took).count();
    return {{"from", job_.ports[cable.from].name},
            {"to", job_.ports[cable.to].name},
            {"rounds", times.count()},
            {"latency_min_ns", times.quantile(0)},
            {"latency_p50_ns", times.quantile(0.5)},
            {"latency_p99_ns", times.quantile(0.99)},
            {"sent", capacity.sent},
            {"received", capacity.received},
            {"received_pps", seconds > 0 ? static_cast<double>(capacity.received) / seconds : 0.0}};
  }

  json answers() {
    json list = json::array();
    for (const Question& question : job_.questions) {
      const auto address = Ipv4Address::parse(question.address);
      const auto mac = address ? probe_->ask(question.port, *address) : std::nullopt;
      list.push_back({{"port", job_.ports[question.port].name},
                      {"address", question.address},
                      {"mac", mac ? json(mac->to_string()) : json()}});
    }
    return list;
  }

  [[nodiscard]] json ports_of() const {
    json list = json::array();
    for (std::size_t index = 0; index < devices_.size(); ++index) {
      const emu::DeviceFacts facts = devices_[index]->facts();
      const emu::DeviceStats stats = devices_[index]->stats();
      list.push_back({{"name", job_.ports[index].name},
                      {"driver", facts.driver},
                      {"mac", MacAddress(devices_[index]->mac()).to_string()},
                      {"up", facts.link_up},
                      {"speed_bps", facts.speed_bps},
                      {"numa", facts.numa_node},
                      {"queues_max", facts.queues_max},
                      {"mtu", facts.mtu_bytes},
                      {"strangers", probe_->strangers()[index]},
                      {"rx_missed", stats.rx_missed},
                      {"rx_errors", stats.rx_errors}});
    }
    return list;
  }

  const ProbeJob& job_;
  emu::Eal eal_;
  emu::MbufPool pool_;
  std::deque<std::unique_ptr<emu::RingPair>> rings_;
  std::deque<std::unique_ptr<emu::Device>> devices_;
  std::deque<std::unique_ptr<emu::EthdevPort>> ports_;
  emu::TscClock clock_;
  std::optional<emu::PortProbe> probe_;
};

}  // namespace

std::string probe(std::string_view job_json) {
  std::string done;
  const std::string failed = answer([&] {
    return setup_as_result([&] {
      const ProbeJob job = parse_probe(job_json);
      enter_namespace(job.netns);
      done = Probing(job).run().dump();
      return RunResult();
    });
  });
  return done.empty() ? failed : done;
}

}  // namespace twinpath::bind
