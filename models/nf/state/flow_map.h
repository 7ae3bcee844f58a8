// From keys of two words to indices, by open addressing. "Regular": every visit of a slot costs the
// same whatever lies there, so that few PCVs give the exact cost. The busy bit is part of the
// stored hash, keys are compared without a branch, and a slot counts the keys that were placed
// beyond it, which ends a search as an empty slot would. After libVig (Zaostrovnykh et al.,
// SOSP'19), which keeps these facts in five arrays; one slot of 32 bytes touches one cache line.
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

#include "models/nf/state/pcv.h"

namespace twinpath {

using Index = std::uint32_t;
inline constexpr Index kNoIndex = 0xffffffff;
inline constexpr std::uint32_t kEntriesMax = 1U << 24;  // of any table

// A MAC address, a flow's addresses and ports: whatever fits.
struct MapKey {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  friend constexpr bool operator==(const MapKey&, const MapKey&) = default;
};

struct FlowMapOptions {
  std::uint32_t entries_max = 1;  // at most kEntriesMax
  std::uint64_t seed = 0;         // of the hash; who knows it can make keys collide
  bool rehashes = false;          // keeps a second array of slots for rehash()
};

class FlowMap {
 public:
  static constexpr std::size_t kPcvVisited = 0;     // find: slots looked at
  static constexpr std::size_t kPcvCollisions = 1;  // find: of them equal in hash, not in key
  static constexpr std::size_t kPcvPassed = 0;      // insert, erase, rehash: slots passed by

  explicit FlowMap(const FlowMapOptions& options);

  // kNoIndex when there is none. Counts kPcvVisited and kPcvCollisions.
  [[nodiscard, gnu::noinline]] Index find(MapKey key, Pcvs pcvs) const;
  // Counts kPcvPassed. Requires: neither key nor index is in the map, index < entries_max.
  [[gnu::noinline]] void insert(MapKey key, Index index, Pcvs pcvs);
  // Counts kPcvPassed. Requires: the index is in the map.
  [[gnu::noinline]] void erase(Index index, Pcvs pcvs);
  // Places every entry anew by another hash. Counts kPcvPassed. Requires: options.rehashes.
  [[gnu::noinline]] void rehash(std::uint64_t seed, Pcvs pcvs);

  // Requires: the index is in the map.
  [[nodiscard]] MapKey key(Index index) const { return slots_[slot_of_[index]].key; }
  void prefetch(MapKey key) const { __builtin_prefetch(&slots_[hash_of(key) & mask_]); }
  [[nodiscard]] std::uint32_t slots() const { return mask_ + 1; }
  [[nodiscard]] std::uint32_t size() const { return size_; }
  // The slot a key would like best: what collision traffic is made from.
  [[nodiscard]] std::uint32_t home(MapKey key) const { return hash_of(key) & mask_; }

 private:
  static constexpr std::uint32_t kBusy = 1U << 31;

  struct alignas(32) Slot {
    MapKey key;
    std::uint32_t hash = 0;    // with kBusy; 0 when empty
    std::uint32_t beyond = 0;  // keys that wanted this slot or one before and lie behind it
    Index index = kNoIndex;
  };
  static_assert(sizeof(Slot) == 32);

  // Two rounds of multiply and fold: each step is a bijection of 64 bits for a given key.first, so
  // collisions for a known seed can be solved for, and without it they cannot be guessed.
  [[nodiscard]] std::uint32_t hash_of(MapKey key) const {
    std::uint64_t hash = (key.first ^ seed_) * 0xbf58476d1ce4e5b9ULL;
    hash ^= hash >> 32;
    hash = (hash + key.second) * 0x94d049bb133111ebULL;
    hash ^= hash >> 32;
    return static_cast<std::uint32_t>(hash) | kBusy;
  }

  // Twice as many as entries: the expected number of slots looked at stays below 1.5 for a hit.
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> slot_of_;  // by index
  std::uint32_t mask_;
  std::uint32_t size_ = 0;
  std::uint64_t seed_;
  std::vector<Slot> spare_;  // all empty; as large as slots_, or none
};

}  // namespace twinpath
