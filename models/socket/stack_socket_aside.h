// What few sockets over a StackApi need besides their record: options asked for, TCP_INFO, and a
// connection on its way.
#pragma once

#include <optional>
#include <vector>

#include "models/socket/stack_api.h"
#include "models/socket/stream_extras.h"

namespace twinpath {

struct StackSocketAside {
  // An option's value as the stack gives it.
  struct Answer {
    SocketOption option = SocketOption::kError;
    bool here = false;
    bool outdated = false;  // the option was set since it was asked for
    OptionResult result{};
  };
  enum class Moving : std::uint8_t { kNot, kLeaving, kGone, kComing };

  // nullptr: it was not asked for.
  Answer* answer_to(SocketOption option) {
    for (Answer& answer : answers) {
      if (answer.option == option) return &answer;
    }
    return nullptr;
  }

  std::vector<Answer> answers;  // one an option at most
  std::optional<TcpInfo> info;
  bool info_asked = false;
  bool name_asked = false;
  bool piece_moves = false;  // of the image
  Moving moving = Moving::kNot;
  std::vector<std::byte> image;
  std::size_t moved_bytes = 0;  // of an image that comes
};

}  // namespace twinpath
