// Two TCP stacks back to back over a pipe that delays, loses, reorders, duplicates and corrupts, on
// one virtual clock. What each application wrote is checked byte by byte on the other side.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <queue>
#include <vector>

#include "models/base/heap_pool.h"
#include "models/base/rng.h"
#include "models/tcp/stack.h"

namespace twinpath::test {

struct PipeOptions {
  Duration delay = std::chrono::milliseconds(10);  // one way
  std::uint64_t rate_bps = 100'000'000;            // 0 = no serialisation
  std::uint32_t queue_bytes = 256 * 1024;          // drop-tail ahead of the pipe
  double loss = 0;
  std::uint32_t lose_every = 0;  // every so many'th segment with data of the client's; 0 = none
  double reorder = 0;            // overtaken: two delays instead of one
  double duplicate = 0;
  double corrupt = 0;  // one bit
};

struct TransferOptions {
  std::uint64_t client_bytes = 0;  // written by each side, then half-closed
  std::uint64_t server_bytes = 0;
  std::uint32_t write_bytes = 8192;
  std::uint32_t read_bytes = 65536;
};

class TcpPair {
 public:
  struct Settings {
    PipeOptions pipe;
    TcpConfig client;
    TcpConfig server;
    std::uint64_t seed = 1;
  };
  explicit TcpPair(const Settings& settings);
  ~TcpPair();

  // Opens a connection and starts the transfer on it; several may run at once.
  void start(const TransferOptions& options);
  // Until every transfer is over, or `at_most` has passed. True when all are.
  bool run(Duration at_most);

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] bool finished() const;
  // Every byte that arrived was the right one.
  [[nodiscard]] bool exact() const { return exact_; }
  [[nodiscard]] std::uint64_t segments() const { return segments_; }
  // A chained hash over (time, direction, bytes) of everything that entered the pipe.
  [[nodiscard]] std::uint64_t trace() const { return trace_; }
  [[nodiscard]] TcpStack& client() { return *sides_[0].stack; }
  [[nodiscard]] TcpStack& server() { return *sides_[1].stack; }
  [[nodiscard]] TcpInfo client_info(std::size_t transfer) const;
  // Every so many segments a random connection moves into an image and back (0 = never).
  void migrate_every(std::uint32_t segments) { migrate_every_ = segments; }

  static constexpr std::uint16_t kServerPort = 80;

 private:
  struct Stream {
    TcpId id;
    std::uint64_t to_write = 0;
    std::uint64_t written = 0;
    std::uint64_t read = 0;
    bool shut = false;
    bool open = false;
    bool ended = false;
  };
  struct Side;
  struct Arrival {
    Instant at;
    std::uint64_t order;
    std::size_t side;
    BufPtr buf;
    TcpArrival arrival;
    bool operator<(const Arrival& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  struct User final : TcpUser {
    void on_tcp_ready(TcpId id, std::uint32_t) override { pair->serve(side, id); }
    void on_tcp_accept(TcpListenerId listener) override { pair->accept(listener); }
    TcpPair* pair = nullptr;
    std::size_t side = 0;
  };
  struct Side {
    std::unique_ptr<HeapPool> pool;
    std::unique_ptr<TimerQueue> timers;
    std::unique_ptr<EventBus> bus;
    User user;
    std::unique_ptr<TcpStack> stack;
    std::vector<Stream> streams;
    Instant line_free{};
  };

  void serve(std::size_t side, TcpId id);
  void accept(TcpListenerId listener);
  void write(Side& side, Stream& stream);
  void read(Side& side, Stream& stream);
  void send_all(std::size_t side);
  void send_one(std::size_t side, TcpDeparture departure);
  bool is_next_to_lose(std::size_t side, const TcpDeparture& departure);
  void deliver_at(Instant at, std::size_t side, const TcpDeparture& departure);
  void maybe_migrate();
  Instant next_event() const;
  void step();

  Settings settings_;
  TransferOptions transfer_;
  std::array<Side, 2> sides_;
  std::priority_queue<Arrival> in_flight_;
  Rng faults_;
  Instant now_{};
  std::uint64_t order_ = 0;
  std::uint64_t segments_ = 0;
  std::uint64_t data_segments_ = 0;  // the client's
  std::uint64_t trace_ = 0;
  std::uint32_t migrate_every_ = 0;
  bool exact_ = true;
};

}  // namespace twinpath::test
