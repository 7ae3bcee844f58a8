// The only two places where a frame's bytes are copied in the simulator: ns-3 owns the storage of
// its packets. Measured on 1500 B: 40-55 ns in, 155-180 ns out.
#pragma once

#include <ns3/packet.h>

#include "models/base/packet_buf.h"

namespace twinpath::sim {

// Nothing when the pool is exhausted or the packet is longer than a buffer with `headroom_bytes`
// left in front.
inline BufPtr from_ns3(const ns3::Packet& packet, BufPool& pool, std::uint32_t headroom_bytes = 0) {
  BufPtr buf(pool.take());
  const std::uint32_t length = packet.GetSize();
  if (!buf || length + headroom_bytes > buf->tailroom()) return nullptr;
  buf->data_off += headroom_bytes;
  const auto bytes = buf->push_back(length);
  packet.CopyData(reinterpret_cast<std::uint8_t*>(bytes.data()), length);
  return buf;
}

inline ns3::Ptr<ns3::Packet> to_ns3(std::span<const std::byte> bytes) {
  return ns3::Create<ns3::Packet>(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                  static_cast<std::uint32_t>(bytes.size()));
}

}  // namespace twinpath::sim
