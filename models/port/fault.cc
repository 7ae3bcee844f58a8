// The fault process of one direction.
#include "models/port/fault.h"

#include <cstring>

#include "models/base/check.h"
#include "models/wire/ethernet.h"

namespace twinpath {

Rng link_stream(const Rng& run, std::string_view link, bool from_a) {
  return run.fork("link").fork(link).fork(from_a ? "a" : "b");
}

FaultProcess::FaultProcess(const FaultConfig& config, const Rng& rng) : rng_(rng.fork("fault")) {
  reconfigure(config);
}

void FaultProcess::reconfigure(const FaultConfig& config) {
  CHECK(config.reorder_frames >= 1 && config.reorder_hold >= Duration::zero());
  // Frames that are held know their deadline; those must stay in order.
  CHECK(held_.empty() || config.reorder_hold == reorder_hold_);
  loss_ = Probability::of(config.loss);
  burst_enter_ = Probability::of(config.burst_enter);
  burst_leave_ = Probability::of(config.burst_leave);
  burst_loss_ = Probability::of(config.burst_loss);
  corrupt_ = Probability::of(config.corrupt);
  duplicate_ = Probability::of(config.duplicate);
  reorder_ = Probability::of(config.reorder);
  reorder_frames_ = config.reorder_frames;
  reorder_hold_ = config.reorder_hold;
  none_ = config.is_none();
}

void FaultProcess::pass(Instant now, BufPtr frame, std::vector<BufPtr>& out) {
  if (none_) {
    ++counters_.frames;
    out.push_back(std::move(frame));
    return;
  }
  const std::uint64_t lost_before = counters_.lost;
  const bool lost = is_lost();
  const bool duplicated = duplicate_.hit(draw(Draw::kDuplicate));
  const bool reordered = reorder_.hit(draw(Draw::kReorder)) && held_.size() < kHeldMax;
  if (!lost && corrupt_.hit(draw(Draw::kCorrupt))) corrupt(*frame);
  ++counters_.frames;
  if (lost) {
    const LinkDrop why = counters_.lost != lost_before ? LinkDrop::kLoss : LinkDrop::kBurstLoss;
    if (listener_ != nullptr) listener_->dropped(now, *frame, why);
    return;
  }
  if (reordered) {
    ++counters_.reordered;
    held_.push_back({std::move(frame), reorder_frames_, after(now, reorder_hold_)});
    return;
  }
  BufPtr copy = duplicated ? duplicate_of(*frame) : nullptr;
  out.push_back(std::move(frame));
  if (copy) out.push_back(std::move(copy));
  overtake(out);
}

bool FaultProcess::is_lost() {
  if (loss_.hit(draw(Draw::kLoss))) {
    ++counters_.lost;
    return true;
  }
  if (burst_enter_.is_never()) return false;
  const Probability change = in_burst_ ? burst_leave_ : burst_enter_;
  if (change.hit(draw(Draw::kBurstChange))) in_burst_ = !in_burst_;
  if (!in_burst_ || !burst_loss_.hit(draw(Draw::kBurstLoss))) return false;
  ++counters_.lost_in_burst;
  return true;
}

// One bit: the likeliest damage and the hardest to notice. Only bytes that a checksum of IP or its
// payload covers or that routing depends on: the wire's own check sequence catches everything that
// happens between two devices, so damage that arrives was done behind it, inside a box that handled
// a packet. Frames of other types (ARP has no checksum at all) stay whole.
void FaultProcess::corrupt(PacketBuf& frame) {
  const auto view = EthernetView::parse(frame.bytes());
  if (!view || view->payload().empty()) return;
  if (view->ethertype() != EtherType::kIpv4 && view->ethertype() != EtherType::kIpv6) return;
  const std::uint64_t bits = 8 * view->payload().size();
  const auto bit =
      static_cast<std::size_t>((static_cast<Uint128>(draw(Draw::kCorruptBit)) * bits) >> 64);
  frame.bytes()[view->header_len() + bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
  // The device vouched for bytes that are no longer there.
  frame.flags = static_cast<std::uint16_t>(frame.flags & ~kChecksumVerified);
  ++counters_.corrupted;
}

BufPtr FaultProcess::duplicate_of(const PacketBuf& frame) {
  BufPtr copy(frame.pool->take());
  if (!copy || copy->tailroom() < frame.len) {
    ++counters_.not_duplicated;
    return nullptr;
  }
  std::memcpy(copy->push_back(frame.len).data(), frame.data(), frame.len);
  copy->arrived = frame.arrived;
  copy->flow_hash = frame.flow_hash;
  copy->l3_offset = frame.l3_offset;
  copy->l4_offset = frame.l4_offset;
  copy->flags = frame.flags;
  ++counters_.duplicated;
  return copy;
}

// One more frame has gone by; those that waited for it follow, oldest first.
void FaultProcess::overtake(std::vector<BufPtr>& out) {
  if (held_.empty()) return;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < held_.size(); ++i) {
    if (--held_[i].frames_left == 0) {
      out.push_back(std::move(held_[i].frame));
    } else {
      if (kept != i) held_[kept] = std::move(held_[i]);
      ++kept;
    }
  }
  held_.resize(kept);
}

void FaultProcess::release(Instant now, std::vector<BufPtr>& out) {
  std::size_t due = 0;
  // All waits are equally long, so the oldest end first.
  while (due < held_.size() && held_[due].deadline <= now)
    out.push_back(std::move(held_[due++].frame));
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(due));
}

}  // namespace twinpath
