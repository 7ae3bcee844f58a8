// A buffer that crossed to another core goes home by ring: while away, its pool is a PoolReturn of
// the foreign core, whose give_back() sends it back; the home core feeds what arrives to the pool.
#pragma once

#include <span>

#include "models/base/packet_buf.h"
#include "models/base/ring.h"

namespace twinpath {

class PoolReturn final : public BufPool {
 public:
  // `way_home` leads to the core that owns `home`; `outbox` is the foreign Stage's.
  PoolReturn(BufPool& home, Outlet<PacketBuf*>& way_home, Outbox& outbox)
      : home_(home), way_home_(way_home), outbox_(outbox) {}

  // Call when a buffer of `home` arrives at the foreign core.
  void adopt(PacketBuf& buf) { buf.pool = this; }
  // Foreign cores have pools of their own; taking here is a programmer error answered with nothing.
  [[nodiscard]] PacketBuf* take() override { return nullptr; }
  void give_back(std::span<PacketBuf* const> bufs) noexcept override {
    for (PacketBuf* buf : bufs) way_home_.push(outbox_, buf);
  }
  // At home: hands what came back to the pool. Returns how many.
  static std::size_t collect(Inlet<PacketBuf*>& arrivals, Outbox& outbox, BufPool& home) {
    const std::size_t count = arrivals.available();
    for (std::size_t index = 0; index < count; ++index) {
      PacketBuf* buf = arrivals.pop(outbox);
      buf->pool = &home;
      home.give_back({&buf, 1});
    }
    return count;
  }
  [[nodiscard]] BufPool& home() { return home_; }

 private:
  BufPool& home_;
  Outlet<PacketBuf*>& way_home_;
  Outbox& outbox_;
};

}  // namespace twinpath
