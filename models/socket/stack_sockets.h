// The socket calls over any StackApi: what an application uses whose stack runs on another thread,
// core or machine. Calls return at once from what is known here; the operations behind them are
// under way. Reads go ahead of the reader and accepts ahead of the acceptor, both bounded.
//
// Departs from local sockets, because nothing here waits for the stack:
// - bind(), listen(), attach() and set_option() succeed and report what the stack says about them
// as
//   a pending error (kPollError, SO_ERROR). They, socket() and a datagram's connect() say
//   kNoBufferSpace while too many operations wait to be taken.
// - local_name() is the name asked for until the stack has told the one it gave.
// - get_option() says kAgain the first time and asks the stack; the socket's watchers are told when
//   the answer is here, and the next call takes it. SO_ERROR and what is unread or on its way to
//   the stack (kUnreadBytes, kUnsentBytes) are known here.
// - tcp_info() is the last that arrived, nothing before the first; each call has the next flush()
//   ask for a newer one.
// - Reads go ahead of the reader, so the stack's word on urgent data (kAtMark) is about what it has
//   not handed over yet, and kPollUrgent is never set. The octet itself is read in the stream, but
//   for who sets kOutOfBandInline to 0; there is no MSG_OOB read.
// - send_fast_open() takes what fits one chunk and tells later, as connect() does, whether there is
//   a connection; bytes the SYN has no room for follow it.
// - detach() gives nothing the first time; the watchers are told when the image is here. What
//   arrived before stays here to be read.
// - A descriptor is free again when the stack has closed its socket.
#pragma once

#include <memory>
#include <vector>

#include "models/host/bounded_queue.h"
#include "models/socket/fd_set.h"
#include "models/socket/stack_socket_aside.h"
#include "models/socket/watch_list.h"

namespace twinpath {

struct StackSocketsOptions {
  std::uint32_t sockets_max = 1U << 17;
  // What goes to one socket between two flush()es is one operation; else one per call.
  bool batch_sends = true;
  // Pieces kept in the stack's own buffers, of all sockets; further ones are copied, so that who
  // does not read cannot keep them from others.
  std::uint32_t pieces_held_max = 512;
  // The stack is on this core and takes buffers with other owners: send_slice() hands them over.
  // Else it copies, because such a buffer cannot leave its core.
  bool share_slices = false;
};

class StackSockets final : public SocketApi, public StreamExtras {
 public:
  static constexpr std::uint32_t kAcceptsAhead = 32;
  static constexpr std::uint32_t kReceivesAhead = 16;
  static constexpr std::uint32_t kReceiveBytes = 65536;  // of one operation at most
  static constexpr std::uint32_t kUnreadMax = 1U << 18;  // bytes; beyond it no more is asked for
  static constexpr std::uint32_t kPiecesMax = 1U << 14;  // likewise

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
  [[nodiscard]] std::optional<TcpInfo> tcp_info(Fd fd) const override;
  [[nodiscard]] std::uint32_t readiness(Fd fd) const override;
  bool watch(Fd fd, SocketWatcher& watcher, std::uint32_t token) override;
  void unwatch(Fd fd, SocketWatcher& watcher, std::uint32_t token) override;

  std::int64_t peek(Fd fd, std::span<std::byte> into, std::uint32_t offset) override;
  std::int64_t send_urgent(Instant now, Fd fd, std::span<const std::byte> data) override;
  std::int64_t send_fast_open(Instant now, Fd fd, const SocketAddress& remote,
                              std::span<const std::byte> data) override;
  std::optional<TcbImage> detach(Instant now, Fd fd) override;
  bool attach(Instant now, Fd fd, const TcbImage& image) override;

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
    bool bound = false;
    mutable bool info_wanted = false;  // stands in info_wanted_
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
    std::unique_ptr<StackSocketAside> aside;
  };

  Socket* find(Fd fd);
  [[nodiscard]] const Socket* find(Fd fd) const;
  // Requires: taken.
  [[nodiscard]] Socket& at(Fd fd) { return *sockets_[static_cast<std::size_t>(fd)]; }
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
  // Too many operations wait: no more of those nothing else bounds.
  [[nodiscard]] bool is_clogged() const { return !stack_.takes_ops(); }
  static StackSocketAside& aside_of(Socket& socket);
  BufRef chunk_of(std::span<const std::byte> data);
  std::int64_t submit_send(Instant now, Fd fd, StackOp op);
  void ask_for_infos(Instant now);
  void ask_for_name(Instant now, Fd fd);
  void outdate_answer(Socket& socket, SocketOption option);
  void move_image(Instant now, Fd fd);
  void resume_starved(Instant now);
  void complete(Instant now, StackCompletion& done);
  void on_made(Instant now, Fd fd, const StackCompletion& done);
  void on_accepted(Instant now, Fd fd, const StackCompletion& done);
  void on_connected(Instant now, Fd fd, const StackCompletion& done);
  void on_named(Fd fd, const StackCompletion& done);
  void on_answer(Instant now, Fd fd, const StackCompletion& done);
  void on_info(Fd fd, const StackCompletion& done);
  void on_exported(Instant now, Fd fd, const StackCompletion& done);
  void on_imported(Instant now, Fd fd, const StackCompletion& done);
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
  std::vector<std::unique_ptr<Socket>> sockets_;  // by descriptor, the lowest free first
  std::vector<Fd> dirty_;
  std::vector<Fd> starved_;
  mutable std::vector<Fd> info_wanted_;
  std::uint32_t pieces_held_ = 0;
};

}  // namespace twinpath
