// See event_stream.h.
#include "bindings/plan/event_stream.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "bindings/plan/event_text.h"

namespace twinpath::bind {

EventStream::EventStream(const EventWishes& wishes, Pace pace) : wishes_(wishes) {
  if (wishes_.fd >= 0 && pace == Pace::kRealTime) fcntl(wishes_.fd, F_SETFL, O_NONBLOCK);
}

EventStream::~EventStream() {
  for (Ear& ear : ears_) ear.host.bus().unsubscribe(ear);
}

void EventStream::listen(IpHost& host, const std::string& flow_parent) {
  if (wishes_.fd < 0) return;
  Ear& ear = ears_.emplace_back(*this, host, flow_parent);
  for (const std::string& kind : wishes_.kinds) {
    host.bus().subscribe(host.bus().types().define(kind), ear);
  }
}

void EventStream::take(Ear& ear, const EventHeader& header) {
  if (wishes_.fd < 0) return;
  if (pending_.size() >= kPendingBytesMax) {
    ++lost_;
    return;
  }
  const auto number = ear.host.flow_log().number_of(header.flow);
  const std::string entity =
      number ? ear.flow_parent + "/flow" + std::to_string(*number) : ear.host.config().name;
  const std::string& kind = ear.host.bus().types().path(header.type);
  pending_ += "{\"t_ns\":" + std::to_string(to_ns(header.at)) + ",\"kind\":\"" + kind +
              "\",\"entity\":\"" + entity + "\",\"data\":" + event_data(kind, header) + "}\n";
  if (pending_.size() >= flush_at_) flush();
}

void EventStream::flush() {
  while (!pending_.empty()) {
    const ssize_t put = write(wishes_.fd, pending_.data(), pending_.size());
    if (put > 0) {
      pending_.erase(0, static_cast<std::size_t>(put));
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      wishes_.fd = -1;  // nobody listens any more
      return;
    }
  }
  flush_at_ = std::min(pending_.size() + kBatchBytes, kPendingBytesMax);
}

void EventStream::finish() {
  if (wishes_.fd < 0) return;
  fcntl(wishes_.fd, F_SETFL, 0);
  pending_ += "{\"lost\":" + std::to_string(lost_) + "}\n";
  flush();
}

}  // namespace twinpath::bind
