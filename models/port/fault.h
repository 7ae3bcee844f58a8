// What an impaired path does to frames: loses, corrupts, duplicates and reorders them. One object
// per direction of a link. Every decision is a function of (seed, link, direction, frame index)
// alone: timing, other links and other kinds of fault cannot shift it, so a seed replays and
// turning one fault on leaves the others where they were.
//
// Burst loss is the two-state chain of Gilbert (BSTJ 1960) and Elliott (BSTJ 1963).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

#include "models/base/field.h"
#include "models/base/packet_buf.h"
#include "models/base/rng.h"
#include "models/base/time.h"

namespace twinpath {

struct FaultConfig {
  double loss = 0;         // all probabilities are per frame
  double burst_enter = 0;  // good to bad state of the chain
  double burst_leave = 0.25;
  double burst_loss = 1;  // while bad
  double corrupt = 0;
  double duplicate = 0;
  double reorder = 0;
  std::uint32_t reorder_frames = 3;              // how many later frames overtake a reordered one
  Duration reorder_hold = Duration(20'000'000);  // and how long it waits for them at most

  static constexpr auto fields() {
    constexpr Limits kFraction{.unit = "1", .min = 0, .max = 1};
    return std::tuple(
        Field{"loss", "probability that a frame is lost", &FaultConfig::loss, kFraction},
        Field{"burst_enter", "probability per frame that a burst of loss begins",
              &FaultConfig::burst_enter, kFraction},
        Field{"burst_leave", "probability per frame that the burst ends; mean length 1 / this",
              &FaultConfig::burst_leave, kFraction},
        Field{"burst_loss", "probability that a frame within a burst is lost",
              &FaultConfig::burst_loss, kFraction},
        Field{"corrupt", "probability that one bit of an IP packet is flipped",
              &FaultConfig::corrupt, kFraction},
        Field{"duplicate", "probability that a frame arrives twice", &FaultConfig::duplicate,
              kFraction},
        Field{"reorder", "probability that a frame is overtaken", &FaultConfig::reorder, kFraction},
        Field{"reorder_frames", "later frames that overtake a reordered one",
              &FaultConfig::reorder_frames, Limits{.unit = "frames", .min = 1, .max = 1000}},
        Field{"reorder_hold", "longest a reordered frame waits to be overtaken",
              &FaultConfig::reorder_hold, Limits{.unit = "ns", .min = 0, .max = 1e10}});
  }
  [[nodiscard]] bool is_none() const {
    return loss == 0 && burst_enter == 0 && corrupt == 0 && duplicate == 0 && reorder == 0;
  }
};

struct FaultCounters {
  std::uint64_t frames = 0;  // that came in
  std::uint64_t lost = 0;
  std::uint64_t lost_in_burst = 0;
  std::uint64_t corrupted = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t not_duplicated = 0;  // meant to be, but the pool was exhausted
  std::uint64_t reordered = 0;
  friend bool operator==(const FaultCounters&, const FaultCounters&) = default;
};

// Why a link took a frame.
enum class LinkDrop : std::uint8_t { kLoss, kBurstLoss, kQueueFull, kInFlightLimit };

// Sees frames that go no further, for captures.
class LinkDropListener {
 public:
  virtual ~LinkDropListener() = default;
  virtual void dropped(Instant now, const PacketBuf& frame, LinkDrop why) = 0;
};

// The stream of one direction of a link, the same under every driver. `from_a` is the direction
// away from the link's end `a`.
Rng link_stream(const Rng& run, std::string_view link, bool from_a);

class FaultProcess {
 public:
  // Requires: validate_fields(config) finds nothing.
  FaultProcess(const FaultConfig& config, const Rng& rng);

  // Appends to `out` what comes of `frame`, in order: nothing, itself, a copy behind it, and frames
  // held back earlier that it completes. At most 2 + kHeldMax frames.
  void pass(Instant now, BufPtr frame, std::vector<BufPtr>& out);
  // Appends held frames that have waited their longest.
  void release(Instant now, std::vector<BufPtr>& out);
  // When release() has something to do; kNever when nothing is held.
  [[nodiscard]] Instant next_deadline() const {
    return held_.empty() ? kNever : held_.front().deadline;
  }
  // Other probabilities from the next frame on, drawn at the same places; a burst that was on goes
  // on. Requires: validate_fields(config) finds nothing.
  void reconfigure(const FaultConfig& config);
  // From now on every frame passes as it is: the end of a fault phase.
  void heal() { none_ = true; }
  [[nodiscard]] bool is_none() const { return none_; }
  // Nobody listens when null. Requires: `listener` outlives its use.
  void set_drop_listener(LinkDropListener* listener) { listener_ = listener; }
  [[nodiscard]] const FaultCounters& counters() const { return counters_; }

  // Held at once; a frame that would be one more passes in order.
  static constexpr std::size_t kHeldMax = 64;

 private:
  // One draw per decision, at a fixed place within the frame's own block of draws.
  enum class Draw : std::uint64_t {
    kLoss,
    kBurstChange,
    kBurstLoss,
    kCorrupt,
    kCorruptBit,
    kDuplicate,
    kReorder,
  };
  static constexpr std::uint64_t kDrawsPerFrame = 8;

  struct Held {
    BufPtr frame;
    std::uint32_t frames_left;
    Instant deadline;
  };

  [[nodiscard]] std::uint64_t draw(Draw which) const {
    return rng_.at(counters_.frames * kDrawsPerFrame + static_cast<std::uint64_t>(which));
  }
  bool is_lost();
  void corrupt(PacketBuf& frame);
  BufPtr duplicate_of(const PacketBuf& frame);
  void overtake(std::vector<BufPtr>& out);

  Rng rng_;
  Probability loss_, burst_enter_, burst_leave_, burst_loss_, corrupt_, duplicate_, reorder_;
  std::uint32_t reorder_frames_ = 1;
  Duration reorder_hold_{};
  bool none_ = true;
  bool in_burst_ = false;
  std::vector<Held> held_;  // oldest first
  FaultCounters counters_;
  LinkDropListener* listener_ = nullptr;
};

}  // namespace twinpath
