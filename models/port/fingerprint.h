// What "the same run" means, as a number. The fingerprint of a run is made of one chained hash per
// port and direction over (instant, length, bytes) of every frame, sorted by port, so it does not
// depend on how ports interleave. The content hash leaves time out: it compares a live emulation
// with a simulation, where the same things happen at other instants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/base/hash.h"
#include "models/base/time.h"
#include "models/port/decorator.h"

namespace twinpath {

// Hash of a frame's bytes. Own design, not cryptographic: four lanes take 16 bytes each by a 64 x
// 64
// -> 128 bit multiplication folded in half (the "mum" of Wang Yi's wyhash), so no lane waits for
// another; the length enters last, which tells a short tail from zeros. 12 bytes per cycle at 1514.
std::uint64_t hash_bytes(std::span<const std::byte> bytes);

inline constexpr std::uint64_t kFingerprintChunkFrames = 10'000;

// A chain's value behind some frame, and when that frame passed.
struct FrameChunk {
  Instant at;
  std::uint64_t value = 0;
  friend bool operator==(const FrameChunk&, const FrameChunk&) = default;
};

// The chain of one port and direction.
class FrameChain {
 public:
  void add(Instant at, std::span<const std::byte> frame) {
    add_hashed(at, frame.size(), hash_bytes(frame));
  }
  // For a frame whose hash_bytes() is known already, as at the far end of a link that left it
  // whole.
  void add_hashed(Instant at, std::size_t len, std::uint64_t bytes_hash) {
    // The stamp is mixed beside the chain, so a link of the chain costs one mix.
    const std::uint64_t stamp = hash_pair({static_cast<std::uint64_t>(to_ns(at)), len});
    state_ = mix64(state_ + (stamp ^ bytes_hash));
    last_at_ = at;
    if (++frames_ % kFingerprintChunkFrames == 0) chunks_.push_back({at, state_});
  }
  [[nodiscard]] std::uint64_t value() const { return state_; }
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  // Behind the last frame; kStart and 0 while there was none.
  [[nodiscard]] FrameChunk last() const { return {last_at_, state_}; }
  // Behind each kFingerprintChunkFrames frames: where two runs first part.
  [[nodiscard]] std::span<const FrameChunk> chunks() const { return chunks_; }

 private:
  std::uint64_t state_ = 0;
  std::uint64_t frames_ = 0;
  Instant last_at_ = kStart;
  std::vector<FrameChunk> chunks_;  // 16 bytes per 10,000 frames
};

struct PortFingerprint {
  std::string port;  // the entity path: "client/eth0"
  Direction direction = Direction::kReceive;
  std::uint64_t frames = 0;
  std::uint64_t chain = 0;
};

// Order of `ports` does not matter. Requires: no (port, direction) twice.
std::uint64_t run_fingerprint(std::span<const PortFingerprint> ports);

// As users see it: 16 hexadecimal digits.
std::string fingerprint_text(std::uint64_t value);

// What an application or connection did, without when.
struct ContentItem {
  std::string_view type;  // an event's dotted path
  std::uint64_t flow = 0;
  std::uint64_t seq = 0;
  std::uint64_t len = 0;
};

// A sum over items, each of which says where in its flow it belongs: the order in which they come
// does not matter, and no flow needs memory. Of amounts, not of the bytes themselves.
class ContentHash {
 public:
  void add(const ContentItem& item);
  // Everything of `other`, which stands at `place`: two places that swap their parts are no match.
  void add(std::string_view place, const ContentHash& other);
  [[nodiscard]] std::uint64_t value() const;
  [[nodiscard]] std::uint64_t items() const { return items_; }

 private:
  std::uint64_t sum_ = 0;
  std::uint64_t items_ = 0;
};

}  // namespace twinpath
