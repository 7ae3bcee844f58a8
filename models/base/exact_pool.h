// Buffers of the size asked for: datagrams longer than a frame, on their way in or out of a host.
// Rare, so each is allocated for itself and freed when it comes home.
#pragma once

#include <cstdint>
#include <new>

#include "models/base/packet_buf.h"

namespace twinpath {

class ExactPool final : public BufPool {
 public:
  static constexpr std::uint32_t kHeadroomBytes = 128;
  static constexpr std::uint32_t kDefaultBytes = 2048;

  // At most `bytes_max` are out at once, headers of buffers included.
  explicit ExactPool(std::uint64_t bytes_max) : bytes_max_(bytes_max) {}
  ExactPool(const ExactPool&) = delete;
  ExactPool& operator=(const ExactPool&) = delete;
  // Requires: every buffer has come back.
  ~ExactPool() override { CHECK(outstanding_bytes_ == 0); }

  // Room for `bytes` behind the headroom; nullptr when that is too much now.
  [[nodiscard]] PacketBuf* take_of(std::uint32_t bytes) {
    const std::uint32_t capacity = kHeadroomBytes + bytes;
    if (outstanding_bytes_ + storage(capacity) > bytes_max_) return nullptr;
    void* at = ::operator new(storage(capacity), kLine, std::nothrow);
    if (at == nullptr) return nullptr;
    auto* buf = new (at) PacketBuf{};
    buf->room = reinterpret_cast<std::byte*>(buf + 1);
    buf->pool = this;
    buf->data_off = kHeadroomBytes;
    buf->capacity = capacity;
    outstanding_bytes_ += storage(capacity);
    return buf;
  }
  [[nodiscard]] PacketBuf* take() override { return take_of(kDefaultBytes); }
  void give_back(std::span<PacketBuf* const> bufs) noexcept override {
    for (PacketBuf* buf : bufs) {
      outstanding_bytes_ -= storage(buf->capacity);
      ::operator delete(buf, kLine);
    }
  }
  [[nodiscard]] std::uint64_t outstanding_bytes() const { return outstanding_bytes_; }

 private:
  static constexpr std::align_val_t kLine{alignof(PacketBuf)};
  static constexpr std::size_t storage(std::uint32_t capacity) {
    return sizeof(PacketBuf) + capacity;
  }

  std::uint64_t bytes_max_;
  std::uint64_t outstanding_bytes_ = 0;
};

}  // namespace twinpath
