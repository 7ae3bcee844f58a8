// What every TCP server does the same way: listen, accept all that waits, hand events to the
// connection they belong to, close, say what had to be sent again.
#pragma once

#include <array>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>

#include "models/app/app.h"
#include "models/app/sent_again.h"

namespace twinpath {

// `Connection` has: void on_ready(Instant now, SocketApi&, Fd) and bool finished() const.
template <typename Connection>
class StreamServer {
 public:
  StreamServer(const AppContext& context, std::uint16_t port)
      : context_(context), poller_(context.sockets, &context.ready), port_(port) {}

  // Empty, or why nothing listens: "bind to port 80: EADDRINUSE".
  std::string start() {
    SocketApi& sockets = context_.sockets;
    const FdResult made = sockets.socket(SocketKind::kStream);
    if (made.error != Errno::kNone) return "socket: " + std::string(symbol(made.error));
    listener_ = made.fd;
    // Answers are written whole; without this the end of each would wait for an acknowledgement.
    sockets.set_option(kStart, listener_, SocketOption::kNoDelay, 1);
    Errno error = sockets.bind(listener_, {IpAddress(), port_});
    if (error == Errno::kNone) error = sockets.listen(listener_, kBacklog);
    if (error != Errno::kNone) {
      sockets.close(kStart, listener_);
      return "bind to port " + std::to_string(port_) + ": " + std::string(symbol(error));
    }
    poller_.add(listener_, {kPollIn, Trigger::kEdge, static_cast<std::uint64_t>(listener_)});
    return {};
  }

  // `make()` gives a new Connection; `finished(connection)` hears of one that ended.
  template <typename Make, typename Finished>
  void on_ready(Instant now, Make make, Finished finished) {
    for (;;) {
      const std::size_t count = poller_.wait(events_);
      if (count == 0) return;
      for (const PollEvent& event : std::span(events_).first(count)) {
        if (event.fd == listener_) {
          accept_all(make);
        } else {
          run(now, event.fd, finished);
        }
      }
    }
  }

  void report_flow(AppReport& report) const {
    SentAgain sent = sent_;
    for (const Fd fd : open_) sent.add(context_.sockets.tcp_info(fd));
    sent.report(report);
  }

  [[nodiscard]] std::size_t connections() const { return connections_.size(); }
  [[nodiscard]] std::uint64_t accepted() const { return accepted_; }

 private:
  static constexpr std::uint32_t kBacklog = 4096;

  template <typename Make>
  void accept_all(Make make) {
    for (;;) {
      const Accepted accepted = context_.sockets.accept(listener_);
      if (accepted.fd == Fd::kNone) return;
      ++accepted_;
      connections_.insert_or_assign(accepted.fd, make());
      open_.insert(accepted.fd);
      poller_.add(accepted.fd,
                  {kBothWays, Trigger::kEdge, static_cast<std::uint64_t>(accepted.fd)});
    }
  }

  template <typename Finished>
  void run(Instant now, Fd fd, Finished finished) {
    const auto found = connections_.find(fd);
    if (found == connections_.end()) return;
    found->second.on_ready(now, context_.sockets, fd);
    if (!found->second.finished()) return;
    finished(found->second);
    sent_.add(context_.sockets.tcp_info(fd));
    context_.sockets.close(now, fd);
    connections_.erase(found);
    open_.erase(fd);
  }

  AppContext context_;
  Poller poller_;
  std::array<PollEvent, kEventsPerWait> events_;  // a member, so that no turn clears it
  std::uint16_t port_;
  Fd listener_ = Fd::kNone;
  std::unordered_map<Fd, Connection> connections_;  // looked up, never walked
  std::uint64_t accepted_ = 0;
  std::set<Fd> open_;  // the keys of connections_, in order
  SentAgain sent_;     // by connections that ended
};

}  // namespace twinpath
