// The socket calls over lwIP's raw interface: what an application sees is what it sees over our own
// stack (models/socket/socket_api.h), errors included. StackApi stands on it as on any (HostStack).
#pragma once

#include "models/foreign/lwip/lwip_host.h"
#include "models/foreign/lwip/lwip_socket.h"
#include "models/socket/fd_set.h"

namespace twinpath {

class LwipSockets final : public SocketApi, private LwipUser {
 public:
  static constexpr std::uint32_t kSocketsMax = 1U << 16;
  static constexpr std::uint32_t kDatagramsMax = 4096;  // unread, per socket

  // Becomes the host's user. Requires: `host` outlives it.
  explicit LwipSockets(LwipHost& host);
  ~LwipSockets() override;

  FdResult socket(SocketKind kind) override;
  Errno bind(Fd fd, const SocketAddress& local) override;
  Errno listen(Fd fd, std::uint32_t backlog) override;
  Accepted accept(Fd fd) override;
  Errno connect(Instant now, Fd fd, const SocketAddress& remote) override;
  std::int64_t send(Instant now, Fd fd, std::span<const std::byte> data) override;
  // lwIP copies: a retransmission may outlive any loan.
  std::int64_t send_slice(Instant now, Fd fd, const Slice& data) override {
    return send(now, fd, data.bytes());
  }
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

 private:
  using Phase = LwipSocket::Phase;

  [[nodiscard]] LwipSocket* find(Fd fd) const;
  [[nodiscard]] const lwip::Calls& calls() const { return host_.calls(); }
  // nullopt: none is free.
  std::optional<Fd> install(std::unique_ptr<LwipSocket> socket);
  bool make_pcb(LwipSocket& socket);
  bool begin_again(LwipSocket& socket);
  void hear(LwipSocket& socket, tcp_pcb& pcb);
  // lwIP keeps the connection to its end; we hear no more of it.
  void forget(LwipSocket& socket);
  void end_stream(LwipSocket& socket);
  void drop_unread(LwipSocket& socket);
  void keep_names(LwipSocket& socket);

  Errno connect_datagram(LwipSocket& socket, const SocketAddress& remote);
  std::int64_t send_stream(LwipSocket& socket, std::span<const std::byte> data);
  std::int64_t send_datagram(LwipSocket& socket, const SocketAddress* target,
                             std::span<const std::byte> data);
  // 0: there is something; else what the call returns, 1 standing for the end of the stream.
  [[nodiscard]] std::int64_t why_nothing(LwipSocket& socket) const;
  std::uint32_t take(LwipSocket& socket, std::span<std::byte> into);
  void consume(LwipSocket& socket, std::uint32_t count);
  Errno set_tcp_option(LwipSocket& socket, SocketOption option, std::int64_t value);
  [[nodiscard]] OptionResult get_tcp_option(const LwipSocket& socket, SocketOption option) const;
  [[nodiscard]] std::uint32_t stream_readiness(const LwipSocket& socket) const;
  void on_room(Instant now) override;

  static err_t on_accept(void* arg, tcp_pcb* made, err_t error);
  static err_t on_connected(void* arg, tcp_pcb* pcb, err_t error);
  static err_t on_receive(void* arg, tcp_pcb* pcb, pbuf* data, err_t error);
  static err_t on_sent(void* arg, tcp_pcb* pcb, u16_t bytes);
  static void on_error(void* arg, err_t error);
  static void on_datagram(void* arg, udp_pcb* pcb, pbuf* data, const ip_addr_t* from, u16_t port);

  LwipHost& host_;
  FdSet fds_{kSocketsMax};
  std::vector<std::unique_ptr<LwipSocket>> sockets_;  // by descriptor
};

}  // namespace twinpath
