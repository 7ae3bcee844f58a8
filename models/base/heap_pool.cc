// Buffers are made on first use and kept for reuse; the last one returned is the next one given,
// because its bytes are the likeliest to be in the cache.
#include "models/base/heap_pool.h"

#include <new>

namespace twinpath {
namespace {

constexpr std::align_val_t kLine{alignof(PacketBuf)};

}  // namespace

HeapPool::HeapPool(const HeapPoolOptions& options) : options_(options) {
  CHECK(options.headroom_bytes <= options.capacity_bytes);
}

HeapPool::~HeapPool() {
  CHECK(outstanding_ == 0);
  for (PacketBuf* buf : free_) ::operator delete(buf, kLine);
}

PacketBuf* HeapPool::allocate() {
  const std::size_t bytes = sizeof(PacketBuf) + options_.capacity_bytes;
  return static_cast<PacketBuf*>(::operator new(bytes, kLine, std::nothrow));
}

PacketBuf* HeapPool::take() {
  PacketBuf* buf = nullptr;
  if (!free_.empty()) {
    buf = free_.back();
    free_.pop_back();
  } else if (outstanding_ < options_.bufs_max) {
    buf = allocate();
  }
  if (buf == nullptr) {
    ++exhausted_;
    return nullptr;
  }
  new (buf) PacketBuf{};
  buf->room = reinterpret_cast<std::byte*>(buf + 1);
  buf->pool = this;
  buf->data_off = options_.headroom_bytes;
  buf->capacity = options_.capacity_bytes;
  ++outstanding_;
  return buf;
}

void HeapPool::give_back(std::span<PacketBuf* const> bufs) noexcept {
  for (PacketBuf* buf : bufs) {
    for (PacketBuf* part = buf; part != nullptr;) {
      PacketBuf* next = part->next;
      free_.push_back(part);
      --outstanding_;
      part = next;
    }
  }
}

}  // namespace twinpath
