// TCP's interface: segments in and out. The user's calls are in user_calls.cc.
#include "models/tcp/stack.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "models/base/check.h"
#include "models/tcp/steps.h"
#include "models/wire/tcp.h"

namespace twinpath {
namespace {

// Segments one connection sends before the next has its turn: enough to keep its state in the
// cache, few enough that a thousand flows share a queue fairly.
constexpr std::uint32_t kBurstSegmentsMax = 16;
// When no buffer was left, how long until the connection tries again by itself.
constexpr Duration kBufferRetry = std::chrono::milliseconds(1);

// What the pool's buffers can carry above the longest header.
std::uint32_t mss_limit_of(const TcpConfig& config, BufPool& pool) {
  const BufPtr probe(pool.take());
  if (probe == nullptr) return config.mss_bytes;
  const std::uint32_t room = probe->tailroom();
  CHECK(room > 2 * kTcpHeaderLenMax);
  return std::min(config.mss_bytes, room - static_cast<std::uint32_t>(kTcpHeaderLenMax));
}

void leave_ready_list(tcp::Core& core, tcp::Connection* connection) {
  core.ready.pop_front();
  core.burst = 0;
  if (connection != nullptr) connection->in_ready_list = false;
}

// The connection goes behind the others.
void end_turn(tcp::Core& core) {
  const std::uint32_t index = core.ready.front();
  core.ready.pop_front();
  core.ready.push_back(index);
  core.burst = 0;
}

void wait_for_buffer(tcp::Core& core, tcp::Connection& connection, Instant now) {
  ++core.counters.pool_exhausted;
  leave_ready_list(core, &connection);
  connection.active->retry_deadline = after(now, kBufferRetry);
  arm_by(core, connection, connection.active->retry_deadline);
}

template <typename Value>
void follow(Value& value, const std::type_identity_t<Value>& before,
            const std::type_identity_t<Value>& now) {
  if (value == before) value = now;
}

}  // namespace

TcpStack::TcpStack(const TcpConfig& config, const TcpDeps& deps)
    : core_(std::make_unique<tcp::Core>(config, deps)) {
  CHECK(config.validate().empty());
  core_->mss_limit_bytes = mss_limit_of(config, deps.pool);
}

TcpStack::~TcpStack() = default;

void TcpStack::on_segment(Instant now, const TcpArrival& arrival, BufPtr segment) {
  tcp::on_segment(*core_, now, arrival, std::move(segment));
}

bool TcpStack::gains_by_expecting() const {
  constexpr std::uint32_t kInCache = 4096;
  return core_->flows.size() > kInCache;
}

void TcpStack::expect(std::span<const Expected> segments) const {
  CHECK(segments.size() <= kExpectedMax);
  std::array<std::size_t, kExpectedMax> places;
  std::size_t count = 0;
  for (const Expected& segment : segments) {
    const auto& [local, remote] = segment;
    places[count++] =
        core_->flows.expect_place({local.address, remote.address, local.port, remote.port});
  }
  for (std::size_t i = 0; i < count; ++i) core_->flows.expect_connection(places[i]);
}

// A ready connection is visited at most once per call without sending, so the loop is bounded by
// the list.
bool TcpStack::next_segment(Instant now, TcpDeparture& out) {
  tcp::Core& core = *core_;
  if (!core.replies.empty()) {
    if (tcp::emit_reply(core, core.replies.front(), out) != tcp::Sent::kSegment) return false;
    core.replies.pop_front();
    return true;
  }
  while (!core.ready.empty()) {
    tcp::Connection* connection = core.connections.at(core.ready.front());
    // The index may have been freed, or freed and reused, since it was queued.
    if (connection == nullptr || !connection->in_ready_list) {
      leave_ready_list(core, nullptr);
      continue;
    }
    const tcp::Sent sent = send_next(core, *connection, now, out);
    if (sent == tcp::Sent::kSegment) {
      if (++core.burst >= kBurstSegmentsMax) end_turn(core);
      return true;
    }
    if (sent == tcp::Sent::kNoBuffer) {
      wait_for_buffer(core, *connection, now);
      return false;
    }
    leave_ready_list(core, connection);
    if (is_compactable(*connection)) {
      compact(core, *connection, now);
    } else {
      rest_if_quiet(core, *connection);
    }
  }
  return false;
}

bool TcpStack::has_output() const { return !core_->ready.empty() || !core_->replies.empty(); }
const TcpConfig& TcpStack::config() const { return core_->config; }

void TcpStack::reconfigure(const TcpConfig& config) {
  TcpConfig& mine = core_->config;
  const TcpConfig before = mine;
  const CongestionKind steered_by = tcp::make_congestion(mine, tcp::CongestionWindow()).kind();
  const bool steers_anew =
      config.congestion != mine.congestion || config.custom_congestion != mine.custom_congestion;
  for_each_field<TcpConfig>([&](const auto& field) {
    if (field.limits.live) mine.*field.member = config.*field.member;
  });
  mine.custom_congestion = config.custom_congestion;
  for (std::uint32_t index = 0; index < core_->connections.slots(); ++index) {
    tcp::Connection* connection = core_->connections.at(index);
    if (connection == nullptr) continue;
    wake(*core_, *connection);
    // What differs from before is its user's choice.
    follow(connection->nagle, before.nagle, mine.nagle);
    follow(connection->delayed_ack, before.delayed_ack, mine.delayed_ack);
    follow(connection->send_buffer_bytes, before.send_buffer_bytes, mine.send_buffer_bytes);
    follow(connection->pacing, before.pacing, mine.pacing);
    if (steers_anew && connection->congestion.kind() == steered_by) {
      connection->congestion = tcp::make_congestion(mine, connection->congestion.window());
    }
    prepare_pacing(*connection);
    rest_if_quiet(*core_, *connection);
  }
}

const TcpCounters& TcpStack::counters() const { return core_->counters; }
std::uint32_t TcpStack::connections() const {
  return core_->connections.size() + core_->time_waits.size();
}
std::uint32_t TcpStack::active_connections() const { return core_->activities.in_use(); }

}  // namespace twinpath
