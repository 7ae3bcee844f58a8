// What a core did, turn by turn, and the frames its Stages received: enough to run the same turns
// again under any driver and demand the same bytes. Two files: PATH.turns holds TurnRecords of 24
// bytes, PATH.frames the frames in the order they were received.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "emu/recorder.h"
#include "models/base/port.h"
#include "models/base/stage.h"
#include "models/base/turn_log.h"

namespace twinpath::emu {

// Ahead of each frame in PATH.frames.
struct FrameRecord {
  std::uint16_t port = 0;  // as numbered by LoggedPort
  std::uint16_t reserved = 0;
  std::uint32_t length_bytes = 0;
};
static_assert(sizeof(FrameRecord) == 8);

class TurnLog {
 public:
  // Requires: `recorder` is not started yet.
  TurnLog(Recorder& recorder, const std::string& path, std::uint16_t core);

  void begin_turn(Stage& stage);
  void end_turn(Stage& stage, Instant now, std::size_t stage_index);
  void frame(std::uint16_t port, std::span<const std::byte> bytes);
  [[nodiscard]] bool is_complete() const { return turns_.is_complete() && frames_.is_complete(); }

 private:
  RecorderStream& turns_;
  RecorderStream& frames_;
  std::uint16_t core_;
  std::array<std::uint64_t, kLoggedInputs> before_{};
};

// The outermost decorator of a port: notes each frame as its Stage gets it.
class LoggedPort final : public Port {
 public:
  LoggedPort(Port& inner, TurnLog& log, std::uint16_t number)
      : inner_(inner), log_(log), number_(number) {}
  [[nodiscard]] PortCaps caps() const override { return inner_.caps(); }
  std::size_t rx_burst(std::span<BufPtr> out) override;
  std::size_t tx_burst(std::span<BufPtr> frames) override { return inner_.tx_burst(frames); }
  [[nodiscard]] std::size_t tx_room() const override { return inner_.tx_room(); }

 private:
  Port& inner_;
  TurnLog& log_;
  std::uint16_t number_;
};

struct LoggedRun {
  std::vector<TurnRecord> turns;
  std::map<std::uint16_t, std::vector<std::vector<std::byte>>> frames;  // by port, in order
};

// Reads both files back; a record cut off at the end is left out. Throws SetupError when missing.
LoggedRun read_turn_log(const std::string& path);

}  // namespace twinpath::emu
