// lwIP 2.1.3 as a Host: frames in, frames out, one deadline, under the caller's clock. Its
// functions are called directly, without its thread and without its locks. Sockets (lwip_sockets.h)
// stand on it.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <vector>

#include "models/base/heap_pool.h"
#include "models/base/host.h"
#include "models/base/rng.h"
#include "models/base/timer.h"
#include "models/foreign/lwip/arena.h"
#include "models/foreign/lwip/calls.h"
#include "models/host/bounded_queue.h"
#include "models/host/host_config.h"

namespace twinpath {

// What lwIP cannot do of a HostConfig: Debian's build has one IPv4 address per interface, no VLANs,
// no static neighbours, and no route but the default one.
std::vector<Problem> validate_for_lwip(const HostConfig& config);

struct LwipCounters {
  std::uint64_t rx_frames = 0;
  std::uint64_t rx_bytes = 0;
  std::uint64_t tx_frames = 0;
  std::uint64_t tx_bytes = 0;
  std::uint64_t no_buffer = 0;      // frames dropped because lwIP or the pool had no room
  std::uint64_t queue_refused = 0;  // frames lwIP was told to keep: the port's queue was full
};

// Hears that frames or timers were handled.
class LwipUser {
 public:
  virtual ~LwipUser() = default;
  // A port's queue was full and is not any more.
  virtual void on_room(Instant now) = 0;
};

class LwipHost final : public Host, private lwip::Environment {
 public:
  // What one stack may allocate. 64 KB of window both ways per connection: some hundred of them.
  static constexpr std::size_t kBytesMax = std::size_t{256} << 20;
  static constexpr std::size_t kDeferredMax = 64;

  // Requires: validate(config) and validate_for_lwip(config) are empty; nobody else uses `library`.
  // `frames` outlives the host.
  LwipHost(const HostConfig& config, std::unique_ptr<lwip::Library> library, BufPool& frames);
  LwipHost(const LwipHost&) = delete;
  LwipHost& operator=(const LwipHost&) = delete;
  ~LwipHost() override;

  void on_rx(Instant now, PortId port, std::span<BufPtr> frames) override;
  void on_time(Instant now) override;
  std::size_t poll_tx(Instant now, PortId port, std::span<BufPtr> out) override;
  [[nodiscard]] Instant next_deadline() override;
  void ask_for_turn(Instant now) { turn_asked_ = std::min(turn_asked_, now); }

  void set_user(LwipUser* user) { user_ = user; }
  [[nodiscard]] const lwip::Calls& calls() const { return calls_; }
  // Time passes to `now`; until the result is gone, lwIP may be called.
  [[nodiscard]] lwip::Entry enter(Instant now) {
    now_ = now;
    return {*library_, *this};
  }
  [[nodiscard]] lwip::Entry enter() { return {*library_, *this}; }

  [[nodiscard]] const HostConfig& config() const { return config_; }
  [[nodiscard]] const LwipCounters& counters() const { return counters_; }
  [[nodiscard]] TimerQueue& timers() { return timers_; }
  [[nodiscard]] HeapPool& stream_pool() { return streams_; }
  // For datagrams longer than a chunk of the other.
  [[nodiscard]] HeapPool& long_pool() { return longs_; }
  [[nodiscard]] Rng rng(std::string_view consumer) const {
    return Rng(config_.seed).fork(consumer);
  }
  // Allocated by lwIP now.
  [[nodiscard]] std::size_t bytes() const { return arena_.bytes(); }
  // No port can take a frame.
  [[nodiscard]] bool is_full() const;

 private:
  struct Interface {
    Interface(LwipHost& owner, std::uint32_t queue_frames) : host(owner), queue(queue_frames) {}
    LwipHost& host;
    netif device{};
    FrameQueue queue;
    const InterfaceConfig* config = nullptr;
  };
  struct Deferred {
    void (*call)(void*);
    void* context;
  };

  void add_interface(const InterfaceConfig& config);
  void add_ip6(Interface& interface);
  void add_routes();
  static err_t begin_interface(netif* device);
  static err_t send(netif* device, pbuf* packet);
  err_t queue_frame(Interface& interface, const pbuf& packet);
  void receive(Interface& interface, const PacketBuf& frame);
  std::size_t take(FrameQueue& queue, std::span<BufPtr> out);
  void run_deferred();

  std::uint32_t now_ms() override;
  std::uint32_t random() override { return static_cast<std::uint32_t>(rng_.next() >> 33); }
  void* allocate(std::size_t bytes) override { return arena_.allocate(bytes); }
  void release(void* at) override { arena_.release(at); }
  bool defer(void (*call)(void*), void* context) override;

  HostConfig config_;
  BufPool& frames_;
  HeapPool streams_;
  HeapPool longs_{{.capacity_bytes = 65536, .headroom_bytes = 0, .bufs_max = 1024}};
  TimerQueue timers_;
  Rng rng_;
  lwip::Arena arena_{kBytesMax};
  std::unique_ptr<lwip::Library> library_;
  const lwip::Calls& calls_;
  std::deque<Interface> interfaces_;  // lwIP keeps pointers to them
  std::vector<Deferred> deferred_;
  LwipCounters counters_;
  LwipUser* user_ = nullptr;
  Instant now_{};
  Instant turn_asked_ = kNever;
  bool refused_ = false;  // lwIP holds segments back for want of room
};

}  // namespace twinpath
