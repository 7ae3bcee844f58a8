// For a user's own application: include this, derive App, close the file with TWINPATH_APP(Mine).
//
//   class Mine final : public twinpath::App {
//    public:
//     struct Config {
//       std::uint16_t port = 7;
//       twinpath::IpAddress to{};  // only if it takes `to=HOST`
//       static constexpr auto fields() {
//         return std::tuple(twinpath::Field{"port", "port of the peer", &Config::port,
//                                           twinpath::Limits{.min = 1, .max = 65535}});
//       }
//     };
//     Mine(const Config& config, const twinpath::AppContext& context);
//     ...
//   };
//   TWINPATH_APP(Mine)
//
// Code in blocking style derives twinpath::TaskApp instead (models/app/task_app.h).
// A class without Config takes the context alone. The macro stands outside every namespace and the
// name it is given inside none (`using mine::Mine;` first).
#pragma once

#include "models/app/app.h"
#include "models/app/task_app.h"
#include "models/native/arguments.h"

namespace twinpath::native {

template <typename A>
std::unique_ptr<App> make_app(const NativeArguments& given, const AppContext& context) {
  static_assert(std::is_base_of_v<App, A>, "an application derives twinpath::App");
  if constexpr (requires { typename A::Config; }) {
    return std::make_unique<A>(checked_config<typename A::Config>(given), context);
  } else {
    return std::make_unique<A>(context);
  }
}

template <typename A>
NativeClass describe_app(const char* abi) {
  NativeClass described = describe_class<A>(NativeKind::kApp, abi);
  described.make_app = &make_app<A>;
  return described;
}

}  // namespace twinpath::native

#define TWINPATH_APP(Class) TWINPATH_NATIVE_CLASS(Class, ::twinpath::native::describe_app)
