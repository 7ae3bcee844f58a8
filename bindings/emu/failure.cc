// See failure.h.
#include "bindings/emu/failure.h"

#include "emu/setup_error.h"

namespace twinpath::bind {

RunResult setup_as_result(const std::function<RunResult()>& body) {
  try {
    return body();
  } catch (const emu::SetupError& error) {
    RunResult result;
    result.status = "failed";
    result.error = error.what();
    result.command = error.command();
    result.kind =
        error.fault() == emu::SetupFault::kRefused ? FailureKind::kPort : FailureKind::kPrivilege;
    return result;
  }
}

}  // namespace twinpath::bind
