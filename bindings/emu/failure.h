// A SetupError as the result the parent understands: the sentence, and the command that helps.
#pragma once

#include <functional>

#include "bindings/plan/worker.h"

namespace twinpath::bind {

RunResult setup_as_result(const std::function<RunResult()>& body);

}  // namespace twinpath::bind
