// One TCP connection that carries as much as it can, and the sink that checks every byte of it.
#pragma once

#include <memory>
#include <tuple>

#include "models/app/app.h"
#include "models/app/content.h"
#include "models/app/server.h"
#include "models/base/field.h"

namespace twinpath {

struct BulkConfig {
  std::uint64_t size_bytes = 0;  // 0: until `duration`, or until the run stops
  Duration duration{};           // 0: until size_bytes
  std::uint16_t port = 5001;
  IpAddress to{};

  static constexpr auto fields() {
    return std::tuple(
        Field{"size_bytes", "bytes to send; 0 sends until the run stops", &BulkConfig::size_bytes,
              Limits{.unit = "bytes"}},
        Field{"duration_ns", "stop sending after this long; 0 = when size_bytes are sent",
              &BulkConfig::duration, Limits{.unit = "ns", .min = 0, .max = 1e15}},
        Field{"port", "port of the sink", &BulkConfig::port, Limits{.min = 1, .max = 65535}});
  }
};

// Sends the content (content.h), half-closes, and is done when the sink has closed too: then every
// byte was read.
class Bulk final : public App {
 public:
  Bulk(const BulkConfig& config, const AppContext& context);
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override { return done_; }
  void report(AppReport& report) const override;

  [[nodiscard]] std::uint64_t sent_bytes() const { return sent_; }
  [[nodiscard]] Errno error() const { return error_; }

 private:
  void on_event(Instant now, std::uint32_t events);
  void send_more(Instant now);
  void finish(Instant now, Errno error);
  [[nodiscard]] std::uint64_t left() const;

  BulkConfig config_;
  AppContext context_;
  Poller poller_;
  ContentSource content_;
  Timer stop_;
  Fd fd_ = Fd::kNone;
  std::uint64_t sent_ = 0;
  bool stopping_ = false;
  bool shut_ = false;
  bool done_ = false;
  Errno error_ = Errno::kNone;
  Instant started_{};
  Instant connected_ = kNever;
  Instant finished_ = kNever;
  TcpInfo info_{};
};

struct BulkSinkConfig {
  std::uint16_t port = 5001;
  bool verify = true;

  static constexpr auto fields() {
    return std::tuple(
        Field{"port", "port to listen at", &BulkSinkConfig::port, Limits{.min = 1, .max = 65535}},
        Field{"verify", "compare what arrives with what Bulk sends", &BulkSinkConfig::verify});
  }
};

// What one or several connections brought.
struct SinkTotals {
  std::uint64_t bytes = 0;
  std::uint64_t verify_errors = 0;
  std::uint64_t failures = 0;
  Instant first = kNever;
  Instant last{};
};

class BulkSink final : public App {
 public:
  BulkSink(const BulkSinkConfig& config, const AppContext& context);
  void start(Instant now) override;
  void on_ready(Instant now) override;
  // Every connection there was has ended.
  [[nodiscard]] bool done() const override {
    return server_.accepted() > 0 && server_.connections() == 0;
  }
  void report(AppReport& report) const override;
  [[nodiscard]] const SinkTotals& totals() const { return totals_; }

 private:
  class Connection {
   public:
    Connection(SinkTotals& totals, bool verify) : totals_(totals), verify_(verify) {}
    void on_ready(Instant now, SocketApi& sockets, Fd fd);
    [[nodiscard]] bool finished() const { return finished_; }

   private:
    std::reference_wrapper<SinkTotals> totals_;
    std::uint64_t received_ = 0;
    bool verify_;
    bool wrong_ = false;
    bool finished_ = false;
  };

  BulkSinkConfig config_;
  StreamServer<Connection> server_;
  SinkTotals totals_;
  std::string problem_;
};

}  // namespace twinpath
