// Writes down what a core did, turn by turn, and the frames its Stages received and sent: enough to
// run the same turns again under any driver and demand the same bytes. The format is that of
// models/base/turn_log.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "emu/recorder.h"
#include "models/base/port.h"
#include "models/base/stage.h"
#include "models/base/turn_log.h"
#include "models/port/decorator.h"

namespace twinpath::emu {

class LoggedPort;

class TurnLog {
 public:
  // Opens the file and writes its beginning. Requires: `recorder` is not started yet.
  TurnLog(Recorder& recorder, const std::string& path, std::string_view header_json,
          std::uint8_t core = 0);

  void begin_turn(Stage& stage);
  // After the turn was published; `end` is when the core was free again.
  struct Ended {
    Instant now;
    Instant end;
    std::size_t stage_index;
  };
  void end_turn(Stage& stage, const Ended& ended);
  [[nodiscard]] bool is_complete() const { return stream_.is_complete(); }
  [[nodiscard]] std::uint64_t turns() const { return turns_; }

 private:
  friend class LoggedPort;
  void frame(std::uint16_t port, Instant at, std::span<const std::byte> bytes);
  void sent(std::uint16_t port, std::span<const std::byte> bytes);
  template <typename T>
  void put(const T& value) {
    stream_.write(std::as_bytes(std::span(&value, 1)));
  }

  RecorderStream& stream_;
  std::uint8_t core_;
  std::uint64_t turns_ = 0;
  std::vector<LoggedPort*> ports_;
  std::array<std::uint64_t, kLoggedInputs> before_{};
};

// The outermost decorator of a port: notes each frame as its Stage gets it and gives it away.
class LoggedPort final : public PortDecorator {
 public:
  // Requires: before the first turn; `number` is not taken yet in this log.
  template <typename PortType>
  LoggedPort(PortType& inner_port, TurnLog& log, std::uint16_t number)
      : PortDecorator(inner_port), log_(log), number_(number) {
    log.ports_.push_back(this);
  }
  std::size_t rx_burst(std::span<BufPtr> out) override;
  std::size_t tx_burst(std::span<BufPtr> frames) override;
  [[nodiscard]] std::size_t tx_room() const override;

 private:
  friend class TurnLog;
  TurnLog& log_;
  std::uint16_t number_;
  mutable std::size_t least_room_ = kBurst;  // the Stage was told of in this turn
};

}  // namespace twinpath::emu
