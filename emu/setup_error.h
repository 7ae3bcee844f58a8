// What a user must hear when something outside the program is missing: one sentence, and the
// command that helps. Thrown while setting up, never while frames move.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace twinpath::emu {

class SetupError : public std::runtime_error {
 public:
  // `sentence` says what is missing; `command` is what to type, empty when no command helps.
  SetupError(const std::string& sentence, std::string command)
      : std::runtime_error(sentence), command_(std::move(command)) {}
  [[nodiscard]] const std::string& command() const { return command_; }

 private:
  std::string command_;
};

}  // namespace twinpath::emu
