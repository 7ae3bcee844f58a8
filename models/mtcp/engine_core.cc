// Either arrangement from one configuration.
#include "models/mtcp/engine_core.h"

namespace twinpath {

EngineCore::EngineCore(const EngineCoreConfig& config, Port& port, BufPool& pool)
    : chunks_({.capacity_bytes = kChunkBytes, .headroom_bytes = 0, .bufs_max = kChunksMax}) {
  CHECK(validate_fields(config.jobs).empty());
  const std::string& name = config.host.name;
  if (config.engine.threads == EngineThreads::kTwo) {
    rings_ = std::make_unique<JobRings>(config.jobs.slots, JobRingsPools{chunks_, pool});
    const JobHostConfig host{config.host, config.tcp, config.jobs.job_batch};
    job_host_ = std::make_unique<JobHost>(host, pool, *rings_);
    const AppStageConfig apps{name + "/apps", config.host.seed, config.jobs};
    app_stage_ = std::make_unique<AppStage>(apps, *rings_, chunks_);
  } else {
    app_host_ = std::make_unique<AppHost>(config.host, config.tcp, pool);
  }
  if (has_rss(port.caps())) {
    port_rule_.emplace(port.caps());
    ip().tcp().set_port_rule(&*port_rule_);
  }
  Host& host = job_host_ ? static_cast<Host&>(*job_host_) : *app_host_;
  stack_ = std::make_unique<EngineStage>(name, config.engine, host, port, job_host_.get());
}

AppRunner& EngineCore::apps() { return app_stage_ ? app_stage_->apps() : app_host_->runner(); }

IpHost& EngineCore::ip() { return job_host_ ? job_host_->ip() : app_host_->ip(); }

void EngineCore::set_job_wakers(const JobWakers& wakers) {
  if (rings_) set_wakers(*rings_, wakers);
}

}  // namespace twinpath
