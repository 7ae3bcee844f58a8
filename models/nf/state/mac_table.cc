// Learning, with the seed changed when places are hard to find.
#include "models/nf/state/mac_table.h"

namespace twinpath {

MacTable::MacTable(const Options& options)
    : map_({options.entries_max, Rng(options.seed).at(0), true}),
      chain_({options.entries_max, 1}),
      ports_(options.entries_max, kNoPort),
      timeout_(options.timeout),
      threshold_(options.rehash_threshold),
      expired_max_(options.expired_per_packet_max),
      seeds_(Rng(options.seed).fork("rehash")) {}

MacTable::Learned MacTable::learn(std::uint64_t mac, std::uint16_t port, Instant now,
                                  Probe& probe) {
  const Index known = map_.find({mac, 0}, Pcvs(probe, kPcvVisited));
  if (known != kNoIndex) {
    chain_.rejuvenate(known, now);
    ports_[known] = port;
    return Learned::kKnown;
  }
  const Index fresh = chain_.allocate(now);
  if (fresh == kNoIndex) return Learned::kFull;
  ports_[fresh] = port;
  const std::uint32_t before = probe.pcv[kPcvPassed];
  map_.insert({mac, 0}, fresh, Pcvs(probe, kPcvPassed));
  if (probe.pcv[kPcvPassed] - before <= threshold_) return Learned::kNew;
  probe.pcv[kPcvMoved] += map_.size();
  map_.rehash(seeds_.next(), Pcvs(probe, kPcvRepassed));
  ++rehashes_;
  return Learned::kNewRehashed;
}

std::uint16_t MacTable::port_of(std::uint64_t mac, Probe& probe) const {
  const Index known = map_.find({mac, 0}, Pcvs(probe, kPcvVisited));
  return known == kNoIndex ? kNoPort : ports_[known];
}

void MacTable::expire(Instant now, Probe& probe) {
  const Instant before = now - timeout_;
  for (std::uint32_t i = 0; i < expired_max_; ++i) {
    TWINPATH_LOOP_HEAD("expired");
    const Index gone = chain_.expire_one(before);
    if (gone == kNoIndex) break;
    probe.count(kPcvExpired);
    map_.erase(gone, Pcvs(probe, kPcvUnpassed));
  }
}

}  // namespace twinpath
