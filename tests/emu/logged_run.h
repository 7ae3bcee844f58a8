// A whole turn log in memory, as tests look at it.
#pragma once

#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "models/base/turn_log.h"

namespace twinpath::emu::test {

struct LoggedRun {
  std::string header;
  std::vector<TurnRecord> turns;
  std::map<std::uint16_t, std::vector<std::vector<std::byte>>> frames;  // received, by port
  std::map<std::uint16_t, std::vector<LoggedSent>> sent;
  std::size_t rooms = 0;
  bool is_whole = false;
};

inline LoggedRun read_turn_log(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> text{std::istreambuf_iterator<char>(file), {}};
  LoggedRun run;
  const std::size_t fixed = kTurnLogBegin.size() + sizeof(std::uint32_t);
  if (text.size() < fixed || std::string_view(text.data(), kTurnLogBegin.size()) != kTurnLogBegin)
    return run;
  std::uint32_t length = 0;
  std::memcpy(&length, text.data() + kTurnLogBegin.size(), sizeof(length));
  run.header.assign(text.data() + fixed, length);
  TurnLogReader reader(std::as_bytes(std::span(text)).subspan(fixed + length));
  while (const auto entry = reader.next()) {
    if (const auto* turn = std::get_if<TurnRecord>(&*entry)) run.turns.push_back(*turn);
    if (const auto* frame = std::get_if<LoggedFrame>(&*entry)) {
      run.frames[frame->port].emplace_back(frame->bytes.begin(), frame->bytes.end());
    }
    if (const auto* sent = std::get_if<LoggedSent>(&*entry)) run.sent[sent->port].push_back(*sent);
    if (std::holds_alternative<LoggedRoom>(*entry)) ++run.rooms;
  }
  run.is_whole = reader.is_good();
  return run;
}

}  // namespace twinpath::emu::test
