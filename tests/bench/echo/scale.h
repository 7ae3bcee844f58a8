// Many connections that say little: a client opens them all, and then asks one after the other, in
// random order, for an answer of 64 B. Nothing is kept per connection but the client's list of
// descriptors, so what memory grows by is the stack's.
#pragma once

#include <array>
#include <vector>

#include "models/app/app.h"
#include "models/base/rng.h"

namespace twinpath::bench {

struct ScaleLoad {
  std::uint32_t connections = 10'000;
  std::uint32_t opening_at_once = 256;
  std::uint32_t asking_at_once = 64;
  // A server listens at all of them: one alone has fewer peers than ports.
  std::uint16_t first_port = 7000;
  std::uint16_t ports = 64;
  IpAddress server{};
};
inline constexpr std::size_t kScaleMessageBytes = 64;

class ScaleServer final : public App {
 public:
  ScaleServer(const ScaleLoad& load, const AppContext& context);
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override { return false; }
  void report(AppReport&) const override {}

 private:
  void accept_all(Fd listener);
  void answer(Instant now, Fd fd);

  ScaleLoad load_;
  SocketApi& sockets_;
  Poller poller_;
  std::array<PollEvent, kEventsPerWait> events_;
  std::array<std::byte, kScaleMessageBytes> bytes_{};
};

class ScaleClient final : public App {
 public:
  ScaleClient(const ScaleLoad& load, const AppContext& context);
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override { return false; }
  void report(AppReport&) const override {}

  [[nodiscard]] bool is_open() const { return opened_ == load_.connections; }
  // Requires: is_open(). Asks so many times; then answered() has grown by as much.
  void ask(Instant now, std::uint64_t transactions);
  [[nodiscard]] std::uint64_t answered() const { return answered_; }

 private:
  void open_one(Instant now);
  void ask_one(Instant now);
  void on_open(Instant now);
  void on_answer(Instant now, Fd fd);
  void shuffle();

  ScaleLoad load_;
  SocketApi& sockets_;
  Poller poller_;
  Rng rng_;
  std::array<PollEvent, kEventsPerWait> events_;
  std::array<std::byte, kScaleMessageBytes> bytes_{};
  std::vector<Fd> order_;
  std::size_t next_ = 0;  // in order_
  std::uint32_t started_ = 0;
  std::uint32_t opened_ = 0;
  std::uint64_t left_ = 0;  // to be asked
  std::uint64_t answered_ = 0;
};

}  // namespace twinpath::bench
