// Events of a run to the parent (Net.on): one JSON line each, in batches. In the simulator the pipe
// is waited for, so every event arrives; a run in real time never waits, and what finds no room is
// counted.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "bindings/plan/plan.h"
#include "models/host/ip_host.h"

namespace twinpath::bind {

class EventStream {
 public:
  static constexpr std::size_t kBatchBytes = std::size_t{1} << 15;
  static constexpr std::size_t kPendingBytesMax = std::size_t{1} << 20;  // in real time

  enum class Pace : std::uint8_t { kWaits, kRealTime };
  EventStream(const EventWishes& wishes, Pace pace);
  EventStream(const EventStream&) = delete;
  EventStream& operator=(const EventStream&) = delete;
  ~EventStream();
  // Hears the wished kinds of a host; its flows are `flow_parent`/flowN as its FlowLog counts them.
  // Requires: the host outlives the stream.
  void listen(IpHost& host, const std::string& flow_parent);
  // Writes what is left, then how many were lost.
  void finish();
  [[nodiscard]] std::uint64_t lost() const { return lost_; }

 private:
  struct Ear final : EventListener {
    Ear(EventStream& stream, IpHost& of, std::string parent)
        : owner(stream), host(of), flow_parent(std::move(parent)) {}
    void on_event(const EventHeader& header) override { owner.take(*this, header); }
    EventStream& owner;
    IpHost& host;
    std::string flow_parent;
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
