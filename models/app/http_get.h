// An HTTP/1.1 client: fetches bodies one after the other over one kept-alive connection and checks
// each against the content it must be (content.h) by SHA-256.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "models/app/app.h"
#include "models/app/content.h"
#include "models/app/http_message.h"
#include "models/app/sha256.h"
#include "models/base/field.h"
#include "models/base/histogram.h"

namespace twinpath {

enum class HttpVerify : std::uint8_t { kSha256, kNone };
inline constexpr std::array<const char*, 2> kHttpVerifyNames = {"sha256", "none"};

struct HttpGetConfig {
  std::uint64_t size_bytes = 1000000;
  std::uint32_t requests = 1;  // of size_bytes each, in sequence
  HttpVerify verify = HttpVerify::kSha256;
  bool keep_alive = true;  // false: a connection per request
  std::uint16_t port = 80;
  std::string path = "/bytes/";  // the size is appended
  IpAddress to{};
  bool sender_counts = true;   // who sends the bodies reports what it sends again
  std::uint16_t via_port = 0;  // 0: no proxy
  IpAddress via{};
  std::vector<std::uint64_t> sizes{};  // instead of size_bytes, each `requests` times

  static constexpr auto fields() {
    using C = HttpGetConfig;
    return std::tuple(
        Field{"size_bytes", "length of the body", &C::size_bytes, Limits{.unit = "bytes"}},
        Field{"requests", "how often it is fetched, one after the other", &C::requests,
              Limits{.min = 1, .max = 1e9}},
        Field{"verify", "check of the content", &C::verify, Limits{.choices = kHttpVerifyNames}},
        Field{"keep_alive", "one connection for all requests", &C::keep_alive},
        Field{"port", "port of the server", &C::port, Limits{.min = 1, .max = 65535}},
        Field{"via_port", "port of the proxy; 0 = none", &C::via_port, Limits{.max = 65535}},
        Field{"path", "what stands before the size in the request target", &C::path});
  }
};

struct HttpGetTotals {
  std::uint64_t requests = 0;  // answered with a whole, right body
  std::uint64_t failures = 0;
  std::uint64_t verify_errors = 0;
  std::uint64_t verified_bytes = 0;
  Instant started{};
  Instant connected = kNever;
  Instant first_byte = kNever;
  Instant last_byte{};
  std::string problem;  // of the first failure, in words
};

class HttpGet final : public App {
 public:
  HttpGet(const HttpGetConfig& config, const AppContext& context);
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override { return done_; }
  void report(AppReport& report) const override;

  [[nodiscard]] const HttpGetTotals& totals() const { return totals_; }
  // Of the last body, in hexadecimal; empty with verify "none".
  [[nodiscard]] const std::string& digest() const { return digest_; }

 private:
  void open(Instant now);
  void on_event(Instant now, std::uint32_t events);
  void begin_request(Instant now);
  void send_request(Instant now);
  void receive(Instant now);
  bool take(Instant now, std::span<const std::byte> data);
  bool take_head(std::span<const std::byte>& data);
  void take_body(Instant now, std::span<const std::byte>& data);
  void on_closed(Instant now);
  void complete(Instant now);
  void fail(Instant now, std::string problem);
  void leave(Instant now);
  void report_flow(AppReport& report) const;
  [[nodiscard]] std::uint64_t size_now() const;
  [[nodiscard]] std::string target() const;
  [[nodiscard]] bool body_is_right();

  HttpGetConfig config_;
  AppContext context_;
  Poller poller_;
  Fd fd_ = Fd::kNone;
  std::size_t request_ = 0;  // index of the one under way
  std::string unsent_;
  HttpHeadReader head_;
  std::optional<HttpBodyReader> body_;
  std::uint64_t body_bytes_ = 0;
  Sha256 received_;
  bool close_after_ = false;
  bool connected_ = false;
  bool done_ = false;
  std::uint64_t expected_size_ = 0;  // which expected_ is of
  std::string expected_;
  std::string digest_;
  Instant request_started_{};
  Histogram latency_;
  HttpGetTotals totals_;
  // Of the connections closed so far; srtt of the last.
  std::uint64_t retransmits_ = 0;
  std::uint64_t timeouts_ = 0;
  Duration srtt_{};
};

}  // namespace twinpath
