// Permutations, the order in every bucket, and the walk along it.
#include "models/nf/state/backend_ring.h"

#include "models/base/check.h"
#include "models/base/rng.h"

namespace twinpath {

bool BackendRing::is_prime(std::uint32_t number) {
  if (number < 2) return false;
  for (std::uint32_t i = 2; std::uint64_t{i} * i <= number; ++i) {
    if (number % i == 0) return false;
  }
  return true;
}

// NSDI'16 §3.4: backend b visits bucket (offset + turn * skip) mod buckets at its turn, every
// bucket once because their number is prime. Turn by turn, each backend queues up in the bucket it
// visits.
BackendRing::BackendRing(const Options& options)
    : order_(std::size_t{options.buckets} * options.backends_max),
      alive_(options.backends_max),
      backends_(options.backends_max),
      buckets_(options.buckets) {
  CHECK(backends_ > 0 && backends_ <= kBackendsMax);
  CHECK(buckets_ > backends_ && buckets_ <= kBucketsMax && is_prime(buckets_));
  const Rng rng(options.seed);
  std::vector<std::uint32_t> at(backends_);
  std::vector<std::uint32_t> skip(backends_);
  for (std::uint32_t b = 0; b < backends_; ++b) {
    at[b] = static_cast<std::uint32_t>(rng.at(2 * b) % buckets_);
    skip[b] = static_cast<std::uint32_t>(rng.at(2 * b + 1) % (buckets_ - 1)) + 1;
  }
  std::vector<std::uint16_t> queued(buckets_);
  for (std::uint32_t turn = 0; turn < buckets_; ++turn) {
    for (std::uint32_t b = 0; b < backends_; ++b) {
      const std::uint32_t bucket = at[b];
      order_[std::size_t{bucket} * backends_ + queued[bucket]++] = static_cast<std::uint16_t>(b);
      at[b] = (at[b] + skip[b]) % buckets_;
    }
  }
}

// The bucket is hash * buckets / 2^32: a multiplication, no division.
Index BackendRing::find(std::uint32_t hash, Pcvs pcvs) const {
  const std::uint64_t bucket = std::uint64_t{hash} * buckets_ >> 32;
  const std::uint16_t* order = &order_[bucket * backends_];
  std::uint32_t tried = 0;
  Index found = kNoIndex;
  do {
    TWINPATH_LOOP_HEAD("tried");
    const Index candidate = order[tried];
    ++tried;
    if (alive_[candidate] != 0) {
      found = candidate;
      break;
    }
  } while (tried < backends_);
  pcvs.add(kPcvTried, tried);
  return found;
}

}  // namespace twinpath
