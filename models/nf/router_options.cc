// The walk over the options, and the two that a router writes to.
#include "models/nf/router_options.h"

#include "models/nf/router.h"

namespace twinpath {
namespace {

enum OptionType : std::uint8_t {
  kEndOfList = 0,
  kNoOperation = 1,
  kRecordRoute = 7,
  kTimeStamp = 68,
  kLooseRoute = 131,
  kStrictRoute = 137,
};
constexpr std::size_t kAddressLen = 4;
constexpr std::size_t kPointerMin = 4;  // of record route, counted from 1
constexpr std::size_t kStampPointerMin = 5;
// RFC 791 §3.1: a stamp that is not the time of day in UTC has its highest bit set.
constexpr std::uint32_t kNotTimeOfDay = 0x80000000;

// An option and where its header lies: 16-bit words of the checksum start at even offsets.
struct Option {
  std::byte* ip;
  std::size_t at;
  std::size_t len;
  [[nodiscard]] std::uint8_t byte(std::size_t index) const { return load_u8(ip + at + index); }
};

// Two words of four bytes at most; each byte's change is added where it lies in its word.
void write(const Option& option, std::size_t index, std::uint32_t value, std::size_t bytes) {
  InetSum change;
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::size_t at = option.at + index + i;
    const auto after = static_cast<std::uint8_t>(value >> 8 * (bytes - 1 - i));
    const unsigned shift = at % 2 == 0 ? 8 : 0;
    change.add_u16(static_cast<std::uint16_t>(~(load_u8(option.ip + at) << shift)));
    change.add_u16(static_cast<std::uint16_t>(after << shift));
    store_u8(option.ip + at, after);
  }
  const std::uint16_t checksum = load_be16(option.ip + 10);
  change.add_u16(static_cast<std::uint16_t>(~checksum));
  store_be16(option.ip + 10, change.checksum());
}

bool record_route(const Option& option, Ipv4Address own) {
  if (option.len < 3) return false;
  const std::size_t pointer = option.byte(2);
  if (pointer < kPointerMin) return false;
  if (pointer > option.len) return true;  // full
  if (pointer - 1 + kAddressLen > option.len) return false;
  write(option, pointer - 1, own.value(), kAddressLen);
  write(option, 2, static_cast<std::uint32_t>(pointer + kAddressLen), 1);
  return true;
}

// Flag 0: stamps alone; 1: each with an address before it; 3: only for addresses asked for, which a
// router that is not asked leaves alone.
bool time_stamp(const Option& option, Ipv4Address own, Instant now) {
  if (option.len < 4) return false;
  const std::size_t pointer = option.byte(2);
  if (pointer < kStampPointerMin) return false;
  const unsigned flag = option.byte(3) & 0x0fU;
  if (flag > 1) return true;
  const std::size_t entry = flag == 0 ? 4 : 8;
  if (pointer - 1 + entry > option.len) {
    const unsigned missed = option.byte(3) >> 4;
    if (missed == 15) return false;
    write(option, 3, (missed + 1) << 4 | flag, 1);
    return true;
  }
  // Milliseconds as 2^20 ns each: what is not the time of day needs no division.
  const auto stamp = static_cast<std::uint32_t>(to_ns(now) >> 20) | kNotTimeOfDay;
  if (flag == 1) write(option, pointer - 1, own.value(), kAddressLen);
  write(option, pointer - 1 + entry - 4, stamp, 4);
  write(option, 2, static_cast<std::uint32_t>(pointer + entry), 1);
  return true;
}

bool process(const Option& option, Ipv4Address own, Instant now) {
  switch (option.byte(0)) {
    case kLooseRoute:
    case kStrictRoute:
      return false;
    case kRecordRoute:
      return record_route(option, own);
    case kTimeStamp:
      return time_stamp(option, own, now);
    default:
      return true;
  }
}

}  // namespace

// At most 40 turns: an option takes at least one byte of kIpv4HeaderLenMax - kIpv4HeaderLen.
bool process_options(const Ipv4Frame& frame, Ipv4Address own, Instant now, Probe& probe) {
  const std::size_t end = frame.header_len();
  std::size_t at = kIpv4HeaderLen;
  while (at < end) {
    TWINPATH_LOOP_HEAD("options");
    probe.count(Router::kPcvOptions);
    const std::uint8_t type = load_u8(frame.ip() + at);
    if (type == kEndOfList) return true;
    if (type == kNoOperation) {
      ++at;
      continue;
    }
    if (end - at < 2) return false;
    const std::size_t len = load_u8(frame.ip() + at + 1);
    if (len < 2 || len > end - at) return false;
    if (!process({frame.ip(), at, len}, own, now)) return false;
    at += len;
  }
  return true;
}

}  // namespace twinpath
