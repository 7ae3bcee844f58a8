// One frame's buffer: a cache line of facts about a window of bytes in storage that a pool owns.
// The same type stands in the rte_mbuf's private area on DPDK, ahead of its storage on the heap and
// in memfd regions, so passing between them is an offset, never a copy.
//
// BufPtr is unique and writable, BufRef is shared and read-only. Counts are not atomic: pools are
// per core, and a buffer that crosses cores goes home through a ring (pool_return.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

#include "models/base/check.h"
#include "models/base/time.h"

namespace twinpath {

class BufPool;

inline constexpr std::uint16_t kChecksumVerified = 1U << 0;  // receive: L3 and L4 sums were checked
inline constexpr std::uint16_t kChecksumWanted = 1U << 1;    // transmit: the device fills them in

struct alignas(64) PacketBuf {
  std::byte* room = nullptr;    // first byte of the storage
  BufPool* pool = nullptr;      // who takes it back
  PacketBuf* next = nullptr;    // further parts of one frame; only where Port::caps() allows
  Instant arrived{};            // the driver's stamp
  std::uint32_t data_off = 0;   // first byte of the frame; also the headroom
  std::uint32_t len = 0;        // bytes of the frame in this buffer
  std::uint32_t capacity = 0;   // bytes of storage
  std::uint32_t flow_hash = 0;  // 0 = not computed
  std::uint16_t l3_offset = 0;  // from the frame's first byte; 0 = not parsed
  std::uint16_t l4_offset = 0;
  std::uint16_t flags = 0;
  std::uint16_t gso_bytes = 0;  // payload per segment when the device is to cut; 0 = one frame
  std::uint32_t refs = 1;
  std::uint32_t reserved = 0;

  [[nodiscard]] std::byte* data() { return room + data_off; }
  [[nodiscard]] const std::byte* data() const { return room + data_off; }
  [[nodiscard]] std::span<std::byte> bytes() { return {data(), len}; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return {data(), len}; }
  [[nodiscard]] std::uint32_t tailroom() const { return capacity - data_off - len; }

  // Grows the frame into the headroom. Requires: count <= data_off.
  std::span<std::byte> push_front(std::uint32_t count) {
    CHECK(count <= data_off);
    data_off -= count;
    len += count;
    return {data(), count};
  }
  // Requires: count <= len.
  void pop_front(std::uint32_t count) {
    CHECK(count <= len);
    data_off += count;
    len -= count;
  }
  // Grows the frame at its end. Requires: count <= tailroom().
  std::span<std::byte> push_back(std::uint32_t count) {
    CHECK(count <= tailroom());
    len += count;
    return {data() + len - count, count};
  }
  void trim_to(std::uint32_t length) {
    CHECK(length <= len);
    len = length;
  }
};
static_assert(sizeof(PacketBuf) == 64);
static_assert(std::is_trivially_destructible_v<PacketBuf>);

// Where buffers come from and go back to: the heap, an rte_mempool, a shared region.
class BufPool {
 public:
  virtual ~BufPool() = default;
  // An empty buffer with the pool's headroom; nullptr when exhausted, which is ordinary: the caller
  // has a stated policy (back-pressure, or a counted drop).
  [[nodiscard]] virtual PacketBuf* take() = 0;
  virtual void give_back(std::span<PacketBuf* const> bufs) noexcept = 0;
};

struct ReleaseBuf {
  void operator()(PacketBuf* buf) const noexcept {
    if (--buf->refs == 0) buf->pool->give_back({&buf, 1});
  }
};
using BufPtr = std::unique_ptr<PacketBuf, ReleaseBuf>;
static_assert(sizeof(BufPtr) == sizeof(void*));

// A shared, read-only owner.
class BufRef {
 public:
  BufRef() = default;
  // The only owner becomes the first of several.
  explicit BufRef(BufPtr buf) : buf_(buf.release()) {}
  BufRef(const BufRef& other) : buf_(other.buf_) {
    if (buf_ != nullptr) ++buf_->refs;
  }
  BufRef(BufRef&& other) noexcept : buf_(std::exchange(other.buf_, nullptr)) {}
  BufRef& operator=(BufRef other) noexcept {
    std::swap(buf_, other.buf_);
    return *this;
  }
  ~BufRef() {
    if (buf_ != nullptr) ReleaseBuf()(buf_);
  }

  [[nodiscard]] const PacketBuf* get() const { return buf_; }
  const PacketBuf* operator->() const { return buf_; }
  explicit operator bool() const { return buf_ != nullptr; }
  [[nodiscard]] bool is_unique() const { return buf_ != nullptr && buf_->refs == 1; }

  // The buffer itself if this is its only owner, else nothing; a shared buffer is never written.
  [[nodiscard]] BufPtr take_if_unique() {
    return is_unique() ? BufPtr(std::exchange(buf_, nullptr)) : BufPtr();
  }

 private:
  PacketBuf* buf_ = nullptr;
};

// A run of bytes in a shared buffer: how stream data moves between applications and stacks.
struct Slice {
  BufRef buf;
  std::uint32_t offset = 0;  // from the buffer's data()
  std::uint32_t len = 0;

  [[nodiscard]] std::span<const std::byte> bytes() const { return {buf->data() + offset, len}; }
  [[nodiscard]] Slice first(std::uint32_t count) const { return {buf, offset, count}; }
  void drop_front(std::uint32_t count) {
    CHECK(count <= len);
    offset += count;
    len -= count;
  }
};

}  // namespace twinpath
