// A bounded BufPool on the heap: what the simulator, the tests and tools use.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "models/base/packet_buf.h"

namespace twinpath {

struct HeapPoolOptions {
  std::uint32_t capacity_bytes = 2048;  // storage per buffer, headroom included
  std::uint32_t headroom_bytes = 128;
  std::uint32_t bufs_max = 1U << 20;  // take() returns nullptr beyond this many alive
};

class HeapPool final : public BufPool {
 public:
  explicit HeapPool(const HeapPoolOptions& options = HeapPoolOptions());
  HeapPool(const HeapPool&) = delete;
  HeapPool& operator=(const HeapPool&) = delete;
  // Requires: every buffer has come back.
  ~HeapPool() override;

  [[nodiscard]] PacketBuf* take() override;
  void give_back(std::span<PacketBuf* const> bufs) noexcept override;
  [[nodiscard]] std::uint32_t outstanding() const { return outstanding_; }
  // take() would have nothing to give.
  [[nodiscard]] bool is_exhausted() const { return outstanding_ == options_.bufs_max; }
  // How often take() had nothing to give.
  [[nodiscard]] std::uint64_t exhausted() const { return exhausted_; }

 private:
  PacketBuf* allocate();

  HeapPoolOptions options_;
  std::vector<PacketBuf*> free_;
  std::uint32_t outstanding_ = 0;
  std::uint64_t exhausted_ = 0;
};

}  // namespace twinpath
