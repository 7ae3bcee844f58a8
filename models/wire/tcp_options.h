// TCP options as one value, filled by the parser and read by the emitter. Read RFC 9293 §3.2 (MSS,
// NOP, EOL), RFC 7323 §2.2 and §3.2 (window scale, timestamps), RFC 2018 §2 and §3 (SACK), RFC 7413
// §4.1.1 (Fast Open cookie).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "models/wire/byte_order.h"
#include "models/wire/seq.h"

namespace twinpath {

inline constexpr std::size_t kTcpOptionsLenMax = 40;
inline constexpr std::size_t kSackBlocksMax = 4;     // 2 + 4 * 8 = 34 bytes; a fifth never fits
inline constexpr std::uint8_t kWindowScaleMax = 14;  // RFC 7323 §2.3
// Timestamps behind two NOPs: their length, and the word they begin with.
inline constexpr std::size_t kTcpTimestampsPaddedLen = 12;
inline constexpr std::uint32_t kTcpTimestampsWord = 0x0101080a;

enum class TcpOptionKind : std::uint8_t {
  kEndOfOptions = 0,
  kNoOperation = 1,
  kMss = 2,
  kWindowScale = 3,
  kSackPermitted = 4,
  kSack = 5,
  kTimestamps = 8,
  kFastOpen = 34,
  kExperimental = 254,  // RFC 6994; with kFastOpenMagic: Fast Open before it had a number
};
inline constexpr std::uint16_t kFastOpenMagic = 0xf989;

struct TcpTimestamps {
  TsVal value;  // TSval
  TsVal echo;   // TSecr
  friend constexpr bool operator==(TcpTimestamps, TcpTimestamps) = default;
};

// Up to kSackBlocksMax blocks, in the order of the wire: the first reports the newest arrival.
class SackBlocks {
 public:
  // Blocks beyond the fourth are left out: the oldest ones, which RFC 2018 §4 repeats last.
  constexpr void push_back(SeqRange block) {
    if (count_ < kSackBlocksMax) blocks_[count_++] = block;
  }
  constexpr std::size_t size() const { return count_; }
  constexpr bool empty() const { return count_ == 0; }
  constexpr SeqRange operator[](std::size_t index) const { return blocks_[index]; }
  constexpr const SeqRange* begin() const { return blocks_.data(); }
  constexpr const SeqRange* end() const { return blocks_.data() + count_; }
  friend constexpr bool operator==(const SackBlocks& a, const SackBlocks& b) {
    if (a.count_ != b.count_) return false;
    for (std::size_t i = 0; i < a.count_; ++i) {
      if (!(a.blocks_[i] == b.blocks_[i])) return false;
    }
    return true;
  }

 private:
  std::array<SeqRange, kSackBlocksMax> blocks_{};
  std::uint8_t count_ = 0;
};

// RFC 7413 §4.1.1: 4 to 16 bytes, even; a length of 0 asks for a cookie.
struct FastOpenCookie {
  std::array<std::byte, 16> bytes{};
  std::uint8_t len = 0;
  bool experimental = false;
  friend constexpr bool operator==(const FastOpenCookie&, const FastOpenCookie&) = default;
};

struct TcpOptions {
  std::optional<std::uint16_t> mss;
  std::optional<std::uint8_t> window_scale;  // as on the wire: may exceed kWindowScaleMax
  bool sack_permitted = false;
  std::optional<TcpTimestamps> timestamps;
  SackBlocks sack;
  std::optional<FastOpenCookie> fast_open;
  // Parser only. Kinds we do not know are skipped here and stay readable in TcpView::raw_options().
  std::uint8_t unknown_count = 0;
  // Parser only. An option of illegal length ended the list. RFC 9293 §3.1 (MUST-7) asks only that
  // we survive it; like Linux we keep what came before and let the endpoint count it.
  bool malformed = false;

  // Bytes these options take on the wire, a multiple of 4, at most kTcpOptionsLenMax. SACK blocks
  // that do not fit beside the others are not counted, and not emitted.
  std::size_t wire_len() const {
    return has_only_timestamps() ? kTcpTimestampsPaddedLen : wire_len_of_any();
  }
  // What nearly every segment carries: the timestamps, in the layout RFC 7323 §A recommends.
  bool has_only_timestamps() const {
    return timestamps && !mss && !window_scale && !sack_permitted && sack.empty() && !fast_open;
  }
  // Writes exactly wire_len() bytes. Requires: out.size() >= wire_len().
  void emit(std::span<std::byte> out) const;
  // How many SACK blocks there is room for beside the other options.
  std::size_t sack_blocks_that_fit() const;

  static TcpOptions parse(std::span<const std::byte> bytes) {
    TcpOptions options;
    options.read(bytes);
    return options;
  }
  // parse() in place. Requires: nothing was read or set before.
  void read(std::span<const std::byte> bytes) {
    // The layout RFC 7323 §A recommends and nearly every segment of every stack carries.
    if (bytes.size() == kTcpTimestampsPaddedLen && load_be32(bytes.data()) == kTcpTimestampsWord) {
      timestamps = TcpTimestamps{TsVal(load_be32(&bytes[4])), TsVal(load_be32(&bytes[8]))};
      return;
    }
    read_list(bytes);
  }

  friend bool operator==(const TcpOptions&, const TcpOptions&) = default;

 private:
  void read_list(std::span<const std::byte> bytes);
  std::size_t wire_len_of_any() const;
};

}  // namespace twinpath
