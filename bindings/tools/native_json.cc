// `native_json OBJECT CLASS`: prints what a user's object says about a class, as JSON, so that the
// parent process can check arguments without loading anybody's code into itself.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "bindings/plan/native.h"

namespace twinpath::bind {
namespace {

using nlohmann::ordered_json;

ordered_json default_of(const NativeField& field) {
  const std::string type = field.type;
  if (type == "text") return field.text;
  if (type == "bool") return field.number != 0;
  if (type == "choice") return field.limits.choices[static_cast<std::size_t>(field.number)];
  if (type == "number") return field.number;
  return static_cast<std::int64_t>(field.number);
}

ordered_json describe(const NativeClass& described) {
  auto list = ordered_json::array();
  for (const NativeField& field : described.fields()) {
    auto choices = ordered_json::array();
    for (const char* choice : field.limits.choices) choices.push_back(choice);
    list.push_back({{"name", field.name},
                    {"type", field.type},
                    {"unit", field.limits.unit},
                    {"help", field.help},
                    {"default", default_of(field)},
                    {"min", field.limits.min},
                    {"max", field.limits.max},
                    {"choices", choices}});
  }
  return {{"kind", kNativeKindNames[static_cast<std::size_t>(described.kind)]},
          {"has_target", described.has_target},
          {"fields", list}};
}

ordered_json answer(const char* path, const char* name) {
  try {
    return describe(load_native(path, name, name));
  } catch (const PlanError& error) {
    const Problem& problem = error.problems().front();
    return {{"error", problem.message}, {"hint", problem.hint}};
  }
}

}  // namespace
}  // namespace twinpath::bind

int main(int count, char** words) {
  if (count != 3) return 2;
  return std::puts(twinpath::bind::answer(words[1], words[2]).dump().c_str()) < 0;
}
