// What the parts of one host share. Handed to each by reference, so no part owns another and each
// can be tested alone.
#pragma once

#include "models/base/event_bus.h"
#include "models/base/exact_pool.h"
#include "models/base/heap_pool.h"
#include "models/base/timer.h"
#include "models/host/flow_log.h"
#include "models/host/frame_dropped.h"
#include "models/host/interfaces.h"

namespace twinpath {

// Where and how large a dropped thing was.
struct Dropped {
  DropReason reason = DropReason::kNone;
  Way way = Way::kIn;
  PortId port = 0;
  std::uint32_t len = 0;
};

struct HostContext {
  HostContext(const HostConfig& host_config, BufPool& buf_pool)
      : config(host_config),
        pool(buf_pool),
        streams({.capacity_bytes = host_config.stream_chunk_bytes,
                 .headroom_bytes = 0,
                 .bufs_max = host_config.stream_chunks_max}),
        large(kLargeBytesMax),
        interfaces(host_config),
        bus(host_config.publisher) {}

  // The one way a frame or packet disappears.
  void drop(Instant now, const Dropped& dropped) {
    ++counters.dropped[static_cast<std::size_t>(dropped.reason)];
    bus.publish(drop_type, now,
                FrameDropped{.header = {},
                             .reason = dropped.reason,
                             .way = dropped.way,
                             .port = dropped.port,
                             .len = dropped.len});
  }

  [[nodiscard]] const InterfaceConfig& interface(InterfaceId id) const {
    return config.interfaces[id];
  }

  // Whole datagrams longer than a frame, sent and received.
  static constexpr std::uint64_t kLargeBytesMax = 16U << 20;

  HostConfig config;
  BufPool& pool;     // frames
  HeapPool streams;  // what applications sent and TCP still holds
  ExactPool large;
  InterfaceTable interfaces;
  TimerQueue timers;
  EventBus bus;
  HostCounters counters;
  FlowLog flows;
  EventTypeId drop_type = bus.type_of<FrameDropped>();
};

}  // namespace twinpath
