// See impair.h. The box is models' LinkElement, a Host with two ports; the worker is the one that
// runs scenarios.
#include "bindings/emu/impair.h"

#include <net/if.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>

#include "bindings/emu/bed.h"
#include "bindings/emu/failure.h"
#include "bindings/plan/build.h"
#include "emu/ethdev_port.h"
#include "emu/stop_signal.h"
#include "emu/tsc_clock.h"
#include "emu/worker.h"
#include "models/base/host_stage.h"
#include "models/port/link_element.h"

namespace twinpath::bind {
namespace {

using nlohmann::json;

constexpr std::uint32_t kBufs = 32767;
constexpr const char* kKernelRing = ",blocksz=65536,framesz=2048,framecnt=8192";

struct BoxJob {
  std::array<std::string, 2> devices;
  LinkPlan link;
  std::uint64_t seed = 1;
  Instant at_most = kNever;
};

// A network interface by its name alone is polled through a packet socket.
std::string device_of(const std::string& port, std::size_t number) {
  if (if_nametoindex(port.c_str()) == 0) return port;
  return "net_af_packet" + std::to_string(number) + ",iface=" + port + kKernelRing;
}

LinkPlan link_of(const json& given) {
  LinkPlan link;
  link.name = given.value("name", "box");
  if (!given.at("rate_bps").is_null()) link.rate_bps = given.at("rate_bps").get<std::int64_t>();
  link.delay = Nanoseconds(given.value("delay_ns", std::int64_t{0}));
  link.jitter = Nanoseconds(given.value("jitter_ns", std::int64_t{0}));
  link.loss = given.value("loss", 0.0);
  link.reorder = given.value("reorder", 0.0);
  link.duplicate = given.value("duplicate", 0.0);
  link.corrupt = given.value("corrupt", 0.0);
  link.queue_bytes = given.value("queue_bytes", link.queue_bytes);
  link.ecn_threshold_bytes = given.value("ecn_threshold_bytes", std::int64_t{0});
  return link;
}

BoxJob parse_box(std::string_view text) {
  try {
    const json job = json::parse(text);
    BoxJob box;
    box.devices = {device_of(job.at("port_a"), 0), device_of(job.at("port_b"), 1)};
    box.link = link_of(job.at("link"));
    box.seed = job.value("seed", std::uint64_t{1});
    if (job.contains("duration_ns") && !job.at("duration_ns").is_null()) {
      box.at_most = kStart + Nanoseconds(job.at("duration_ns").get<std::int64_t>());
    }
    return box;
  } catch (const json::exception& error) {
    throw PlanError({{"impair", "", error.what(), "", ""}});
  }
}

json counters_of(const LinkModel& direction) {
  const LinkCounters& link = direction.counters();
  const FaultCounters& faults = direction.faults();
  return {{"frames", link.offered},
          {"delivered", link.delivered},
          {"lost", faults.lost},
          {"corrupted", faults.corrupted},
          {"duplicated", faults.duplicated},
          {"reordered", faults.reordered},
          {"dropped_queue", link.dropped_queue},
          {"marked", link.marked}};
}

// Two devices and the box between them.
class Box {
 public:
  explicit Box(const BoxJob& job)
      : job_(job),
        cpu_(polling_cpu()),
        eal_({.devices = {job.devices.begin(), job.devices.end()}}),
        pool_({.name = "frames", .bufs = kBufs}),
        link_({.from_a = link_config(job.link), .from_b = link_config(job.link)}, Rng(job.seed),
              job.link.name) {}

  json run() {
    std::array<emu::Device, 2> devices{emu::Device(eal_, {.device = job_.devices[0]}, pools()),
                                       emu::Device(eal_, {.device = job_.devices[1]}, pools())};
    std::array<emu::EthdevPort, 2> ports{emu::EthdevPort(devices[0], 0),
                                         emu::EthdevPort(devices[1], 0)};
    const std::array<Port*, 2> plain{&ports[0], &ports[1]};
    HostStage stage("box", link_, plain, 0);
    emu::TscClock clock;
    emu::Worker worker(clock, worker_options(devices));
    worker.add(ports[0]);
    worker.add(ports[1]);
    worker.add(stage);
    worker.set_finished([this](Instant now) { return now >= job_.at_most; }, job_.at_most);
    const emu::StopSignal stop(worker);
    worker.run();
    return {{"status", "done"},
            {"kind", ""},
            {"error", ""},
            {"counters",
             {{"a_to_b", counters_of(link_.direction_from(LinkElement::kEndA))},
              {"b_to_a", counters_of(link_.direction_from(LinkElement::kEndB))}}}};
  }

 private:
  std::array<emu::MbufPool*, 1> pools() { return {&pool_}; }
  [[nodiscard]] emu::WorkerOptions worker_options(const std::array<emu::Device, 2>& devices) const {
    emu::WorkerOptions options{.cpu = cpu_, .realtime = cpu_ >= 0, .all_wake = true};
    for (const emu::Device& device : devices) {
      if (device.wake_fd() >= 0) {
        options.wake_fds.push_back(device.wake_fd());
      } else {
        options.all_wake = false;
      }
    }
    return options;
  }

  const BoxJob& job_;
  int cpu_;
  emu::Eal eal_;
  emu::MbufPool pool_;
  LinkElement link_;
};

}  // namespace

std::string impair(std::string_view job_json) {
  std::string done;
  const std::string failed = answer([&] {
    return setup_as_result([&] {
      const BoxJob job = parse_box(job_json);
      done = Box(job).run().dump();
      return RunResult();
    });
  });
  return done.empty() ? failed : done;
}

}  // namespace twinpath::bind
