// Building both tables, and the lookups.
#include "models/nf/state/lpm.h"

#include <algorithm>
#include <set>

#include "models/base/check.h"

namespace twinpath {
namespace {

constexpr unsigned kFirstBits = 24;
constexpr std::size_t kGroup = 256;

// Shorter prefixes first, so that longer ones overwrite them; of equals the last stays last.
std::vector<LpmRoute> by_length(std::span<const LpmRoute> routes) {
  std::vector<LpmRoute> sorted(routes.begin(), routes.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const LpmRoute& a, const LpmRoute& b) {
    return a.prefix.len() < b.prefix.len();
  });
  return sorted;
}

}  // namespace

std::uint32_t LpmDir24::groups(std::span<const LpmRoute> routes) {
  std::set<std::uint32_t> networks;
  for (const LpmRoute& route : routes) {
    if (route.prefix.len() > kFirstBits) networks.insert(route.prefix.network().value() >> 8);
  }
  return static_cast<std::uint32_t>(networks.size());
}

LpmDir24::LpmDir24(std::span<const LpmRoute> routes) : firsts_(std::size_t{1} << kFirstBits) {
  CHECK(groups(routes) <= kGroupsMax);
  seconds_.reserve(groups(routes) * kGroup);
  for (const LpmRoute& route : by_length(routes)) {
    CHECK(route.next_hop <= kNextHopMax);
    const std::uint32_t network = route.prefix.network().value();
    const unsigned len = route.prefix.len();
    const auto entry = static_cast<std::uint16_t>(route.next_hop + 1);
    std::uint16_t& first = firsts_[network >> 8];
    if (len <= kFirstBits) {
      std::fill_n(&first, std::size_t{1} << (kFirstBits - len), entry);
      continue;
    }
    if ((first & kExtended) == 0) {
      const auto group = static_cast<std::uint16_t>(seconds_.size() / kGroup);
      seconds_.resize(seconds_.size() + kGroup, first);
      first = kExtended | group;
    }
    const std::size_t group = first & (kExtended - 1U);
    std::fill_n(&seconds_[group * kGroup + (network & 0xff)], std::size_t{1} << (32 - len), entry);
  }
}

NextHop LpmDir24::find(std::uint32_t address, Pcvs pcvs) const {
  std::uint16_t entry = firsts_[address >> 8];
  if ((entry & kExtended) != 0) {
    pcvs.add(kPcvExtended, 1);
    entry = seconds_[(entry & (kExtended - 1U)) * kGroup + (address & 0xff)];
  }
  return static_cast<NextHop>(entry - 1);
}

LpmTrie::LpmTrie(std::span<const LpmRoute> routes) : nodes_(1) {
  for (const LpmRoute& route : routes) {
    CHECK(route.next_hop <= kNextHopMax);
    std::uint32_t bits = route.prefix.network().value();
    std::uint32_t at = 0;
    for (unsigned depth = 0; depth < route.prefix.len(); ++depth, bits <<= 1) {
      if (nodes_[at].children[bits >> 31] == 0) {
        nodes_[at].children[bits >> 31] = static_cast<std::uint32_t>(nodes_.size());
        nodes_.emplace_back();
      }
      at = nodes_[at].children[bits >> 31];
    }
    nodes_[at].next_hop = route.next_hop + 1U;
  }
}

// A path has at most 32 nodes below the root: no route is longer.
NextHop LpmTrie::find(std::uint32_t address, Pcvs pcvs) const {
  const Node* node = &nodes_[0];
  std::uint32_t best = node->next_hop;
  std::uint32_t depth = 0;
  while (const std::uint32_t child = node->children[address >> 31]) {
    TWINPATH_LOOP_HEAD("depth");
    node = &nodes_[child];
    best = node->next_hop != 0 ? node->next_hop : best;
    address <<= 1;
    ++depth;
  }
  pcvs.add(kPcvDepth, depth);
  return static_cast<NextHop>(best - 1);
}

}  // namespace twinpath
