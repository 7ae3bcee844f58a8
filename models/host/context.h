// What the parts of one host share. Handed to each by reference, so no part owns another and each
// can be tested alone.
#pragma once

#include "models/base/event_bus.h"
#include "models/base/heap_pool.h"
#include "models/base/timer.h"
#include "models/host/flow_log.h"
#include "models/host/frame_dropped.h"
#include "models/host/host_config.h"

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
        bus(host_config.publisher) {}

  // The one way a frame or packet disappears.
  void drop(Instant now, const Dropped& dropped) {
    const auto index = static_cast<std::size_t>(dropped.reason);
    ++(dropped.way == Way::kIn ? counters.drops_in : counters.drops_out)[index];
    bus.publish(drop_type, now,
                FrameDropped{.header = {},
                             .reason = dropped.reason,
                             .way = dropped.way,
                             .port = dropped.port,
                             .len = dropped.len});
  }

  HostConfig config;
  BufPool& pool;     // frames
  HeapPool streams;  // what applications sent and TCP still holds
  TimerQueue timers;
  EventBus bus;
  HostCounters counters;
  FlowLog flows;
  EventTypeId drop_type = bus.type_of<FrameDropped>();
};

}  // namespace twinpath
