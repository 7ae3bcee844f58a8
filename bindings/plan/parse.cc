// Plan and job from JSON, validated as a whole. Python validates first and says it better; this is
// the worker's own guard against a file written by hand or by another version.
#include <algorithm>
#include <set>
#include <utility>

#include "bindings/plan/event_text.h"
#include "bindings/plan/expand.h"
#include "bindings/plan/json_reader.h"
#include "bindings/plan/plan.h"
#include "models/app/metric_names.h"

namespace twinpath::bind {
namespace {

using nlohmann::json;
using Problems = std::vector<Problem>;

constexpr std::string_view kSchema = "twinpath.plan/1";
// 292 years in nanoseconds is the end of the integer; a year is more than any run.
constexpr IntegerRange kDurationNs{0, std::int64_t{365} * 24 * 3600 * 1'000'000'000};
constexpr IntegerRange kRateBps{1, 10'000'000'000'000};
constexpr IntegerRange kQueueBytes{1, std::int64_t{1} << 40};
constexpr IntegerRange kCores{0, 1024};
constexpr IntegerRange kCount{1, 1'000'000};

constexpr IntegerRange kCostNs{0, 1'000'000'000};

Nanoseconds duration_or_zero(JsonReader& reader, std::string_view name) {
  return Nanoseconds(reader.integer_or(name, 0, kDurationNs));
}

std::optional<Nanoseconds> duration_or_none(JsonReader& reader, std::string_view name) {
  if (!reader.has(name)) return std::nullopt;
  return Nanoseconds(reader.integer(name, {1, kDurationNs.hi}));
}

void require_one_of(JsonReader& reader, std::string_view name, const std::string& value,
                    const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  std::string allowed;
  for (const std::string& choice : choices) allowed += (allowed.empty() ? "" : " ") + choice;
  reader.problem(name, "is not one of the choices", allowed);
}

NativePlan parse_native(const json& object, std::string path, Problems& problems) {
  JsonReader reader(object, std::move(path), problems);
  NativePlan native;
  native.object = reader.text("object");
  native.name = reader.text("class");
  native.source = reader.text_or("source", "");
  native.args = reader.settings_or_empty("args");
  reader.refuse_others({"object", "class", "source", "args"});
  return native;
}

HostPlan parse_host(const json& object, std::string path, Problems& problems) {
  JsonReader reader(object, std::move(path), problems);
  HostPlan host;
  host.name = reader.text("name");
  host.addresses = reader.texts_or_empty("addresses");
  host.stack = reader.text_or("stack", host.stack);
  require_one_of(reader, "stack", host.stack, {"twinpath", "ns3", "linux", "lwip"});
  host.tcp = reader.settings_or_empty("tcp");
  if (reader.has("congestion")) {
    host.congestion =
        parse_native(reader.object("congestion"), reader.path_of("congestion"), problems);
    if (host.stack != "twinpath") reader.problem("congestion", "needs the stack twinpath");
  }
  host.cores = reader.integer_or("cores", 0, kCores);
  host.count = reader.integer_or("count", 1, kCount);
  reader.refuse_others({"name", "addresses", "stack", "tcp", "congestion", "cores", "count"});
  return host;
}

LinkPlan parse_link(const json& object, std::string path, Problems& problems) {
  JsonReader reader(object, std::move(path), problems);
  LinkPlan link;
  link.name = reader.text("name");
  link.a = reader.text("a");
  link.b = reader.text("b");
  if (reader.has("rate_bps")) link.rate_bps = reader.integer("rate_bps", kRateBps);
  link.delay = duration_or_zero(reader, "delay_ns");
  link.jitter = duration_or_zero(reader, "jitter_ns");
  link.loss = reader.fraction_or_zero("loss");
  link.reorder = reader.fraction_or_zero("reorder");
  link.duplicate = reader.fraction_or_zero("duplicate");
  link.corrupt = reader.fraction_or_zero("corrupt");
  link.queue_bytes = reader.integer_or("queue_bytes", link.queue_bytes, kQueueBytes);
  link.ecn_threshold_bytes = reader.integer_or("ecn_threshold_bytes", 0, kQueueBytes);
  reader.refuse_others({"name", "a", "b", "rate_bps", "delay_ns", "jitter_ns", "loss", "reorder",
                        "duplicate", "corrupt", "queue_bytes", "ecn_threshold_bytes"});
  return link;
}

AppPlan parse_app(const json& object, std::string path, Problems& problems) {
  JsonReader reader(object, std::move(path), problems);
  AppPlan app;
  app.path = reader.text("path");
  app.host = reader.text("host");
  app.kind = reader.text("kind");
  if (app.kind == "native") {
    app.native = parse_native(reader.object("native"), reader.path_of("native"), problems);
  } else {
    require_one_of(reader, "kind", app.kind, app_kinds());
  }
  if (reader.has("to")) app.to = reader.text("to");
  if (reader.has("via")) app.via = reader.text("via");
  app.start = duration_or_zero(reader, "start_ns");
  app.args = reader.settings_or_empty("args");
  reader.refuse_others({"path", "host", "kind", "to", "start_ns", "args", "native", "via"});
  return app;
}

MeasurePlan parse_measure(const json& object, Problems& problems) {
  JsonReader reader(object, "measure", problems);
  MeasurePlan measure;
  measure.warmup = duration_or_zero(reader, "warmup_ns");
  measure.window = duration_or_none(reader, "window_ns");
  measure.every = duration_or_none(reader, "every_ns");
  measure.metrics = reader.texts_or_empty("metrics");
  for (const std::string& name : measure.metrics) {
    if (std::find(kMetricNames.begin(), kMetricNames.end(), name) != kMetricNames.end()) continue;
    reader.problem("metrics", name + " is no metric");
  }
  measure.events = reader.texts_or_empty("events");
  for (const std::string& kind : measure.events) {
    require_one_of(reader, "events", kind, event_kinds());
  }
  reader.refuse_others({"warmup_ns", "window_ns", "every_ns", "metrics", "events"});
  return measure;
}

StopPlan parse_stop(const json& object, Problems& problems) {
  JsonReader reader(object, "stop", problems);
  StopPlan stop;
  stop.when = reader.texts_or_empty("when");
  stop.at_most = Nanoseconds(reader.integer("at_most_ns", {1, kDurationNs.hi}));
  reader.refuse_others({"when", "at_most_ns"});
  return stop;
}

CostsPlan parse_costs(const json& object, Problems& problems) {
  JsonReader reader(object, "costs", problems);
  require_one_of(reader, "kind", reader.text("kind"), {"constant"});
  CostsPlan costs;
  costs.per_turn = Nanoseconds(reader.integer("per_turn_ns", kCostNs));
  costs.per_frame = Nanoseconds(reader.integer("per_frame_ns", kCostNs));
  reader.refuse_others({"kind", "per_turn_ns", "per_frame_ns"});
  return costs;
}

template <typename Item, typename Parse>
std::vector<Item> parse_all(const json& list, const std::string& name, Parse parse,
                            Problems& problems) {
  std::vector<Item> items;
  for (const json& item : list) {
    items.push_back(parse(item, name + "[" + std::to_string(items.size()) + "]", problems));
  }
  return items;
}

class References {
 public:
  References(const Plan& plan, Problems& problems) : plan_(plan), problems_(problems) {}

  void check() {
    for (const HostPlan& host : plan_.hosts) unique(host.name, "hosts", "host");
    for (const LinkPlan& link : plan_.links) {
      unique(link.name, "links", "link");
      known_host(link.a, "links." + link.name + ".a");
      known_host(link.b, "links." + link.name + ".b");
    }
    for (const AppPlan& app : plan_.apps) {
      unique(app.path, "apps", "app");
      known_host(app.host, "apps." + app.path + ".host");
      if (app.to) known_host(*app.to, "apps." + app.path + ".to");
      if (app.via) known_host(*app.via, "apps." + app.path + ".via");
    }
    for (const std::string& path : plan_.stop.when) known_app(path);
  }

 private:
  void unique(const std::string& name, const std::string& field, const std::string& what) {
    if (name.empty() || names_.insert(name).second) return;
    problems_.push_back(
        {field, name, "names more than one thing", "a name of its own per " + what, ""});
  }
  void known_host(const std::string& name, const std::string& field) {
    if (!plan_.host(name)) problems_.push_back({field, name, "is not a host of this plan", "", ""});
  }
  void known_app(const std::string& path) {
    const bool known = std::any_of(plan_.apps.begin(), plan_.apps.end(),
                                   [&path](const AppPlan& app) { return app.path == path; });
    if (!known) problems_.push_back({"stop.when", path, "is not an app of this plan", "", ""});
  }

  const Plan& plan_;
  Problems& problems_;
  std::set<std::string> names_;
};

Plan parse_plan_object(const json& object, Problems& problems) {
  JsonReader reader(object, "", problems);
  if (reader.text("schema") != kSchema) {
    reader.problem("schema", "is another format", std::string(kSchema));
  }
  Plan plan;
  plan.scenario = reader.text("scenario");
  plan.params = reader.settings_or_empty("params");
  plan.driver = reader.text("driver");
  require_one_of(reader, "driver", plan.driver, {"sim", "emu", "bridge"});
  plan.hosts = parse_all<HostPlan>(reader.array("hosts", kMaxHosts), "hosts", parse_host, problems);
  plan.links = parse_all<LinkPlan>(reader.array("links", kMaxLinks), "links", parse_link, problems);
  plan.apps = parse_all<AppPlan>(reader.array("apps", kMaxApps), "apps", parse_app, problems);
  if (reader.has("measure")) plan.measure = parse_measure(reader.object("measure"), problems);
  if (reader.has("costs")) plan.costs = parse_costs(reader.object("costs"), problems);
  plan.stop = parse_stop(reader.object("stop"), problems);
  reader.refuse_others({"schema", "scenario", "params", "driver", "hosts", "links", "apps",
                        "measure", "stop", "costs"});
  References(plan, problems).check();
  return plan;
}

json parse_text(std::string_view text) {
  if (text.size() > kMaxPlanBytes) {
    throw PlanError({{"plan", std::to_string(text.size()) + " bytes", "is too large", "", ""}});
  }
  json parsed = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (parsed.is_discarded()) throw PlanError({{"plan", "", "is not JSON", "", ""}});
  return parsed;
}

CaptureJob parse_capture(const json& object, Problems& problems) {
  JsonReader reader(object, "pcapng", problems);
  CaptureJob capture;
  capture.path = reader.text("path");
  if (!reader.has("windows")) return capture;
  const json& windows = reader.object("windows");
  for (const auto& [port, window] : windows.items()) {
    JsonReader ends(window, "pcapng.windows." + port, problems);
    capture.windows[port] = {ends.integer("from", {0}), ends.integer("to", {0})};
  }
  return capture;
}

EventWishes parse_events(const json& object, Problems& problems) {
  JsonReader reader(object, "events", problems);
  EventWishes wishes;
  wishes.fd = static_cast<int>(reader.integer("fd", {0, 1 << 20}));
  wishes.kinds = reader.texts_or_empty("kinds");
  reader.refuse_others({"fd", "kinds"});
  return wishes;
}

// Where this machine keeps the objects the Plan names.
void find_objects(const Settings& objects, Plan& plan) {
  const auto find = [&objects](std::optional<NativePlan>& native) {
    if (native) native->path = objects.text(native->object, "");
  };
  for (HostPlan& host : plan.hosts) find(host.congestion);
  for (AppPlan& app : plan.apps) find(app.native);
}

}  // namespace

const std::vector<std::string>& app_kinds() {
  static const std::vector<std::string> kinds{
      "bulk",        "bulk_sink",       "echo_server", "http_get",         "http_proxy",
      "http_server", "open_loop",       "replay",      "request_response", "udp_bulk",
      "udp_echo",    "udp_echo_server", "udp_sink"};
  return kinds;
}

Plan parse_plan(std::string_view text) {
  Problems problems;
  Plan plan = parse_plan_object(parse_text(text), problems);
  if (!problems.empty()) throw PlanError(std::move(problems));
  return plan;
}

Job parse_job(std::string_view text) {
  Problems problems;
  const json parsed = parse_text(text);
  JsonReader reader(parsed, "", problems);
  Job job;
  job.plan = parse_plan_object(reader.object("plan"), problems);
  find_objects(reader.settings_or_empty("objects"), job.plan);
  job.plan_sha256 = reader.text_or("plan_sha256", "");
  job.seed = reader.seed("seed");
  job.db = reader.text("db");
  job.run_id = reader.integer_or("run_id", 1, {1});
  if (reader.has("pcap")) job.pcap_dir = reader.text("pcap");
  if (reader.has("pcapng")) job.pcapng = parse_capture(reader.object("pcapng"), problems);
  job.testbed = reader.text_or("testbed", "veth");
  job.progress_fd = static_cast<int>(reader.integer_or("progress_fd", -1, {-1, 1 << 20}));
  if (reader.has("events")) job.events = parse_events(reader.object("events"), problems);
  if (!problems.empty()) throw PlanError(std::move(problems));
  job.plan = expand(std::move(job.plan));
  return job;
}

}  // namespace twinpath::bind
