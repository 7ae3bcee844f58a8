// StackApi over a host's own sockets: operations that cannot complete at once wait here for their
// socket to become ready.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "models/host/bounded_queue.h"
#include "models/socket/stack_api.h"

namespace twinpath {

class HostStack final : public StackApi, private SocketWatcher {
 public:
  // Requires: `sockets` outlives it.
  explicit HostStack(SocketApi& sockets) : sockets_(sockets) {}
  HostStack(const HostStack&) = delete;
  HostStack& operator=(const HostStack&) = delete;
  ~HostStack() override;

  void submit(Instant now, StackOp op) override;
  std::size_t reap(std::span<StackCompletion> out) override;
  // Goes on with what waited for sockets that became ready. Call after the host's turn.
  void run(Instant now);
  // run() has something to do.
  [[nodiscard]] bool has_ready() const { return !ready_.empty(); }

 private:
  enum Lane : std::size_t { kAccepts, kConnects, kSends, kReceives, kLanes };
  using Queue = BoundedQueue<StackOp>;
  struct Waiting {
    std::array<Queue, kLanes> lanes{Queue(kOpsPerSocketMax), Queue(kOpsPerSocketMax),
                                    Queue(kOpsPerSocketMax), Queue(kOpsPerSocketMax)};
    std::uint32_t sending_bytes = 0;  // taken from the sending credit
    bool ready = false;               // stands in ready_
  };

  // The completion, or nothing when the operation has to wait. May consume part of op.data.
  std::optional<StackCompletion> try_now(Instant now, StackOp& op);
  std::optional<StackCompletion> try_accept(StackOp& op);
  std::optional<StackCompletion> try_connect(Instant now, StackOp& op);
  std::optional<StackCompletion> try_send(Instant now, StackOp& op);
  std::optional<StackCompletion> try_receive(Instant now, StackOp& op);
  StackCompletion complete_simple(Instant now, const StackOp& op);
  void queue(Instant now, Lane lane, StackOp op);
  void advance(Instant now, Fd socket);
  void cancel_all(Fd socket);
  void adopt(Fd socket);
  void on_socket_ready(std::uint32_t token) override;
  void on_socket_closed(std::uint32_t) override {}

  SocketApi& sockets_;
  std::map<Fd, Waiting> waiting_;  // one per socket of ours
  std::vector<Fd> ready_;
  std::deque<StackCompletion> done_;
};

}  // namespace twinpath
