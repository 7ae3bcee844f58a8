// What a descriptor stands for, in 32 bytes: hosts may have a million of them. What few sockets
// need stands behind a pointer.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/host/udp.h"
#include "models/socket/socket_api.h"
#include "models/socket/watch_list.h"

namespace twinpath {

enum class SocketRole : std::uint8_t { kFree, kStream, kListener, kConnected, kDatagram };

struct ListenerChoices {
  std::int64_t defer_accept_s = 0;
  std::uint32_t fast_open_backlog = 0;
};

struct SocketExtra {
  SocketAddress local;                      // of bind()
  std::uint16_t old_port = 0;               // of the connection before: what getsockname() says
  std::int32_t linger_s = -1;               // SO_LINGER; -1: off
  std::unique_ptr<TcpOpenOptions> options;  // set before connect() or listen()
  std::unique_ptr<ListenerChoices> listening;
  Errno error = Errno::kNone;               // of a connection given up
  std::unique_ptr<SocketAddress> deferred;  // connect() waits for data to go with its SYN
  std::vector<SocketWatch> watches;         // behind the first
};

class SocketRecord {
 public:
  SocketRecord() : tcp() {}

  // Of the role's transport.
  union {
    TcpId tcp;
    TcpListenerId listener;
    UdpId udp;
  };

 private:
  SocketWatcher* watcher_ = nullptr;  // of the first watch
  std::unique_ptr<SocketExtra> extra_;
  std::uint32_t token_ = 0;

 public:
  SocketRole role = SocketRole::kFree;
  bool connecting : 1 = false;  // connect() has not reported success yet
  bool read_shut : 1 = false;
  bool reuse_address : 1 = false;
  bool starved : 1 = false;  // refused for want of a chunk, and waits for one
  bool bound : 1 = false;
  bool reuse_port : 1 = false;
  bool v6_only : 1 = false;
  bool oob_inline : 1 = false;
  bool oob_asked : 1 = false;     // SO_OOBINLINE was set, to whatever
  bool may_be_urgent : 1 = true;  // the peer's mark is to be looked for
  bool urgent_taken : 1 = false;  // by MSG_OOB
  bool fast_open_connect : 1 = false;
  bool port_chosen : 1 = false;  // nobody asked for the port it is bound to

  SocketExtra& extra() {
    if (extra_ == nullptr) extra_ = std::make_unique<SocketExtra>();
    return *extra_;
  }
  [[nodiscard]] SocketAddress local() const { return extra_ ? extra_->local : SocketAddress(); }
  [[nodiscard]] std::int32_t linger_s() const { return extra_ ? extra_->linger_s : -1; }
  [[nodiscard]] Errno error() const { return extra_ ? extra_->error : Errno::kNone; }
  void clear_error() {
    if (extra_ != nullptr) extra_->error = Errno::kNone;
  }
  [[nodiscard]] std::uint16_t old_port() const { return extra_ ? extra_->old_port : 0; }
  // The error, and only once.
  Errno take_error_or(Errno otherwise) {
    const Errno pending = error();
    clear_error();
    return pending == Errno::kNone ? otherwise : pending;
  }
  // Null where there is nothing of the kind.
  [[nodiscard]] TcpOpenOptions* options() const { return extra_ ? extra_->options.get() : nullptr; }
  [[nodiscard]] ListenerChoices* listening() const {
    return extra_ ? extra_->listening.get() : nullptr;
  }
  [[nodiscard]] SocketAddress* deferred() const {
    return extra_ ? extra_->deferred.get() : nullptr;
  }

  void watch(const SocketWatch& watch) {
    if (watcher_ != nullptr) return extra().watches.push_back(watch);
    watcher_ = watch.watcher;
    token_ = watch.token;
  }
  void unwatch(const SocketWatch& watch) {
    if (extra_ != nullptr) std::erase(extra_->watches, watch);
    if (watcher_ != watch.watcher || token_ != watch.token) return;
    watcher_ = nullptr;
    if (extra_ == nullptr || extra_->watches.empty()) return;
    const SocketWatch next = extra_->watches.front();
    extra_->watches.erase(extra_->watches.begin());
    watcher_ = next.watcher;
    token_ = next.token;
  }
  // In the order they came. Requires: `visitor` neither watches nor unwatches this socket.
  template <typename Visit>
  void visit_watches(Visit&& visitor) const {
    if (watcher_ == nullptr) return;
    visitor(SocketWatch{watcher_, token_});
    if (extra_ == nullptr) return;
    for (const SocketWatch& watch : extra_->watches) visitor(watch);
  }
};
static_assert(sizeof(SocketRecord) == 32);

}  // namespace twinpath
