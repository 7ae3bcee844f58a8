// Options of TCP: one loop to read them, one fixed order to write them.
#include "models/wire/tcp_options.h"

#include <algorithm>
#include <cstring>

#include "models/wire/byte_order.h"

namespace twinpath {
namespace {

constexpr std::size_t kMssLen = 4;
constexpr std::size_t kWindowScaleLen = 3;
constexpr std::size_t kSackPermittedLen = 2;
constexpr std::size_t kTimestampsLen = 10;
constexpr std::size_t kSackBlockLen = 8;
constexpr std::size_t kFastOpenLenMin = 2;
constexpr std::size_t kMagicLen = 2;

TcpTimestamps load_timestamps(const std::byte* at) {
  return {TsVal(load_be32(at)), TsVal(load_be32(at + 4))};
}

void read_sack(TcpOptions& options, std::span<const std::byte> body) {
  if (body.empty() || body.size() % kSackBlockLen != 0) {
    options.malformed = true;
    return;
  }
  for (std::size_t i = 0; i < body.size(); i += kSackBlockLen) {
    options.sack.push_back({SeqNum(load_be32(&body[i])), SeqNum(load_be32(&body[i + 4]))});
  }
}

void read_fast_open(TcpOptions& options, std::span<const std::byte> body) {
  FastOpenCookie cookie;
  if (body.size() > cookie.bytes.size()) {
    options.malformed = true;
    return;
  }
  cookie.len = static_cast<std::uint8_t>(body.size());
  if (!body.empty()) std::memcpy(cookie.bytes.data(), body.data(), body.size());
  options.fast_open = cookie;
}

// RFC 6994 §3: somebody else's experiment is an option we do not know.
void read_experimental(TcpOptions& options, std::span<const std::byte> body) {
  if (body.size() < kMagicLen || load_be16(body.data()) != kFastOpenMagic) {
    ++options.unknown_count;
    return;
  }
  read_fast_open(options, body.subspan(kMagicLen));
  if (options.fast_open) options.fast_open->experimental = true;
}

bool has_len(TcpOptions& options, std::span<const std::byte> body, std::size_t option_len) {
  if (body.size() + 2 == option_len) return true;
  options.malformed = true;
  return false;
}

// `body` is the option without kind and length.
void read_option(TcpOptions& options, std::uint8_t kind, std::span<const std::byte> body) {
  switch (static_cast<TcpOptionKind>(kind)) {
    case TcpOptionKind::kMss:
      if (has_len(options, body, kMssLen)) options.mss = load_be16(body.data());
      break;
    case TcpOptionKind::kWindowScale:
      if (has_len(options, body, kWindowScaleLen)) options.window_scale = load_u8(body.data());
      break;
    case TcpOptionKind::kSackPermitted:
      if (has_len(options, body, kSackPermittedLen)) options.sack_permitted = true;
      break;
    case TcpOptionKind::kTimestamps:
      if (has_len(options, body, kTimestampsLen)) options.timestamps = load_timestamps(body.data());
      break;
    case TcpOptionKind::kSack:
      read_sack(options, body);
      break;
    case TcpOptionKind::kFastOpen:
      read_fast_open(options, body);
      break;
    case TcpOptionKind::kExperimental:
      read_experimental(options, body);
      break;
    default:
      ++options.unknown_count;
  }
}

// Where the next option goes; each writer returns the place behind what it wrote.
std::byte* write_kind(std::byte* at, TcpOptionKind kind, std::size_t len) {
  store_u8(at, static_cast<std::uint8_t>(kind));
  store_u8(at + 1, static_cast<std::uint8_t>(len));
  return at + 2;
}

std::byte* write_nops(std::byte* at, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    store_u8(at + i, static_cast<std::uint8_t>(TcpOptionKind::kNoOperation));
  }
  return at + count;
}

std::byte* write_timestamps(std::byte* at, TcpTimestamps timestamps) {
  at = write_kind(at, TcpOptionKind::kTimestamps, kTimestampsLen);
  store_be32(at, timestamps.value.value());
  store_be32(at + 4, timestamps.echo.value());
  return at + 8;
}

std::byte* write_sack(std::byte* at, const SackBlocks& sack, std::size_t count) {
  at = write_nops(at, 2);
  at = write_kind(at, TcpOptionKind::kSack, 2 + count * kSackBlockLen);
  for (std::size_t i = 0; i < count; ++i, at += kSackBlockLen) {
    store_be32(at, sack[i].first.value());
    store_be32(at + 4, sack[i].end.value());
  }
  return at;
}

std::size_t fast_open_len(const FastOpenCookie& cookie) {
  return kFastOpenLenMin + (cookie.experimental ? kMagicLen : 0) + cookie.len;
}

std::byte* write_fast_open(std::byte* at, const FastOpenCookie& cookie) {
  const std::size_t len = fast_open_len(cookie);
  at = write_kind(at, cookie.experimental ? TcpOptionKind::kExperimental : TcpOptionKind::kFastOpen,
                  len);
  if (cookie.experimental) {
    store_be16(at, kFastOpenMagic);
    at += kMagicLen;
  }
  std::memcpy(at, cookie.bytes.data(), cookie.len);
  return write_nops(at + cookie.len, (4 - len % 4) % 4);
}

constexpr std::size_t round_up_to_4(std::size_t len) { return (len + 3) / 4 * 4; }

// Everything but SACK blocks, each group padded to 4 bytes.
std::size_t fixed_len(const TcpOptions& options) {
  std::size_t len = 0;
  if (options.mss) len += kMssLen;
  if (options.window_scale) len += round_up_to_4(kWindowScaleLen);
  if (options.timestamps) len += round_up_to_4(kTimestampsLen);
  if (options.sack_permitted && !options.timestamps) len += round_up_to_4(kSackPermittedLen);
  if (options.fast_open) len += round_up_to_4(fast_open_len(*options.fast_open));
  return len;
}

}  // namespace

