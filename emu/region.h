// Memory shared between processes: a sealed memfd, mapped wherever each side likes. What travels
// are 16-byte descriptors, never pointers, through rings whose two indices and slots lie on pages
// of their own. models/base/spsc_ring.h clamps what a peer writes there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "models/base/descriptor.h"
#include "models/base/spsc_ring.h"

namespace twinpath::emu {

inline constexpr std::size_t kPageBytes = 4096;

class Region {
 public:
  // A new one of `bytes`, rounded up to pages. Throws SetupError.
  static Region create(const std::string& name, std::size_t bytes);
  // One made by another process, by its descriptor, which stays the caller's. Throws SetupError,
  // also when its maker could still shrink it under us.
  static Region map(int fd);
  Region(Region&& other) noexcept;
  Region& operator=(Region&&) = delete;
  ~Region();

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }

 private:
  Region(int fd, std::span<std::byte> bytes) : fd_(fd), bytes_(bytes) {}

  int fd_;
  std::span<std::byte> bytes_;
};

// Bytes of a region that a ring of `slots` descriptors takes.
constexpr std::size_t ring_bytes(std::size_t slots) {
  const std::size_t slot_bytes = slots * sizeof(Descriptor);
  return 2 * kPageBytes + (slot_bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

// The ring at `offset` of a region. Both sides name the same numbers; a fresh region is an empty
// ring. Requires: offset is a multiple of kPageBytes, slots a power of two, all within the region.
RingSpan<Descriptor> ring_at(const Region& region, std::size_t offset, std::uint32_t slots);

// The bytes a descriptor names, copied because a peer may still write them: what is parsed must not
// change under the parser. Nothing when they are not wholly inside the region or longer than
// `room`.
std::optional<std::size_t> copy_out(const Descriptor& descriptor, const Region& region,
                                    std::span<std::byte> room);

}  // namespace twinpath::emu
