// What travels between processes: never a pointer, but where bytes lie in a shared region. The
// receiver checks it against the region before touching a byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace twinpath {

struct Descriptor {
  std::uint32_t region = 0;
  std::uint32_t offset = 0;
  std::uint32_t len = 0;
  std::uint32_t generation = 0;  // of the lent buffer; a stale one is refused
};
static_assert(sizeof(Descriptor) == 16 && std::is_trivially_copyable_v<Descriptor>);

// The bytes, or an empty span if they do not lie wholly inside the region.
inline std::span<std::byte> bytes_of(const Descriptor& descriptor, std::span<std::byte> region) {
  if (descriptor.offset > region.size()) return {};
  if (descriptor.len > region.size() - descriptor.offset) return {};
  return region.subspan(descriptor.offset, descriptor.len);
}

}  // namespace twinpath
