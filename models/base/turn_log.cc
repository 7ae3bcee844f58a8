// Reading the records of a turn log.
#include "models/base/turn_log.h"

#include <cstring>

namespace twinpath {

template <typename T>
T TurnLogReader::take() {
  T value;
  std::memcpy(&value, rest_.data(), sizeof(T));
  rest_ = rest_.subspan(sizeof(T));
  return value;
}

std::optional<LogEntry> TurnLogReader::damaged() {
  good_ = false;
  return std::nullopt;
}

std::optional<LogEntry> TurnLogReader::next() {
  if (!good_ || rest_.empty()) return std::nullopt;
  if (rest_.size() < sizeof(LogMark)) return damaged();
  if ((rest_[sizeof(LogMark) - 1] & std::byte{0x80}) != std::byte{0}) return marked();
  if (rest_.size() < sizeof(TurnRecord)) return damaged();
  return take<TurnRecord>();
}

std::optional<LogEntry> TurnLogReader::marked() {
  const auto mark = take<LogMark>();
  if (mark.kind == LogKind::kRoom) return LoggedRoom{mark.port, mark.length};
  if (rest_.size() < sizeof(std::uint64_t)) return damaged();
  const auto word = take<std::int64_t>();
  if (mark.kind == LogKind::kSent) {
    return LoggedSent{mark.port, mark.length, static_cast<std::uint64_t>(word)};
  }
  if (mark.kind != LogKind::kFrame || rest_.size() < mark.length) return damaged();
  const LoggedFrame frame{mark.port, at_ns(word), rest_.first(mark.length)};
  rest_ = rest_.subspan(mark.length);
  return frame;
}

}  // namespace twinpath
