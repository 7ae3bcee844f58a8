// Samplers of rng.h. Integer arithmetic only: libm's last bit differs between machines, and a
// decision path that depends on it would break "same seed, same bytes".
#include "models/base/rng.h"

#include <bit>

#include "models/base/check.h"

namespace twinpath {

Probability Probability::of(double fraction) {
  CHECK(fraction >= 0.0 && fraction <= 1.0);
  Probability result;
  result.always_ = fraction == 1.0;
  // 2^64 is a power of two, so the product is exact and below 2^64 for fraction < 1.
  if (!result.always_) {
    result.threshold_ = static_cast<std::uint64_t>(fraction * 18446744073709551616.0);
  }
  return result;
}

namespace {

// -log2(value / 2^64) as Q32. One bit of the fraction per squaring: m in [1, 2), m^2 >= 2 means
// the next bit is set. 32 steps give an error below 2^-31.
std::uint64_t negative_log2_q32(std::uint64_t value) {
  const int leading = std::countl_zero(value);
  std::uint64_t mantissa = value << leading;  // Q63, in [1, 2)
  std::uint64_t fraction = 0;
  for (int bit = 0; bit < 32; ++bit) {
    const Uint128 square = static_cast<Uint128>(mantissa) * mantissa;  // Q126
    const bool carry = (square >> 127) != 0;
    mantissa = static_cast<std::uint64_t>(square >> (carry ? 64 : 63));
    fraction = (fraction << 1) | (carry ? 1U : 0U);
  }
  const std::uint64_t whole = static_cast<std::uint64_t>(leading + 1) << 32;
  return whole - fraction;
}

}  // namespace

Duration Rng::exponential(Duration mean) {
  constexpr std::uint64_t kLn2Q32 = 2977044472ULL;  // ln 2 * 2^32
  const std::uint64_t draw = next() | 1;            // never 0, whose logarithm is infinite
  const Uint128 log_q64 = static_cast<Uint128>(negative_log2_q32(draw)) * kLn2Q32;
  const auto log_q32 = static_cast<std::uint64_t>(log_q64 >> 32);
  const Uint128 scaled = static_cast<Uint128>(static_cast<std::uint64_t>(mean.count())) * log_q32;
  return Duration(static_cast<std::int64_t>(static_cast<std::uint64_t>(scaled >> 32)));
}

}  // namespace twinpath
