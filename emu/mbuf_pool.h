// PacketBufs that live in the private area of DPDK's mbufs, a constant offset away: a frame passes
// between a device and a model without a copy and without a lookup. One pool per core.
// Read: DPDK 22.11 rte_mbuf.h, rte_mbuf_to_priv().
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "models/base/packet_buf.h"

struct rte_mempool;

namespace twinpath::emu {

struct MbufPoolOptions {
  std::string name = "frames";           // unique in the process
  std::uint32_t bufs = 16383;            // 2^n - 1 uses the memory best
  std::uint32_t cached = 256;            // held back per thread, without a lock
  std::uint32_t headroom_bytes = 128;    // RTE_PKTMBUF_HEADROOM, what drivers leave in front
  std::uint32_t frame_bytes_max = 2048;  // beside the headroom
};

class MbufPool final : public BufPool {
 public:
  // Requires: an Eal. Throws SetupError when its memory does not suffice.
  explicit MbufPool(const MbufPoolOptions& options = MbufPoolOptions());
  MbufPool(const MbufPool&) = delete;
  MbufPool& operator=(const MbufPool&) = delete;
  // Requires: every buffer has come back and no device uses the pool.
  ~MbufPool() override;

  // nullptr when exhausted, which is counted.
  [[nodiscard]] PacketBuf* take() override;
  void give_back(std::span<PacketBuf* const> bufs) noexcept override;

  [[nodiscard]] std::uint64_t exhausted() const { return exhausted_; }
  [[nodiscard]] std::uint32_t outstanding() const;
  [[nodiscard]] std::uint32_t size() const { return options_.bufs; }
  [[nodiscard]] std::uint32_t capacity_bytes() const {
    return options_.headroom_bytes + options_.frame_bytes_max;
  }
  [[nodiscard]] rte_mempool* raw() { return pool_; }

 private:
  MbufPoolOptions options_;
  rte_mempool* pool_ = nullptr;
  std::uint64_t exhausted_ = 0;
};

}  // namespace twinpath::emu
