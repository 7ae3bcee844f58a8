// Two applications that behave like nobody's benchmark: a sender that writes odd amounts with
// pauses and sometimes walks away, and a sink that reads when it feels like it.
#pragma once

#include <map>

#include "models/app/app.h"
#include "tests/swarm/dice.h"

namespace twinpath::swarm {

struct MoodyConfig {
  IpAddress to{};
  std::uint16_t port = 0;
  std::uint64_t bytes = 0;
  std::uint32_t write_max = 1000;
  Duration pause_max{};
  bool walks_away = false;  // resets the connection somewhere in the middle
};

class MoodySender final : public App {
 public:
  MoodySender(const MoodyConfig& config, const AppContext& context);
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override { return done_; }
  void report(AppReport&) const override {}
  [[nodiscard]] Errno error() const { return error_; }
  [[nodiscard]] bool walked_away() const { return walked_away_; }

 private:
  void write(Instant now);
  void finish(Instant now, Errno error);

  MoodyConfig config_;
  AppContext context_;
  Dice dice_;
  Poller poller_;
  Timer pause_;
  Fd fd_ = Fd::kNone;
  std::uint64_t walk_at_;
  std::uint64_t sent_ = 0;
  bool connected_ = false;
  bool shut_ = false;
  bool done_ = false;
  bool walked_away_ = false;
  Errno error_ = Errno::kNone;
};

struct SlowSinkConfig {
  std::uint16_t port = 0;
  std::uint32_t read_max = 1000;
  Duration pause_max{};
};

class SlowSink final : public App {
 public:
  SlowSink(const SlowSinkConfig& config, const AppContext& context);
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override { return ended_ > 0 && open_.empty(); }
  void report(AppReport&) const override {}
  [[nodiscard]] std::uint64_t received() const { return received_; }
  [[nodiscard]] std::uint64_t wrong() const { return wrong_; }
  [[nodiscard]] std::uint64_t resets() const { return resets_; }

 private:
  void read_all(Instant now);
  // False: the connection has ended.
  bool read_one(Instant now, Fd fd, std::uint64_t& offset);

  SlowSinkConfig config_;
  AppContext context_;
  Dice dice_;
  Poller poller_;
  Timer pause_;
  Fd listener_ = Fd::kNone;
  std::map<Fd, std::uint64_t> open_;  // bytes received so far
  std::uint64_t ended_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t wrong_ = 0;
  std::uint64_t resets_ = 0;
};

}  // namespace twinpath::swarm
