// One description per configuration field, written once beside the struct. ns-3 attributes, Python
// properties, command-line parameters, stored JSON and validation are all generated from it.
//
//   struct EchoConfig {
//     Duration delay{};
//     static constexpr auto fields() {
//       return std::tuple(Field{"delay", "from receipt to answer", &EchoConfig::delay,
//                               Limits{.unit = "ns", .min = 0, .max = 1e12}});
//     }
//   };
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "models/base/time.h"

namespace twinpath {

// Inclusive; in the field's unit. Only `unit` and `choices` matter for enumerations.
struct Limits {
  const char* unit = "";
  double min = 0;
  double max = 9007199254740992.0;         // 2^53: what JSON numbers carry exactly
  std::span<const char* const> choices{};  // names of an enumeration's values, from 0
  bool live = false;                       // may change while the model runs
};

// T is bool, an integer, double, Duration, std::string, or an enum class whose values are the
// indices of `choices`.
template <typename Config, typename T>
struct Field {
  const char* name;
  const char* help;
  T Config::*member;
  Limits limits{};
};
template <typename Config, typename T>
Field(const char*, const char*, T Config::*) -> Field<Config, T>;
template <typename Config, typename T>
Field(const char*, const char*, T Config::*, Limits) -> Field<Config, T>;

// The kind of value a field holds, as the Plan's reader names it.
template <typename T>
constexpr const char* field_type() {
  if constexpr (std::is_same_v<T, bool>) return "bool";
  if constexpr (std::is_enum_v<T>) return "choice";
  if constexpr (std::is_same_v<T, Duration>) return "duration";
  if constexpr (std::is_integral_v<T>) return "integer";
  if constexpr (std::is_same_v<T, std::string>) return "text";
  return "number";
}

// One thing wrong with a configuration, in words.
struct Problem {
  std::string field;
  std::string value;
  std::string message;
  std::string allowed;
};

template <typename Config, typename Visit>
constexpr void for_each_field(Visit visit) {
  std::apply([&visit](const auto&... field) { (visit(field), ...); }, Config::fields());
}

// A field's value as a number: nanoseconds for Duration, the index for enumerations.
template <typename T>
constexpr double field_number(const T& value) {
  if constexpr (std::is_same_v<T, Duration>) {
    return static_cast<double>(value.count());
  } else {
    return static_cast<double>(value);
  }
}

// The inverse of field_number(). Requires: within T's range.
template <typename T>
constexpr T field_value(double number) {
  if constexpr (std::is_same_v<T, Duration>) {
    return Duration(static_cast<std::int64_t>(number));
  } else {
    return static_cast<T>(number);
  }
}

std::string format_number(double number);
std::string allowed_range(const Limits& limits);
// Nothing when `number` is within `limits`.
void check_limits(const char* name, double number, const Limits& limits,
                  std::vector<Problem>& problems);

// Every field out of its range, all at once. A config's own validate() adds what concerns several
// fields together.
template <typename Config>
std::vector<Problem> validate_fields(const Config& config) {
  std::vector<Problem> problems;
  for_each_field<Config>([&](const auto& field) {
    const auto& value = config.*field.member;
    if constexpr (!std::is_same_v<std::decay_t<decltype(value)>, std::string>) {
      check_limits(field.name, field_number(value), field.limits, problems);
    }
  });
  return problems;
}

}  // namespace twinpath
