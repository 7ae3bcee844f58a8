// ns-3's own stack behind our socket calls, so that every application of models/app runs on it too
// and an experiment can exchange nothing but the stack. Deviations of ns-3's sockets that show:
// no TCP_INFO, no linger, errors of a connection all read as ECONNRESET or ECONNREFUSED, and its
// SYN-SENT ignores a reset that acknowledges, so a refused connect() fails by time-out only.
#pragma once

#include <ns3/node.h>
#include <ns3/socket.h>

#include <deque>
#include <memory>
#include <vector>

#include "models/base/stage.h"
#include "models/socket/fd_set.h"
#include "models/socket/socket_api.h"
#include "models/socket/watch_list.h"
#include "models/tcp/config.h"

namespace twinpath::sim {

class Ns3Sockets final : public SocketApi {
 public:
  // `pool` gives the buffers of what is received and outlives this. `config` holds for every TCP
  // socket, as far as ns-3's has such a thing. Requires: the node has ns-3's internet stack.
  Ns3Sockets(ns3::Ptr<ns3::Node> node, const TcpConfig& config, BufPool& pool);
  ~Ns3Sockets() override;
  // Told after every change of readiness: ns-3 calls from within its own events, and applications
  // should run outside of them.
  void set_waker(Waker* waker) { waker_ = waker; }

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
  [[nodiscard]] std::optional<TcpInfo> tcp_info(Fd) const override { return std::nullopt; }
  [[nodiscard]] std::uint32_t readiness(Fd fd) const override;
  bool watch(Fd fd, SocketWatcher& watcher, std::uint32_t token) override;
  void unwatch(Fd fd, SocketWatcher& watcher, std::uint32_t token) override;

 private:
  enum class Phase : std::uint8_t { kNew, kListening, kConnecting, kOpen };
  struct Entry {
    ns3::Ptr<ns3::Socket> socket;
    SocketKind kind = SocketKind::kStream;
    Phase phase = Phase::kNew;
    bool peer_closed = false;
    bool send_shut = false;
    Errno error = Errno::kNone;
    std::deque<ns3::Ptr<ns3::Socket>> waiting;  // a listener's; at most its backlog
    std::uint32_t backlog = 0;
    WatchList watches;
  };
  static constexpr std::uint32_t kSocketsMax = 1U << 16;

  [[nodiscard]] Entry* find(Fd fd) const;
  [[nodiscard]] Entry* find(const ns3::Ptr<ns3::Socket>& socket) const;
  FdResult add(ns3::Ptr<ns3::Socket> socket, SocketKind kind);
  void configure(const ns3::Ptr<ns3::Socket>& socket) const;
  void listen_to(const ns3::Ptr<ns3::Socket>& socket);
  void forget(Entry& entry);
  void notify(Entry& entry);
  void on_event(const ns3::Ptr<ns3::Socket>& socket, Errno error);
  [[nodiscard]] static bool may_send(const Entry& entry);
  [[nodiscard]] static bool may_receive(const Entry& entry);

  void on_accepted(ns3::Ptr<ns3::Socket> socket, const ns3::Address& from);
  void on_connected(ns3::Ptr<ns3::Socket> socket);
  void on_refused(ns3::Ptr<ns3::Socket> socket) { on_event(socket, Errno::kConnectionRefused); }
  void on_data(ns3::Ptr<ns3::Socket> socket) { on_event(socket, Errno::kNone); }
  void on_room(ns3::Ptr<ns3::Socket> socket, std::uint32_t) { on_event(socket, Errno::kNone); }
  void on_closed(ns3::Ptr<ns3::Socket> socket);
  void on_broken(ns3::Ptr<ns3::Socket> socket) { on_event(socket, Errno::kConnectionReset); }

  ns3::Ptr<ns3::Node> node_;
  TcpConfig config_;
  BufPool& pool_;
  Waker* waker_ = nullptr;
  FdSet taken_{kSocketsMax};
  std::vector<std::unique_ptr<Entry>> entries_;  // by descriptor
};

}  // namespace twinpath::sim
