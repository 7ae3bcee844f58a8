// A core's worth of Stages that exercises every rule of rings: `take` moves frames from port 0 into
// a blocking ring of two slots, more than fits; `answer` takes one per turn and sends it back;
// `take` also tells a lossy ring of two slots, whose reader `audit` is a timer-only Stage that
// looks every 5 us and sends what it saw and what was dropped out of port 1.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "models/base/host_stage.h"
#include "models/base/ring.h"
#include "models/wire/byte_order.h"
#include "tests/twin/experiment.h"

namespace twinpath::test {

class Pipeline final : public StageSet {
 public:
  static constexpr PortId kPorts = 2;

  Pipeline(std::span<Port* const> ports, BufPool& pool)
      : take_(*ports[0], frames_.outlet(), notes_.outlet()),
        answer_(frames_.inlet(), *ports[0]),
        audit_(notes_, *ports[1], pool) {}

  [[nodiscard]] std::vector<Stage*> stages() override { return {&take_, &answer_, &audit_}; }
  void set_waker(Waker& core) override {
    frames_.outlet().set_waker(&core);
    frames_.inlet().set_waker(&core);
    notes_.outlet().set_waker(&core);
    notes_.inlet().set_waker(&core);
  }

 private:
  class Take final : public Stage {
   public:
    Take(Port& port, Outlet<PacketBuf*>& frames, Outlet<std::uint32_t>& notes)
        : port_(port), frames_(frames), notes_(notes) {}
    [[nodiscard]] std::string_view name() const override { return "take"; }
    [[nodiscard]] std::span<Input* const> inputs() override { return inputs_; }
    Work run(Turn& turn) override {
      port_.begin_turn(turn.outbox);
      std::array<BufPtr, kBurst> burst;
      const std::size_t wanted = std::min<std::size_t>(turn.budget, kBurst);
      const std::size_t count = port_.rx_burst(std::span(burst).first(wanted));
      for (BufPtr& frame : std::span(burst).first(count)) {
        notes_.push(turn.outbox, frame->len);
        frames_.push(turn.outbox, frame.release());
      }
      return {static_cast<std::uint32_t>(count), port_.ready()};
    }

   private:
    StagePort port_;
    std::array<Input*, 1> inputs_{&port_};
    Outlet<PacketBuf*>& frames_;
    Outlet<std::uint32_t>& notes_;
  };

  class Answer final : public Stage {
   public:
    Answer(Inlet<PacketBuf*>& frames, Port& port)
        : frames_(frames), inputs_{&frames}, port_(port) {}
    [[nodiscard]] std::string_view name() const override { return "answer"; }
    [[nodiscard]] std::span<Input* const> inputs() override { return inputs_; }
    Work run(Turn& turn) override {
      port_.begin_turn(turn.outbox);
      if (frames_.available() == 0) return {};
      BufPtr frame(frames_.pop(turn.outbox));
      std::swap_ranges(frame->data(), frame->data() + 6, frame->data() + 6);
      port_.tx_burst(std::span(&frame, 1));
      return {1, frames_.available() > 0};
    }

   private:
    Inlet<PacketBuf*>& frames_;
    std::array<Input*, 1> inputs_;
    StagePort port_;
  };

  class Audit final : public Stage {
   public:
    Audit(Ring<std::uint32_t>& notes, Port& port, BufPool& pool)
        : notes_(notes), port_(port), pool_(pool) {}
    [[nodiscard]] std::string_view name() const override { return "audit"; }
    [[nodiscard]] Instant next_deadline() override { return next_; }
    Work run(Turn& turn) override {
      port_.begin_turn(turn.outbox);
      next_ = turn.now + std::chrono::microseconds(5);
      while (notes_.inlet().available() > 0) seen_bytes_ += notes_.inlet().pop(turn.outbox);
      BufPtr report(pool_.take());
      const auto bytes = report->push_back(60);
      std::fill(bytes.begin(), bytes.end(), std::byte{0xaa});
      store_be64(bytes.data() + 14, seen_bytes_);
      store_be64(bytes.data() + 22, notes_.outlet().dropped());
      port_.tx_burst(std::span(&report, 1));
      return {1, false};
    }

   private:
    Ring<std::uint32_t>& notes_;
    StagePort port_;
    BufPool& pool_;
    Instant next_ = at_ns(2500);
    std::uint64_t seen_bytes_ = 0;
  };

  Ring<PacketBuf*> frames_{2};
  Ring<std::uint32_t> notes_{2, RingPolicy::kLossy};
  Take take_;
  Answer answer_;
  Audit audit_;
};

}  // namespace twinpath::test
