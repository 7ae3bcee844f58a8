// Everything one stack allocated: bounded, and given back as a whole, because lwIP itself has no
// end.
#pragma once

#include <cstddef>
#include <new>

namespace twinpath::lwip {

class Arena {
 public:
  explicit Arena(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena() {
    while (head_.next != &head_) release(head_.next + 1);
  }

  void* allocate(std::size_t bytes) {
    if (bytes > bytes_max_ - bytes_) return nullptr;
    void* const got = ::operator new(sizeof(Block) + bytes, std::nothrow);
    if (got == nullptr) return nullptr;
    auto* const block = new (got) Block{head_.next, &head_, bytes};
    head_.next->before = block;
    head_.next = block;
    bytes_ += bytes;
    return block + 1;
  }
  void release(void* at) {
    if (at == nullptr) return;
    Block* const block = static_cast<Block*>(at) - 1;
    block->before->next = block->next;
    block->next->before = block->before;
    bytes_ -= block->bytes;
    ::operator delete(block);
  }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct alignas(std::max_align_t) Block {
    Block* next;
    Block* before;
    std::size_t bytes;
  };
  Block head_{&head_, &head_, 0};
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
};

}  // namespace twinpath::lwip
