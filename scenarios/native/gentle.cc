// A congestion control of one's own in half a page: it grows like Reno, but gives up only a chosen
// part of its window after a loss and backs off when the queue it builds delays its own packets.
#include <algorithm>

#include "models/native/congestion.h"

namespace {

using twinpath::Duration;
using twinpath::Field;
using twinpath::Instant;
using twinpath::Limits;
namespace tcp = twinpath::tcp;

class Gentle {
 public:
  struct Config {
    double beta = 0.8;
    Duration queueing_max = std::chrono::milliseconds(20);

    static constexpr auto fields() {
      return std::tuple(Field{"beta", "part of the window that is left after a loss", &Config::beta,
                              Limits{.min = 0.1, .max = 0.95}},
                        Field{"queueing_max", "delay beyond the smallest seen that stops growth",
                              &Config::queueing_max, Limits{.unit = "ns", .min = 0, .max = 1e9}});
    }
  };

  explicit Gentle(const Config& config) : config_(config) {}

  void on_ack(tcp::CongestionWindow& window, const tcp::AckSample& sample) {
    srtt_min_ = std::min(srtt_min_, sample.srtt);
    if (sample.srtt > srtt_min_ + config_.queueing_max) return;
    credit_bytes_ += sample.acked_bytes;
    if (credit_bytes_ < window.cwnd_bytes) return;
    credit_bytes_ -= window.cwnd_bytes;
    window.cwnd_bytes += window.mss_bytes;
  }

  std::uint32_t ssthresh_after_loss(const tcp::CongestionWindow&, const tcp::LossSample& sample) {
    credit_bytes_ = 0;
    return static_cast<std::uint32_t>(sample.flight_bytes * config_.beta);
  }

  void on_timeout() { srtt_min_ = kUnknown; }

 private:
  static constexpr Duration kUnknown = std::chrono::hours(1);

  Config config_;
  Duration srtt_min_ = kUnknown;
  std::uint32_t credit_bytes_ = 0;
};

}  // namespace

TWINPATH_CONGESTION(Gentle)
