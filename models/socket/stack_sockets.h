// The socket calls over any StackApi: what an application uses whose stack runs on another thread,
// core or machine. Calls return at once from what is known here; the operations behind them are
// under way. Reads go ahead of the reader and accepts ahead of the acceptor, both bounded.
//
// Departs from local sockets: bind() and listen() succeed and report what the stack says about them
// as a pending error (kPollError, SO_ERROR); a descriptor is free again when the stack has closed
// its socket; options are set, but only those known here are read; no TCP_INFO.
#pragma once

#include <deque>
#include <vector>

#include "models/host/bounded_queue.h"
#include "models/socket/fd_set.h"
#include "models/socket/stack_api.h"
#include "models/socket/watch_list.h"

namespace twinpath {

struct StackSocketsOptions {
  std::uint32_t sockets_max = 1U << 17;
  // What goes to one socket between two flush()es is one operation; else one per call.
  bool batch_sends = true;
  // Pieces kept in the stack's own buffers, of all sockets; further ones are copied, so that who
  // does not read cannot keep them from others.
  std::uint32_t pieces_held_max = 512;
};

class StackSockets final : public SocketApi {
 public:
  static constexpr std::uint32_t kAcceptsAhead = 32;
  static constexpr std::uint32_t kReceivesAhead = 16;
  static constexpr std::uint32_t kReceiveBytes = 65536;  // of one operation at most
  static constexpr std::uint32_t kUnreadMax = 1U << 18;  // bytes; beyond it no more is asked for

  // `pool` holds bytes on their way to the stack. Requires: both outlive it.
  StackSockets(StackApi& stack, BufPool& pool,
               const StackSocketsOptions& options = StackSocketsOptions());

  // Hears of what completed, at most `at_most` operations; returns how many. Watchers are told.
  std::uint32_t collect(Instant now, std::uint32_t at_most);
  // Hands the stack what was sent since. Call when the applications have had their turn.
  void flush(Instant now);

  FdResult socket(SocketKind kind) override;
  Errno bind(Fd fd, const SocketAddress& local) override;
  Errno listen(Fd fd, std::uint32_t backlog) override;
  Accepted accept(Fd fd) override;
  Errno connect(Instant now, Fd fd, const SocketAddress& remote) override;
  std::int64_t send(Instant now, Fd fd, std::span<const std::byte> data) override;
  // Copies, as send(): a buffer with other owners cannot leave its core.
  std::int64_t send_slice(Instant now, Fd fd, const Slice& data) override;
  std::int64_t send_to(Instant now, Fd fd, const SocketAddress& target,
                       std::span<const std::byte> data) override;
  std::int64_t receive(Instant now, Fd fd, std::span<std::byte> into) override;
  Received receive_slice(Instant now, Fd fd, std::uint32_t bytes_max) override;
  Errno shutdown(Instant now, Fd fd, ShutdownHow how) override;
  Errno close(Instant now, Fd fd) override;
  Errno set_option(Instant now, Fd fd, SocketOption option, std::int64_t value) override;
  OptionResult get_option(Fd fd, SocketOption option) override;
  [[nodiscard]] NameResult local_name(Fd fd) const override;
  [[nodiscard]] NameResult peer_name(Fd fd) const override;
  [[nodiscard]] std::optional<TcpInfo> tcp_info(Fd) const override { return std::nullopt; }
  [[nodiscard]] std::uint32_t readiness(Fd fd) const override;
  bool watch(Fd fd, SocketWatcher& watcher, std::uint32_t token) override;
  void unwatch(Fd fd, SocketWatcher& watcher, std::uint32_t token) override;

 private:
  enum class Role : std::uint8_t { kFree, kFresh, kConnecting, kConnected, kListener, kDatagram };
  struct Piece {
    Slice data;
    SocketAddress source;  // datagrams only
    bool held = false;     // in a buffer of the stack's
  };
  struct Socket {
    Role role = Role::kFree;
    bool connecting = false;  // connect() has not reported success yet
    bool read_end = false;
    bool read_shut = false;
    bool write_shut = false;
    bool shut_waits = false;  // for what was sent before it
    bool closing = false;     // by its user; lives on until the stack has closed it
    bool dead = false;        // the stack made no socket
    bool dirty = false;       // stands in dirty_
    bool starved = false;     // stands in starved_
    Errno error = Errno::kNone;
    Fd stack = Fd::kNone;     // its number there; kNone until told
    std::uint32_t sends = 0;  // operations under way
    std::uint32_t receives = 0;
    std::uint32_t receives_wanted = 1;  // doubles while pieces come faster than they are read
    std::uint32_t accepts = 0;
    std::uint32_t unsent_bytes = 0;
    std::uint32_t unread_bytes = 0;
    SocketAddress local{};
    SocketAddress remote{};
    BufPtr filling;                // sent, not yet handed over
    BufRef kept;                   // the chunk that copied pieces go to, and
    PacketBuf* keeping = nullptr;  // the same to write to
    BoundedQueue<StackOp> early{StackApi::kOpsPerSocketMax};  // until `stack` is told
    BoundedQueue<Piece> arrived{kUnreadMax};                  // oldest first
    BoundedQueue<Fd> acceptable{kAcceptsAhead};
    WatchList watches;
  };

  Socket* find(Fd fd);
  [[nodiscard]] const Socket* find(Fd fd) const;
  Fd take_descriptor();
  void release(Fd fd);
  void submit(Instant now, Fd fd, StackOp op);
  void ask_ahead(Instant now, Fd fd);
  std::int64_t refusal_to_send(Socket& socket);
  std::int64_t send_datagram(Instant now, Fd fd, const SocketAddress& target,
                             std::span<const std::byte> data);
  std::uint32_t fill(Instant now, Fd fd, std::span<const std::byte> data);
  void hand_over(Instant now, Fd fd);
  void finish_sending(Instant now, Fd fd);
  void starve(Fd fd);
  void complete(Instant now, StackCompletion& done);
  void on_made(Instant now, Fd fd, const StackCompletion& done);
  void on_accepted(Instant now, Fd fd, const StackCompletion& done);
  void on_connected(Instant now, Fd fd, const StackCompletion& done);
  void on_sent(Instant now, Fd fd, const StackCompletion& done);
  void on_received(Instant now, Fd fd, StackCompletion& done);
  void keep(Socket& socket, StackCompletion& done);
  bool keep_copy(Socket& socket, Slice& data);
  Received next_piece(Socket& socket, std::uint32_t bytes_max);
  void fail(Socket& socket, Errno error);
  [[nodiscard]] static bool may_send(const Socket& socket);

  StackApi& stack_;
  BufPool& pool_;
  StackSocketsOptions options_;
  FdSet fds_;
  std::deque<Socket> sockets_;  // a deque keeps references good while it grows
  std::vector<Fd> dirty_;
  std::vector<Fd> starved_;
  std::uint32_t pieces_held_ = 0;
};

}  // namespace twinpath
