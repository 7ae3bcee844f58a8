// Events are what a model reports about itself: values with a fixed 32-byte header and a typed
// part. Types form a tree by dotted path ("tcp", "tcp.rto"); a listener of a type hears its
// descendants too. ns-3 trace sources, Python callbacks and the recorder are all listeners.
// After Microboxes (SIGCOMM'18 §4.1), whose events carry a type hierarchy and a flow.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "models/base/time.h"

namespace twinpath {

using EventTypeId = std::uint32_t;
inline constexpr EventTypeId kAnyEvent = 0;  // the root of the tree

struct EventHeader {
  EventTypeId type = kAnyEvent;
  std::uint16_t length = 0;     // bytes of header and typed part
  std::uint16_t publisher = 0;  // who, in the numbering of the driver
  std::uint64_t flow = 0;       // 0 = none
  std::uint64_t seq = 0;        // per bus, from 1: the order of publishing
  Instant at{};
};
static_assert(sizeof(EventHeader) == 32 && std::is_trivially_copyable_v<EventHeader>);

// What a typed event must be: a header first, then plain data.
template <typename E>
concept TypedEvent = std::is_trivially_copyable_v<E> && sizeof(E) <= 128 && requires(E event) {
  { event.header } -> std::same_as<EventHeader&>;
  { E::kPath } -> std::convertible_to<std::string_view>;
};

// The tree of types of one run. Registering a path registers its ancestors.
class EventTypes {
 public:
  EventTypes();
  // Requires: path is dotted words of [a-z0-9_]; at most kTypesMax types. Idempotent.
  EventTypeId define(std::string_view path);
  // kAnyEvent when unknown.
  [[nodiscard]] EventTypeId find(std::string_view path) const;
  [[nodiscard]] const std::string& path(EventTypeId type) const { return types_[type].path; }
  [[nodiscard]] EventTypeId parent(EventTypeId type) const { return types_[type].parent; }
  [[nodiscard]] std::size_t size() const { return types_.size(); }
  static constexpr std::size_t kTypesMax = 4096;

 private:
  struct Type {
    std::string path;
    EventTypeId parent;
  };
  std::vector<Type> types_;
};

class EventListener {
 public:
  virtual ~EventListener() = default;
  // The typed part follows the header: as<E>(header). Must not call back into the publisher.
  virtual void on_event(const EventHeader& header) = 0;
};

// The whole event, once its type is known. Requires: header.type is E's.
template <TypedEvent E>
const E& as(const EventHeader& header) {
  return *reinterpret_cast<const E*>(&header);
}

}  // namespace twinpath
