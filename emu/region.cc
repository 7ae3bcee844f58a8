// memfd_create() and its seals.
#include "emu/region.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "emu/setup_error.h"

namespace twinpath::emu {
namespace {

constexpr int kFixedSize = F_SEAL_SHRINK | F_SEAL_GROW;

[[noreturn]] void fail(const std::string& doing) {
  throw SetupError(doing + ": " + std::strerror(errno), "df -h /dev/shm; ulimit -a");
}

std::span<std::byte> map_all(int fd, std::size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) fail("cannot map " + std::to_string(bytes) + " shared bytes");
  return {static_cast<std::byte*>(at), bytes};
}

}  // namespace

Region Region::create(const std::string& name, std::size_t bytes) {
  const std::size_t whole = (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  const int fd = memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) fail("cannot make shared memory");
  if (ftruncate(fd, static_cast<off_t>(whole)) != 0 || fcntl(fd, F_ADD_SEALS, kFixedSize) != 0) {
    close(fd);
    fail("cannot reserve " + std::to_string(whole) + " shared bytes");
  }
  return {fd, map_all(fd, whole)};
}

Region Region::map(int fd) {
  struct stat facts {};
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0 || (seals & kFixedSize) != kFixedSize || fstat(fd, &facts) != 0) {
    throw SetupError("a peer's shared memory is not sealed: it could shrink under us", "");
  }
  const int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (own < 0) fail("cannot keep shared memory");
  return {own, map_all(own, static_cast<std::size_t>(facts.st_size))};
}

Region::Region(Region&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), bytes_(std::exchange(other.bytes_, {})) {}

Region::~Region() {
  if (fd_ < 0) return;
  munmap(bytes_.data(), bytes_.size());
  close(fd_);
}

RingSpan<Descriptor> ring_at(const Region& region, std::size_t offset, std::uint32_t slots) {
  CHECK(offset % kPageBytes == 0 && offset <= region.bytes().size());
  CHECK(ring_bytes(slots) <= region.bytes().size() - offset);
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
  std::byte* at = region.bytes().data() + offset;
  return {reinterpret_cast<std::atomic<std::uint64_t>*>(at),
          reinterpret_cast<std::atomic<std::uint64_t>*>(at + kPageBytes),
          {reinterpret_cast<Descriptor*>(at + 2 * kPageBytes), slots}};
}

std::optional<std::size_t> copy_out(const Descriptor& descriptor, const Region& region,
                                    std::span<std::byte> room) {
  const Descriptor own = descriptor;  // lives in the ring: read once
  const std::span<std::byte> bytes = bytes_of(own, region.bytes());
  if (bytes.size() != own.len || bytes.size() > room.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), room.begin());
  return bytes.size();
}

}  // namespace twinpath::emu
