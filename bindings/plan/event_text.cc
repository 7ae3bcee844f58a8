// See event_text.h. A new event type needs one function and one line of the table.
#include "bindings/plan/event_text.h"

#include <array>
#include <nlohmann/json.hpp>

#include "models/host/frame_dropped.h"
#include "models/tcp/events.h"

namespace twinpath::bind {
namespace {

using nlohmann::json;

json words(const TcpStateEvent& event) {
  return {{"before", name(event.before)}, {"after", name(event.after)}};
}
json words(const TcpCwndEvent& event) {
  return {{"before_bytes", event.before_bytes},
          {"after_bytes", event.after_bytes},
          {"ssthresh_bytes", event.ssthresh_bytes}};
}
json words(const TcpRttEvent& event) {
  return {{"sample_ns", event.sample.count()},
          {"srtt_ns", event.srtt.count()},
          {"rto_ns", event.rto.count()}};
}
json words(const TcpRtoEvent& event) {
  return {{"rto_ns", event.rto.count()}, {"expiries", event.expiries}};
}
json words(const TcpRetransmitEvent& event) {
  constexpr std::array<const char*, 4> kCauses = {"timeout", "fast", "handshake", "probe"};
  return {{"seq", event.seq},
          {"bytes", event.len},
          {"cause", kCauses.at(static_cast<std::size_t>(event.cause))}};
}
json words(const TcpSentEvent& event) { return {{"seq", event.seq}, {"bytes", event.len}}; }
json words(const TcpDeliveredEvent& event) { return {{"seq", event.seq}, {"bytes", event.len}}; }
json words(const TcpDropEvent& event) {
  return {{"reason", name(event.reason)}, {"bytes", event.len}};
}
json words(const FrameDropped& event) {
  return {{"reason", name(event.reason)},
          {"way", event.way == Way::kIn ? "in" : "out"},
          {"port", event.port},
          {"bytes", event.len}};
}

struct Kind {
  std::string_view path;
  json (*words)(const EventHeader&);
};
template <typename E>
constexpr Kind kind() {
  return {E::kPath, [](const EventHeader& header) { return words(as<E>(header)); }};
}
// In alphabetical order.
constexpr std::array kKinds = {
    kind<FrameDropped>(), kind<TcpCwndEvent>(), kind<TcpDeliveredEvent>(),
    kind<TcpSentEvent>(), kind<TcpDropEvent>(), kind<TcpRetransmitEvent>(),
    kind<TcpRtoEvent>(),  kind<TcpRttEvent>(),  kind<TcpStateEvent>()};

}  // namespace

std::string event_data(std::string_view kind, const EventHeader& header) {
  for (const Kind& known : kKinds) {
    if (known.path == kind) return known.words(header).dump();
  }
  return "{}";
}

const std::vector<std::string>& event_kinds() {
  static const std::vector<std::string> kinds = [] {
    std::vector<std::string> paths;
    for (const Kind& known : kKinds) paths.emplace_back(known.path);
    return paths;
  }();
  return kinds;
}

}  // namespace twinpath::bind
