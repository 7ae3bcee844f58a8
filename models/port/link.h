// One direction of a link as pure arithmetic: a drop-tail queue that can mark (RFC 3168), a
// transmitter of a given rate, the faults of the path, propagation with jitter. The simulator's
// direct links, the emulator's links and `twinpath impair` all are this object, so a link means the
// same under both clocks.
//
// Order of effects: queue, transmitter, faults, propagation. Loss therefore happens on the wire and
// has used the link's capacity, as on a real one; put a loss before the queue by a link of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <tuple>
#include <vector>

#include "models/base/field.h"
#include "models/base/packet_buf.h"
#include "models/base/rng.h"
#include "models/base/time.h"
#include "models/port/fault.h"
#include "models/port/fifo.h"

namespace twinpath {

struct LinkConfig {
  std::uint64_t rate_bps = 0;  // 0 = takes no time
  Duration delay{};
  Duration jitter{};                   // added on top, uniform in [0, jitter]; never reorders
  std::uint64_t queue_bytes = 262144;  // frames waiting behind the one being sent
  std::uint32_t overhead_bytes = 0;    // per frame on the wire; Ethernet's full 24 if wanted
  // RFC 8257 §3.1: a frame that finds more than this waiting is marked, if it can be; 0 = never.
  std::uint64_t ecn_threshold_bytes = 0;
  FaultConfig faults{};

  static constexpr auto fields() {
    return std::tuple(
        Field{"rate_bps", "rate of the transmitter; 0 sends in no time", &LinkConfig::rate_bps,
              Limits{.unit = "bit/s", .min = 0, .max = 1e12}},
        Field{"delay", "propagation delay", &LinkConfig::delay,
              Limits{.unit = "ns", .min = 0, .max = 1e12}},
        Field{"jitter", "added to the delay, uniform from 0; never reorders", &LinkConfig::jitter,
              Limits{.unit = "ns", .min = 0, .max = 1e12}},
        Field{"queue_bytes", "drop-tail limit of frames waiting to be sent",
              &LinkConfig::queue_bytes, Limits{.unit = "B", .min = 0, .max = 1e12}},
        Field{"overhead_bytes", "preamble, check sequence and gap counted per frame",
              &LinkConfig::overhead_bytes, Limits{.unit = "B", .min = 0, .max = 1000}},
        Field{"ecn_threshold_bytes",
              "with more waiting, ECN-capable frames are marked; 0 marks none",
              &LinkConfig::ecn_threshold_bytes, Limits{.unit = "B", .min = 0, .max = 1e12}});
  }
};

// Everything wrong with a link, its faults included.
std::vector<Problem> validate(const LinkConfig& config);

struct LinkCounters {
  std::uint64_t offered = 0;
  std::uint64_t offered_bytes = 0;
  std::uint64_t dropped_queue = 0;      // the queue's bytes were used up
  std::uint64_t dropped_in_flight = 0;  // LinkModel::kInFlightMax
  std::uint64_t marked = 0;             // congestion experienced
  std::uint64_t delivered = 0;          // collected
  std::uint64_t delivered_bytes = 0;
  std::uint64_t queue_bytes_peak = 0;
  friend bool operator==(const LinkCounters&, const LinkCounters&) = default;
};

class LinkModel {
 public:
  // Frames between offer() and collect(); named so that a link without rate or queue limit is
  // bounded too.
  static constexpr std::size_t kInFlightMax = std::size_t{1} << 20;

  // `rng` is link_stream(). Requires: validate(config) finds nothing.
  LinkModel(const LinkConfig& config, const Rng& rng);

  // A frame reaches the queue. Requires: `now` never goes back.
  void offer(Instant now, BufPtr frame);
  // Moves out frames due by `now`, oldest first; each carries its due instant in `arrived`.
  std::size_t collect(Instant now, std::span<BufPtr> out);
  // When collect() next has something; kNever when nothing is under way.
  [[nodiscard]] Instant next_deadline() const {
    const Instant due = in_flight_.empty() ? kNever : in_flight_.front().due;
    return due < held_deadline() ? due : held_deadline();
  }

  // Another configuration for frames offered from now on; those under way, queued ones included,
  // keep their instants, and nothing overtakes them. Requires: validate(config) finds nothing, and
  // reorder_hold is as it was.
  void reconfigure(const LinkConfig& config);
  void heal() { faults_.heal(); }
  // Hears of every frame that goes no further; nobody when null.
  void set_drop_listener(LinkDropListener* listener) {
    listener_ = listener;
    faults_.set_drop_listener(listener);
  }

  // Frames offered and not yet collected or lost, those a fault holds back aside.
  [[nodiscard]] std::size_t in_flight() const { return in_flight_.size(); }
  [[nodiscard]] const LinkConfig& config() const { return config_; }
  [[nodiscard]] const LinkCounters& counters() const { return counters_; }
  [[nodiscard]] const FaultCounters& faults() const { return faults_.counters(); }
  // Bytes that waited when the last frame was offered, that one included if it does.
  [[nodiscard]] std::uint64_t waiting_bytes() const { return waiting_bytes_; }
  // Bytes waiting at `now`, the frame being sent not counted.
  [[nodiscard]] std::uint64_t queued_bytes(Instant now);

 private:
  struct InFlight {
    Instant due{};
    BufPtr frame;
  };
  struct Waiting {
    Instant starts{};  // when its transmission begins
    std::uint32_t bytes = 0;
  };

  void tell_dropped(Instant now, const PacketBuf& frame, LinkDrop why) {
    if (listener_ != nullptr) listener_->dropped(now, frame, why);
  }
  // When the last bit of a frame that joins the queue now will have left; nothing when it is full.
  // Frames that find the queue too long are marked.
  std::optional<Instant> transmit(Instant now, PacketBuf& frame);
  void mark(PacketBuf& frame, std::uint64_t queued);
  Duration transmission_time(std::uint32_t frame_bytes);
  void launch(Instant arrives, BufPtr frame);
  void release_held(Instant now);
  void fetch_ahead() const;
  [[nodiscard]] Duration jitter_draw() const;
  [[nodiscard]] Instant held_deadline() const { return faults_.next_deadline(); }

  LinkConfig config_;
  Rng jitter_rng_;
  FaultProcess faults_;
  Fifo<InFlight> in_flight_{kInFlightMax};
  Fifo<Waiting> waiting_{kInFlightMax};
  std::uint64_t waiting_bytes_ = 0;
  Instant busy_until_ = Instant::min();
  std::uint64_t bit_remainder_ = 0;  // numerator left over, so that rates are exact in the long run
  Instant last_due_ = Instant::min();
  std::vector<BufPtr> passed_;  // scratch
  LinkCounters counters_;
  LinkDropListener* listener_ = nullptr;
};

}  // namespace twinpath
