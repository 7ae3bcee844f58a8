// The event tree and its delivery.
#include "models/base/event_bus.h"

#include <algorithm>

namespace twinpath {

EventTypes::EventTypes() { types_.push_back({"", kAnyEvent}); }

EventTypeId EventTypes::find(std::string_view path) const {
  for (std::size_t index = 1; index < types_.size(); ++index) {
    if (types_[index].path == path) return static_cast<EventTypeId>(index);
  }
  return kAnyEvent;
}

EventTypeId EventTypes::define(std::string_view path) {
  if (path.empty()) return kAnyEvent;
  if (const EventTypeId known = find(path); known != kAnyEvent) return known;
  const std::size_t dot = path.rfind('.');
  const EventTypeId parent =
      dot == std::string_view::npos ? kAnyEvent : define(path.substr(0, dot));
  CHECK(types_.size() < kTypesMax);
  types_.push_back({std::string(path), parent});
  return static_cast<EventTypeId>(types_.size() - 1);
}

void EventBus::subscribe(EventTypeId type, EventListener& listener) {
  CHECK(!delivering_);
  inherits_.push_back({type, &listener});
  rebuild();
}

void EventBus::unsubscribe(EventListener& listener) {
  CHECK(!delivering_);
  std::erase_if(inherits_, [&](const Subscription& entry) { return entry.listener == &listener; });
  rebuild();
}

void EventBus::rebuild() {
  by_type_.assign(types_.size(), {});
  for (EventTypeId type = 0; type < by_type_.size(); ++type) {
    for (const Subscription& entry : inherits_) {
      EventTypeId ancestor = type;
      while (ancestor != entry.type && ancestor != kAnyEvent) ancestor = types_.parent(ancestor);
      if (ancestor == entry.type) by_type_[type].push_back(entry.listener);
    }
  }
}

void EventBus::deliver(const EventHeader& header) {
  CHECK(!delivering_);
  if (header.type >= by_type_.size()) rebuild();  // a type defined after the last subscription
  delivering_ = true;
  for (EventListener* listener : by_type_[header.type]) listener->on_event(header);
  delivering_ = false;
}

}  // namespace twinpath
