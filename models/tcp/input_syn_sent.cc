// A segment in SYN-SENT. Read RFC 9293 §3.10.7.3.
#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

// First: an acknowledgement must be of our SYN.
bool ack_is_acceptable(const Connection& connection, const Segment& segment) {
  const std::uint32_t text_bytes = connection.rare == nullptr ? 0 : connection.rare->syn_data_bytes;
  return segment.ack > connection.iss && segment.ack <= connection.snd_nxt + text_bytes;
}

// Fourth: their SYN acknowledges ours.
Outcome open_completely(Core& core, Connection& connection, Segment& segment) {
  establish(core, connection, segment);
  finish_fast_open(core, connection, segment);
  connection.due |= kDueAck;
  segment.clear(kSyn);
  segment.seq += 1;
  // Text or FIN beside the SYN is processed as in ESTABLISHED, from the sixth step on.
  const Outcome outcome = process_text(core, connection, segment);
  return outcome == Outcome::kContinue ? check_fin(core, connection, segment.now) : outcome;
}

}  // namespace

Outcome segment_in_syn_sent(Core& core, Connection& connection, Segment& segment) {
  const TcpFlags flags = segment.flags;
  if (flags.ack() && !ack_is_acceptable(connection, segment)) {
    return flags.rst() ? Outcome::kDrop : Outcome::kResetSender;
  }
  // Second: RFC 5961 §3.2 wants the reset's acknowledgement to cover the SYN.
  if (flags.rst()) return flags.ack() ? Outcome::kRefused : Outcome::kDrop;
  if (!flags.syn()) return Outcome::kDrop;
  negotiate(core, connection, segment);
  if (flags.ack()) return open_completely(core, connection, segment);
  // Simultaneous open (RFC 9293 §3.5, figure 7). Text waits for the peer to send it again.
  set_state(core, connection, segment.now, TcpState::kSynReceived);
  connection.due |= kDueSyn;
  return Outcome::kContinue;
}

}  // namespace twinpath::tcp
