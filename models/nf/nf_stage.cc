// Bursts through a network function.
#include "models/nf/nf_stage.h"

#include <algorithm>
#include <utility>

namespace twinpath {

NfStage::NfStage(std::string name, NetworkFunction& function, std::span<Port* const> ports,
                 ContractId contract)
    : name_(std::move(name)), function_(function), contract_(contract) {
  for (Port* port : ports) ports_.emplace_back(*port);
  for (StagePort& port : ports_) inputs_.push_back(&port);
}

// Each port one burst at most, a different one first each time: no port can starve another.
Work NfStage::run(Turn& turn) {
  for (StagePort& port : ports_) port.begin_turn(turn.outbox);
  Work work;
  for (std::size_t i = 0; i < ports_.size() && work.items < turn.budget; ++i) {
    const std::size_t in = (next_ + i) % ports_.size();
    const std::size_t frames = std::min(std::size_t{turn.budget} - work.items, kBurst);
    work.items += static_cast<std::uint32_t>(serve(turn, {static_cast<PortId>(in), frames}));
  }
  next_ = ports_.empty() ? 0 : (next_ + 1) % ports_.size();
  work.more = std::any_of(ports_.begin(), ports_.end(), [](auto& port) { return port.ready(); });
  return work;
}

std::size_t NfStage::serve(Turn& turn, const Share& share) {
  std::array<BufPtr, kBurst> burst;
  const std::size_t count = ports_[share.in].rx_burst(std::span(burst).first(share.frames_max));
  for (const BufPtr& frame : std::span(burst).first(count)) function_.prefetch(*frame);
  for (BufPtr& frame : std::span(burst).first(count)) {
    Probe probe;
    const Verdict verdict = function_.process(turn.now, share.in, *frame, probe);
    turn.ledger.add(contract_, probe);
    carry_out(verdict, std::move(frame));
  }
  return count;
}

void NfStage::carry_out(const Verdict& verdict, BufPtr frame) {
  ++counters_.packets;
  if (verdict.action == Verdict::Action::kDrop) {
    ++counters_.dropped;
  } else if (verdict.out >= ports_.size()) {
    ++counters_.bad_port;
  } else {
    const std::size_t sent = ports_[verdict.out].tx_burst(std::span(&frame, 1));
    ++(sent == 1 ? counters_.forwarded : counters_.no_room);
  }
}

}  // namespace twinpath
