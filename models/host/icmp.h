// ICMP of a host: answers echo requests, says what cannot be delivered, hands errors to the
// transport that caused them. Read RFC 792 and RFC 1122 §3.2.2.
#pragma once

#include <span>

#include "models/host/context.h"
#include "models/host/icmp_errors.h"
#include "models/host/token_bucket.h"
#include "models/wire/icmpv4.h"

namespace twinpath {

class Icmp {
 public:
  Icmp(HostContext& context, IpOutput& output);

  // `frame` holds the packet `ip` was parsed from.
  void on_packet(Instant now, InterfaceId by, const Ipv4View& ip, BufPtr frame, Transports to);
  // Says that `offending` could not be delivered, unless the limit is reached. Requires: it was not
  // sent to a group, and is no fragment but the first (RFC 1122 §3.2.2).
  void send_unreachable(Instant now, UnreachableCode code, const Ipv4View& offending);
  // RFC 1122 §3.3.2: the rest of a datagram did not come. `first` is the start of its first
  // fragment.
  void send_reassembly_timeout(Instant now, std::span<const std::byte> first);
  // A packet of ours that never left: its neighbour did not answer.
  void on_undeliverable(Instant now, std::span<const std::byte> packet, Transports to);

 private:
  void reply(Instant now, InterfaceId by, const Ipv4View& ip, BufPtr frame);
  void send_error(Instant now, const Icmpv4Repr& message, const IpDeparture& departure);
  void deliver_error(Instant now, const Icmpv4View& message, Transports to);

  HostContext& context_;
  IpOutput& output_;
  TokenBucket errors_;
};

}  // namespace twinpath
