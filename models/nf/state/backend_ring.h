// Which backend serves a flow, so that most flows stay where they are when backends come and go:
// the preference lists of Maglev (Eisenbud et al., NSDI'16 §3.4), kept whole. For each bucket every
// backend stands in the order of preference, and the first that is alive is taken: a backend's
// death costs a few loads more per lookup instead of building the table anew while packets wait.
#pragma once

#include <cstdint>
#include <vector>

#include "models/nf/state/flow_map.h"
#include "models/nf/state/pcv.h"

namespace twinpath {

class BackendRing {
 public:
  static constexpr std::size_t kPcvTried = 0;  // find: backends looked at
  static constexpr std::uint32_t kBackendsMax = 256;
  static constexpr std::uint32_t kBucketsMax = 65537;

  struct Options {
    std::uint32_t backends_max = 16;  // at most kBackendsMax
    std::uint32_t buckets = 1021;     // a prime above backends_max, at most kBucketsMax
    std::uint64_t seed = 1;
  };
  explicit BackendRing(const Options& options);

  // The backend for a flow's hash; kNoIndex when none is alive. Counts kPcvTried.
  [[nodiscard, gnu::noinline]] Index find(std::uint32_t hash, Pcvs pcvs) const;
  // Requires: index < backends_max.
  void set_alive(Index index, bool alive) { alive_[index] = alive ? 1 : 0; }
  [[nodiscard]] bool is_alive(Index index) const { return alive_[index] != 0; }
  // The one a bucket likes best, alive or not: for tests of the table's balance.
  [[nodiscard]] Index favourite(std::uint32_t bucket) const {
    return order_[std::size_t{bucket} * backends_];
  }
  static bool is_prime(std::uint32_t number);

 private:
  std::vector<std::uint16_t> order_;  // backends_ for each bucket
  std::vector<std::uint8_t> alive_;
  std::uint32_t backends_;
  std::uint32_t buckets_;
};

}  // namespace twinpath
