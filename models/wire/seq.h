// Numbers that wrap at 2^32: TCP sequence numbers (RFC 9293 §3.4) and timestamp values (RFC 7323
// §5.2). A strong type each, so a sequence number cannot meet a length, a window or a timestamp.
#pragma once

#include <cstdint>

namespace twinpath {

// Ordering is that of the signed difference modulo 2^32, hence valid only among numbers less than
// 2^31 apart, and not transitive: never sort by it across a wider span. Two numbers exactly 2^31
// apart each compare less than the other, as in every implementation of RFC 9293 §3.4.
template <typename Tag>
class Wrapping32 {
 public:
  constexpr Wrapping32() = default;
  constexpr explicit Wrapping32(std::uint32_t value) : value_(value) {}
  constexpr std::uint32_t value() const { return value_; }

  // How far `a` is ahead of `b`: negative when behind.
  friend constexpr std::int32_t operator-(Wrapping32 a, Wrapping32 b) {
    return static_cast<std::int32_t>(a.value_ - b.value_);
  }
  friend constexpr Wrapping32 operator+(Wrapping32 a, std::uint32_t count) {
    return Wrapping32(a.value_ + count);
  }
  friend constexpr Wrapping32 operator-(Wrapping32 a, std::uint32_t count) {
    return Wrapping32(a.value_ - count);
  }
  constexpr Wrapping32& operator+=(std::uint32_t count) {
    value_ += count;
    return *this;
  }
  constexpr Wrapping32& operator-=(std::uint32_t count) {
    value_ -= count;
    return *this;
  }
  constexpr Wrapping32& operator++() { return *this += 1; }

  friend constexpr bool operator==(Wrapping32, Wrapping32) = default;
  friend constexpr bool operator<(Wrapping32 a, Wrapping32 b) { return a - b < 0; }
  friend constexpr bool operator>(Wrapping32 a, Wrapping32 b) { return b - a < 0; }
  friend constexpr bool operator<=(Wrapping32 a, Wrapping32 b) { return !(a > b); }
  friend constexpr bool operator>=(Wrapping32 a, Wrapping32 b) { return !(a < b); }

 private:
  std::uint32_t value_ = 0;
};

using SeqNum = Wrapping32<struct SeqNumTag>;
using TsVal = Wrapping32<struct TsValTag>;

// The octets from `first` up to, not including, `end`. Also a SACK block (RFC 2018 §3).
struct SeqRange {
  SeqNum first;
  SeqNum end;

  // Requires: first <= end.
  constexpr std::uint32_t len() const { return end.value() - first.value(); }
  constexpr bool is_empty() const { return first == end; }
  constexpr bool contains(SeqNum seq) const { return seq.value() - first.value() < len(); }
  friend constexpr bool operator==(SeqRange, SeqRange) = default;
};

template <typename Tag>
constexpr Wrapping32<Tag> later(Wrapping32<Tag> a, Wrapping32<Tag> b) {
  return a < b ? b : a;
}
template <typename Tag>
constexpr Wrapping32<Tag> earlier(Wrapping32<Tag> a, Wrapping32<Tag> b) {
  return b < a ? b : a;
}

}  // namespace twinpath
