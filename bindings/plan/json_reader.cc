// See json_reader.h.
#include "bindings/plan/json_reader.h"

#include <algorithm>
#include <utility>

namespace twinpath::bind {
namespace {

const nlohmann::json kEmptyArray = nlohmann::json::array();
const nlohmann::json kEmptyObject = nlohmann::json::object();

std::optional<Settings::Value> scalar(const nlohmann::json& value) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_unsigned() &&
      value.get<std::uint64_t>() > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return std::nullopt;
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number_float()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  return std::nullopt;
}

std::string range_text(IntegerRange range) {
  return std::to_string(range.lo) + ".." + std::to_string(range.hi);
}

}  // namespace

JsonReader::JsonReader(const nlohmann::json& object, std::string path,
                       std::vector<Problem>& problems)
    : object_(object.is_object() ? object : kEmptyObject),
      path_(std::move(path)),
      problems_(problems) {
  if (!object.is_object()) problems_.push_back({path_, object.dump(), "is not an object", "", ""});
}

const nlohmann::json* JsonReader::find(std::string_view name) const {
  const auto at = object_.find(name);
  return at == object_.end() || at->is_null() ? nullptr : &*at;
}

bool JsonReader::has(std::string_view name) const { return find(name) != nullptr; }

std::string JsonReader::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
}

void JsonReader::problem(std::string_view name, std::string message, std::string allowed) {
  const nlohmann::json* value = find(name);
  problems_.push_back(
      {path_of(name), value ? value->dump() : "", std::move(message), std::move(allowed), ""});
}

std::string JsonReader::text(std::string_view name) {
  const nlohmann::json* value = find(name);
  if (value && value->is_string()) return value->get<std::string>();
  problem(name, value ? "is not a text" : "is missing");
  return "";
}

std::string JsonReader::text_or(std::string_view name, std::string_view fallback) {
  return has(name) ? text(name) : std::string(fallback);
}

std::int64_t JsonReader::integer(std::string_view name, IntegerRange range) {
  const nlohmann::json* value = find(name);
  if (!value) {
    problem(name, "is missing", range_text(range));
    return range.lo;
  }
  const auto parsed = scalar(*value);
  const auto* number = parsed ? std::get_if<std::int64_t>(&*parsed) : nullptr;
  if (number && *number >= range.lo && *number <= range.hi) return *number;
  problem(name, number ? "is out of range" : "is not a 64-bit integer", range_text(range));
  return range.lo;
}

std::int64_t JsonReader::integer_or(std::string_view name, std::int64_t fallback,
                                    IntegerRange range) {
  return has(name) ? integer(name, range) : fallback;
}

std::uint64_t JsonReader::seed(std::string_view name) {
  const nlohmann::json* value = find(name);
  if (!value) return 1;
  if (value->is_number_unsigned()) return value->get<std::uint64_t>();
  problem(name, "is not a whole number of 0 or more", "0..18446744073709551615");
  return 1;
}

double JsonReader::fraction_or_zero(std::string_view name) {
  const nlohmann::json* value = find(name);
  if (!value) return 0;
  const double number = value->is_number() ? value->get<double>() : -1;
  if (number >= 0 && number <= 1) return number;
  problem(name, "is not a fraction", "0..1");
  return 0;
}

std::vector<std::string> JsonReader::texts_or_empty(std::string_view name) {
  std::vector<std::string> texts;
  if (!has(name)) return texts;
  for (const nlohmann::json& item : array(name, kMaxApps)) {
    if (item.is_string()) {
      texts.push_back(item.get<std::string>());
    } else {
      problem(name, "holds something that is not a text");
    }
  }
  return texts;
}

Settings JsonReader::settings_or_empty(std::string_view name) {
  Settings settings;
  if (!has(name)) return settings;
  for (const auto& [key, value] : object(name).items()) {
    if (auto parsed = scalar(value)) {
      settings.set(key, std::move(*parsed));
    } else if (!value.is_null()) {
      problems_.push_back({path_of(name) + "." + key, value.dump(),
                           "is not a number, text, true or false", "", ""});
    }
  }
  return settings;
}

const nlohmann::json& JsonReader::array(std::string_view name, std::size_t most) {
  const nlohmann::json* value = find(name);
  if (!value || !value->is_array()) {
    problem(name, value ? "is not a list" : "is missing");
    return kEmptyArray;
  }
  if (value->size() <= most) return *value;
  problems_.push_back({path_of(name), std::to_string(value->size()), "has too many entries",
                       "at most " + std::to_string(most), ""});
  return kEmptyArray;
}

const nlohmann::json& JsonReader::object(std::string_view name) {
  const nlohmann::json* value = find(name);
  if (value && value->is_object()) return *value;
  problem(name, value ? "is not an object" : "is missing");
  return kEmptyObject;
}

void JsonReader::refuse_others(std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : object_.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) problem(key, "is not known");
  }
}

}  // namespace twinpath::bind
