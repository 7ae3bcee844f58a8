// The two conversions between rte_mbuf and the PacketBuf in its private area, inlined into the
// burst loops. What never changes (room, capacity, pool, refs) is written once when the pool is
// made; both directions then touch one cache line of each. Private to emu: it needs DPDK's compile
// flags.
#pragma once

#include <rte_mbuf.h>
#include <x86intrin.h>

#include <cstddef>
#include <cstring>

#include "models/base/packet_buf.h"

namespace twinpath::emu {

inline PacketBuf* buf_of(rte_mbuf* mbuf) { return reinterpret_cast<PacketBuf*>(mbuf + 1); }
inline rte_mbuf* mbuf_of(PacketBuf* buf) { return reinterpret_cast<rte_mbuf*>(buf) - 1; }

// What adopt() writes that is the same for every frame of a burst.
struct BurstConstants {
  __m128i next_arrived;  // no next part, the instant of the turn
  __m128i capacity;      // and no flow hash
  __m128i parsed_refs;   // nothing parsed, no flags, one reference
};

inline BurstConstants burst_constants(Instant arrived, std::uint32_t capacity_bytes) {
  return {_mm_set_epi64x(to_ns(arrived), 0), _mm_set_epi64x(0, capacity_bytes),
          _mm_set_epi64x(1, 0)};
}

static_assert(offsetof(PacketBuf, next) == 16 && offsetof(PacketBuf, arrived) == 24);
static_assert(offsetof(PacketBuf, data_off) == 32 && offsetof(PacketBuf, len) == 36);
static_assert(offsetof(PacketBuf, capacity) == 40 && offsetof(PacketBuf, flow_hash) == 44);
static_assert(offsetof(PacketBuf, l3_offset) == 48 && offsetof(PacketBuf, refs) == 56);

// Everything but room and pool, in three stores of 16 bytes: stores are what limits the loop, and
// field by field they are eleven. Requires: a linear frame (devices are opened without scatter).
inline PacketBuf* adopt(rte_mbuf* mbuf, const BurstConstants& constants) {
  PacketBuf* buf = buf_of(mbuf);
  auto* quarters = reinterpret_cast<__m128i*>(buf);
  _mm_store_si128(quarters + 1, constants.next_arrived);
  const std::int64_t window = mbuf->data_off | std::int64_t{mbuf->data_len} << 32;
  _mm_store_si128(quarters + 2, _mm_unpacklo_epi64(_mm_cvtsi64_si128(window), constants.capacity));
  _mm_store_si128(quarters + 3, constants.parsed_refs);
  return buf;
}

static_assert(offsetof(rte_mbuf, data_len) == offsetof(rte_mbuf, pkt_len) + 4);
static_assert(offsetof(rte_mbuf, vlan_tci) == offsetof(rte_mbuf, pkt_len) + 6);

// Both lengths in one store, which also clears the VLAN tag: ours stand in the frame. A frame that
// passes unchanged, the common case of forwarding, costs no store: stores are what limits the loop.
inline rte_mbuf* release(PacketBuf* buf) {
  rte_mbuf* mbuf = mbuf_of(buf);
  if (mbuf->data_off != buf->data_off) mbuf->data_off = static_cast<std::uint16_t>(buf->data_off);
  if (mbuf->pkt_len != buf->len) {
    const std::uint64_t lengths = buf->len | std::uint64_t{buf->len} << 32;
    std::memcpy(&mbuf->pkt_len, &lengths, sizeof(lengths));
  }
  return mbuf;
}

}  // namespace twinpath::emu
