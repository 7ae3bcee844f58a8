// Typed access to flat named values, and the text of a PlanError.
#include "bindings/plan/plan.h"

#include <algorithm>
#include <utility>

namespace twinpath::bind {
namespace {

std::string describe(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) {
    if (!text.empty()) text += "; ";
    text += problem.field + ": ";
    if (!problem.value.empty()) text += problem.value + " ";
    text += problem.message;
    if (!problem.allowed.empty()) text += " (" + problem.allowed + ")";
  }
  return text;
}

[[noreturn]] void refuse(std::string_view name, std::string_view wanted) {
  throw PlanError({{std::string(name), "", "is not " + std::string(wanted), "", ""}});
}

}  // namespace

PlanError::PlanError(std::vector<Problem> found)
    : std::runtime_error(describe(found)), problems_(std::move(found)) {}

const Settings::Value* Settings::find(std::string_view name) const {
  const auto at = values_.find(name);
  return at == values_.end() ? nullptr : &at->second;
}

bool Settings::flag(std::string_view name, bool fallback) const {
  const Value* value = find(name);
  if (!value) return fallback;
  if (const auto* flag = std::get_if<bool>(value)) return *flag;
  refuse(name, "true or false");
}

std::int64_t Settings::integer(std::string_view name, std::int64_t fallback) const {
  const Value* value = find(name);
  if (!value) return fallback;
  if (const auto* number = std::get_if<std::int64_t>(value)) return *number;
  refuse(name, "an integer");
}

Nanoseconds Settings::duration(std::string_view name, Nanoseconds fallback) const {
  return Nanoseconds(integer(name, fallback.count()));
}

double Settings::number(std::string_view name, double fallback) const {
  const Value* value = find(name);
  if (!value) return fallback;
  if (const auto* number = std::get_if<double>(value)) return *number;
  if (const auto* whole = std::get_if<std::int64_t>(value)) return static_cast<double>(*whole);
  refuse(name, "a number");
}

std::string Settings::text(std::string_view name, std::string_view fallback) const {
  const Value* value = find(name);
  if (!value) return std::string(fallback);
  if (const auto* text = std::get_if<std::string>(value)) return *text;
  refuse(name, "a text");
}

const HostPlan* Plan::host(std::string_view name) const {
  const auto at = std::find_if(hosts.begin(), hosts.end(),
                               [name](const HostPlan& host) { return host.name == name; });
  return at == hosts.end() ? nullptr : &*at;
}

}  // namespace twinpath::bind
