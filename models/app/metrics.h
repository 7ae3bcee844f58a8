// What applications and hosts report, defined once so that both drivers use one name and one unit.
// Names are explained to users from `help`.
#pragma once

#include <string>
#include <string_view>

#include "models/base/result_sink.h"

namespace twinpath {

namespace metric {

inline constexpr MetricInfo kGoodput{
    "goodput_bps",
    "bit/s",
    MetricKind::kScalar,
    Better::kHigher,
    MetricClock::kModel,
    "verified application bytes x 8 / (last byte - first byte), at the receiver"};
inline constexpr MetricInfo kThroughput{
    "throughput_bps",
    "bit/s",
    MetricKind::kScalar,
    Better::kHigher,
    MetricClock::kModel,
    "bytes the sender got acknowledged or sent x 8 / time from connect() to the last of them"};
inline constexpr MetricInfo kFct{"fct_s",
                                 "s",
                                 MetricKind::kScalar,
                                 Better::kLower,
                                 MetricClock::kModel,
                                 "flow completion time: connect() to the last byte"};
inline constexpr MetricInfo kConnect{"connect_s",         "s",
                                     MetricKind::kScalar, Better::kLower,
                                     MetricClock::kModel, "connect() to established"};
inline constexpr MetricInfo kBytes{"app_bytes",         "byte",
                                   MetricKind::kScalar, Better::kHigher,
                                   MetricClock::kNone,  "application bytes received and verified"};
inline constexpr MetricInfo kSentBytes{
    "app_sent_bytes",    "byte",
    MetricKind::kScalar, Better::kHigher,
    MetricClock::kNone,  "application bytes handed to the socket, at the sender"};
inline constexpr MetricInfo kRequests{
    "requests", "", MetricKind::kScalar, Better::kHigher, MetricClock::kNone, "requests completed"};
inline constexpr MetricInfo kRequestRate{
    "requests_per_s",
    "1/s",
    MetricKind::kScalar,
    Better::kHigher,
    MetricClock::kModel,
    "requests completed per second, from the first start to the last completion"};
inline constexpr MetricInfo kFailures{
    "failures",          "",
    MetricKind::kScalar, Better::kLower,
    MetricClock::kNone,  "connections or requests that ended in an error"};
inline constexpr MetricInfo kVerifyErrors{"verify_errors",     "",
                                          MetricKind::kScalar, Better::kLower,
                                          MetricClock::kNone,  "transfers whose content was wrong"};
inline constexpr MetricInfo kLatency{"latency_ns",           "ns",
                                     MetricKind::kHistogram, Better::kLower,
                                     MetricClock::kModel,    "request to its last answered byte"};
inline constexpr MetricInfo kLatencyP50{"latency_p50_s",     "s",
                                        MetricKind::kScalar, Better::kLower,
                                        MetricClock::kModel, "median of latency_ns"};
inline constexpr MetricInfo kLatencyP99{"latency_p99_s",     "s",
                                        MetricKind::kScalar, Better::kLower,
                                        MetricClock::kModel, "99th percentile of latency_ns"};
inline constexpr MetricInfo kDatagrams{
    "datagrams",         "",
    MetricKind::kScalar, Better::kHigher,
    MetricClock::kNone,  "datagrams sent, or received and verified"};
inline constexpr MetricInfo kDuplicates{
    "duplicates",        "",
    MetricKind::kScalar, Better::kLower,
    MetricClock::kNone,  "datagrams that came again, or too late to tell"};
inline constexpr MetricInfo kLostFraction{
    "lost_fraction", "fraction",         MetricKind::kScalar,
    Better::kLower,  MetricClock::kNone, "datagrams that never came, of those sent"};
inline constexpr MetricInfo kRetransmits{"retransmits",       "",
                                         MetricKind::kScalar, Better::kLower,
                                         MetricClock::kNone,  "TCP segments sent again"};
inline constexpr MetricInfo kTimeouts{"rto_count",         "",
                                      MetricKind::kScalar, Better::kLower,
                                      MetricClock::kNone,  "expiries of the retransmission timer"};
inline constexpr MetricInfo kSrtt{"srtt_s",
                                  "s",
                                  MetricKind::kScalar,
                                  Better::kLower,
                                  MetricClock::kModel,
                                  "smoothed round-trip time at the end (RFC 6298)"};
inline constexpr MetricInfo kRxFrames{"rx_frames",         "",
                                      MetricKind::kScalar, Better::kNeither,
                                      MetricClock::kNone,  "frames a host received"};
inline constexpr MetricInfo kTxFrames{"tx_frames",         "",
                                      MetricKind::kScalar, Better::kNeither,
                                      MetricClock::kNone,  "frames a host sent"};
inline constexpr MetricInfo kRxBytes{"rx_bytes",          "byte",
                                     MetricKind::kScalar, Better::kNeither,
                                     MetricClock::kNone,  "bytes of the frames a host received"};
inline constexpr MetricInfo kTxBytes{"tx_bytes",          "byte",
                                     MetricKind::kScalar, Better::kNeither,
                                     MetricClock::kNone,  "bytes of the frames a host sent"};
inline constexpr MetricInfo kCoreBusy{
    "core_busy_fraction", "fraction",          MetricKind::kScalar,
    Better::kLower,       MetricClock::kModel, "time a modelled core spent in turns, of the run"};
inline constexpr MetricInfo kHostDrops{
    "host_drops",        "",
    MetricKind::kScalar, Better::kLower,
    MetricClock::kNone,  "frames and packets a host dropped, all reasons"};

}  // namespace metric

// Where one application (or host) puts its numbers.
class AppReport {
 public:
  AppReport(ResultSink& sink, std::string_view path, std::string_view kind)
      : sink_(sink), path_(path), entity_(sink.define_entity({path, kind})) {}

  // `value` over `count` observations.
  void scalar(const MetricInfo& info, double value, std::uint64_t count = 1) {
    sink_.scalar({Instant(), sink_.define_metric(info), entity_, value}, count);
  }
  void histogram(const MetricInfo& info, const Histogram& values) {
    sink_.histogram(sink_.define_metric(info), entity_, values);
  }
  // Why it failed, in words: an event `app.problem` of this entity. Nothing when `why` is empty.
  void problem(std::string_view why);
  // An entity below this one: "client/app0" -> "client/app0/flow3".
  [[nodiscard]] AppReport below(std::string_view name, std::string_view kind) {
    return {sink_, path_ + "/" + std::string(name), kind};
  }

 private:
  ResultSink& sink_;
  std::string path_;
  EntityId entity_;
};

constexpr double to_seconds(Duration time) { return static_cast<double>(time.count()) / 1e9; }

}  // namespace twinpath
