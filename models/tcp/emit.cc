// Bytes of segments. Payload is copied once, from the slices it waits in, while it is summed.
#include <algorithm>
#include <utility>

#include "models/tcp/pseudo.h"
#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

constexpr std::uint8_t kEct0 = static_cast<std::uint8_t>(Ecn::kEct0);

// RFC 2883 §4: what arrived twice comes first, then RFC 2018 §4's blocks. A FIN belongs to the text
// it came with, or its sender would take that segment for lost.
SackBlocks sack_blocks(const Connection& connection) {
  SackBlocks blocks;
  if (!connection.active->duplicate.is_empty()) blocks.push_back(connection.active->duplicate);
  for (SeqRange block : connection.active->reassembly.blocks()) {
    if (connection.fin_seen && block.end == connection.fin_seq) ++block.end;
    blocks.push_back(block);
  }
  return blocks;
}

void set_options(const Core& core, const Connection& connection, Instant now, const Outgoing& what,
                 TcpOptions& options) {
  if (what.flags.syn()) {
    options = syn_options(core, connection, now);
    return;
  }
  if (connection.ts_ok) options.timestamps = {timestamp(connection, now), connection.ts_recent};
  if (connection.sack_ok &&
      (!connection.active->reassembly.empty() || !connection.active->duplicate.is_empty())) {
    options.sack = sack_blocks(connection);
    // RFC 6691 §2: options come out of the segment's length. A full one leaves them to the bare
    // acknowledgements.
    const std::uint32_t limit = std::min(connection.peer_mss_bytes, connection.mss_limit_bytes);
    if (what.payload_bytes > 0 && what.payload_bytes + options.wire_len() > limit) {
      options.sack = SackBlocks();
    }
  }
}

// RFC 6093 §3.2: the pointer names the octet behind the urgent ones, as far as it reaches.
void mark_urgent(const Rare& rare, TcpRepr& repr) {
  if (rare.snd_up <= repr.seq) return;
  repr.flags |= kUrg;
  repr.urgent_pointer = static_cast<std::uint16_t>(std::min(rare.snd_up - repr.seq, 65535));
}

// Everything that an acknowledgement, whatever carries it, settles.
void note_ack_sent(Connection& connection, bool rides_on_data) {
  // Who answers is interactive: its acknowledgements ride on its data (Linux's "ping-pong" mode).
  if (connection.quick_acks > 0 && connection.active->unacked_bytes > 0) {
    connection.quick_acks = rides_on_data ? 0 : connection.quick_acks - 1;
  }
  connection.last_ack_sent = connection.rcv_nxt;
  connection.active->unacked_bytes = 0;
  connection.active->duplicate = SeqRange();
  connection.active->ack_deadline = kNever;
  connection.due &= static_cast<std::uint8_t>(~kDueAck);
}

}  // namespace

// What it acknowledges moves on before it leaves.
void acknowledge_first(Core& core, Connection& connection, Instant now) {
  if (connection.active->unacked_bytes == 0) return;
  Reply reply{connection.key(), connection.snd_nxt, connection.rcv_nxt, kAck};
  if (connection.ecn_echo) reply.flags |= kEce;
  if (connection.ts_ok) {
    reply.options.timestamps = {timestamp(connection, now), connection.ts_recent};
  }
  reply.window = advertise_window(connection, connection.rcv_scale);
  queue_reply(core, reply);
  ++connection.segments_out;
  note_ack_sent(connection, false);
}

TsVal timestamp(const Connection& connection, Instant now) {
  return TsVal(timestamp_clock(now) + connection.ts_offset);
}

bool echoes_since(const Connection& connection, const Segment& segment, Instant sent_at) {
  if (!connection.ts_ok || !segment.options->timestamps) return false;
  const TsVal echo = segment.options->timestamps->echo;
  return echo != TsVal() && echo >= timestamp(connection, sent_at) &&
         echo <= timestamp(connection, segment.now);
}

Sent emit(Core& core, Connection& connection, Instant now, const Outgoing& what,
          TcpDeparture& out) {
  const bool syn = what.flags.syn();
  TcpRepr repr;
  repr.src_port = connection.names.local_port();
  repr.dst_port = connection.names.remote_port();
  repr.seq = what.seq;
  repr.ack = connection.rcv_nxt;
  repr.flags = what.flags;
  set_options(core, connection, now, what, repr.options);
  const auto header_bytes = static_cast<std::uint32_t>(repr.header_len());
  const std::uint32_t segment_bytes = header_bytes + what.payload_bytes;
  BufPtr buf(core.pool.take());
  if (buf == nullptr || buf->tailroom() < segment_bytes) return Sent::kNoBuffer;
  // A SYN of our own has seen no SYN of the peer's: its window offers the buffer (RFC 7323 §2.2).
  if (connection.state == TcpState::kSynSent) {
    repr.window = static_cast<std::uint16_t>(std::min(connection.receive_buffer_bytes, 65535U));
  } else {
    repr.window = advertise_window(connection, syn ? 0 : connection.rcv_scale);
  }
  if (connection.ecn_echo && !syn) repr.flags |= kEce;
  if (connection.has_urgent_out()) mark_urgent(*connection.rare, repr);
  const auto bytes = buf->push_back(segment_bytes);
  InetSum sum =
      pseudo_header_sum(connection.names.local(), connection.names.remote(), segment_bytes);
  if (what.payload_bytes > 0) {
    const SeqNum first = what.seq + (syn ? 1U : 0U);
    const std::uint32_t offset = first.value() - connection.queue_first().value();
    sum.add(connection.active->send_queue.copy(offset, bytes.subspan(header_bytes)));
  }
  repr.emit(bytes, sum);
  note_ack_sent(connection, what.payload_bytes > 0);
  connection.first_tx = std::min(connection.first_tx, now);
  ++connection.segments_out;
  ++core.counters.segments_out;
  connection.bytes_sent += what.payload_bytes;
  out.buf = std::move(buf);
  out.source = connection.names.local();
  out.target = connection.names.remote();
  // RFC 3168 §6.1.4, §6.1.5: new data is marked capable; bare acknowledgements and retransmissions
  // are not.
  const bool is_new = what.payload_bytes > 0 && what.seq == connection.snd_nxt;
  out.traffic_class = connection.ecn_ok && is_new ? kEct0 : 0;
  if (connection.rare != nullptr) out.traffic_class |= connection.rare->traffic_class;
  return Sent::kSegment;
}

Sent emit_reply(Core& core, const Reply& reply, TcpDeparture& out) {
  TcpRepr repr;
  repr.src_port = reply.key.local_port;
  repr.dst_port = reply.key.remote_port;
  repr.seq = reply.seq;
  repr.ack = reply.ack;
  repr.flags = reply.flags;
  repr.window = reply.window;
  repr.options = reply.options;
  BufPtr buf(core.pool.take());
  const auto header_bytes = static_cast<std::uint32_t>(repr.header_len());
  if (buf == nullptr || buf->tailroom() < header_bytes) return Sent::kNoBuffer;
  repr.emit(buf->push_back(header_bytes),
            pseudo_header_sum(reply.key.local, reply.key.remote, header_bytes));
  ++core.counters.segments_out;
  if (reply.flags.rst()) ++core.counters.resets_sent;
  out = {std::move(buf), reply.key.local, reply.key.remote, 0};
  return Sent::kSegment;
}

}  // namespace twinpath::tcp
