// Random choices of a world, in the vocabulary of whoever reads the scenario.
#pragma once

#include <cstdint>
#include <initializer_list>

#include "models/base/rng.h"

namespace twinpath::swarm {

struct Span {
  std::uint64_t first;
  std::uint64_t last;  // included
};

class Dice {
 public:
  explicit Dice(Rng rng) : rng_(rng) {}
  bool percent(unsigned chance) { return rng_.below(100) < chance; }
  std::uint64_t uniform(Span span) { return span.first + rng_.below(span.last - span.first + 1); }
  // Every power of two of the span alike: 1..2 as likely as 512..1024.
  std::uint64_t scaled(Span span) {
    const auto doublings = static_cast<std::uint64_t>(64 - __builtin_clzll(span.last / span.first));
    const std::uint64_t top = span.first << uniform({0, doublings - 1});
    const std::uint64_t value = uniform({top, 2 * top - 1});
    return value < span.last ? value : span.last;
  }
  Duration time(Span ns) { return Duration(static_cast<std::int64_t>(scaled(ns))); }
  template <typename T>
  T pick(std::initializer_list<T> choices) {
    return choices.begin()[rng_.below(choices.size())];
  }
  std::uint64_t seed() { return rng_.next(); }

 private:
  Rng rng_;
};

}  // namespace twinpath::swarm
