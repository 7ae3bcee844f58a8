// See session.h.
#include "bindings/sim/session.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "bindings/plan/apply.h"
#include "bindings/plan/build.h"
#include "bindings/plan/native.h"
#include "bindings/plan/stop_request.h"
#include "models/app/metrics.h"
#include "sim/sim_time.h"

namespace twinpath::bind {
namespace {

using nlohmann::json;

Settings::Value value_of(const json& given) {
  if (given.is_boolean()) return given.get<bool>();
  if (given.is_number_integer()) return given.get<std::int64_t>();
  if (given.is_number_float()) return given.get<double>();
  return given.get<std::string>();
}

json problems_json(const std::vector<Problem>& problems) {
  auto list = json::array();
  for (const auto& [field, value, message, allowed, hint] : problems) {
    list.push_back({{"field", field},
                    {"value", value},
                    {"message", message},
                    {"allowed", allowed},
                    {"hint", hint}});
  }
  return {{"problems", list}};
}

// One field of the configuration, or of the user's own congestion control.
void apply_one(const json& command, const HostPlan& host, TcpConfig& config) {
  const auto field = command.at("field").get<std::string>();
  const std::string path = host.name + ".tcp";
  std::vector<Problem> problems;
  Settings settings;
  if (command.contains("native")) {
    NativePlan native = *host.congestion;
    for (const auto& [name, value] : command.at("native").items()) {
      native.args.set(name, value_of(value));
    }
    config.custom_congestion =
        NativeUse(native, NativeKind::kCongestion, path + ".congestion").make_congestion();
    return;
  }
  settings.set(field, value_of(command.at("value")));
  apply_settings(settings, path, config, problems);
  for (const auto& [name, value, message, allowed] : config.validate()) {
    problems.push_back({path + "." + name, value, message, allowed, ""});
  }
  if (field == "congestion") config.custom_congestion.reset();
  if (!problems.empty()) throw PlanError(std::move(problems));
}

// "clients" names "clients[0]" too.
bool is_named(const std::string& name, const std::string& asked) {
  return name == asked || name.starts_with(asked + "[");
}

// Requires: `field` is one of a link in a Plan, the value of its type; the parent sees to both.
void assign_field(LinkPlan& link, const std::string& field, const json& value) {
  const std::pair<const char*, double*> fractions[] = {{"loss", &link.loss},
                                                       {"reorder", &link.reorder},
                                                       {"duplicate", &link.duplicate},
                                                       {"corrupt", &link.corrupt}};
  for (const auto& [name, target] : fractions) {
    if (field == name) *target = value.get<double>();
  }
  if (field == "rate") {
    link.rate_bps.reset();
    if (!value.is_null()) link.rate_bps = value.get<std::int64_t>();
  }
  if (field == "queue") link.queue_bytes = value.get<std::int64_t>();
  if (field == "ecn_threshold") link.ecn_threshold_bytes = value.get<std::int64_t>();
  if (field == "delay") link.delay = Nanoseconds(value.get<std::int64_t>());
  if (field == "jitter") link.jitter = Nanoseconds(value.get<std::int64_t>());
}

}  // namespace

SessionPipes parse_session(const std::string& job_json) {
  const json pipes = json::parse(job_json).at("session");
  return {pipes.at("commands_fd").get<int>(), pipes.at("answers_fd").get<int>()};
}

Session::Session(World& world, const SessionPipes& pipes) : world_(world), pipes_(pipes) {
  const Plan& plan = world.plan();
  for (std::size_t index = 0; index < plan.hosts.size(); ++index) {
    const World::Seat& seat = world.seats()[index];
    if (!seat.ours) continue;
    series_.emplace_back(live_, flow_parent(plan, plan.hosts[index].name), kSampleEvery);
    series_.back().listen(seat.ours->ip().bus());
  }
  for (const std::size_t index : world.link_plans()) link_plans_.push_back(plan.links[index]);
}

bool Session::serve() {
  world_.begin();
  write_line(state().dump());
  for (std::string line; read_line(line);) {
    const json command = json::parse(line, nullptr, false);
    if (command.is_discarded()) break;
    if (command.value("do", "") == "end") return world_.is_over() || !world_.is_at_end();
    json answered;
    try {
      answered = handle(command);
    } catch (const PlanError& error) {
      answered = problems_json(error.problems());
    }
    write_line(answered.dump(-1, ' ', false, json::error_handler_t::replace));
  }
  return world_.is_over();
}

json Session::handle(const json& command) {
  const auto what = command.at("do").get<std::string>();
  if (what == "metrics") return metrics();
  if (what == "set") return set(command);
  if (what == "step") world_.step(Nanoseconds(command.at("ns").get<std::int64_t>()));
  return state();
}

json Session::state() const {
  return {
      {"now_ns", to_ns(sim::sim_now())}, {"done", world_.is_over()}, {"ended", world_.is_at_end()}};
}

json Session::metrics() {
  world_.export_results(live_);
  export_links();
  auto found = json::object();
  for (const auto& [path, value] : live_.values()) found[path] = {value.value, value.unit};
  return {{"metrics", found}};
}

void Session::export_links() {
  for (std::size_t index = 0; index < link_plans_.size(); ++index) {
    sim::DirectLink& link = world_.links()[index];
    for (const std::size_t end : {std::size_t{0}, std::size_t{1}}) {
      const LinkModel& way = link.direction_from(end);
      const LinkPlan& plan = link_plans_[index];
      AppReport report(live_, plan.name + "/from_" + (end == 0 ? plan.a : plan.b), "link");
      const auto put = [&report](const char* name, const char* unit, std::uint64_t value) {
        MetricInfo info;
        info.name = name;
        info.unit = unit;
        report.scalar(info, static_cast<double>(value));
      };
      put("offered_frames", "", way.counters().offered);
      put("delivered_frames", "", way.counters().delivered);
      put("lost_frames", "", way.faults().lost);
      put("queue_full_frames", "", way.counters().dropped_queue);
      put("queued_bytes", "byte", link.queued_bytes(end));
    }
  }
}

json Session::set(const json& command) {
  const bool is_link = command.contains("link");
  const auto name = command.at(is_link ? "link" : "host").get<std::string>();
  const Plan& plan = world_.plan();
  bool found = false;
  for (std::size_t index = 0; is_link && index < link_plans_.size(); ++index) {
    if (!is_named(link_plans_[index].name, name)) continue;
    set_link(command, index);
    found = true;
  }
  for (std::size_t index = 0; !is_link && index < plan.hosts.size(); ++index) {
    if (!is_named(plan.hosts[index].name, name) || !world_.seats()[index].ours) continue;
    set_host(command, index);
    found = true;
  }
  if (!found) throw PlanError({{"set", name, "is no host with our stack and no link", "", ""}});
  return state();
}

void Session::set_host(const json& command, std::size_t index) {
  sim::TwinpathHost& host = *world_.seats()[index].ours;
  TcpConfig config = host.ip().tcp().config();
  apply_one(command, world_.plan().hosts[index], config);
  host.ip().tcp().reconfigure(config);
  host.settle();
}

void Session::set_link(const json& command, std::size_t index) {
  LinkPlan wanted = link_plans_[index];
  assign_field(wanted, command.at("field").get<std::string>(), command.at("value"));
  const LinkConfig config = link_config(wanted);  // refuses what no link can be
  for (const std::size_t end : {std::size_t{0}, std::size_t{1}}) {
    world_.links()[index].reconfigure(end, config);
  }
  link_plans_[index] = std::move(wanted);
}

bool Session::read_line(std::string& line) {
  for (;;) {
    const std::size_t end = received_.find('\n');
    if (end != std::string::npos) {
      line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return true;
    }
    std::array<char, 4096> piece;
    const ssize_t got = read(pipes_.commands_fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR && !StopRequest::came()) continue;
    if (got <= 0 || received_.size() > kCommandBytesMax) return false;
    received_.append(piece.data(), static_cast<std::size_t>(got));
  }
}

void Session::write_line(const std::string& line) {
  const std::string text = line + "\n";
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t put = write(pipes_.answers_fd, text.data() + at, text.size() - at);
    if (put < 0 && errno != EINTR) return;  // the parent is gone; reading tells
    if (put > 0) at += static_cast<std::size_t>(put);
  }
}

}  // namespace twinpath::bind
