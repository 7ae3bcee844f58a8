// Everything an IpHost is told at birth. Scalars carry fields(), from which attributes, parameters
// and stored JSON are generated; the lists are structure and come from the topology.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "models/base/field.h"
#include "models/base/packet_buf.h"
#include "models/base/port.h"
#include "models/wire/address.h"
#include "models/wire/prefix.h"

namespace twinpath {

// Of a host's interfaces; usually, but with VLANs not always, the number of its port.
using InterfaceId = std::uint16_t;
inline constexpr InterfaceId kLoopbackInterface = 0xffff;  // inside the host

struct InterfaceConfig {
  static constexpr PortId kOwnPort = 0xffff;

  MacAddress mac;
  std::vector<IpPrefix> addresses;  // the first of a version is its preferred source
  std::uint32_t mtu_bytes = 1500;   // longest IP packet
  // False on a point-to-point link: nobody is asked for a link address, every frame goes to `peer`,
  // and whatever arrives is for us.
  bool arp = true;
  MacAddress peer = MacAddress::broadcast();
  PortId port = kOwnPort;  // by default the one of the interface's own number
  std::uint16_t vlan = 0;  // IEEE 802.1Q identifier of its frames; 0: untagged
  // RFC 4291 §2.8: an interface that speaks IPv6 has a link-local address. Made of the MAC where
  // `addresses` has an IPv6 address and no link-local one, or where this is set.
  bool link_local = false;
};

struct RouteConfig {
  IpPrefix target;    // 0.0.0.0/0 and ::/0 are the default routes
  IpAddress gateway;  // any: the target is on the link itself
  InterfaceId interface = 0;
};

// A neighbour known beforehand: never asked for, never forgotten.
struct NeighbourConfig {
  IpAddress address;
  MacAddress mac;
  InterfaceId interface = 0;
};

struct HostConfig {
  std::string name = "host";
  std::uint64_t seed = 1;
  std::uint16_t publisher = 0;  // who this host is in event headers
  std::vector<InterfaceConfig> interfaces;
  std::vector<RouteConfig> routes;  // beside those the interfaces' prefixes imply
  std::vector<NeighbourConfig> neighbours;

  std::uint8_t ttl = 64;                              // RFC 1700's recommendation
  std::uint32_t tx_queue_frames = 256;                // per port, beside what TCP holds back
  std::uint32_t arp_entries_max = 512;                // neighbours remembered
  std::uint32_t arp_queue_frames = 32;                // held per neighbour being resolved
  std::uint32_t arp_attempts = 3;                     // questions before giving up
  Duration arp_interval = std::chrono::seconds(1);    // between them; RFC 1122 §2.3.2.1
  Duration arp_reachable = std::chrono::seconds(60);  // an answer is believed this long
  Duration arp_hold_down = std::chrono::seconds(3);   // after giving up; neighbours of IPv6 too
  std::uint32_t nd_attempts = 3;                      // RFC 4861 §10: MAX_MULTICAST_SOLICIT
  Duration nd_interval = std::chrono::seconds(1);     // RETRANS_TIMER
  Duration nd_reachable = std::chrono::seconds(30);   // REACHABLE_TIME, times 0.5 to 1.5
  Duration nd_delay = std::chrono::seconds(5);        // DELAY_FIRST_PROBE_TIME
  std::uint32_t dad_transmits = 0;         // RFC 4862 §5.1; 0: addresses are taken as given
  std::uint32_t icmp_errors_per_s = 1000;  // RFC 1812 §4.3.2.8
  std::uint32_t icmp_errors_burst = 50;
  std::uint32_t udp_queue_bytes = 212992;                   // per socket, as Linux's rmem_default
  std::uint32_t reassembly_bytes_max = 4U << 20;            // as Linux's ipfrag_high_thresh
  Duration reassembly_timeout = std::chrono::seconds(30);   // as Linux's ipfrag_time
  Duration reassembly6_timeout = std::chrono::seconds(60);  // RFC 8200 §4.5
  Duration path_mtu_timeout = std::chrono::minutes(10);     // RFC 1191 §6.3, RFC 8201 §5.3
  Duration loopback_delay = std::chrono::microseconds(10);  // from the host to itself
  // What applications send is copied into buffers of this size before it is cut into segments.
  std::uint32_t stream_chunk_bytes = 8192 - sizeof(PacketBuf);
  std::uint32_t stream_chunks_max = 1U << 17;

