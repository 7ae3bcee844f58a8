// Who is told about one socket. Watchers take note and act later: they neither watch nor unwatch
// while they are told.
#pragma once

#include <utility>
#include <vector>

#include "models/socket/socket_api.h"

namespace twinpath {

struct SocketWatch {
  SocketWatcher* watcher = nullptr;
  std::uint32_t token = 0;
  friend bool operator==(const SocketWatch&, const SocketWatch&) = default;
};

class WatchList {
 public:
  void add(const SocketWatch& watch) { watches_.push_back(watch); }
  void remove(const SocketWatch& watch) { std::erase(watches_, watch); }
  // In the order they came.
  void tell_ready() const {
    for (const SocketWatch& watch : watches_) watch.watcher->on_socket_ready(watch.token);
  }
  // The socket is closed: nobody watches it any more.
  void tell_closed() {
    const std::vector<SocketWatch> watches = std::exchange(watches_, {});
    for (const SocketWatch& watch : watches) watch.watcher->on_socket_closed(watch.token);
  }

 private:
  std::vector<SocketWatch> watches_;
};

}  // namespace twinpath
