// The two conversions between rte_mbuf and the PacketBuf in its private area, inlined into the
// burst loops. What never changes (room, capacity, pool, refs) is written once when the pool is
// made; both directions then touch one cache line of each. Private to emu: it needs DPDK's compile
// flags.
#pragma once

#include <rte_mbuf.h>

#include "models/base/packet_buf.h"

namespace twinpath::emu {

inline PacketBuf* buf_of(rte_mbuf* mbuf) { return reinterpret_cast<PacketBuf*>(mbuf + 1); }
inline rte_mbuf* mbuf_of(PacketBuf* buf) { return reinterpret_cast<rte_mbuf*>(buf) - 1; }

// Requires: a linear frame (caps() refuses chains and devices are opened without scatter).
inline PacketBuf* adopt(rte_mbuf* mbuf, Instant arrived) {
  PacketBuf* buf = buf_of(mbuf);
  buf->next = nullptr;
  buf->arrived = arrived;
  buf->data_off = mbuf->data_off;
  buf->len = mbuf->data_len;
  buf->flow_hash = 0;
  buf->l3_offset = 0;
  buf->l4_offset = 0;
  buf->flags = 0;
  buf->gso_bytes = 0;
  return buf;
}

inline rte_mbuf* release(PacketBuf* buf) {
  rte_mbuf* mbuf = mbuf_of(buf);
  mbuf->data_off = static_cast<std::uint16_t>(buf->data_off);
  mbuf->data_len = static_cast<std::uint16_t>(buf->len);
  mbuf->pkt_len = buf->len;
  return mbuf;
}

}  // namespace twinpath::emu
