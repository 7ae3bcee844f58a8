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

struct InterfaceConfig {
  MacAddress mac;
  std::vector<Ipv4Prefix> addresses;  // the first is the preferred source
  std::uint32_t mtu_bytes = 1500;     // longest IP packet
  // False on a point-to-point link: nobody is asked for a link address, every frame goes to `peer`,
  // and whatever arrives is for us.
  bool arp = true;
  MacAddress peer = MacAddress::broadcast();
};

struct RouteConfig {
  Ipv4Prefix target;    // 0.0.0.0/0 is the default route
  Ipv4Address gateway;  // any: the target is on the link itself
  PortId port = 0;
};

// A neighbour known beforehand: never asked for, never forgotten.
struct NeighbourConfig {
  Ipv4Address address;
  MacAddress mac;
  PortId port = 0;
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
  Duration arp_hold_down = std::chrono::seconds(3);   // after giving up
  std::uint32_t icmp_errors_per_s = 1000;             // RFC 1812 §4.3.2.8
  std::uint32_t icmp_errors_burst = 50;
  std::uint32_t udp_queue_bytes = 212992;  // per socket, as Linux's rmem_default
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
            Limits{.unit = "bytes", .min = 2048, .max = 1e9}});
}

inline constexpr std::size_t kInterfacesMax = 1024;
inline constexpr std::uint32_t kIpv4MtuMin = 68;  // RFC 791 §3.1: every internet module forwards it

// Every problem at once, fields and lists alike. Empty: an IpHost may be built from it.
std::vector<Problem> validate(const HostConfig& config);

}  // namespace twinpath
