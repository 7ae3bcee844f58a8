// Fields of a configuration struct from text and as text.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "models/base/field.h"

namespace twinpath::bind {

// The whole text as a number, or nothing.
template <typename T>
std::optional<T> parse_number(std::string_view text) {
  T number{};
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return number;
}

// "40ms", "1.5s", or ns without a unit.
std::optional<double> parse_duration_ns(std::string_view text);
// In the largest unit that leaves a whole number.
std::string format_duration(Duration duration);
std::optional<bool> parse_bool(std::string_view text);
std::optional<double> parse_choice(std::string_view text, const Limits& limits);

// As field_number() has it; nothing when the text is no value of type T.
template <typename T>
std::optional<double> parse_field(std::string_view text, const Limits& limits) {
  if constexpr (std::is_same_v<T, bool>) {
    const auto flag = parse_bool(text);
    return flag ? std::optional<double>(*flag ? 1 : 0) : std::nullopt;
  } else if constexpr (std::is_enum_v<T>) {
    return parse_choice(text, limits);
  } else if constexpr (std::is_same_v<T, Duration>) {
    return parse_duration_ns(text);
  } else if constexpr (std::is_integral_v<T>) {
    const auto number = parse_number<std::int64_t>(text);
    return number ? std::optional<double>(static_cast<double>(*number)) : std::nullopt;
  } else {
    return parse_number<double>(text);
  }
}

// What a value may be, in a user's words.
template <typename T>
std::string allowed_text(const Limits& limits) {
  return std::is_same_v<T, bool> ? "on or off" : allowed_range(limits);
}
template <typename T>
std::string value_kind() {
  if constexpr (std::is_same_v<T, bool>) return "a switch";
  if constexpr (std::is_same_v<T, Duration>) return "a time";
  if constexpr (std::is_enum_v<T>) return "one of its words";
  return "a number";
}

// What is wrong with setting it; empty when it is set.
template <typename Config>
std::string set_field(Config& config, std::string_view name, std::string_view text) {
  std::string complaint = "no such option; twinpath_options() lists all";
  for_each_field<Config>([&](const auto& field) {
    if (name != field.name) return;
    using T = std::decay_t<decltype(config.*field.member)>;
    if constexpr (std::is_same_v<T, std::string>) {
      config.*field.member = std::string(text);
      complaint.clear();
    } else {
      const auto number = parse_field<T>(text, field.limits);
      std::vector<Problem> problems;
      if (number) check_limits(field.name, *number, field.limits, problems);
      complaint = "'" + std::string(text) + "' is not " + value_kind<T>();
      if (!problems.empty()) complaint = "'" + std::string(text) + "' is out of range";
      complaint += " (" + allowed_text<T>(field.limits) + ")";
      if (!number || !problems.empty()) return;
      config.*field.member = field_value<T>(*number);
      complaint.clear();
    }
  });
  return complaint;
}

template <typename T>
std::string default_text(const T& value, const Limits& limits) {
  if constexpr (std::is_same_v<T, std::string>) {
    return value;
  } else if constexpr (std::is_same_v<T, bool>) {
    return value ? "on" : "off";
  } else if constexpr (std::is_enum_v<T>) {
    return limits.choices[static_cast<std::size_t>(value)];
  } else if constexpr (std::is_same_v<T, Duration>) {
    return format_duration(value);
  } else {
    return format_number(field_number(value));
  }
}

// "tcp.nagle on: hold back ... (bool)", a line per field.
template <typename Config>
std::string describe_fields(std::string_view prefix, const Config& defaults) {
  std::string text;
  for_each_field<Config>([&](const auto& field) {
    using T = std::decay_t<decltype(defaults.*field.member)>;
    text += std::string(prefix) + field.name + ' ' +
            default_text(defaults.*field.member, field.limits) + ": " + field.help + " (";
    text += allowed_text<T>(field.limits) + ")\n";
  });
  return text;
}

}  // namespace twinpath::bind
