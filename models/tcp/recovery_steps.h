// Steps of sending under loss: what was lost, how fast to go on, what to take back. Part of
// steps.h.
#pragma once

#include <cstdint>
#include <optional>

#include "models/tcp/core.h"

namespace twinpath::tcp {

// recovery.cc: RFC 5681, RFC 6582, RFC 6675, RFC 3042.
std::uint32_t pipe_bytes(const Connection& connection);
// Marks what the peer reports to hold, and what that shows to be lost.
void note_sacks(Core& core, Connection& connection, const Segment& segment);
void on_duplicate_ack(Core& core, Connection& connection, Instant now);
// SND.UNA has moved.
struct Progress {
  Instant now;
  std::uint32_t acked_bytes = 0;  // of sequence space
  std::optional<Duration> rtt;
  bool marked = false;  // with ECE
};
void on_acked(Core& core, Connection& connection, const Progress& progress);
// Loss that time has shown (rack.cc) starts recovery unless one is under way.
void recover_losses(Core& core, Connection& connection, Instant now);
// Retransmissions thought lost too.
void repair_lost_retransmissions(Core& core, Connection& connection, Instant now,
                                 Duration reordering);
// RFC 6937 §3.1: what an acknowledgement in recovery lets out.
struct Arrived {
  Instant now;
  std::uint32_t bytes = 0;
  bool is_safe = false;  // SND.UNA moved and nothing more was lost (RFC 9937's SafeACK)
};
void reduce_in_proportion(Core& core, Connection& connection, const Arrived& arrived);
// RFC 8985 §7.4: once, as for a loss that recovery repaired.
void on_probe_repaired_loss(Core& core, Connection& connection, Instant now);
void on_ecn_echo(Core& core, Connection& connection, Instant now);
void on_loss_timeout(Core& core, Connection& connection, Instant now);

// RFC 2883 §4: `octets` arrived twice; the next acknowledgement says so.
inline void note_duplicate(Connection& connection, SeqRange octets) {
  if (connection.sack_ok) connection.active->duplicate = octets;
}

// rack.cc: RFC 8985.
Arrival arrival_of(const Connection& connection, const Segment& segment);
void detect_losses(Core& core, Connection& connection, Instant now);
void schedule_loss_probe(Core& core, Connection& connection, Instant now);
void on_loss_timer(Core& core, Connection& connection, Instant now);
void note_probe_outcome(Core& core, Connection& connection, const Segment& segment);
void widen_reordering(Connection& connection, SeqNum ack);
inline void stop_loss_timer(Connection& connection) {
  connection.active->loss_timer = LossTimer::kNone;
  connection.active->loss_deadline = kNever;
}

// pacing.cc.
// After the congestion control or the mode of pacing was chosen.
void prepare_pacing(Connection& connection);
// Requires: a pacer. Whether the next segment waits for its time; then the timer is armed for it.
bool wait_for_pacer(Core& core, Connection& connection, Instant now);
void charge_pacer(Connection& connection, Instant now, std::uint32_t bytes);
inline bool is_held_by_pacing(Core& core, Connection& connection, Instant now) {
  return connection.active->pacer != nullptr && wait_for_pacer(core, connection, now);
}
inline void note_paced(Connection& connection, Instant now, std::uint32_t bytes) {
  if (connection.active->pacer != nullptr) charge_pacer(connection, now, bytes);
}
// Requires: a measured rate. If there is room for more than there is to send, what is measured now
// says little of the path.
void mark_app_limited(Connection& connection, DeliveryRate& rate);
inline void note_app_limited(Connection& connection) {
  if (DeliveryRate* rate = connection.active->sent.rate()) mark_app_limited(connection, *rate);
}
// What an acknowledgement found; what it changed goes to controls that model the path.
struct Delivered {
  std::uint64_t delivered = 0;  // octets; 0 where it is not measured
  std::uint64_t lost = 0;       // segments
};
inline Delivered delivered_so_far(const Connection& connection) {
  const DeliveryRate* rate = connection.active->sent.rate();
  return {rate == nullptr ? 0 : rate->delivered(), connection.active->sent.lost_total()};
}
struct ModelInput {
  Instant now;
  std::optional<Duration> rtt;
  Delivered before;
};
// Requires: a control that models the path.
void steer_by_model(Core& core, Connection& connection, const ModelInput& input);

// undo.cc: reductions that proved needless.
// RFC 2883 §4: the octets this segment reports to have arrived twice.
std::optional<SeqRange> duplicate_report(const Segment& segment);
void arm_undo(Connection& connection);
void note_retransmission(Connection& connection, Instant now);
void undo_if_spurious(Core& core, Connection& connection, const Segment& segment);
void on_duplicate_report(Core& core, Connection& connection, const Segment& segment);

}  // namespace twinpath::tcp
