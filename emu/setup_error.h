// What a user must hear when something outside the program is missing: one sentence, and the
// command that helps. Thrown while setting up, never while frames move.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace twinpath::emu {

enum class SetupFault { kMissing, kRefused };  // the machine lacks it; we will not take it

class SetupError : public std::runtime_error {
 public:
  // `sentence` says what is missing; `command` is what to type, empty when no command helps.
  SetupError(const std::string& sentence, std::string command,
             SetupFault fault = SetupFault::kMissing)
      : std::runtime_error(sentence), command_(std::move(command)), fault_(fault) {}
  [[nodiscard]] const std::string& command() const { return command_; }
  [[nodiscard]] SetupFault fault() const { return fault_; }

 private:
  std::string command_;
  SetupFault fault_;
};

}  // namespace twinpath::emu
