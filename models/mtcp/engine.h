// The turn of a per-core stack as mTCP has it: a batch of frames is received and processed, then
// the applications are told once, then what all of that made to send leaves as one batch, control
// segments first, acknowledgements next, data last. Each trick can be switched off, so that its
// worth can be measured. A batch is what waits, never waited for: a lonely connection is served as
// soon as its frame is there. Read: Jeong et al., "mTCP", NSDI 2014, §3.2 and §4.
#pragma once

#include <array>
#include <cstdint>
#include <tuple>

#include "models/base/field.h"
#include "models/base/host.h"

namespace twinpath {

inline constexpr std::size_t kEngineBatchMax = 256;

// Applications within the stack's turn, or on a thread of their own behind job queues.
enum class EngineThreads : std::uint8_t { kOne, kTwo };
inline constexpr std::array<const char*, 2> kEngineThreadsNames = {"one", "two"};

struct EngineConfig {
  EngineThreads threads = EngineThreads::kOne;
  std::uint32_t rx_batch = 32;
  std::uint32_t tx_batch = 32;
  bool batch_events = true;
  bool batch_transmit = true;
  bool prioritise = true;

  static constexpr auto fields() {
    using C = EngineConfig;
    constexpr Limits kBatch{.unit = "frames", .min = 1, .max = kEngineBatchMax};
    return std::tuple(
        Field{"threads", "one: applications run in the stack's turn; two: on a thread of their own",
              &C::threads, Limits{.choices = kEngineThreadsNames}},
        Field{"rx_batch", "frames received in one turn at most", &C::rx_batch, kBatch},
        Field{"tx_batch", "frames ordered and sent together at most", &C::tx_batch, kBatch},
        Field{"batch_events", "applications run once per batch; else after every frame",
              &C::batch_events},
        Field{"batch_transmit", "send once per turn; else, as applications run, after every frame",
              &C::batch_transmit},
        Field{"prioritise", "control, then acknowledgements, then data; else as they were made",
              &C::prioritise});
  }
};

// Control before acknowledgements before data, in their order within each; no frame overtakes one
// of its own flow. Requires: at most kEngineBatchMax frames.
void order_by_class(std::span<BufPtr> frames);

// Drives one Host on its only port. Who drives the host this way must not pump() it.
class Engine {
 public:
  // Requires: validate_fields(config) finds nothing; `host` and `port` outlive it.
  Engine(const EngineConfig& config, Host& host, Port& port);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // One turn, at most `frames_max` received; frames moved either way.
  PumpWork run(Instant now, std::size_t frames_max = kEngineBatchMax);
  [[nodiscard]] Instant next_deadline() { return host_.next_deadline(); }

 private:
  std::size_t receive(std::size_t frames_max);
  std::size_t send(Instant now);

  EngineConfig config_;
  Host& host_;
  Port& port_;
  std::array<BufPtr, kEngineBatchMax> received_;
  std::array<BufPtr, kEngineBatchMax> leaving_;
};

}  // namespace twinpath
