// One connection that carries bytes in writes of one size, and its counterpart over Linux.
#pragma once

#include <vector>

#include "models/app/app.h"
#include "tests/bench/echo/load.h"

namespace twinpath::bench {

struct StreamLoad {
  std::uint64_t bytes = 0;
  std::uint32_t write_bytes = 64;
};
inline constexpr std::size_t kReadBytes = 65536;
inline constexpr std::uint16_t kStreamPort = 7100;

class StreamReader final : public App {
 public:
  StreamReader(const StreamLoad& load, const AppContext& context);
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override { return ended_; }
  void report(AppReport&) const override {}
  [[nodiscard]] std::uint64_t received() const { return received_; }

 private:
  SocketApi& sockets_;
  Poller poller_;
  std::vector<std::byte> bytes_;
  Fd listener_ = Fd::kNone;
  std::uint64_t received_ = 0;
  bool ended_ = false;
};

struct StreamTarget {
  StreamLoad load;
  IpAddress server{};
};

class StreamWriter final : public App {
 public:
  StreamWriter(const StreamTarget& target, const AppContext& context);
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override { return left_ == 0; }
  void report(AppReport&) const override {}

 private:
  StreamTarget target_;
  SocketApi& sockets_;
  Poller poller_;
  std::vector<std::byte> bytes_;
  Fd fd_ = Fd::kNone;
  std::uint64_t left_;
};

// CPU seconds of both ends, on one thread. `asks_epoll`: before each round of calls, as programs
// do.
double stream_over_linux(const StreamLoad& load, bool asks_epoll);

}  // namespace twinpath::bench