  static constexpr auto fields();
};

constexpr auto HostConfig::fields() {
  using C = HostConfig;
  return std::tuple(
      Field{"ttl", "time to live of packets sent", &C::ttl, Limits{.min = 1, .max = 255}},
      Field{"tx_queue_frames", "frames waiting per port, beside what TCP holds back",
            &C::tx_queue_frames, Limits{.unit = "frames", .min = 1, .max = 65536}},
      Field{"arp_entries_max", "neighbours remembered; the least recently used goes first",
            &C::arp_entries_max, Limits{.min = 1, .max = 65536}},
      Field{"arp_queue_frames", "frames held per neighbour while it is asked for",
            &C::arp_queue_frames, Limits{.unit = "frames", .min = 1, .max = 4096}},
      Field{"arp_attempts", "questions asked before a neighbour counts as unreachable",
            &C::arp_attempts, Limits{.min = 1, .max = 100}},
      Field{"arp_interval", "time between two questions", &C::arp_interval,
            Limits{.unit = "ns", .min = 1e6, .max = 1e11}},
      Field{"arp_reachable", "how long an answer is believed before it is checked",
            &C::arp_reachable, Limits{.unit = "ns", .min = 1e6, .max = 1e15}},
      Field{"arp_hold_down", "how long an unreachable neighbour is not asked again",
            &C::arp_hold_down, Limits{.unit = "ns", .min = 0, .max = 1e12}},
      Field{"icmp_errors_per_s", "ICMP errors sent per second at most", &C::icmp_errors_per_s,
            Limits{.unit = "1/s", .min = 0, .max = 1e6}},
      Field{"icmp_errors_burst", "ICMP errors sent at once at most", &C::icmp_errors_burst,
            Limits{.min = 1, .max = 1e6}},
      Field{"udp_queue_bytes", "storage of datagrams waiting per UDP socket", &C::udp_queue_bytes,
            Limits{.unit = "bytes", .min = 2048, .max = 1e9}},
      Field{"nd_attempts", "solicitations before an IPv6 neighbour counts as unreachable",
            &C::nd_attempts, Limits{.min = 1, .max = 100}},
      Field{"nd_interval", "time between two solicitations", &C::nd_interval,
            Limits{.unit = "ns", .min = 1e6, .max = 1e11}},
      Field{"nd_reachable",
            "how long an IPv6 neighbour is believed reachable; a host takes 0.5 to "
            "1.5 times this",
            &C::nd_reachable, Limits{.unit = "ns", .min = 1e6, .max = 1e15}},
      Field{"nd_delay", "from using an aged IPv6 neighbour to asking it", &C::nd_delay,
            Limits{.unit = "ns", .min = 0, .max = 1e12}},
      Field{"dad_transmits",
            "questions whether somebody else has an IPv6 address of ours; 0 asks "
            "nobody",
            &C::dad_transmits, Limits{.min = 0, .max = 100}},
      Field{"reassembly_bytes_max", "memory of fragments waiting for the rest, all datagrams",
            &C::reassembly_bytes_max, Limits{.unit = "bytes", .min = 0, .max = 1e9}},
      Field{"reassembly_timeout", "how long the rest of an IPv4 datagram is waited for",
            &C::reassembly_timeout, Limits{.unit = "ns", .min = 1e6, .max = 1e12}},
      Field{"reassembly6_timeout", "how long the rest of an IPv6 packet is waited for",
            &C::reassembly6_timeout, Limits{.unit = "ns", .min = 1e6, .max = 1e12}},
      Field{"path_mtu_timeout", "how long a path is believed to take only shorter packets",
            &C::path_mtu_timeout, Limits{.unit = "ns", .min = 1e9, .max = 1e15}},
      Field{"loopback_delay", "from a host to itself", &C::loopback_delay,
            Limits{.unit = "ns", .min = 0, .max = 1e12}});
}

inline constexpr std::size_t kInterfacesMax = 1024;
inline constexpr std::uint32_t kIpv4MtuMin = 68;  // RFC 791 §3.1: every internet module forwards it
inline constexpr std::uint32_t kLoopbackMtu = 1500;  // what a frame's buffer takes for certain

// Has, or will have, an IPv6 address.
bool speaks_ipv6(const InterfaceConfig& interface);

// Every problem at once, fields and lists alike. Empty: an IpHost may be built from it.
std::vector<Problem> validate(const HostConfig& config);

}  // namespace twinpath
