// A host whose applications are elsewhere: its sockets are worked by jobs. In each turn it takes
// the jobs that wait behind the frames and hands over, in one batch, what has completed.
#pragma once

#include "models/host/ip_host.h"
#include "models/mtcp/job_queues.h"
#include "models/socket/host_stack.h"
#include "models/socket/sockets_extras.h"

namespace twinpath {

struct JobHostConfig {
  HostConfig host{};
  TcpConfig tcp{};
  std::uint32_t job_batch = 64;
};

class JobHost final : public Host {
 public:
  // Requires: as IpHost; `rings` outlives this.
  JobHost(const JobHostConfig& config, BufPool& pool, JobRings& rings)
      : job_batch_(config.job_batch),
        ip_(config.host, config.tcp, pool),
        sockets_(ip_),
        extras_(sockets_),
        stack_(sockets_, {&extras_, &pool}),
        server_(rings, stack_) {}
  JobHost(const JobHost&) = delete;
  JobHost& operator=(const JobHost&) = delete;
  ~JobHost() override { server_.end(); }

  void begin_turn(Outbox& outbox) { server_.begin_turn(outbox); }
  [[nodiscard]] JobServer& jobs() { return server_; }

  void on_rx(Instant now, PortId port, std::span<BufPtr> frames) override {
    ip_.on_rx(now, port, frames);
  }
  void on_time(Instant now) override;
  std::size_t poll_tx(Instant now, PortId port, std::span<BufPtr> out) override;
  [[nodiscard]] Instant next_deadline() override { return ip_.next_deadline(); }

  [[nodiscard]] IpHost& ip() { return ip_; }

 private:
  std::uint32_t job_batch_;
  IpHost ip_;
  Sockets sockets_;
  SocketsExtras extras_;
  HostStack stack_;
  JobServer server_;
};

}  // namespace twinpath
