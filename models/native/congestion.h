// For a user's own congestion control: include this, write a value with the calls of
// models/tcp/custom_congestion.h, close the file with TWINPATH_CONGESTION(Mine).
//
//   class Mine {
//    public:
//     struct Config {
//       double beta = 0.7;
//       static constexpr auto fields() {
//         return std::tuple(twinpath::Field{"beta", "what is left of the window after a loss",
//                                           &Config::beta, twinpath::Limits{.min = 0.1, .max =
//                                           1}});
//       }
//     };
//     explicit Mine(const Config& config);
//     ...
//   };
//   TWINPATH_CONGESTION(Mine)
//
// A class without Config is default-constructed. Every connection starts with a copy of one value.
#pragma once

#include "models/native/arguments.h"
#include "models/tcp/custom_congestion.h"

namespace twinpath::native {

template <typename A>
std::optional<tcp::CustomCongestion> make_congestion(const NativeArguments& given) {
  static_assert(tcp::CongestionAlgorithm<A>,
                "a congestion control has on_ack() and ssthresh_after_loss()");
  if constexpr (requires { typename A::Config; }) {
    return tcp::CustomCongestion::of(A(checked_config<typename A::Config>(given)));
  } else {
    static_cast<void>(given);
    return tcp::CustomCongestion::of(A());
  }
}

template <typename A>
NativeClass describe_congestion(const char* abi) {
  NativeClass described = describe_class<A>(NativeKind::kCongestion, abi);
  described.make_congestion = &make_congestion<A>;
  return described;
}

}  // namespace twinpath::native

#define TWINPATH_CONGESTION(Class) \
  TWINPATH_NATIVE_CLASS(Class, ::twinpath::native::describe_congestion)
