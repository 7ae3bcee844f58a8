// Mixing, in the order coarse to fine.
#include "sim/streams.h"

#include <ns3/rng-seed-manager.h>

#include "models/base/hash.h"

namespace twinpath::sim {

std::uint64_t stream_seed(std::int64_t stream, std::string_view component) {
  const std::uint64_t run =
      hash_pair({ns3::RngSeedManager::GetSeed(), ns3::RngSeedManager::GetRun()});
  return hash_text(hash_pair({run, static_cast<std::uint64_t>(stream)}), component);
}

}  // namespace twinpath::sim
