// See apps.h. An application's configuration has the names of the Plan's arguments, so a kind needs
// one line here.
#include "bindings/plan/apps.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "bindings/plan/apply.h"
#include "bindings/plan/build.h"
#include "bindings/plan/native.h"
#include "models/app/bulk.h"
#include "models/app/http_get.h"
#include "models/app/http_proxy.h"
#include "models/app/http_server.h"
#include "models/app/request_response.h"
#include "models/app/udp_apps.h"
#include "models/app/udp_bulk.h"

namespace twinpath::bind {
namespace {

struct Adding {
  const Plan& plan;
  const AppPlan& app;
  AppRunner& target;
  std::vector<Problem>& problems;
};

// The other stacks do not say what they sent again.
bool is_ours(const Plan& plan, std::string_view name) {
  return std::any_of(plan.hosts.begin(), plan.hosts.end(), [&](const HostPlan& host) {
    return host.name == name && host.stack == "twinpath";
  });
}

template <typename A, typename Config>
void add_one(const Adding& adding) {
  Config config;
  const AppPlan& app = adding.app;
  apply_settings(app.args, app.path, config, adding.problems);
  for (const auto& [field, value, message, allowed] : validate_fields(config)) {
    adding.problems.push_back({app.path + "." + field, value, message, allowed, ""});
  }
  if constexpr (requires { validate(config); }) {
    for (const auto& [field, value, message, allowed] : validate(config)) {
      adding.problems.push_back({app.path + "." + field, value, message, allowed, ""});
    }
  }
  if constexpr (requires { config.to; }) {
    if (app.to) {
      config.to = address_towards(adding.plan, app.via.value_or(app.host), *app.to);
    } else {
      adding.problems.push_back({app.path + ".to", "", "is missing", "the name of a host", ""});
    }
  }
  if constexpr (requires { config.via; }) {
    if (app.via) config.via = address_towards(adding.plan, app.host, *app.via);
    if (app.via.has_value() != (config.via_port > 0)) {
      adding.problems.push_back(
          {app.path + ".via", app.via.value_or(""), "goes with via_port", "both or none", ""});
    }
    config.sender_counts = is_ours(adding.plan, app.via.value_or(app.to.value_or("")));
  } else if (app.via) {
    adding.problems.push_back({app.path + ".via", *app.via, "takes no proxy", "none", ""});
  }
  if (adding.problems.empty()) {
    adding.target.template add<A>(app.path, Instant(app.start), config);
  }
}

// Requests at a rate: the client of request_response.h with its arrivals on.
void add_open_loop(const Adding& adding) {
  if (adding.app.args.find("rate_per_s") == nullptr) {
    adding.problems.push_back(
        {adding.app.path + ".rate_per_s", "", "is missing", "requests per second", ""});
  }
  add_one<RequestResponse, RequestResponseConfig>(adding);
}

// A capture's times and sizes: the client of udp_apps.h with both lists.
void add_replay(const Adding& adding) {
  AppPlan app = adding.app;
  for (const char* name : {"gaps", "sizes"}) {
    if (app.args.find(name) != nullptr) continue;
    adding.problems.push_back(
        {app.path + "." + name, "", "is missing", "whole numbers with a space between", ""});
  }
  app.args.set("arrivals", std::string("trace"));
  add_one<UdpBulk, UdpBulkConfig>({adding.plan, app, adding.target, adding.problems});
}

// A class of the user's own object.
void add_native(const Adding& adding) {
  const AppPlan& app = adding.app;
  const NativeUse use(*app.native, NativeKind::kApp, app.path);
  if (use.has_target() != app.to.has_value()) {
    const char* message = app.to ? "takes no target" : "is missing";
    adding.problems.push_back({app.path + ".to", app.to.value_or(""), message, "", ""});
    return;
  }
  const IpAddress to = app.to ? address_towards(adding.plan, app.host, *app.to) : IpAddress();
  adding.target.add_made(app.path, Instant(app.start),
                         [&](const AppContext& context) { return use.make_app(to, context); });
}

struct Kind {
  std::string_view name;
  void (*add)(const Adding&);
};

constexpr std::array kKinds = {
    Kind{"bulk", add_one<Bulk, BulkConfig>},
    Kind{"bulk_sink", add_one<BulkSink, BulkSinkConfig>},
    Kind{"echo_server", add_one<EchoServer, EchoServerConfig>},
    Kind{"http_get", add_one<HttpGet, HttpGetConfig>},
    Kind{"http_proxy", add_one<HttpProxy, HttpProxyConfig>},
    Kind{"http_server", add_one<HttpServer, HttpServerConfig>},
    Kind{"open_loop", add_open_loop},
    Kind{"replay", add_replay},
    Kind{"request_response", add_one<RequestResponse, RequestResponseConfig>},
    Kind{"udp_bulk", add_one<UdpBulk, UdpBulkConfig>},
    Kind{"udp_echo", add_one<UdpEcho, UdpEchoConfig>},
    Kind{"udp_echo_server", add_one<UdpEchoServer, UdpEchoServerConfig>},
    Kind{"udp_sink", add_one<UdpSink, UdpSinkConfig>},
};

}  // namespace

void add_apps(const Plan& plan, std::size_t host, AppRunner& target) {
  std::vector<Problem> problems;
  for (const AppPlan& app : plan.apps) {
    if (app.host != plan.hosts.at(host).name) continue;
    if (app.native) add_native({plan, app, target, problems});
    for (const Kind& kind : kKinds) {
      if (kind.name == app.kind) kind.add({plan, app, target, problems});
    }
  }
  if (!problems.empty()) throw PlanError(std::move(problems));
}

}  // namespace twinpath::bind
