// Events of a run to the parent (Net.on): one JSON line each, in batches. In the simulator the pipe
// is waited for, so every event arrives; a run in real time never waits, and what finds no room is
// counted.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include "bindings/plan/plan.h"
#include "models/base/event_bus.h"

namespace twinpath::bind {

class EventStream {
 public:
  static constexpr std::size_t kBatchBytes = std::size_t{1} << 15;
  static constexpr std::size_t kPendingBytesMax = std::size_t{1} << 20;  // in real time
  static constexpr std::size_t kFlowsMax = 65536;  // later flows are told under their host

  enum class Pace : std::uint8_t { kWaits, kRealTime };
  EventStream(const EventWishes& wishes, Pace pace);
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;
  ~EventStream();
  // Hears the wished kinds of a host; its flows are `flow_parent`/flowN in the order of appearance.
  // Requires: the bus outlives the stream.
  void listen(EventBus& bus, const std::string& host, const std::string& flow_parent);
  // Writes what is left, then how many were lost.
  void finish();
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  struct Ear final : EventListener {
    Ear(EventStream& stream, EventBus& of, std::string host_name, std::string parent)
        : owner(stream), bus(of), host(std::move(host_name)), flow_parent(std::move(parent)) {}
    void on_event(const EventHeader& header) override { owner.take(*this, header); }
    EventStream& owner;
    EventBus& bus;
    std::string host;
    std::string flow_parent;
    std::unordered_map<std::uint64_t, std::size_t> flows;  // looked up, never walked
  };
  void take(Ear& ear, const EventHeader& header);
  void flush();

  EventWishes wishes_;
  std::deque<Ear> ears_;
  std::string pending_;
  std::size_t flush_at_ = kBatchBytes;  // a full pipe is not tried again with every event
  std::uint64_t lost_ = 0;
};

}  // namespace twinpath::bind
