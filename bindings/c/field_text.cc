// Values with units, switches and names.
#include "bindings/c/field_text.h"

#include <array>
#include <cmath>

namespace twinpath::bind {

namespace {

struct Unit {
  std::string_view name;
  std::int64_t ns;
};
// "s" behind those that end in it.
constexpr std::array kUnits = {Unit{"ns", 1}, Unit{"us", 1'000}, Unit{"ms", 1'000'000},
                               Unit{"s", 1'000'000'000}};

}  // namespace

std::string format_duration(Duration duration) {
  const Unit* best = kUnits.data();
  for (const Unit& unit : kUnits) {
    if (duration.count() % unit.ns == 0) best = &unit;
  }
  return std::to_string(duration.count() / best->ns) + std::string(best->name);
}

std::optional<double> parse_duration_ns(std::string_view text) {
  for (const auto& [unit, ns] : kUnits) {
    if (!text.ends_with(unit)) continue;
    const auto number = parse_number<double>(text.substr(0, text.size() - unit.size()));
    if (!number || !std::isfinite(*number)) return std::nullopt;
    return std::round(*number * static_cast<double>(ns));
  }
  const auto ns = parse_number<std::int64_t>(text);
  return ns ? std::optional<double>(static_cast<double>(*ns)) : std::nullopt;
}

std::optional<bool> parse_bool(std::string_view text) {
  if (text == "on" || text == "true" || text == "yes" || text == "1") return true;
  if (text == "off" || text == "false" || text == "no" || text == "0") return false;
  return std::nullopt;
}

std::optional<double> parse_choice(std::string_view text, const Limits& limits) {
  for (std::size_t i = 0; i < limits.choices.size(); ++i) {
    if (text == limits.choices[i]) return static_cast<double>(i);
  }
  return std::nullopt;
}

}  // namespace twinpath::bind
