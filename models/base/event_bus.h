// In-stage delivery of events: publish() returns when every listener has run, in the order they
// subscribed. A type with no listener costs one load and one branch. Across stages events travel
// through rings; there the driver subscribes a listener that copies them.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "models/base/check.h"
#include "models/base/event.h"

namespace twinpath {

class EventBus {
 public:
  explicit EventBus(std::uint16_t publisher = 0) : publisher_(publisher) {}
  EventBus(const EventBus&) = delete;
  EventBus& operator=(const EventBus&) = delete;

  [[nodiscard]] EventTypes& types() { return types_; }

  // Defines E's path on first use. Cache the id where speed matters.
  template <TypedEvent E>
  EventTypeId type_of() {
    return types_.define(E::kPath);
  }

  // Hears `type` and everything below it in the tree.
  void subscribe(EventTypeId type, EventListener& listener);
  void unsubscribe(EventListener& listener);

  [[nodiscard]] bool has_listeners(EventTypeId type) const {
    return type < by_type_.size() ? !by_type_[type].empty() : inherits_.size() > 0;
  }

  // Fills in the rest of the header and delivers. Requires: not called by a listener of this bus.
  template <TypedEvent E>
  void publish(EventTypeId type, Instant now, E event) {
    ++published_;
    if (!has_listeners(type)) return;
    event.header.type = type;
    event.header.length = sizeof(E);
    event.header.at = now;
    event.header.publisher = publisher_;
    event.header.seq = published_;
    deliver(event.header);
  }

  [[nodiscard]] std::uint64_t published() const { return published_; }

 private:
  void deliver(const EventHeader& header);
  void rebuild();

  struct Subscription {
    EventTypeId type;
    EventListener* listener;
  };
  EventTypes types_;
  std::vector<Subscription> inherits_;                // as subscribed
  std::vector<std::vector<EventListener*>> by_type_;  // resolved per type, built on demand
  std::uint64_t published_ = 0;
  std::uint16_t publisher_;
  bool delivering_ = false;
};

}  // namespace twinpath
