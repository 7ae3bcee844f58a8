// See native.h.
#include "bindings/plan/native.h"

#include <dlfcn.h>

#include <string_view>

#include "bindings/plan/native_abi.h"

namespace twinpath::bind {
namespace {

[[noreturn]] void refuse(const std::string& field, const std::string& value, std::string message,
                         std::string hint = "") {
  throw PlanError({{field, value, std::move(message), "", std::move(hint)}});
}

NativeArgument argument_of(const std::string& name, const Settings::Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return {name, std::string_view(*text)};
  if (const auto* flag = std::get_if<bool>(&value)) return {name, *flag ? 1.0 : 0.0};
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    return {name, static_cast<double>(*whole)};
  }
  return {name, std::get<double>(value)};
}

}  // namespace

const NativeClass& load_native(const std::string& path, const std::string& name,
                               const std::string& field) {
  void* object = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (object == nullptr) refuse(field, path, std::string("cannot be loaded: ") + dlerror());
  void* symbol = dlsym(object, (kNativeSymbol + name).c_str());
  if (symbol == nullptr) {
    refuse(field, name, "the object has no such class",
           "the source ends with TWINPATH_APP(" + name + ") or TWINPATH_CONGESTION(" + name + ")");
  }
  const NativeClass& described = *reinterpret_cast<NativeEntry>(symbol)();
  if (described.version != NativeClass::kVersion) {
    refuse(field, name,
           "was compiled for interface version " + std::to_string(described.version) +
               ", this build has " + std::to_string(NativeClass::kVersion));
  }
  if (std::string_view(described.abi) != kNativeAbi) {
    refuse(field, name,
           "was compiled against another build of Twinpath (headers " +
               std::string(described.abi).substr(0, 12) + ", this build has " +
               std::string(kNativeAbi).substr(0, 12) + ")",
           "run the scenario again to compile it for this build");
  }
  return described;
}

NativeUse::NativeUse(const NativePlan& asked, NativeKind kind, const std::string& field)
    : described_(load_native(asked.path, asked.name, field)) {
  if (described_.kind != kind) {
    const auto word = [](NativeKind of) { return kNativeKindNames[static_cast<std::size_t>(of)]; };
    refuse(field, asked.name,
           std::string("is of kind ") + word(described_.kind) + ", not " + word(kind));
  }
  for (const auto& [name, value] : asked.args.all()) values_.push_back(argument_of(name, value));
  std::vector<twinpath::Problem> found;
  described_.check({values_, {}}, found);
  std::vector<Problem> problems;
  for (const auto& [name, value, message, allowed] : found) {
    problems.push_back({field + "." + name, value, message, allowed, ""});
  }
  if (!problems.empty()) throw PlanError(std::move(problems));
}

std::unique_ptr<App> NativeUse::make_app(const IpAddress& to, const AppContext& context) const {
  return described_.make_app({values_, to}, context);
}

tcp::CustomCongestion NativeUse::make_congestion() const {
  return *described_.make_congestion({values_, {}});
}

}  // namespace twinpath::bind
