// Prints every field of the configuration structs as JSON, at build time: the parent process
// validates by it without loading an extension module.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>

#include "bindings/plan/event_text.h"
#include "models/app/metric_names.h"
#include "models/base/field.h"
#include "models/tcp/config.h"

namespace twinpath {
namespace {

using nlohmann::ordered_json;

template <typename T>
ordered_json default_of(const T& value, const Limits& limits) {
  if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, bool>) {
    return value;
  } else if constexpr (std::is_enum_v<T>) {
    return limits.choices[static_cast<std::size_t>(value)];
  } else if constexpr (std::is_same_v<T, Duration>) {
    return value.count();
  } else {
    return value;
  }
}

template <typename Config>
ordered_json describe() {
  const Config defaults;
  auto list = ordered_json::array();
  for_each_field<Config>([&](const auto& field) {
    const auto& value = defaults.*field.member;
    auto choices = ordered_json::array();
    for (const char* choice : field.limits.choices) choices.push_back(choice);
    list.push_back({{"name", field.name},
                    {"type", field_type<std::decay_t<decltype(value)>>()},
                    {"unit", field.limits.unit},
                    {"help", field.help},
                    {"default", default_of(value, field.limits)},
                    {"min", field.limits.min},
                    {"max", field.limits.max},
                    {"choices", choices},
                    {"live", field.limits.live}});
  });
  return list;
}

}  // namespace
}  // namespace twinpath

int main() {
  const twinpath::ordered_json groups{{"tcp", twinpath::describe<twinpath::TcpConfig>()},
                                      {"events", twinpath::bind::event_kinds()},
                                      {"metrics", twinpath::kMetricNames}};
  return std::puts(groups.dump(1).c_str()) < 0;
}
