// Two LinkModels back to back, and who is told when they have something.
#include "sim/direct_link.h"

#include "models/base/check.h"
#include "sim/packet_copy.h"
#include "sim/sim_time.h"

namespace twinpath::sim {

// The pool comes first: frames under way must go home before it.
struct DirectLink::Wire {
  std::shared_ptr<HeapPool> pool = frame_pool();
  DirectLinkConfig config;
  std::array<LinkModel, 2> from;       // by the end that sends
  std::array<PortOwner*, 2> owners{};  // by the end that is told
  std::array<FrameChain, 2> sent;      // by the end that sends
  std::array<FrameChain, 2> received;  // by the end that receives
  std::array<bool, 2> changed{};       // reconfigured: frames under way may be of either kind
  // Hashes of frames under way, by the end that sends; unused when faults may change frames.
  std::array<Fifo<std::uint64_t>, 2> hashes{Fifo<std::uint64_t>(LinkModel::kInFlightMax),
                                            Fifo<std::uint64_t>(LinkModel::kInFlightMax)};

  Wire(const DirectLinkConfig& options, const Rng& run)
      : config(options),
        from{LinkModel(options.from_a, link_stream(run, options.name, true)),
             LinkModel(options.from_b, link_stream(run, options.name, false))} {}

  // What the end sent arrives as it was, so that its hash need not be computed again.
  [[nodiscard]] bool keeps_frames_whole(std::size_t end) const {
    return !changed[end] && from[end].config().faults.is_none();
  }
};

class DirectLink::End final : public SimPort {
 public:
  End(std::shared_ptr<Wire> wire, std::size_t index) : wire_(std::move(wire)), index_(index) {}

  void set_owner(PortOwner* owner) override { wire_->owners[index_] = owner; }
  [[nodiscard]] PortCaps caps() const override {
    PortCaps caps;
    caps.mtu_bytes = wire_->config.mtu_bytes;
    return caps;
  }
  [[nodiscard]] std::size_t tx_room() const override { return kBurst; }
  [[nodiscard]] Instant next_arrival() const override { return incoming().next_deadline(); }
  std::size_t rx_burst(std::span<BufPtr> out) override {
    const Instant now = sim_now();
    const std::size_t count = incoming().collect(now, out);
    if (wire_->config.fingerprint) {
      for (const BufPtr& frame : out.first(count)) note_received(now, *frame);
    }
    return count;
  }
  std::size_t tx_burst(std::span<BufPtr> frames) override {
    const Instant now = sim_now();
    for (BufPtr& frame : frames) send(now, std::move(frame));
    PortOwner* far = wire_->owners[1 - index_];
    if (far != nullptr) far->frames_at(outgoing().next_deadline());
    return frames.size();
  }

 private:
  [[nodiscard]] LinkModel& outgoing() { return wire_->from[index_]; }
  [[nodiscard]] LinkModel& incoming() { return wire_->from[1 - index_]; }
  [[nodiscard]] const LinkModel& incoming() const { return wire_->from[1 - index_]; }

  void note_received(Instant now, const PacketBuf& frame) {
    Fifo<std::uint64_t>& hashes = wire_->hashes[1 - index_];
    const std::uint64_t hash =
        wire_->keeps_frames_whole(1 - index_) ? hashes.pop_front() : hash_bytes(frame.bytes());
    wire_->received[index_].add_hashed(now, frame.len, hash);
  }
  void send(Instant now, BufPtr frame) {
    if (!wire_->config.fingerprint) return offer(now, std::move(frame));
    const std::uint64_t hash = hash_bytes(frame->bytes());
    wire_->sent[index_].add_hashed(now, frame->len, hash);
    const std::size_t before = outgoing().in_flight();
    offer(now, std::move(frame));
    if (wire_->keeps_frames_whole(index_) && outgoing().in_flight() > before) {
      wire_->hashes[index_].push_back(hash);
    }
  }
  void offer(Instant now, BufPtr frame) {
    PortOwner* near = wire_->owners[index_];
    PortOwner* far = wire_->owners[1 - index_];
    const bool near_traces = near != nullptr && near->wants_drops();
    const bool far_traces = far != nullptr && far->wants_drops();
    if (!near_traces && !far_traces) {
      outgoing().offer(now, std::move(frame));
      return;
    }
    offer_traced(now, std::move(frame));
  }

  // The model takes the frame and counts; what it counted tells what became of the copy.
  void offer_traced(Instant now, BufPtr frame) {
    const auto packet = to_ns3(frame->bytes());
    const LinkModel& link = outgoing();
    const auto lost = [&link] { return link.faults().lost + link.faults().lost_in_burst; };
    const std::uint64_t lost_before = lost();
    const std::uint64_t queue_before = link.counters().dropped_queue;
    outgoing().offer(now, std::move(frame));
    PortOwner* near = wire_->owners[index_];
    PortOwner* far = wire_->owners[1 - index_];
    if (link.counters().dropped_queue != queue_before && near != nullptr) near->tx_dropped(packet);
    if (lost() != lost_before && far != nullptr) far->rx_dropped(packet);
  }

  std::shared_ptr<Wire> wire_;
  std::size_t index_;
};

DirectLink::DirectLink(const DirectLinkConfig& config, const Rng& run)
    : wire_(std::make_shared<Wire>(config, run)),
      ends_{std::make_shared<End>(wire_, 0), std::make_shared<End>(wire_, 1)} {}

std::shared_ptr<SimPort> DirectLink::end(std::size_t index) {
  CHECK(index < 2);
  return ends_[index];
}

const LinkModel& DirectLink::direction_from(std::size_t index) const {
  CHECK(index < 2);
  return wire_->from[index];
}

void DirectLink::reconfigure(std::size_t index, const LinkConfig& config) {
  CHECK(index < 2);
  wire_->changed[index] = true;
  wire_->from[index].reconfigure(config);
}

std::uint64_t DirectLink::queued_bytes(std::size_t index) {
  CHECK(index < 2);
  return wire_->from[index].queued_bytes(sim_now());
}

void DirectLink::set_drop_listener(std::size_t index, LinkDropListener* listener) {
  CHECK(index < 2);
  wire_->from[index].set_drop_listener(listener);
}

const FrameChain& DirectLink::chain(std::size_t index, Direction direction) const {
  CHECK(index < 2);
  return direction == Direction::kReceive ? wire_->received[index] : wire_->sent[index];
}

const std::string& DirectLink::name() const { return wire_->config.name; }

}  // namespace twinpath::sim
