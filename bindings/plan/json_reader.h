// Reads one JSON object field by field and collects every problem instead of throwing at the first.
// Private to bindings/plan.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bindings/plan/plan.h"

namespace twinpath::bind {

struct IntegerRange {
  std::int64_t lo = 0;
  std::int64_t hi = std::numeric_limits<std::int64_t>::max();
};

class JsonReader {
 public:
  // `path` is the object's place in the file ("links[0]"), empty for the root.
  JsonReader(const nlohmann::json& object, std::string path, std::vector<Problem>& problems);

  bool has(std::string_view name) const;  // present and not null
  std::string text(std::string_view name);
  std::string text_or(std::string_view name, std::string_view fallback);
  std::int64_t integer(std::string_view name, IntegerRange range);
  std::int64_t integer_or(std::string_view name, std::int64_t fallback, IntegerRange range);
  std::uint64_t seed(std::string_view name);
  double fraction_or_zero(std::string_view name);
  std::vector<std::string> texts_or_empty(std::string_view name);
  Settings settings_or_empty(std::string_view name);
  const nlohmann::json& array(std::string_view name, std::size_t most);
  const nlohmann::json& object(std::string_view name);

  void problem(std::string_view name, std::string message, std::string allowed = "");
  void refuse_others(std::initializer_list<std::string_view> known);
  std::string path_of(std::string_view name) const;

 private:
  const nlohmann::json* find(std::string_view name) const;

  const nlohmann::json& object_;
  std::string path_;
  std::vector<Problem>& problems_;
};

}  // namespace twinpath::bind
