// Paths known to take only packets shorter than their first link does. Read RFC 1191 §6.3 and
// RFC 8201 §5.2. One slot per hash: a new path may push an old one out, which then is found again,
// so memory is bounded and nobody has to be chosen.
#pragma once

#include <cstdint>
#include <vector>

#include "models/base/hash.h"
#include "models/base/time.h"
#include "models/wire/address.h"

namespace twinpath {

class PathMtuTable {
 public:
  static constexpr std::size_t kSlots = 256;  // made when the first is needed

  struct Entry {
    IpAddress target;
    std::uint32_t mtu_bytes = 0;
    Instant until{};
  };

  // Nothing known: nullptr.
  [[nodiscard]] const Entry* find(Instant now, const IpAddress& target) const {
    if (slots_.empty()) return nullptr;
    const Entry& entry = slots_[slot_of(target)];
    return entry.target == target && now < entry.until ? &entry : nullptr;
  }
  void learn(const Entry& entry) {
    if (slots_.empty()) slots_.resize(kSlots);
    slots_[slot_of(entry.target)] = entry;
  }

 private:
  static std::size_t slot_of(const IpAddress& target) {
    return hash_pair({target.high(), target.low()}) % kSlots;
  }
  std::vector<Entry> slots_;
};

}  // namespace twinpath
