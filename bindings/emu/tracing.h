// What an emulation leaves beside its rows: captures per port, one pcapng of everything, the turn
// log that `twinpath replay` runs again. All of it goes through the recorder's thread.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analysis/store/sqlite_sink.h"
#include "bindings/emu/bed.h"
#include "bindings/emu/port_stack.h"
#include "bindings/plan/capture.h"
#include "bindings/plan/plan.h"
#include "bindings/plan/worker.h"
#include "emu/turn_log.h"
#include "models/app/app_host.h"
#include "models/port/fingerprint.h"

namespace twinpath::bind {

using PortStacks = std::deque<std::unique_ptr<PortStack>>;
using AppHosts = std::vector<AppHost*>;

class Tracing {
 public:
  // Opens what the job asks for, around the ports. Requires: before the first turn. Throws
  // SetupError and PlanError.
  Tracing(const Job& job, const Bed& bed, emu::Recorder& recorder, const PortStacks& ports,
          const AppHosts& hosts);
  Tracing(const Tracing&) = delete;
  Tracing& operator=(const Tracing&) = delete;

  // nullptr when nobody asked for one.
  [[nodiscard]] emu::TurnLog* turn_log() { return turn_log_.get(); }
  // A row per file. Requires: the recorder has finished; `written` is what it said. A file that is
  // not whole makes `result` a failure.
  void record(store::SqliteSink& sink, const std::vector<PortFingerprint>& fingerprints,
              bool written, RunResult& result);

 private:
  void open_captures();
  void open_pcapng(const AppHosts& hosts);
  void open_turn_log();
  void end_turn_log(const std::vector<PortFingerprint>& fingerprints, const RunResult& result);

  const Job& job_;
  const Bed& bed_;
  emu::Recorder& recorder_;
  const PortStacks& ports_;
  std::optional<StreamSink> pcapng_file_;
  std::optional<PcapngCapture> pcapng_;
  std::unique_ptr<emu::TurnLog> turn_log_;
};

}  // namespace twinpath::bind
