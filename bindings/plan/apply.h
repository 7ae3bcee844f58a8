// Settings of a Plan onto a configuration struct, by its fields(): names and ranges are checked
// here once for every component.
#pragma once

#include <cmath>
#include <string>
#include <type_traits>
#include <vector>

#include "bindings/plan/plan.h"
#include "models/base/field.h"

namespace twinpath::bind {

// Where a value stands and what may stand there; kept apart from the templates.
struct FieldSite {
  std::string path;  // "client.tcp.delayed_ack"
  Limits limits;
  std::vector<Problem>& problems;
};

// A value as the number field_value() takes: an enumeration's index, true as 1. Nothing, and a
// problem, when it does not fit.
std::optional<double> setting_number(const Settings::Value& value, const FieldSite& site);
void unknown_setting(const std::string& path, std::vector<Problem>& problems);

template <typename T>
void assign_setting(T& target, const Settings::Value& value, const FieldSite& site) {
  if constexpr (std::is_same_v<T, std::string>) {
    if (const auto* text = std::get_if<std::string>(&value)) {
      target = *text;
    } else {
      site.problems.push_back({site.path, "", "is not a text", "", ""});
    }
  } else if (const auto number = setting_number(value, site)) {
    target = field_value<T>(*number);
  }
}

// Every field that `settings` names is assigned; names without a field and values out of range are
// problems, all of them.
template <typename Config>
void apply_settings(const Settings& settings, const std::string& path, Config& config,
                    std::vector<Problem>& problems) {
  for (const auto& setting : settings.all()) {
    const std::string name = path + "." + setting.first;
    bool found = false;
    for_each_field<Config>([&](const auto& field) {
      if (setting.first != field.name) return;
      found = true;
      assign_setting(config.*field.member, setting.second, FieldSite{name, field.limits, problems});
    });
    if (!found) unknown_setting(name, problems);
  }
}

}  // namespace twinpath::bind
