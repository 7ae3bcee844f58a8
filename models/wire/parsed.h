// The result of parsing: a view that cannot fail afterwards, or the reason the bytes were refused.
// A bad packet is an ordinary event, so the reason is a value to count, never an exception.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace twinpath {

// Why a frame went no further. Counted per reason and carried by the FrameDropped event.
enum class DropReason : std::uint8_t {
  kNone,
  kTruncated,          // fewer bytes than the header, or than its length field, promises
  kBadVersion,         // the IP version nibble contradicts the ethertype
  kBadHeaderLength,    // IHL, data offset or extension length outside its legal range
  kBadLength,          // a total or payload length that cannot hold its own header
  kBadChecksum,        // IP header, ICMP, UDP or TCP checksum
  kBadOption,          // an option whose length runs outside its header
  kBadAddress,         // a source no host may use (multicast, broadcast, or loopback from outside)
  kTooManyTags,        // more VLAN tags than kVlanTagsMax
  kTooManyExtensions,  // more IPv6 extension headers than kIpv6ExtensionsMax
  kUnknownEthertype,
  kUnknownProtocol,
  kUnknownType,  // ICMP type or ARP operation with no meaning here
  kFragment,     // a fragment where reassembly is not offered
  kNotForUs,
  kTtlExpired,
  kNoRoute,
  kNoSocket,         // no connection and no listener
  kNoNeighbour,      // address resolution failed, or its queue was full
  kNoBuffer,         // packet pool exhausted
  kQueueFull,        // drop-tail
  kTooBig,           // longer than the MTU and not allowed to be fragmented
  kOutOfWindow,      // TCP segment outside the receive window
  kStale,            // PAWS
  kRateLimited,      // a reply suppressed by its limit
  kFault,            // taken by an impairment element on purpose
  kBadFragment,      // a fragment that cannot belong to any datagram (RFC 8200 §4.5)
  kFragmentOverlap,  // its bytes are there already, or contradict the end (RFC 5722)
  kFragmentTimeout,  // the rest did not come in time
  kFragmentMemory,   // what reassembly may hold is used up
  kBadHopLimit,      // Neighbour Discovery from beyond the link (RFC 4861 §6.1, §7.1)
  kNotInUse,         // understood, and ignored by configuration: router advertisements
};
inline constexpr std::size_t kDropReasons = static_cast<std::size_t>(DropReason::kNotInUse) + 1;

constexpr std::string_view name(DropReason reason) {
  constexpr std::string_view kNames[kDropReasons] = {"none",
                                                     "truncated",
                                                     "bad_version",
                                                     "bad_header_length",
                                                     "bad_length",
                                                     "bad_checksum",
                                                     "bad_option",
                                                     "bad_address",
                                                     "too_many_tags",
                                                     "too_many_extensions",
                                                     "unknown_ethertype",
                                                     "unknown_protocol",
                                                     "unknown_type",
                                                     "fragment",
                                                     "not_for_us",
                                                     "ttl_expired",
                                                     "no_route",
                                                     "no_socket",
                                                     "no_neighbour",
                                                     "no_buffer",
                                                     "queue_full",
                                                     "too_big",
                                                     "out_of_window",
                                                     "stale",
                                                     "rate_limited",
                                                     "fault",
                                                     "bad_fragment",
                                                     "fragment_overlap",
                                                     "fragment_timeout",
                                                     "fragment_memory",
                                                     "bad_hop_limit",
                                                     "not_in_use"};
  return kNames[static_cast<std::size_t>(reason)];
}

// Either a T or a DropReason. Reads like std::optional; reason() is kNone when a value is there.
// Not a std::optional inside because a view then would be built twice: its constructors are
// private, and only a friend can run one in place.
template <typename T>
class [[nodiscard]] Parsed {
 public:
  constexpr Parsed(const T& value) : value_(value) {}
  constexpr Parsed(DropReason reason) : none_(), reason_(reason) {}
  template <typename... Args>
  constexpr explicit Parsed(std::in_place_t, Args&&... args)
      : value_(std::forward<Args>(args)...) {}

  constexpr explicit operator bool() const { return reason_ == DropReason::kNone; }
  constexpr bool has_value() const { return reason_ == DropReason::kNone; }
  constexpr DropReason reason() const { return reason_; }
  // Requires: has_value().
  constexpr const T& operator*() const { return value_; }
  constexpr const T* operator->() const { return &value_; }

 private:
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);
  union {
    std::monostate none_;
    T value_;
  };
  DropReason reason_ = DropReason::kNone;
};

}  // namespace twinpath
