// What application and stack of one core share when each has a thread of its own: two SPSC rings,
// jobs one way and what became of them the other, and one way home each for the buffers that
// crossed. Nothing else is shared. Read: Jeong et al., "mTCP", NSDI 2014, §3.1 and §3.3.
//
// A buffer crosses only with a single owner. While away it belongs to a pool of the borrower's
// whose give_back() sends it home; the lender counts what is out and lends no more than the ring
// home has slots, so neither end ever waits for the other with a full ring behind it.
#pragma once

#include <cstdint>
#include <tuple>

#include "models/base/field.h"
#include "models/base/ring.h"
#include "models/socket/stack_api.h"

namespace twinpath {

struct JobConfig {
  std::uint32_t slots = 1024;
  std::uint32_t job_batch = 64;
  std::uint32_t event_batch = 64;
  bool batch_sends = true;

  static constexpr auto fields() {
    using C = JobConfig;
    constexpr Limits kBatch{.unit = "jobs", .min = 1, .max = 1024};
    return std::tuple(
        Field{"slots", "of each ring between application and stack; a power of two", &C::slots,
              Limits{.unit = "slots", .min = 64, .max = 65536}},
        Field{"job_batch", "jobs the stack takes in one turn at most", &C::job_batch, kBatch},
        Field{"event_batch", "completions the application hears of in one turn at most",
              &C::event_batch, kBatch},
        Field{"batch_sends", "what goes to one socket in one turn is one job; else a job per call",
              &C::batch_sends});
  }
};

// The buffers of one side that the other holds.
class LentBufs final : public BufPool {
 public:
  // Requires: `home` outlives this.
  LentBufs(BufPool& home, std::uint32_t slots) : home_(home), way_(slots), slots_(slots) {}
  LentBufs(const LentBufs&) = delete;
  LentBufs& operator=(const LentBufs&) = delete;
  // Requires: both sides have ended.
  ~LentBufs() override;

  // The lender's side.
  // Makes the bytes stand in a buffer nobody else has: themselves, or a copy. False: not now; too
  // many are out, or the pool has none for a copy.
  [[nodiscard]] bool lend(Slice& data);
  // Takes back what came home.
  void collect(Outbox& outbox);
  [[nodiscard]] Ring<PacketBuf*>& way() { return way_; }

  // The borrower's side: from now on what is given back goes home by `outbox`; with nullptr, on one
  // thread, directly.
  void set_outbox(Outbox* outbox) { outbox_ = outbox; }
  Slice adopt(Slice data);
  [[nodiscard]] PacketBuf* take() override { return nullptr; }  // its core has a pool of its own
  void give_back(std::span<PacketBuf* const> bufs) noexcept override;

 private:
  void take_home(PacketBuf* buf);

  BufPool& home_;
  Ring<PacketBuf*> way_;
  std::uint32_t slots_;
  std::uint32_t lent_ = 0;  // the lender's count
  Outbox* outbox_ = nullptr;
};

struct JobRingsPools {
  BufPool& application;
  BufPool& stack;
};

struct JobRings {
  // Requires: slots is a power of two; pools outlive this.
  JobRings(std::uint32_t slots, const JobRingsPools& pools)
      : jobs(slots),
        events(slots),
        from_application(pools.application, slots),
        from_stack(pools.stack, slots) {}

  Ring<StackOp> jobs;
  Ring<StackCompletion> events;
  LentBufs from_application;
  LentBufs from_stack;
};

// Who is told when the other side has published.
struct JobWakers {
  Waker* application = nullptr;
  Waker* stack = nullptr;
};
void set_wakers(JobRings& rings, const JobWakers& wakers);

}  // namespace twinpath
