// Listening and dispatching; what one client gets is in proxy_session.cc.
#include "models/app/http_proxy.h"

#include <array>

namespace twinpath {

void HttpProxy::start(Instant now) {
  SocketApi& sockets = context_.sockets;
  const FdResult made = sockets.socket(SocketKind::kStream);
  Errno error = made.error;
  if (error == Errno::kNone) error = sockets.bind(made.fd, {IpAddress(), config_.port});
  if (error == Errno::kNone) error = sockets.listen(made.fd, kBacklog);
  if (error != Errno::kNone) {
    if (made.fd != Fd::kNone) sockets.close(now, made.fd);
    totals_.fail("listen at port " + std::to_string(config_.port) + ": " +
                 std::string(symbol(error)));
    return;
  }
  listener_ = made.fd;
  poller_.add(listener_, {kPollIn, Trigger::kEdge, 0});
}

void HttpProxy::on_ready(Instant now) {
  std::array<PollEvent, kEventsPerWait> events;
  for (;;) {
    const std::size_t count = poller_.wait(events);
    if (count == 0) return;
    for (const PollEvent& event : std::span(events).first(count)) {
      if (event.fd == listener_) {
        accept_all(now);
        continue;
      }
      const auto found = sessions_.find(event.data);
      if (found == sessions_.end()) continue;
      found->second->on_event(now, event);
      if (found->second->is_over()) sessions_.erase(found);
    }
  }
}

void HttpProxy::accept_all(Instant now) {
  for (;;) {
    const Accepted accepted = context_.sockets.accept(listener_);
    if (accepted.fd == Fd::kNone) return;
    if (sessions_.size() == kSessionsMax) {
      context_.sockets.close(now, accepted.fd);
      totals_.fail("more clients at once than are served");
      continue;
    }
    const std::uint64_t id = ++accepted_;
    // An answer's end must not wait for an acknowledgement.
    context_.sockets.set_option(now, accepted.fd, SocketOption::kNoDelay, 1);
    poller_.add(accepted.fd, {kBothWays, Trigger::kEdge, id});
    const ProxyGround ground{context_.sockets, poller_, totals_};
    sessions_.emplace(id, std::make_unique<ProxySession>(ground, id, accepted.fd));
  }
}

void HttpProxy::report(AppReport& report) const {
  report.scalar(metric::kRequests, static_cast<double>(totals_.requests));
  report.scalar(metric::kFailures, static_cast<double>(totals_.failures));
  report.scalar(metric::kSentBytes, static_cast<double>(totals_.body_bytes));
  report.problem(totals_.problem);
  SentAgain sent = totals_.sent;
  for (const auto& [id, session] : sessions_) session->add_to(sent);
  sent.report(report);
}

}  // namespace twinpath
