// A user's own class as a shared object shows it: one C symbol per class that hands out this
// description. Version and ABI come first and never move, so that a worker can tell an object of
// another build before it touches anything else of it; behind them both sides share these headers.
// Users include models/native/app.h or models/native/congestion.h instead.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "models/app/app.h"
#include "models/base/field.h"
#include "models/tcp/custom_congestion.h"
#include "models/wire/address.h"

namespace twinpath {

enum class NativeKind : std::uint32_t { kApp = 1, kCongestion = 2 };
inline constexpr std::array<const char*, 3> kNativeKindNames = {"", "app", "congestion"};

// One argument of the Plan. Numbers are in the field's unit, true is 1, a choice is its name.
struct NativeArgument {
  std::string_view name;
  std::variant<double, std::string_view> value;
};
struct NativeArguments {
  std::span<const NativeArgument> values;
  IpAddress to{};  // an application's target
};

// A field of the class's Config, described for those who cannot see the type.
struct NativeField {
  const char* name;
  const char* type;  // field_type()
  const char* help;
  Limits limits;
  double number = 0;  // the default, unless it is a text
  std::string text;
};

struct NativeClass {
  static constexpr std::uint32_t kVersion = 1;

  std::uint32_t version = kVersion;
  const char* abi = "";  // hash of the headers of models/
  NativeKind kind = NativeKind::kApp;
  bool has_target = false;  // its Config has `to`
  std::vector<NativeField> (*fields)() = nullptr;
  // Adds what is wrong with the arguments. The makers require that nothing is.
  void (*check)(const NativeArguments&, std::vector<Problem>&) = nullptr;
  std::unique_ptr<App> (*make_app)(const NativeArguments&, const AppContext&) = nullptr;
  std::optional<tcp::CustomCongestion> (*make_congestion)(const NativeArguments&) = nullptr;
};

// The symbol of class X is this and "X".
inline constexpr const char* kNativeSymbol = "twinpath_native_";
using NativeEntry = const NativeClass* (*)();

}  // namespace twinpath

// What the macros of app.h and congestion.h expand to. The ABI is given when an object is compiled.
#define TWINPATH_NATIVE_CLASS(Class, describe)                                             \
  extern "C" __attribute__((visibility("default")))                                        \
  const ::twinpath::NativeClass* twinpath_native_##Class() {                               \
    static const ::twinpath::NativeClass described = describe<Class>(TWINPATH_NATIVE_ABI); \
    return &described;                                                                     \
  }
