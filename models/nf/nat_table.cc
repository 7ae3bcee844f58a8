// Mappings come and go.
#include "models/nf/nat_table.h"

#include "models/base/check.h"
#include "models/base/hash.h"

namespace twinpath {
namespace {

constexpr std::uint32_t kPorts = 65536;
constexpr std::uint32_t kSystemPorts = 1024;  // RFC 6335 §6

}  // namespace

NatTable::NatTable(const Options& options)
    : map_({options.entries_max, options.seed}),
      chain_({options.entries_max, kChains}),
      mappings_(options.entries_max),
      owners_(std::size_t{options.addresses} * 3 * kPorts, kNoIndex),
      timeouts_(options.timeouts),
      address_first_(options.address_first),
      addresses_(options.addresses),
      expired_max_(options.expired_per_packet_max),
      seed_(options.seed) {
  CHECK(options.addresses > 0 && options.addresses <= kAddressesMax);
}

void NatTable::remove(Index index, Probe& probe) {
  owners_[place(mappings_[index].external)] = kNoIndex;
  map_.erase(index, Pcvs(probe, kPcvUnpassed));
}

void NatTable::expire(Instant now, Probe& probe) {
  std::uint32_t left = expired_max_;
  for (std::uint8_t chain = 0; chain < kChains; ++chain) {
    const Instant before = now - timeouts_[chain];
    for (; left > 0; --left) {
      TWINPATH_LOOP_HEAD("expired");
      const Index index = chain_.expire_one(before, ChainId{chain});
      if (index == kNoIndex) break;
      probe.count(kPcvExpired);
      remove(index, probe);
    }
  }
}

// RFC 4787 §4.2.2 and §4.2.3: the same port if it is free, else one of the same parity and, for a
// system port, of the same range, from a place nobody can guess (RFC 6056 §3.3.1). Port 0 is taken
// by nobody.
bool NatTable::choose_port(NatEnd& external, Probe& probe) {
  const std::uint32_t wanted = external.port;
  if (wanted != 0 && owners_[place(external)] == kNoIndex) return true;
  const bool is_system = wanted < kSystemPorts;
  const std::uint32_t mask = is_system ? kSystemPorts - 1 : kPorts - 1;
  const std::uint32_t lowest = is_system ? 0 : kSystemPorts;
  auto candidate = static_cast<std::uint32_t>(mix64(seed_ + ++draws_)) & ~1U;
  candidate |= wanted & 1U;
  for (std::uint32_t i = 0; i < kPortTriesMax; ++i, candidate += 2) {
    const std::uint32_t port = (candidate & mask) | ((candidate & mask) < lowest ? lowest : 0);
    external.port = static_cast<std::uint16_t>(port);
    if (port != 0 && owners_[place(external)] == kNoIndex) return true;
    TWINPATH_LOOP_HEAD("port_tries");
    probe.count(kPcvPortTries);
  }
  return false;
}

// RFC 4787 §4.1: one internal address always gets the same external one ("paired").
Index NatTable::add(const NatEnd& internal, Instant now, Probe& probe) {
  const Index index = chain_.allocate(now);
  if (index == kNoIndex) return kNoIndex;
  NatEnd external = internal;
  const std::uint64_t share = mix64(internal.address ^ seed_) >> 32;
  external.address = address_first_ + static_cast<std::uint32_t>(share * addresses_ >> 32);
  if (!choose_port(external, probe)) {
    chain_.release(index);
    return kNoIndex;
  }
  owners_[place(external)] = index;
  mappings_[index] = {internal, external, ++serial_, false};
  map_.insert(key_of(internal), index, Pcvs(probe, kPcvPassed));
  return index;
}

}  // namespace twinpath
