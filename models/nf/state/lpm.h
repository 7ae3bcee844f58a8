// Longest-prefix match for IPv4 in two shapes, both built once from a list of routes: two arrays
// after DIR-24-8 (Gupta, Lin, McKeown, INFOCOM 1998), one or two loads for a lookup whatever the
// table; and a binary trie, as many steps as the matched path has bits, in little memory.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "models/nf/state/pcv.h"
#include "models/wire/prefix.h"

namespace twinpath {

using NextHop = std::uint16_t;
inline constexpr NextHop kNoRoute = 0xffff;
inline constexpr NextHop kNextHopMax = 0x7ffd;

struct LpmRoute {
  Ipv4Prefix prefix;
  NextHop next_hop = 0;  // at most kNextHopMax
};

class LpmDir24 {
 public:
  static constexpr std::size_t kPcvExtended = 0;         // find: lookups that took a second load
  static constexpr std::uint32_t kGroupsMax = 1U << 15;  // /24 networks with longer prefixes

  // Of routes with the same prefix the last counts. Requires: groups(routes) <= kGroupsMax.
  explicit LpmDir24(std::span<const LpmRoute> routes);
  static std::uint32_t groups(std::span<const LpmRoute> routes);

  // kNoRoute when no prefix covers the address.
  [[nodiscard, gnu::noinline]] NextHop find(std::uint32_t address, Pcvs pcvs) const;
  void prefetch(std::uint32_t address) const { __builtin_prefetch(&firsts_[address >> 8]); }

 private:
  static constexpr std::uint16_t kExtended = 0x8000;

  // 0 is "none", else the next hop plus one, or kExtended and the number of a group.
  std::vector<std::uint16_t> firsts_;   // by the upper 24 bits: 32 MiB
  std::vector<std::uint16_t> seconds_;  // 256 for each group
};

class LpmTrie {
 public:
  static constexpr std::size_t kPcvDepth = 0;  // find: bits gone down

  explicit LpmTrie(std::span<const LpmRoute> routes);
  [[nodiscard, gnu::noinline]] NextHop find(std::uint32_t address, Pcvs pcvs) const;
  void prefetch() const { __builtin_prefetch(nodes_.data()); }

 private:
  struct Node {
    std::array<std::uint32_t, 2> children{};  // 0: none; the root is nobody's child
    std::uint32_t next_hop = 0;               // plus one; 0 is "none"
  };

  std::vector<Node> nodes_;  // at most 32 for each route, and the root
};

}  // namespace twinpath
