// What an emulated core did, turn by turn, so that the simulator can run the same turns again and
// must give the same bytes. A log is one stream of records in the order things happened: 24 bytes a
// turn, the frames received, a hash of each frame sent. The first eight bytes of a record tell what
// it is: a turn begins with its instant, which is never negative; everything else with a LogMark,
// whose last byte has its top bit set. Little-endian, like the machines this runs on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>

#include "models/base/time.h"

namespace twinpath {

// A log file: kTurnLogBegin, length of the header (4 bytes), the header (JSON), records, the footer
// (JSON), its length (4 bytes), kTurnLogEnd. The header has all a replay needs (Plan, seed, build);
// the footer what must come out, and the SHA-256 of everything before it.
inline constexpr std::string_view kTurnLogBegin = "TWPTLOG1";
inline constexpr std::string_view kTurnLogEnd = "TWPTEND1";

inline constexpr std::size_t kLoggedInputs = 5;  // inputs of one Stage that a record can tell apart

struct TurnRecord {
  std::int64_t now_ns = 0;
  std::uint8_t core = 0;
  std::uint8_t stage = 0;
  std::array<std::uint16_t, kLoggedInputs> items{};  // taken per input, in inputs() order
  std::uint32_t took_ns = 0;                         // wall time, publication included; saturates
};
static_assert(sizeof(TurnRecord) == 24 && std::is_trivially_copyable_v<TurnRecord>);

enum class LogKind : std::uint8_t {
  kFrame = 0x81,  // received: the instant (8 bytes) and the bytes follow
  kSent = 0x82,   // sent in the turn that follows: hash_bytes() (8 bytes) follows
  kRoom = 0x83,   // a port had room for only `length` frames in the turn that follows
};

struct LogMark {
  std::uint32_t length = 0;  // bytes of a frame
  std::uint16_t port = 0;
  std::uint8_t reserved = 0;
  LogKind kind = LogKind::kFrame;
};
static_assert(sizeof(LogMark) == 8 && std::is_trivially_copyable_v<LogMark>);

struct LoggedFrame {
  std::uint16_t port = 0;
  Instant at{};
  std::span<const std::byte> bytes;
};
struct LoggedSent {
  std::uint16_t port = 0;
  std::uint32_t length = 0;
  std::uint64_t hash = 0;
  friend bool operator==(const LoggedSent&, const LoggedSent&) = default;
};
struct LoggedRoom {
  std::uint16_t port = 0;
  std::uint32_t frames = 0;
};
using LogEntry = std::variant<TurnRecord, LoggedFrame, LoggedSent, LoggedRoom>;

// Walks the records of a log. Any bytes may be given.
class TurnLogReader {
 public:
  explicit TurnLogReader(std::span<const std::byte> records) : rest_(records) {}
  // Nothing at the end, or where the rest is no record (then is_good() turns false).
  std::optional<LogEntry> next();
  [[nodiscard]] bool is_good() const { return good_; }

 private:
  std::optional<LogEntry> marked();
  std::optional<LogEntry> damaged();
  template <typename T>
  [[nodiscard]] T take();

  std::span<const std::byte> rest_;
  bool good_ = true;
};

}  // namespace twinpath
