// The end of the road for a broken promise: name it on standard error and abort.
#include "models/base/check.h"

#include <cstdio>
#include <cstdlib>
#include <string>

namespace twinpath {

void check_failed(const CheckSite& site) noexcept {
  const std::string text = std::string("twinpath: CHECK failed: ") + site.condition + " at " +
                           site.file + ":" + std::to_string(site.line) + "\n";
  std::fputs(text.c_str(), stderr);
  std::abort();
}

}  // namespace twinpath