void TcpOptions::read_list(std::span<const std::byte> bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const std::uint8_t kind = load_u8(&bytes[i]);
    if (kind == static_cast<std::uint8_t>(TcpOptionKind::kEndOfOptions)) return;
    if (kind == static_cast<std::uint8_t>(TcpOptionKind::kNoOperation)) {
      ++i;
      continue;
    }
    const std::size_t len = i + 1 < bytes.size() ? load_u8(&bytes[i + 1]) : 0;
    if (len < 2 || len > bytes.size() - i) {
      malformed = true;
      return;
    }
    read_option(*this, kind, bytes.subspan(i + 2, len - 2));
    i += len;
  }
}

std::size_t TcpOptions::sack_blocks_that_fit() const {
  const std::size_t used = fixed_len(*this) + 4;  // NOP NOP kind length
  return used >= kTcpOptionsLenMax ? 0 : (kTcpOptionsLenMax - used) / kSackBlockLen;
}

std::size_t TcpOptions::wire_len_of_any() const {
  if (sack.empty()) return fixed_len(*this);
  const std::size_t blocks = std::min(sack.size(), sack_blocks_that_fit());
  return fixed_len(*this) + (blocks == 0 ? 0 : 4 + blocks * kSackBlockLen);
}

void TcpOptions::emit(std::span<std::byte> out) const {
  std::byte* at = out.data();
  if (mss) {
    at = write_kind(at, TcpOptionKind::kMss, kMssLen);
    store_be16(at, *mss);
    at += 2;
  }
  // SACK-permitted takes the place of the two NOPs in front of the timestamps, as Linux sends them.
  if (sack_permitted) {
    if (!timestamps) at = write_nops(at, 2);
    at = write_kind(at, TcpOptionKind::kSackPermitted, kSackPermittedLen);
  }
  if (timestamps) at = write_timestamps(sack_permitted ? at : write_nops(at, 2), *timestamps);
  if (window_scale) {
    at = write_kind(write_nops(at, 1), TcpOptionKind::kWindowScale, kWindowScaleLen);
    store_u8(at++, *window_scale);
  }
  if (fast_open) at = write_fast_open(at, *fast_open);
  if (sack.empty()) return;
  const std::size_t blocks = std::min(sack.size(), sack_blocks_that_fit());
  if (blocks > 0) write_sack(at, sack, blocks);
}

}  // namespace twinpath
