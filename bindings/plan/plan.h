// The C++ side of a Plan: what a scenario asks for, as plain structs. Python builds and hashes the
// JSON; the sim and emu workers parse it here, so both drivers read one meaning. All integers are
// nanoseconds, bytes or bits per second; fractions are 0..1. See bindings/README.md for the format.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace twinpath::bind {

using Nanoseconds = std::chrono::nanoseconds;

// Bounds of one Plan. They stop a nonsense file early; scenarios of today stay far below them.
inline constexpr std::size_t kMaxHosts = 4096;
inline constexpr std::size_t kMaxLinks = 16384;
inline constexpr std::size_t kMaxApps = 65536;
inline constexpr std::size_t kMaxPlanBytes = std::size_t{64} << 20;

// One thing wrong with a Plan, in the shape of the `problems` of `--json`.
struct Problem {
  std::string field;    // "links[0].loss"
  std::string value;    // what was given, as JSON text; empty when it was missing
  std::string message;  // "is above 1"
  std::string allowed;  // "0..1"
  std::string hint;
};

// Thrown by the parsers with every problem found, never with the first only.
class PlanError : public std::runtime_error {
 public:
  explicit PlanError(std::vector<Problem> found);
  const std::vector<Problem>& problems() const { return problems_; }

 private:
  std::vector<Problem> problems_;
};

// Flat named values: fields of TcpConfig, arguments of an app. Numbers without a fraction are
// integers. A getter returns `fallback` when the name is absent and throws PlanError when the value
// is of another type.
class Settings {
 public:
  using Value = std::variant<bool, std::int64_t, double, std::string>;
  using Map = std::map<std::string, Value, std::less<>>;

  void set(std::string name, Value value) { values_[std::move(name)] = std::move(value); }
  const Value* find(std::string_view name) const;
  bool flag(std::string_view name, bool fallback) const;
  std::int64_t integer(std::string_view name, std::int64_t fallback) const;
  Nanoseconds duration(std::string_view name, Nanoseconds fallback) const;
  double number(std::string_view name, double fallback) const;
  std::string text(std::string_view name, std::string_view fallback) const;
  const Map& all() const { return values_; }
  bool empty() const { return values_.empty(); }

 private:
  Map values_;
};

// A class of a user's own object.
struct NativePlan {
  std::string object;  // its hash
  std::string name;    // of the class
  std::string source;  // the file it was compiled from, for messages
  Settings args;
  std::string path;  // where this machine keeps the object; from the Job, empty in a Plan
};

// A host, or `count` hosts by one rule (names NAME0, NAME1, ... when count > 1).
struct HostPlan {
  std::string name;
  std::vector<std::string> addresses;      // "198.18.0.1/24", in the order of the host's links
  std::string stack = "twinpath";          // "twinpath", "lwip", "ns3" (not emu), "linux" (not sim)
  Settings tcp;                            // fields of TcpConfig by their names
  std::optional<NativePlan> congestion{};  // in place of the field `congestion`
  std::int64_t cores = 0;                  // 0: CPU time is free
  std::int64_t count = 1;
};

// A full-duplex link; every value holds for each direction.
struct LinkPlan {
  std::string name;
  std::string a;
  std::string b;
  std::optional<std::int64_t> rate_bps;  // nullopt: unlimited
  Nanoseconds delay{0};
  Nanoseconds jitter{0};
  double loss = 0;
  double reorder = 0;
  double duplicate = 0;
  double corrupt = 0;
  std::int64_t queue_bytes = 262144;
  std::int64_t ecn_threshold_bytes = 0;  // 0: the queue marks nothing
};

struct AppPlan {
  std::string path;  // "client/app0": the entity its results stand under
  std::string host;
  std::string kind;               // one of app_kinds(), or "native"
  std::optional<std::string> to;  // the host it talks to
  Nanoseconds start{0};
  Settings args;
  std::optional<NativePlan> native{};  // of kind "native": what it is; `args` is empty
  std::optional<std::string> via{};    // the host of the proxy it asks for `to`
};

struct MeasurePlan {
  Nanoseconds warmup{0};
  std::optional<Nanoseconds> window;  // nullopt: until the stop
  std::optional<Nanoseconds> every;   // nullopt: no time series
  std::vector<std::string> metrics;   // empty: all
  std::vector<std::string> events;    // of event_kinds(); empty: none is recorded
};

// What turns cost on the cores of hosts that have some (HostPlan::cores).
struct CostsPlan {
  Nanoseconds per_turn{0};
  Nanoseconds per_frame{0};  // received or sent
};

// The run ends when every app in `when` is done, at the latest at `at_most` of model time.
struct StopPlan {
  std::vector<std::string> when;
  Nanoseconds at_most{0};
};

struct Plan {
  std::string scenario;
  Settings params;
  std::string driver;  // "sim" or "emu"
  std::vector<HostPlan> hosts;
  std::vector<LinkPlan> links;
  std::vector<AppPlan> apps;
  MeasurePlan measure;
  StopPlan stop;
  std::optional<CostsPlan> costs{};  // nullopt: CPU time is free everywhere

  const HostPlan* host(std::string_view name) const;
};

// A capture of all ports into one pcapng file, or of windows of frames only.
struct CaptureJob {
  std::string path;
  struct Window {
    std::int64_t from = 0;  // index of a frame of that port and direction
    std::int64_t to = 0;    // this one no more
  };
  std::map<std::string, Window> windows;  // by "client/eth0/tx"; empty: everything, with comments
};

// Events the parent wants to hear while the run goes on (event_stream.h).
struct EventWishes {
  int fd = -1;  // -1: nobody listens
  std::vector<std::string> kinds;
};

// One run: a Plan and where its results go. `run_id` is the row the parent prepared in `db`.
struct Job {
  Plan plan;
  std::string plan_sha256;
  std::uint64_t seed = 1;
  std::string db;
  std::int64_t run_id = 1;
  std::optional<std::string> pcap_dir;
  std::optional<CaptureJob> pcapng{};
  std::string testbed = "veth";  // emu: "veth" or "net_ring"
  int progress_fd = -1;          // -1: nobody listens
  EventWishes events{};
};

// Every kind an app may have, in alphabetical order.
const std::vector<std::string>& app_kinds();

// Ensures: names are unique, every reference resolves, every number is in range; else PlanError.
// A job's plan has its populations expanded (expand.h).
Plan parse_plan(std::string_view json);
Job parse_job(std::string_view json);

}  // namespace twinpath::bind
