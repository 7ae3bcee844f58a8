// What the steps of one stack share. A plain struct on purpose: the steps are functions named after
// the RFC, grouped by file, and this is what they work on besides the connection.
#pragma once

#include <cstdint>
#include <optional>

#include "models/tcp/fast_open.h"
#include "models/tcp/isn.h"
#include "models/tcp/report.h"
#include "models/tcp/segment.h"
#include "models/tcp/stack.h"
#include "models/tcp/tables.h"
#include "models/tcp/time_wait.h"

namespace twinpath::tcp {

// A segment that leaves as it is now, whatever becomes of its connection: RST, mostly.
struct Reply {
  FlowKey key;
  SeqNum seq;
  SeqNum ack;
  TcpFlags flags;
  std::uint16_t window = 0;
  TcpOptions options{};
};

void on_timer(void* activity, Instant now);
void on_time_wait_timer(void* core, Instant now);

struct Core {
  Core(const TcpConfig& stack_config, const TcpDeps& deps)
      : config(stack_config),
        pool(deps.pool),
        timers(deps.timers),
        user(deps.user),
        report(deps.bus),
        secrets(deps.rng.fork("tcp.secrets")),
        flows(deps.rng.fork("tcp.flows").next(), connections),
        time_waits(deps.rng.fork("tcp.time_waits").next()),
        time_wait_timer(this, &on_time_wait_timer),
        listeners(deps.rng.fork("tcp.listeners").next()),
        mss_limit_bytes(stack_config.mss_bytes) {}

  TcpConfig config;
  BufPool& pool;
  TimerQueue& timers;
  TcpUser& user;
  TcpObserver* observer = nullptr;
  TcpPaths* paths = nullptr;
  const TcpPortRule* port_rule = nullptr;
  Reporter report;
  SecretNumbers secrets;
  ActivityPool activities{this, &on_timer};
  ConnectionSlab connections;
  FlowTable flows;
  TimeWaitTable time_waits;
  Timer time_wait_timer;  // the oldest one's deadline, or earlier
  ListenerTable listeners;
  FastOpenCache fast_open_peers;
  RingDeque<std::uint32_t> ready;  // indices of connections that may have something to send
  std::uint32_t burst = 0;         // segments the first of them has sent in its turn
  RingDeque<Reply> replies;
  std::uint32_t half_open = 0;           // connections in SYN-RECEIVED of all listeners
  Instant cookies_until = kStart;        // acknowledgements may still carry a cookie of ours
  std::uint64_t out_of_order_bytes = 0;  // storage pinned beyond holes, of all connections
  std::uint32_t ports_chosen = 0;        // how far the search for local ports has moved on
  std::uint32_t mss_limit_bytes;         // of the configuration, as far as the pool's buffers go
  TcpCounters counters;
};

}  // namespace twinpath::tcp
