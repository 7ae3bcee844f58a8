// See apply.h.
#include "bindings/plan/apply.h"

namespace twinpath::bind {
namespace {

std::optional<double> choice_index(const std::string& word, const FieldSite& site) {
  for (std::size_t index = 0; index < site.limits.choices.size(); ++index) {
    if (word == site.limits.choices[index]) return static_cast<double>(index);
  }
  site.problems.push_back(
      {site.path, word, "is not one of the choices", allowed_range(site.limits), ""});
  return std::nullopt;
}

double plain_number(const Settings::Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1 : 0;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  return std::get<double>(value);
}

}  // namespace

std::optional<double> setting_number(const Settings::Value& value, const FieldSite& site) {
  if (const auto* word = std::get_if<std::string>(&value)) return choice_index(*word, site);
  const double number = plain_number(value);
  if (number >= site.limits.min && number <= site.limits.max) return number;
  site.problems.push_back(
      {site.path, format_number(number), "is out of range", allowed_range(site.limits), ""});
  return std::nullopt;
}

void unknown_setting(const std::string& path, std::vector<Problem>& problems) {
  problems.push_back({path, "", "is not a known field", "", ""});
}

}  // namespace twinpath::bind
