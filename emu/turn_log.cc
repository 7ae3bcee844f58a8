// Items per input are differences of what each input says was taken from it.
#include "emu/turn_log.h"

#include <algorithm>
#include <limits>

#include "models/base/check.h"
#include "models/port/fingerprint.h"

namespace twinpath::emu {

TurnLog::TurnLog(Recorder& recorder, const std::string& path, std::string_view header_json,
                 std::uint8_t core)
    : stream_(recorder.open(path)), core_(core) {
  stream_.write(std::as_bytes(std::span(kTurnLogBegin)));
  put(static_cast<std::uint32_t>(header_json.size()));
  stream_.write(std::as_bytes(std::span(header_json)));
}

void TurnLog::begin_turn(Stage& stage) {
  const auto inputs = stage.inputs();
  CHECK(inputs.size() <= kLoggedInputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) before_[i] = inputs[i]->taken();
  for (LoggedPort* port : ports_) port->least_room_ = kBurst;
}

void TurnLog::end_turn(Stage& stage, const Ended& ended) {
  for (const LoggedPort* port : ports_) {
    if (port->least_room_ == kBurst) continue;
    put(LogMark{.length = static_cast<std::uint32_t>(port->least_room_),
                .port = port->number_,
                .reserved = 0,
                .kind = LogKind::kRoom});
  }
  constexpr std::int64_t kMost = std::numeric_limits<std::uint32_t>::max();
  TurnRecord record{.now_ns = to_ns(ended.now),
                    .core = core_,
                    .stage = static_cast<std::uint8_t>(ended.stage_index),
                    .items = {},
                    .took_ns = static_cast<std::uint32_t>(
                        std::min<std::int64_t>((ended.end - ended.now).count(), kMost))};
  const auto inputs = stage.inputs();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    record.items[i] = static_cast<std::uint16_t>(inputs[i]->taken() - before_[i]);
  }
  put(record);
  ++turns_;
}

void TurnLog::frame(std::uint16_t port, Instant at, std::span<const std::byte> bytes) {
  put(LogMark{.length = static_cast<std::uint32_t>(bytes.size()),
              .port = port,
              .reserved = 0,
              .kind = LogKind::kFrame});
  put(to_ns(at));
  stream_.write(bytes);
}

void TurnLog::sent(std::uint16_t port, std::span<const std::byte> bytes) {
  put(LogMark{.length = static_cast<std::uint32_t>(bytes.size()),
              .port = port,
              .reserved = 0,
              .kind = LogKind::kSent});
  put(hash_bytes(bytes));
}

std::size_t LoggedPort::rx_burst(std::span<BufPtr> out) {
  const std::size_t got = inner().rx_burst(out);
  for (const BufPtr& frame : out.first(got)) log_.frame(number_, now(), frame->bytes());
  return got;
}

std::size_t LoggedPort::tx_burst(std::span<BufPtr> frames) {
  const std::size_t count = std::min(frames.size(), inner().tx_room());
  for (const BufPtr& frame : frames.first(count)) log_.sent(number_, frame->bytes());
  CHECK(inner().tx_burst(frames.first(count)) == count);
  return count;
}

std::size_t LoggedPort::tx_room() const {
  const std::size_t room = inner().tx_room();
  least_room_ = std::min(least_room_, room);
  return room;
}

}  // namespace twinpath::emu
