// The socket calls over one IpHost: a table of descriptors in front of its TCP and UDP.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "models/host/ip_host.h"
#include "models/socket/fd_set.h"
#include "models/socket/port_history.h"
#include "models/socket/socket_record.h"
#include "models/tcp/image.h"

namespace twinpath {

struct SocketsOptions {
  std::uint32_t sockets_max = 1U << 17;
};

class Sockets final : public SocketApi, private TransportUser {
 public:
  // Becomes the host's user. Requires: `host` outlives it.
  explicit Sockets(IpHost& host, const SocketsOptions& options = SocketsOptions());
  ~Sockets() override;

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

  enum class Consume : std::uint8_t { kNo, kYes };
  // MSG_PEEK: what receive() would give, from its `offset`-th byte on; nothing is consumed.
  std::int64_t peek(Fd fd, std::span<std::byte> into, std::uint32_t offset = 0);
  // connect(2) with AF_UNSPEC: a datagram socket without a peer again, a stream as nobody
  // connected.
  Errno dissolve(Instant now, Fd fd);
  // The datagram receive_slice() would give; an error is taken.
  Received peek_datagram(Fd fd);
  [[nodiscard]] bool is_connected(Fd fd) const;
  [[nodiscard]] bool is_listening(Fd fd) const;
  // MSG_OOB: the last byte is urgent. Streams only.
  std::int64_t send_urgent(Instant now, Fd fd, std::span<const std::byte> data);
  // MSG_OOB: the peer's urgent octet. kInvalid: none, taken before, or in the stream.
  std::int64_t receive_urgent(Fd fd, std::span<std::byte> into, Consume consume);
  // MSG_FASTOPEN: connect() and send() in one. Bytes that leave with the SYN; kInProgress when the
  // server's cookie has to be fetched first, and nothing was taken.
  std::int64_t send_fast_open(Instant now, Fd fd, const SocketAddress& remote,
                              std::span<const std::byte> data);

  // The connection behind a descriptor as bytes, to be continued elsewhere or here. Until attach()
  // the descriptor reads as one whose connection is closed. Nothing when `fd` is no stream with a
  // living connection.
  std::optional<TcbImage> detach(Instant now, Fd fd);
  // False when `fd` holds a living connection, or TCP refuses the image (import_image()).
  bool attach(Instant now, Fd fd, const TcbImage& image);

  [[nodiscard]] std::size_t open_sockets() const { return fds_.size(); }
  [[nodiscard]] IpHost& host() { return host_; }

 private:
  using Role = SocketRole;
  using Socket = SocketRecord;

  Socket* find(Fd fd);
  [[nodiscard]] const Socket* find(Fd fd) const;
  FdResult install(Socket socket);
  void remember(std::vector<Fd>& map, std::uint32_t index, Fd fd);
  void notify(Fd fd);

  Errno bind_stream(Fd fd, Socket& socket, SocketAddress local);
  [[nodiscard]] bool port_is_free(const SocketAddress& local, const Socket& asking);
  [[nodiscard]] bool connection_holds(std::uint16_t port, const BoundAddress& wanted,
                                      const Socket& asking);
  // Of a connection that begins.
  void note_port(const Socket& socket);
  void let_go(const Socket& socket);
  void unbind(Fd fd, const Socket& socket);
  Errno connect_stream(Instant now, Fd fd, Socket& socket, const SocketAddress& remote);
  Errno connect_again(Instant now, Socket& socket);
  Errno start_connect(Instant now, Fd fd, Socket& socket, const SocketAddress& remote);
  // Back to a socket nobody connected.
  void disconnect(Instant now, Socket& socket);
  void stop_listening(Instant now, Socket& socket);
  Errno shutdown_datagram(Socket& socket, ShutdownHow how);
  Errno shut_listener(Instant now, Socket& socket, ShutdownHow how);
  // What waited for data connects with it.
  std::int64_t send_deferred(Instant now, Fd fd, Socket& socket, std::span<const std::byte> data);
  [[nodiscard]] TcpListenOptions listen_options(const Socket& socket) const;
  Errno set_v6_only(Socket& socket, bool v6_only);
  Errno set_listener_option(Socket& socket, SocketOption option, std::int64_t value);
  [[nodiscard]] std::int64_t refusal_to_send(const Socket& socket, const TcpStatus& status);
  std::int64_t send_stream(Instant now, Fd fd, Socket& socket, std::span<const std::byte> data);
  // Without asking whether it may. Bytes taken.
  enum class Urgency : std::uint8_t { kNone, kLastByte };
  std::size_t queue_stream(Instant now, Socket& socket, std::span<const std::byte> data,
                           Urgency urgency = Urgency::kNone);
  // Octets between the reader and the urgent one.
  [[nodiscard]] std::optional<std::uint32_t> ahead_of_urgent(const Socket& socket) const;
  // As much of a read as may be taken at once: it ends in front of the urgent octet.
  std::size_t before_urgent(Instant now, Socket& socket, std::size_t bytes_max);
  std::int64_t receive_nothing(Socket& socket, const TcpStatus& status);
  Received receive_datagram(Socket& socket);
  Slice chunk_of(std::span<const std::byte> data);
  void starve(Fd fd, Socket& socket);
  void feed_starved();
  Errno set_tcp_option(Instant now, Socket& socket, SocketOption option, std::int64_t value);
  Errno set_datagram_option(Socket& socket, SocketOption option, std::int64_t value);
  OptionResult get_datagram_option(Socket& socket, SocketOption option);
  OptionResult get_stream_option(Socket& socket, SocketOption option);
  // What Linux makes of it, before it doubles it.
  static std::uint32_t clamped_buffer_bytes(SocketOption option, std::int64_t value);
  [[nodiscard]] std::uint32_t stream_readiness(const Socket& socket) const;
  [[nodiscard]] std::uint32_t datagram_readiness(const Socket& socket) const;

  void on_tcp_ready(TcpId id, std::uint32_t readiness) override;
  void on_tcp_accept(TcpListenerId id) override;
  void on_udp_ready(UdpId id) override;
  void on_turn_end() override {
    if (!starved_.empty()) feed_starved();
  }

  IpHost& host_;
  SocketsOptions options_;
  BufRef chunk_;                  // the one being filled, shared by as many sends as fit
  PacketBuf* filling_ = nullptr;  // the same, writable: its tail belongs to nobody yet
  FdSet fds_;
  std::vector<Socket> sockets_;  // by descriptor
  std::vector<Fd> by_tcp_;       // by index of the transport's handle
  std::vector<Fd> by_listener_;
  std::vector<Fd> by_udp_;
  std::multimap<std::uint16_t, Fd> bound_ports_;  // streams with an explicit bind()
  PortHistory port_history_;
  PortChooser port_chooser_;
  std::vector<Fd> starved_;  // refused for want of a chunk
};

}  // namespace twinpath
