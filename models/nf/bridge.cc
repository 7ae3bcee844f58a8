// Learn the sender, then look for the receiver.
#include "models/nf/bridge.h"

#include "models/wire/ethernet.h"

namespace twinpath {
namespace {

constexpr std::size_t kSrcAt = 6;
constexpr std::uint64_t kGroupBit = 1ULL << 40;
constexpr std::uint64_t kReservedFirst = 0x0180c2000000;  // to ...0f, 802.1Q table 8-1
constexpr std::uint64_t kReservedMask = ~std::uint64_t{0xf};

// 48 bits, most significant first.
std::uint64_t load_mac(const std::byte* at) {
  return std::uint64_t{load_be32(at)} << 16 | load_be16(at + 4);
}

}  // namespace

Bridge::Bridge(const BridgeConfig& config)
    : table_({config.stations_max, config.ageing_time, config.rehash_threshold,
              config.expired_per_packet_max, config.seed}) {}

Verdict Bridge::process(Instant now, PortId in, PacketBuf& packet, Probe& probe) {
  table_.expire(now, probe);
  if (packet.len < kEthernetHeaderLen) {
    probe.outcome = outcome(kTruncated, kKnown);
    return Verdict::drop();
  }
  const std::uint64_t src = load_mac(packet.data() + kSrcAt);
  const std::uint64_t dst = load_mac(packet.data());
  if ((src & kGroupBit) != 0) {
    probe.outcome = outcome(kBadSource, kKnown);
    return Verdict::drop();
  }
  const auto learning = static_cast<Learning>(table_.learn(src, in, now, probe));
  const Verdict across = Verdict::forward(in ^ 1);
  if ((dst & kGroupBit) != 0) {
    const bool is_reserved = (dst & kReservedMask) == kReservedFirst;
    probe.outcome = outcome(is_reserved ? kReserved : kGroup, learning);
    return is_reserved ? Verdict::drop() : across;
  }
  const std::uint16_t port = table_.port_of(dst, probe);
  if (port == in) {
    probe.outcome = outcome(kSamePort, learning);
    return Verdict::drop();
  }
  probe.outcome = outcome(port == MacTable::kNoPort ? kFlooded : kUnicast, learning);
  return across;
}

void Bridge::prefetch(const PacketBuf& packet) {
  if (packet.len < kEthernetHeaderLen) return;
  table_.prefetch(load_mac(packet.data()));
  table_.prefetch(load_mac(packet.data() + kSrcAt));
}

}  // namespace twinpath
