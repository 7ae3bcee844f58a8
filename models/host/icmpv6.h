// ICMPv6 of a host: answers echo requests, says what cannot be delivered, hands errors to the
// transport that caused them, and checks Neighbour Discovery before the link layer believes it.
// Read RFC 4443 and RFC 4861 §6.1, §7.1.
#pragma once

#include <span>

#include "models/host/address_tests.h"
#include "models/host/icmp_errors.h"
#include "models/host/token_bucket.h"
#include "models/wire/icmpv6.h"

namespace twinpath {

class Icmpv6 {
 public:
  Icmpv6(HostContext& context, IpOutput& output);

  struct Error {
    Icmpv6Type type = Icmpv6Type::kUnreachable;
    std::uint8_t code = 0;
    std::uint32_t word = 0;
    bool even_to_group = false;  // RFC 4443 §2.4 (e.3): about packets to groups too
  };
  // A packet to complain about, from its IP header on, as it arrived.
  struct Offence {
    InterfaceId interface = 0;
    std::span<const std::byte> packet{};
    bool by_group = false;  // its frame was sent to many
  };

  // `frame` holds the packet `ip` was parsed from, which is for us.
  void on_packet(Instant now, InterfaceId by, const Ipv6View& ip, BufPtr frame, Transports to);
  // Unless RFC 4443 §2.4 (e) forbids it or the limit is reached.
  void send_error(Instant now, const Offence& offence, const Error& error);
  // A packet of ours that never left: its neighbour did not answer.
  void on_undeliverable(Instant now, std::span<const std::byte> packet, Transports to);
  // A frame to this group concerns us.
  [[nodiscard]] bool hears(InterfaceId interface, const IpAddress& group) const {
    return output_.routes().is_group(interface, group) || tests_.hears(interface, group);
  }

 private:
  void reply(Instant now, InterfaceId by, const Ipv6View& ip, BufPtr frame);
  void deliver_error(Instant now, const Icmpv6View& message, Transports to);
  DropReason on_nd(Instant now, InterfaceId by, const Ipv6View& ip);
  [[nodiscard]] bool may_answer(const Offence& offence, const Error& error) const;
  void drop(Instant now, InterfaceId by, DropReason reason, const PacketBuf& frame);

  HostContext& context_;
  IpOutput& output_;
  AddressTests tests_;
  TokenBucket errors_;
};

}  // namespace twinpath
