// Address resolution for IPv4 over Ethernet. Read RFC 826 and RFC 5227 §2.1 (probes and
// announcements).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "models/base/check.h"
#include "models/wire/address.h"
#include "models/wire/byte_order.h"
#include "models/wire/parsed.h"

namespace twinpath {

inline constexpr std::size_t kArpLen = 28;

enum class ArpOperation : std::uint16_t { kRequest = 1, kReply = 2 };

// One value both ways: every field of an accepted packet is either fixed or here.
struct ArpPacket {
  ArpOperation operation = ArpOperation::kRequest;
  MacAddress sender_mac;
  Ipv4Address sender_ip;
  MacAddress target_mac;  // ignored in a request, sent as zero
  Ipv4Address target_ip;

  // RFC 5227 §1.1: asks for an address without claiming one.
  bool is_probe() const { return operation == ArpOperation::kRequest && sender_ip.is_any(); }
  // RFC 5227 §1.1: tells the link about the sender's own address.
  bool is_announcement() const {
    return operation == ArpOperation::kRequest && sender_ip == target_ip;
  }

  static Parsed<ArpPacket> parse(std::span<const std::byte> bytes);
  // Requires: out.size() >= kArpLen.
  void emit(std::span<std::byte> out) const;

  friend bool operator==(const ArpPacket&, const ArpPacket&) = default;
};

}  // namespace twinpath
