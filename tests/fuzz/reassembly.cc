// Fragments in any order, overlapping, repeated, without end: what comes together is what a plain
// table of bytes says, and memory stays within its bound.
//
// Input: records {identification, offset / 8, bytes / 8, flags} of one byte each. Content is a
// function of the place, so every fragment agrees with every other unless a flag spoils it.
#include "models/host/reassembly.h"

#include <array>
#include <bitset>
#include <memory>

#include "models/base/heap_pool.h"
#include "tests/fuzz/target.h"

using namespace twinpath;

namespace {

constexpr std::uint32_t kBytesMax = 256 * 8 + 256 * 8;
constexpr std::uint8_t kMore = 1;
constexpr std::uint8_t kOdd = 2;    // the last fragment ends at no multiple of 8
constexpr std::uint8_t kWait = 4;   // ten seconds pass first
constexpr std::uint8_t kSpoil = 8;  // other bytes than elsewhere

std::byte content(std::uint32_t at) { return std::byte(at * 31 + at / 256); }

class Silent final : public ReassemblyUser {
 public:
  void on_reassembly_timeout(Instant, InterfaceId, std::span<const std::byte>) override {}
};

HostConfig config() {
  HostConfig made;
  made.interfaces = {{.mac = MacAddress::from_u64(0x020000000001), .addresses = {}}};
  made.reassembly_bytes_max = 16384;
  return made;
}

FragmentArrival fragment_of(std::span<const std::byte> record, std::span<std::byte> storage) {
  const std::uint8_t flags = load_u8(&record[3]);
  FragmentArrival made;
  made.source = Ipv4Address(0xc6120002);
  made.target = Ipv4Address(0xc6120001);
  made.identification = load_u8(record.data()) % 8;
  made.offset_bytes = load_u8(&record[1]) * 8U;
  made.more = (flags & kMore) != 0;
  std::uint32_t count = (load_u8(&record[2]) % 32 + 1U) * 8;
  if (!made.more && (flags & kOdd) != 0) count -= 3;
  for (std::uint32_t i = 0; i < count; ++i) storage[i] = content(made.offset_bytes + i);
  if ((flags & kSpoil) != 0) storage[0] = ~storage[0];
  made.head = std::as_bytes(std::span("head")).first(4);
  made.bytes = made.packet = storage.first(count);
  return made;
}

}  // namespace

FUZZ_TARGET(input) {
  HeapPool pool;
  HostContext context(config(), pool);
  Silent user;
  Reassembler fragments(context, user);
  Instant now = kStart;
  std::array<std::byte, kBytesMax> storage{};
  bool spoilt = false;
  while (input.size() >= 4) {
    const std::uint8_t flags = load_u8(&input[3]);
    if ((flags & kWait) != 0) context.timers.expire(now = after(now, std::chrono::seconds(10)));
    spoilt = spoilt || (flags & kSpoil) != 0;
    const BufPtr whole = fragments.add(now, fragment_of(input, storage));
    input = input.subspan(4);
    CHECK(fragments.held_bytes() <= context.config.reassembly_bytes_max + 512);
    if (whole == nullptr || spoilt) continue;
    CHECK(whole->len > 4 && whole->len <= 4 + kBytesMax);
    const auto bytes = whole->bytes().subspan(4);
    for (std::uint32_t i = 0; i < bytes.size(); ++i) CHECK(bytes[i] == content(i));
  }
  context.timers.expire(after(now, std::chrono::minutes(2)));
  CHECK(fragments.datagrams() == 0 && fragments.held_bytes() == 0);
}
