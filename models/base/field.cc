// The words of a configuration problem.
#include "models/base/field.h"

#include <charconv>

namespace twinpath {

std::string format_number(double number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number).ptr;
  return {text, end};
}

std::string allowed_range(const Limits& limits) {
  std::string text;
  if (!limits.choices.empty()) {
    for (const char* choice : limits.choices)
      text += (text.empty() ? "" : ", ") + std::string(choice);
    return text;
  }
  text = format_number(limits.min) + " to " + format_number(limits.max);
  return *limits.unit == '\0' ? text : text + " " + limits.unit;
}

void check_limits(const char* name, double number, const Limits& limits,
                  std::vector<Problem>& problems) {
  const bool is_choice = !limits.choices.empty();
  const double min = is_choice ? 0 : limits.min;
  const double max = is_choice ? static_cast<double>(limits.choices.size() - 1) : limits.max;
  if (number >= min && number <= max) return;
  problems.push_back({name, format_number(number), "out of range", allowed_range(limits)});
}

}  // namespace twinpath
