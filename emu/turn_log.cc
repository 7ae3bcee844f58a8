// Items per input are differences of what each input says was taken from it.
#include "emu/turn_log.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

#include "emu/setup_error.h"
#include "models/base/check.h"

namespace twinpath::emu {
namespace {

std::vector<std::byte> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw SetupError("there is no turn log " + path, "ls -l " + path);
  const std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

}  // namespace

TurnLog::TurnLog(Recorder& recorder, const std::string& path, std::uint16_t core)
    : turns_(recorder.open(path + ".turns")),
      frames_(recorder.open(path + ".frames")),
      core_(core) {}

void TurnLog::begin_turn(Stage& stage) {
  const auto inputs = stage.inputs();
  CHECK(inputs.size() <= kLoggedInputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) before_[i] = inputs[i]->taken();
}

void TurnLog::end_turn(Stage& stage, Instant now, std::size_t stage_index) {
  TurnRecord record{.now_ns = to_ns(now),
                    .core = core_,
                    .stage = static_cast<std::uint16_t>(stage_index),
                    .items = {}};
  const auto inputs = stage.inputs();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    record.items[i] = static_cast<std::uint16_t>(inputs[i]->taken() - before_[i]);
  }
  turns_.write(std::as_bytes(std::span(&record, 1)));
}

void TurnLog::frame(std::uint16_t port, std::span<const std::byte> bytes) {
  const FrameRecord record{
      .port = port, .reserved = 0, .length_bytes = static_cast<std::uint32_t>(bytes.size())};
  frames_.write(std::as_bytes(std::span(&record, 1)));
  frames_.write(bytes);
}

std::size_t LoggedPort::rx_burst(std::span<BufPtr> out) {
  const std::size_t got = inner_.rx_burst(out);
  for (const BufPtr& frame : out.first(got)) log_.frame(number_, frame->bytes());
  return got;
}

LoggedRun read_turn_log(const std::string& path) {
  LoggedRun run;
  const std::vector<std::byte> turns = read_file(path + ".turns");
  run.turns.resize(turns.size() / sizeof(TurnRecord));
  std::memcpy(run.turns.data(), turns.data(), run.turns.size() * sizeof(TurnRecord));
  const std::vector<std::byte> frames = read_file(path + ".frames");
  std::span<const std::byte> rest(frames);
  while (rest.size() >= sizeof(FrameRecord)) {
    FrameRecord record;
    std::memcpy(&record, rest.data(), sizeof(record));
    rest = rest.subspan(sizeof(record));
    if (rest.size() < record.length_bytes) break;
    const auto bytes = rest.first(record.length_bytes);
    run.frames[record.port].emplace_back(bytes.begin(), bytes.end());
    rest = rest.subspan(record.length_bytes);
  }
  return run;
}

}  // namespace twinpath::emu
