// All that one core runs: a host on its queue of the card, the engine that drives it, and the
// applications, in the stack's turn or in turns of their own. Whoever owns the core adds its Stages
// to one thread, or, where there are two, to two.
//
// Cores share nothing. Each has a host of its own with the same addresses, so each listens at the
// same ports, and connects from ports whose answers the card steers to it (rss_ports.h).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "models/app/app_host.h"
#include "models/base/heap_pool.h"
#include "models/mtcp/app_stage.h"
#include "models/mtcp/engine_stage.h"
#include "models/mtcp/rss_ports.h"

namespace twinpath {

struct EngineCoreConfig {
  EngineConfig engine{};
  JobConfig jobs{};
  HostConfig host{};
  TcpConfig tcp{};
};

class EngineCore {
 public:
  // Requires: every configuration is valid, jobs.slots a power of two; as IpHost.
  EngineCore(const EngineCoreConfig& config, Port& port, BufPool& pool);

  [[nodiscard]] Stage& stack() { return *stack_; }
  // nullptr when applications run in the stack's turn.
  [[nodiscard]] Stage* applications() { return app_stage_.get(); }
  [[nodiscard]] AppRunner& apps();
  [[nodiscard]] IpHost& ip();
  // Who to tell of news for either thread. Without two there is nothing to tell.
  void set_job_wakers(const JobWakers& wakers);

 private:
  static constexpr std::uint32_t kChunkBytes = 16384;
  static constexpr std::uint32_t kChunksMax = 4096;

  HeapPool chunks_;
  std::unique_ptr<JobRings> rings_;
  std::unique_ptr<AppHost> app_host_;  // one of these two
  std::unique_ptr<JobHost> job_host_;
  std::unique_ptr<AppStage> app_stage_;
  std::optional<RssPorts> port_rule_;
  std::unique_ptr<EngineStage> stack_;
};

}  // namespace twinpath
