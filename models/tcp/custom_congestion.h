// Congestion control from outside models/: any small value with Reno's calls. Its state stands
// outside the connection, which would otherwise be larger for everybody. Function pointers instead
// of a virtual base: a value with a vtable could neither be copied as bytes nor moved to another
// stack.
//
//   struct Gentle {
//     void on_ack(tcp::CongestionWindow& window, const tcp::AckSample& sample);
//     std::uint32_t ssthresh_after_loss(const tcp::CongestionWindow& window,
//                                       const tcp::LossSample& sample);
//   };
//
// It may also have on_timeout(), on_app_limited(Instant), and kOwnSlowStart = true if on_ack() is
// to be asked below ssthresh too (else RFC 5681 slow start runs there).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <type_traits>

#include "models/tcp/window_sample.h"

namespace twinpath::tcp {

inline constexpr std::size_t kCustomStateBytes = 120;

template <typename A>
concept CongestionAlgorithm = requires(A a, CongestionWindow& window, const AckSample& ack,
                                       const LossSample& loss) {
  a.on_ack(window, ack);
  { a.ssthresh_after_loss(window, loss) } -> std::same_as<std::uint32_t>;
};

class CustomCongestion {
 public:
  // A copy of `algorithm`, the state every connection starts with.
  template <CongestionAlgorithm A>
  static CustomCongestion of(const A& algorithm) {
    static_assert(std::is_trivially_copyable_v<A>, "a connection's state is copied as bytes");
    static_assert(sizeof(A) <= kCustomStateBytes && alignof(A) <= alignof(std::uint64_t),
                  "the state of a congestion control is at most 120 bytes");
    CustomCongestion made;
    made.calls_ = &kCalls<A>;
    made.state_ = std::make_unique<State>();
    std::memcpy(made.state(), &algorithm, sizeof(A));
    return made;
  }

  CustomCongestion(const CustomCongestion& other)
      : calls_(other.calls_), state_(std::make_unique<State>(*other.state_)) {}
  CustomCongestion& operator=(const CustomCongestion& other) {
    calls_ = other.calls_;
    *state_ = *other.state_;
    return *this;
  }
  ~CustomCongestion() = default;

  void on_ack(CongestionWindow& window, const AckSample& sample) {
    calls_->on_ack(state(), window, sample);
  }
  [[nodiscard]] std::uint32_t ssthresh_after_loss(const CongestionWindow& window,
                                                  const LossSample& sample) {
    return calls_->ssthresh_after_loss(state(), window, sample);
  }
  void on_timeout() { calls_->on_timeout(state()); }
  void on_app_limited(Instant now) { calls_->on_app_limited(state(), now); }
  [[nodiscard]] bool has_own_slow_start() const { return calls_->own_slow_start; }

  friend bool operator==(const CustomCongestion& a, const CustomCongestion& b) {
    return a.calls_ == b.calls_ && a.state_->bytes == b.state_->bytes;
  }

  // The state as words. A stack that imports them runs the same algorithm.
  template <typename Visit>
  void visit(Visit&& visitor) {
    for (std::size_t at = 0; at < kCustomStateBytes; at += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, state() + at, sizeof word);
      visitor(word);
      std::memcpy(state() + at, &word, sizeof word);
    }
  }

 private:
  struct Calls {
    void (*on_ack)(std::byte*, CongestionWindow&, const AckSample&);
    std::uint32_t (*ssthresh_after_loss)(std::byte*, const CongestionWindow&, const LossSample&);
    void (*on_timeout)(std::byte*);
    void (*on_app_limited)(std::byte*, Instant);
    bool own_slow_start;
  };
  template <typename A>
  static A& state_as(std::byte* state) {
    return *std::launder(reinterpret_cast<A*>(state));
  }
  template <typename A>
  static constexpr bool owns_slow_start() {
    if constexpr (requires { A::kOwnSlowStart; }) return A::kOwnSlowStart;
    return false;
  }
  template <typename A>
  static constexpr Calls kCalls{
      [](std::byte* state, CongestionWindow& window, const AckSample& sample) {
        state_as<A>(state).on_ack(window, sample);
      },
      [](std::byte* state, const CongestionWindow& window, const LossSample& sample) {
        return state_as<A>(state).ssthresh_after_loss(window, sample);
      },
      [](std::byte* state) {
        if constexpr (requires(A a) { a.on_timeout(); }) state_as<A>(state).on_timeout();
      },
      [](std::byte* state, Instant now) {
        if constexpr (requires(A a) { a.on_app_limited(now); }) {
          state_as<A>(state).on_app_limited(now);
        }
      },
      owns_slow_start<A>()};

  struct State {
    alignas(std::uint64_t) std::array<std::byte, kCustomStateBytes> bytes{};
  };

  CustomCongestion() = default;
  [[nodiscard]] std::byte* state() const { return state_->bytes.data(); }

  const Calls* calls_ = nullptr;
  std::unique_ptr<State> state_;  // never null but in of()
};

}  // namespace twinpath::tcp
