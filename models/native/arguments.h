// Arguments of a Plan onto the Config of a user's class, by its fields().
#pragma once

#include <type_traits>
#include <utility>

#include "models/native/native.h"

namespace twinpath::native {

struct NoConfig {
  static constexpr auto fields() { return std::tuple(); }
};

// A::Config, or nothing to configure.
template <typename A>
auto config_of() {
  if constexpr (requires { typename A::Config; }) {
    return std::type_identity<typename A::Config>();
  } else {
    return std::type_identity<NoConfig>();
  }
}
template <typename A>
using ConfigOf = typename decltype(config_of<A>())::type;

// Index of `word` among the choices, or one that check_limits() refuses.
inline double choice_number(std::string_view word, const Limits& limits) {
  for (std::size_t index = 0; index < limits.choices.size(); ++index) {
    if (word == limits.choices[index]) return static_cast<double>(index);
  }
  return -1;
}

template <typename T>
void assign(T& target, const NativeArgument& given, const Limits& limits,
            std::vector<Problem>& problems) {
  const auto* word = std::get_if<std::string_view>(&given.value);
  if constexpr (std::is_same_v<T, std::string>) {
    if (word == nullptr) {
      problems.push_back({std::string(given.name), "", "is not a text", ""});
    } else {
      target = std::string(*word);
    }
  } else {
    const double number =
        word == nullptr ? std::get<double>(given.value) : choice_number(*word, limits);
    const std::size_t before = problems.size();
    check_limits(given.name.data(), number, limits, problems);
    if (problems.size() == before) target = field_value<T>(number);
  }
}

template <typename Config>
Config config_from(const NativeArguments& given, std::vector<Problem>& problems) {
  Config config;
  for (const NativeArgument& argument : given.values) {
    bool known = false;
    for_each_field<Config>([&](const auto& field) {
      if (argument.name != field.name) return;
      known = true;
      assign(config.*field.member, argument, field.limits, problems);
    });
    if (!known) problems.push_back({std::string(argument.name), "", "is not a known field", ""});
  }
  if constexpr (requires { config.to; }) config.to = given.to;
  return config;
}

template <typename Config>
std::vector<NativeField> describe_fields() {
  const Config defaults{};
  std::vector<NativeField> found;
  for_each_field<Config>([&](const auto& field) {
    const auto& value = defaults.*field.member;
    using T = std::decay_t<decltype(value)>;
    NativeField described{field.name, field_type<T>(), field.help, field.limits, 0, ""};
    if constexpr (std::is_same_v<T, std::string>) {
      described.text = value;
    } else {
      described.number = field_number(value);
    }
    found.push_back(std::move(described));
  });
  return found;
}

// What is the same for every kind.
template <typename A>
NativeClass describe_class(NativeKind kind, const char* abi) {
  using Config = ConfigOf<A>;
  NativeClass described;
  described.abi = abi;
  described.kind = kind;
  described.has_target = requires(Config config) { config.to; };
  described.fields = &describe_fields<Config>;
  described.check = [](const NativeArguments& given, std::vector<Problem>& problems) {
    static_cast<void>(config_from<Config>(given, problems));
  };
  return described;
}

template <typename Config>
Config checked_config(const NativeArguments& given) {
  std::vector<Problem> none;
  return config_from<Config>(given, none);
}

}  // namespace twinpath::native
