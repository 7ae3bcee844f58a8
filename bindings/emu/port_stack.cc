// See port_stack.h.
#include "bindings/emu/port_stack.h"

#include <algorithm>
#include <array>

namespace twinpath::bind {

PortStack::PortStack(emu::Eal& eal, emu::MbufPool& pool, const PortStackOptions& options,
                     const Rng& run)
    : options_(options),
      device_(eal, {.device = options.device}, std::array{&pool}),
      ethdev_(device_, 0),
      oversize_(ethdev_),
      link_(options.link ? std::optional<LinkPort>(std::in_place, oversize_, options.link->config,
                                                   run, options.link->name, options.link->host_end)
                         : std::nullopt),
      trace_(link_ ? TracePort(*link_) : TracePort(oversize_)) {
  if (options_.rate_bps > 0) ethdev_.set_cap(emu::RateCap(options_.rate_bps));
}

void PortStack::capture(emu::RecorderStream& stream) {
  pcap_file_.emplace(stream);
  outermost_ = &pcap_.emplace(*outermost_, pcap_file_->writer());
}

void PortStack::capture(PcapngWriter& writer, const PcapngPort::Options& options) {
  outermost_ = &pcapng_.emplace(*outermost_, writer, options);
}

void PortStack::log(emu::TurnLog& log, std::uint16_t number) {
  outermost_ = &logged_.emplace(*outermost_, log, number);
}

void PortStack::advance(Instant now) {
  ethdev_.advance(now);
  outermost_->begin_turn(now);
}

Instant PortStack::next_deadline() const {
  return std::min(ethdev_.next_deadline(), trace_.next_deadline());
}

}  // namespace twinpath::bind
