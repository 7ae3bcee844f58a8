// The functions of the stack that open connections, and keep what is left of them in TIME-WAIT,
// grouped by the file they stand in. Part of steps.h.
#pragma once

#include <cstdint>

#include "models/tcp/core.h"

namespace twinpath::tcp {

// handshake.cc.
void negotiate(Core& core, Connection& connection, const Segment& syn);
// Our SYN is acknowledged by `segment`.
void establish(Core& core, Connection& connection, const Segment& segment);
void start_open(Core& core, Connection& connection, Instant now, TcpState state);
// Into the listener's queue, whose user is told.
void wait_for_accept(Listener& listener, Connection& connection);
// A connection counted at its listener; nothing when a table is full.
Connection* open_passively(Core& core, Listener& listener, const FlowKey& key,
                           const Segment& segment);
// Beyond all that the incarnation before it used (RFC 9293 §3.6.1, MAY-2), up to `used`.
void start_beyond(Connection& connection, SeqNum used);
TcpOptions syn_options(const Core& core, const Connection& connection, Instant now);
std::uint8_t window_scale_for(std::uint32_t buffer_bytes);
// For the largest buffer the connection may come to have.
std::uint8_t window_scale_of(const Connection& connection);
void update_mss(Connection& connection);
// IP and TCP without options.
constexpr std::uint32_t headers_bytes(const IpAddress& remote) { return remote.is_v4() ? 40 : 60; }
// What our side takes from `remote` in one segment, as far as IP knows the way now.
std::uint32_t mss_limit_towards(const Core& core, const IpAddress& remote, Instant now);
std::uint32_t initial_window_bytes(const Core& core, const Connection& connection);

// time_wait.cc: connections in TIME-WAIT as records.
bool is_compactable(const Connection& connection);
// Requires: is_compactable(). The connection is gone afterwards.
void compact(Core& core, Connection& connection, Instant now);
void segment_in_time_wait(Core& core, TimeWait& old, const Segment& segment);
bool may_reuse(const TimeWait& old, const Segment& segment);
// For a connection of our own making (RFC 6191 §4).
bool may_reopen(const TimeWait& old, Instant now);
void end_time_wait(Core& core, TimeWait& old, Instant now);
void arm_time_wait_timer(Core& core);
// False when there is none.
bool evict_time_wait(Core& core, Instant now);

// fast_open.cc: RFC 7413.
enum class FastOpenVerdict : std::uint8_t { kNone, kGrant, kAccept };
void ask_for_fast_open(Core& core, Connection& connection, Instant now);
void offer_fast_open(const Core& core, const Connection& connection, TcpOptions& options);
// How much data the SYN may carry.
std::uint32_t syn_room_bytes(const Core& core, const Connection& connection, Instant now);
void finish_fast_open(Core& core, Connection& connection, const Segment& syn_ack);
FastOpenVerdict judge_fast_open(const Core& core, const Listener& listener, const FlowKey& key,
                                const Segment& syn);
void open_fast(Core& core, Listener& listener, Connection& connection, Segment& syn);

// syn_cookies.cc: RFC 4987 §3.6.
void answer_with_cookie(Core& core, const Listener& listener, const FlowKey& key,
                        const Segment& syn);
// The connection a cookie in this acknowledgement stands for, in SYN-RECEIVED; nothing when it
// carries none.
Connection* open_from_cookie(Core& core, Listener& listener, const FlowKey& key,
                             const Segment& segment);

}  // namespace twinpath::tcp
