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
#include "models/socket/stream_extras.h"

namespace twinpath {

// What a host has besides its sockets; operations that need what is missing complete with
// kOperationNotSupported.
struct HostStackParts {
  StreamExtras* extras = nullptr;
  BufPool* pool = nullptr;  // for what a completion carries that stands in no socket's buffer
};

class HostStack final : public StackApi, private SocketWatcher {
 public:
  static constexpr std::size_t kUnreapedMax = 4096;

  // Requires: all outlive it.
  explicit HostStack(SocketApi& sockets, const HostStackParts& parts = HostStackParts())
      : sockets_(sockets), parts_(parts) {}
  HostStack(const HostStack&) = delete;
  HostStack& operator=(const HostStack&) = delete;
  ~HostStack() override;

  void submit(Instant now, StackOp op) override;
  std::size_t reap(std::span<StackCompletion> out) override;
  [[nodiscard]] bool takes_ops() const override { return done_.size() < kUnreapedMax; }
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
  // An image on its way, a piece at a time; one each way, so that many cannot fill the memory.
  struct Moving {
    Fd socket = Fd::kNone;
    std::vector<std::byte> bytes;
  };

  // The completion, or nothing when the operation has to wait. May consume part of op.data.
  std::optional<StackCompletion> try_now(Instant now, StackOp& op);
  std::optional<StackCompletion> try_accept(StackOp& op);
  std::optional<StackCompletion> try_connect(Instant now, StackOp& op);
  std::optional<StackCompletion> try_send(Instant now, StackOp& op);
  std::optional<StackCompletion> try_receive(Instant now, StackOp& op);
  StackCompletion complete_simple(Instant now, StackOp& op);
  StackCompletion complete_rare(Instant now, StackOp& op);
  void peek(const StackOp& op, StackCompletion& done);
  void tell_info(const StackOp& op, StackCompletion& done);
  void export_piece(Instant now, const StackOp& op, StackCompletion& done);
  Errno begin_export(Instant now, Fd socket);
  Errno import_piece(Instant now, const StackOp& op);
  // Answers with a copy of the bytes, as many as a buffer holds; those are how many.
  std::size_t carry(std::span<const std::byte> bytes, StackCompletion& done);
  Errno begin_connect(Instant now, StackOp& op);
  void queue(Instant now, Lane lane, StackOp op);
  void advance(Instant now, Waiting& waiting);
  void cancel(Queue& lane);
  void cancel_all(Fd socket);
  void adopt(Fd socket);
  void on_socket_ready(std::uint32_t token) override;
  void on_socket_closed(std::uint32_t) override {}

  SocketApi& sockets_;
  HostStackParts parts_;
  std::map<Fd, Waiting> waiting_;  // one per socket of ours
  std::uint32_t ops_ = 0;          // in all lanes
  std::vector<Fd> ready_;
  // Bounded by kUnreapedMax where the submitter asks takes_ops(), and what run() adds by kOpsMax.
  std::deque<StackCompletion> done_;
  Moving exporting_;
  Moving importing_;
};

}  // namespace twinpath
