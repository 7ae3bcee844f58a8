// Which of many sockets are ready, in the manner of epoll: level, edge and one-shot, any number of
// pollers, one socket in several of them. Read epoll(7).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/host/bounded_queue.h"
#include "models/socket/socket_api.h"

namespace twinpath {

enum class Trigger : std::uint8_t {
  kLevel,    // reported as long as it lasts
  kEdge,     // reported once per change
  kOneShot,  // reported once, then not until modify()
};

struct Interest {
  std::uint32_t events = kPollIn;  // kPollError and kPollHangup need no asking
  Trigger trigger = Trigger::kLevel;
  std::uint64_t data = 0;  // comes back with the event
};

struct PollEvent {
  Fd fd = Fd::kNone;
  std::uint32_t events = 0;
  std::uint64_t data = 0;
};

// Told when a poller that had nothing ready has something: whoever runs its owner need not ask.
class ReadySignal {
 public:
  virtual ~ReadySignal() = default;
  virtual void signal() = 0;
};

class Poller final : private SocketWatcher {
 public:
  explicit Poller(SocketApi& sockets, ReadySignal* signal = nullptr)
      : sockets_(sockets), signal_(signal) {}
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;
  ~Poller() override;

  // kBadDescriptor; kExist when already added.
  Errno add(Fd fd, const Interest& interest);
  // kNoEntry when not added. Arms a one-shot again and reports what is ready now.
  Errno modify(Fd fd, const Interest& interest);
  Errno remove(Fd fd);

  // Fills `out` from the front with what is ready, the longest waiting first. Never blocks.
  std::size_t wait(std::span<PollEvent> out);
  // False: wait() would find nothing. True may turn out empty.
  [[nodiscard]] bool has_ready() const { return !ready_.empty(); }

 private:
  struct Entry {
    std::uint64_t data = 0;
    Fd fd = Fd::kNone;  // kNone: free, or waiting in ready_ to become free
    std::uint32_t events = 0;
    Trigger trigger = Trigger::kLevel;
    bool armed = true;
    bool queued = false;  // stands in ready_
  };
  static_assert(sizeof(Entry) == 24);
  static constexpr std::uint32_t kNoEntry = 0xffffffff;

  [[nodiscard]] std::uint32_t index_of(Fd fd) const;
  void set_index(Fd fd, std::uint32_t index);
  void enqueue(std::uint32_t index);
  void release(std::uint32_t index);
  bool report(std::uint32_t index, PollEvent& out);
  void on_socket_ready(std::uint32_t token) override { enqueue(token); }
  void on_socket_closed(std::uint32_t token) override;

  SocketApi& sockets_;
  ReadySignal* signal_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> by_fd_;
  BoundedQueue<std::uint32_t> ready_{kNoEntry};  // each entry at most once
};

}  // namespace twinpath
