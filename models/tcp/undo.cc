// Reductions of the window that prove needless are taken back: the peer echoes an older timestamp
// than the first retransmission's (Eifel, RFC 3522 §3.2), or reports every retransmission as a
// duplicate (RFC 2883). Read RFC 4015 §3.
#include <algorithm>

#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

// What is still thought lost was only late. Deviates from RFC 4015 §3.2: the window is restored
// whole, as Linux does, not grown back from the flight.
void undo(Core& core, Connection& connection, Instant now) {
  const std::uint32_t before = connection.congestion.cwnd_bytes();
  Rare& rare = connection.uncommon();
  rare.undo_armed = false;
  ++rare.undone;
  connection.cwr_due = false;
  connection.congestion.restore({rare.undo_cwnd_bytes, rare.undo_ssthresh_bytes});
  if (connection.recovery != Recovery::kOpen) {
    connection.active->sent.forget_losses();
    connection.recovery = Recovery::kOpen;
    connection.recover = connection.snd_una - 1;
    connection.active->dup_acks = 0;
    connection.active->force_retransmit = false;
  }
  core.report.cwnd(connection, now, before);
}

}  // namespace

std::optional<SeqRange> duplicate_report(const Segment& segment) {
  const SackBlocks& blocks = segment.options->sack;
  if (blocks.empty()) return std::nullopt;
  const SeqRange first = blocks[0];
  if (first.end <= segment.ack) return first;
  if (blocks.size() < 2) return std::nullopt;
  const SeqRange second = blocks[1];
  if (second.first <= first.first && first.end <= second.end) return first;
  return std::nullopt;
}

void arm_undo(Connection& connection) {
  if (connection.recovery != Recovery::kOpen) return;  // the first reduction counts
  Rare& rare = connection.uncommon();
  rare.undo_armed = true;
  rare.undo_cwnd_bytes = connection.congestion.cwnd_bytes();
  rare.undo_ssthresh_bytes = connection.congestion.ssthresh_bytes();
  rare.undo_from = connection.snd_una;
  rare.undo_copies = 0;
  rare.undo_resent_at = kNever;
}

void note_retransmission(Connection& connection, Instant now) {
  if (!connection.rarely().undo_armed) return;
  Rare& rare = *connection.rare;
  ++rare.undo_copies;
  rare.undo_resent_at = std::min(rare.undo_resent_at, now);
}

void undo_if_spurious(Core& core, Connection& connection, const Segment& segment) {
  const Rare& rare = connection.rarely();
  if (!rare.undo_armed || connection.recovery == Recovery::kOpen) return;
  if (!connection.ts_ok || !segment.options->timestamps) return;
  if (rare.undo_resent_at == kNever) return;
  const TsVal echo = segment.options->timestamps->echo;
  if (echo == TsVal() || echo >= timestamp(connection, rare.undo_resent_at)) return;
  undo(core, connection, segment.now);
}

void on_duplicate_report(Core& core, Connection& connection, const Segment& segment) {
  const auto report = duplicate_report(segment);
  if (!report) return;
  widen_reordering(connection, segment.ack);
  Rare& rare = connection.uncommon();
  if (!rare.undo_armed || rare.undo_copies == 0) return;
  if (report->first < rare.undo_from || report->end > connection.recover + 1) return;
  if (--rare.undo_copies == 0) undo(core, connection, segment.now);
}

}  // namespace twinpath::tcp
