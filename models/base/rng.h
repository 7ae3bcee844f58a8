// The only source of randomness in models: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), 16 bytes,
// handed in. A fork is a function of (seed, path), not of how much was drawn, so a new consumer
// never shifts the stream of an old one. Draw at most once per full expression: compilers evaluate
// arguments in opposite orders.
#pragma once

#include <cstdint>
#include <string_view>

#include "models/base/hash.h"
#include "models/base/time.h"

namespace twinpath {

// A probability as a threshold of 2^-64; exact for 0 and 1.
class Probability {
 public:
  constexpr Probability() = default;
  // Requires: 0 <= fraction <= 1 (checked).
  static Probability of(double fraction);
  constexpr bool is_never() const { return !always_ && threshold_ == 0; }
  constexpr bool hit(std::uint64_t draw) const { return always_ || draw < threshold_; }

 private:
  std::uint64_t threshold_ = 0;
  bool always_ = false;
};

class Rng {
 public:
  explicit constexpr Rng(std::uint64_t seed) : seed_(seed) {}

  // A stream of its own, named by its consumer: fork("tcp.isn").
  [[nodiscard]] constexpr Rng fork(std::string_view path) const {
    return Rng(hash_text(seed_, path));
  }
  [[nodiscard]] constexpr Rng fork(std::uint64_t index) const {
    return Rng(hash_pair({seed_, index}));
  }

  constexpr std::uint64_t next() { return at(position_++); }

  // The draw at `index`, without moving: for decisions that are a function of a packet's index.
  [[nodiscard]] constexpr std::uint64_t at(std::uint64_t index) const {
    return mix64(seed_ + (index + 1) * 0x9e3779b97f4a7c15ULL);
  }

  // Uniform in [0, bound). Requires: bound > 0. Lemire's multiply; the bias of at most bound / 2^64
  // is below what any run can see, and one draw per call keeps streams aligned.
  constexpr std::uint64_t below(std::uint64_t bound) {
    return static_cast<std::uint64_t>((static_cast<Uint128>(next()) * bound) >> 64);
  }

  bool chance(Probability probability) { return probability.hit(next()); }

  // Exponentially distributed with the given mean, by integer arithmetic alone. Range 0..44 means.
  Duration exponential(Duration mean);

 private:
  std::uint64_t seed_;
  std::uint64_t position_ = 0;
};
static_assert(sizeof(Rng) <= 32);

}  // namespace twinpath
