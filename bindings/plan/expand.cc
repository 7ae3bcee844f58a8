// See expand.h.
#include "bindings/plan/expand.h"

#include <algorithm>
#include <map>
#include <utility>

#include "models/base/hash.h"
#include "models/wire/prefix.h"

namespace twinpath::bind {
namespace {

class Expansion {
 public:
  explicit Expansion(const Plan& rules) : rules_(rules), plan_(rules) {}

  Plan run() {
    plan_.hosts.clear();
    plan_.links.clear();
    plan_.apps.clear();
    plan_.stop.when.clear();
    check();
    for (const HostPlan& host : rules_.hosts) add_members(host);
    for (const LinkPlan& link : rules_.links) add_links(link);
    for (const AppPlan& app : rules_.apps) add_apps(app);
    for (const std::string& path : rules_.stop.when) add_awaited(path);
    if (!problems_.empty()) throw PlanError(std::move(problems_));
    return std::move(plan_);
  }

 private:
  // The bounds come first: nothing is built of a rule that is too large.
  void check() {
    std::int64_t hosts = 0;
    for (const HostPlan& host : rules_.hosts) hosts += host.count;
    std::int64_t links = 0;
    for (const LinkPlan& link : rules_.links) {
      links += std::max(count_of(link.a), count_of(link.b));
      if (count_of(link.a) > 1 && count_of(link.b) > 1)
        refuse("links." + link.name, link.a + " " + link.b, "joins two populations");
    }
    std::int64_t apps = 0;
    for (const AppPlan& app : rules_.apps) {
      apps += count_of(app.host);
      if (app.to && count_of(*app.to) > 1)
        refuse(app.path + ".to", *app.to, "is a population; an app talks to one host");
      if (app.via && count_of(*app.via) > 1)
        refuse(app.path + ".via", *app.via, "is a population; an app asks one proxy");
    }
    check_bound("hosts", hosts, kMaxHosts);
    check_bound("links", links, kMaxLinks);
    check_bound("apps", apps, kMaxApps);
    if (!problems_.empty()) throw PlanError(std::move(problems_));
  }

  void check_bound(const std::string& what, std::int64_t count, std::size_t most) {
    if (count <= static_cast<std::int64_t>(most)) return;
    problems_.push_back({what, std::to_string(count), "are too many, populations expanded",
                         "at most " + std::to_string(most), ""});
  }

  void refuse(std::string field, std::string value, std::string message) {
    problems_.push_back({std::move(field), std::move(value), std::move(message), "", ""});
  }

  [[nodiscard]] std::int64_t count_of(const std::string& host) const {
    return rules_.host(host)->count;
  }

  [[nodiscard]] std::string member(const std::string& host, std::int64_t index) const {
    return count_of(host) == 1 ? host : host + "[" + std::to_string(index) + "]";
  }

  void add_members(const HostPlan& host) {
    first_[host.name] = plan_.hosts.size();
    for (std::int64_t index = 0; index < host.count; ++index) {
      HostPlan made = host;
      made.name = member(host.name, index);
      made.addresses.clear();  // they come with the links
      made.count = 1;
      plan_.hosts.push_back(std::move(made));
    }
  }

  void add_links(const LinkPlan& link) {
    const std::int64_t count = std::max(count_of(link.a), count_of(link.b));
    for (std::int64_t index = 0; index < count; ++index) {
      LinkPlan made = link;
      if (count > 1) made.name += "[" + std::to_string(index) + "]";
      made.a = member(link.a, index);
      made.b = member(link.b, index);
      plan_.links.push_back(std::move(made));
      for (const std::string& host : {link.a, link.b}) add_address(host, index);
    }
    ++ports_[link.a];
    ++ports_[link.b];
  }

  // What is missing stays missing: host_config() says so.
  void add_address(const std::string& host, std::int64_t index) {
    const HostPlan& rule = *rules_.host(host);
    const std::size_t port = ports_[host];
    if (port >= rule.addresses.size()) return;
    const std::size_t at = first_[host] + static_cast<std::size_t>(rule.count == 1 ? 0 : index);
    plan_.hosts[at].addresses.push_back(stepped(rule.addresses[port], host, index));
  }

  std::string stepped(const std::string& text, const std::string& host, std::int64_t index) {
    const auto prefix = IpPrefix::parse(text);
    if (index == 0 || !prefix) return text;
    // An IPv4 address is the end of a mapped one, so one addition serves both versions.
    const IpAddress& first = prefix->address();
    const Uint128 start = static_cast<Uint128>(first.high()) << 64 | first.low();
    const Uint128 steps = static_cast<Uint128>(index);
    const unsigned shift = IpPrefix::kBitsMax - prefix->bits();
    const Uint128 value = start + (shift < IpPrefix::kBitsMax ? steps << shift : 0);
    const IpAddress made = IpAddress::from_words(
        {static_cast<std::uint64_t>(value >> 64), static_cast<std::uint64_t>(value)});
    if (value <= start || made.is_v4() != first.is_v4()) {
      refuse(host + ".addresses", text, "has no room for every member");
    }
    return made.to_string() + "/" + std::to_string(prefix->len());
  }

  void add_apps(const AppPlan& app) {
    for (std::int64_t index = 0; index < count_of(app.host); ++index) {
      AppPlan made = app;
      made.host = member(app.host, index);
      made.path = path_of(app, index);
      plan_.apps.push_back(std::move(made));
    }
  }

  void add_awaited(const std::string& path) {
    const auto app = std::find_if(rules_.apps.begin(), rules_.apps.end(),
                                  [&path](const AppPlan& rule) { return rule.path == path; });
    for (std::int64_t index = 0; index < count_of(app->host); ++index) {
      plan_.stop.when.push_back(path_of(*app, index));
    }
  }

  // "clients/app0" -> "clients[3]/app0"
  [[nodiscard]] std::string path_of(const AppPlan& app, std::int64_t index) const {
    const std::size_t slash = app.path.find('/');
    const std::string rest = slash == std::string::npos ? "/" + app.path : app.path.substr(slash);
    return count_of(app.host) == 1 ? app.path : member(app.host, index) + rest;
  }

  const Plan& rules_;
  Plan plan_;
  std::vector<Problem> problems_;
  std::map<std::string, std::size_t> first_;  // of a host's members in plan_.hosts
  std::map<std::string, std::size_t> ports_;  // links of a rule so far
};

}  // namespace

Plan expand(Plan plan) {
  const bool has_population = std::any_of(plan.hosts.begin(), plan.hosts.end(),
                                          [](const HostPlan& host) { return host.count > 1; });
  return has_population ? Expansion(plan).run() : plan;
}

}  // namespace twinpath::bind
