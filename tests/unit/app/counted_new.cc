// The standard library's plain new and delete, counted. Alone in its file: where a compiler sees
// both these and their use, it warns of a mismatch that is none.
#include "tests/unit/app/counted_new.h"

#include <cstddef>
#include <new>

namespace {
thread_local std::uint64_t count = 0;
// The aligned ones stay the standard library's.
constexpr std::align_val_t kAligned{alignof(std::max_align_t)};
}  // namespace

void* operator new(std::size_t bytes) {
  ++count;
  return ::operator new(bytes, kAligned);
}
// std::stable_sort asks this way, and gives back by plain delete.
void* operator new(std::size_t bytes, const std::nothrow_t& never) noexcept {
  ++count;
  return ::operator new(bytes, kAligned, never);
}
void operator delete(void* at) noexcept { ::operator delete(at, kAligned); }
void operator delete(void* at, std::size_t) noexcept { ::operator delete(at, kAligned); }

namespace twinpath::test {
std::uint64_t allocations() { return count; }
}  // namespace twinpath::test
