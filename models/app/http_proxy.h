// A forwarding HTTP/1.1 proxy: takes requests in absolute form ("GET http://198.18.1.2/x
// HTTP/1.1"), asks the server named there and hands its answer on as it comes. Keep-alive on both
// sides, one server connection per client connection. Read RFC 9110 §7.6 and RFC 9112 §3.2.2.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <tuple>

#include "models/app/app.h"
#include "models/app/proxy_session.h"
#include "models/base/field.h"

namespace twinpath {

struct HttpProxyConfig {
  std::uint16_t port = 8080;

  static constexpr auto fields() {
    return std::tuple(
        Field{"port", "port to listen at", &HttpProxyConfig::port, Limits{.min = 1, .max = 65535}});
  }
};

class HttpProxy final : public App {
 public:
  // Clients beyond these are refused by closing their connection.
  static constexpr std::size_t kSessionsMax = 4096;

  HttpProxy(const HttpProxyConfig& config, const AppContext& context)
      : config_(config), context_(context), poller_(context.sockets, &context.ready) {}
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override { return accepted_ > 0 && sessions_.empty(); }
  void report(AppReport& report) const override;
  [[nodiscard]] const ProxyTotals& totals() const { return totals_; }
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

 private:
  static constexpr std::uint32_t kBacklog = 4096;
  void accept_all(Instant now);

  HttpProxyConfig config_;
  AppContext context_;
  Poller poller_;
  Fd listener_ = Fd::kNone;
  std::map<std::uint64_t, std::unique_ptr<ProxySession>> sessions_;  // by what events carry
  std::uint64_t accepted_ = 0;
  ProxyTotals totals_;
};

}  // namespace twinpath
