// A user's own C++ in a Plan: its object is loaded, its class found, made with the Plan's
// arguments.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bindings/plan/plan.h"
#include "models/native/native.h"

namespace twinpath::bind {

// The class `name` of the object at `path`, of any kind; the object stays loaded for good. Throws
// PlanError under `field`: no such file, no such class, another build.
const NativeClass& load_native(const std::string& path, const std::string& name,
                               const std::string& field);

// A class of a Plan with its arguments. The texts of `asked` are read until it is made.
class NativeUse {
 public:
  // Throws PlanError under `field` with everything wrong: object, kind, arguments.
  NativeUse(const NativePlan& asked, NativeKind kind, const std::string& field);

  [[nodiscard]] bool has_target() const { return described_.has_target; }
  // Requires: kApp.
  [[nodiscard]] std::unique_ptr<App> make_app(const IpAddress& to, const AppContext& context) const;
  // Requires: kCongestion.
  [[nodiscard]] tcp::CustomCongestion make_congestion() const;

 private:
  const NativeClass& described_;
  std::vector<NativeArgument> values_;
};

}  // namespace twinpath::bind
