// Files written by a thread of their own, so that the polling thread never waits for a disk: it
// fills chunks of memory and hands them over by a ring. When all chunks are under way the stream
// ends there (a log with a hole cannot be replayed) and says so.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "models/base/spsc_ring.h"

namespace twinpath::emu {

// The polling thread's end of one file.
class RecorderStream {
 public:
  static constexpr std::size_t kChunkBytes = std::size_t{1} << 18;
  static constexpr std::size_t kChunks = 16;

  // `bell` is rung once per full chunk.
  RecorderStream(int fd, std::atomic<std::uint32_t>& bell);
  RecorderStream(const RecorderStream&) = delete;
  RecorderStream& operator=(const RecorderStream&) = delete;

  // Appends all of it or, once a piece did not fit, nothing ever again. Never blocks.
  void write(std::span<const std::byte> bytes);
  // False once something was left out.
  [[nodiscard]] bool is_complete() const { return complete_; }
  [[nodiscard]] std::uint64_t bytes_left_out() const { return left_out_; }

 private:
  friend class Recorder;
  struct Chunk {
    std::size_t used = 0;
    std::array<std::byte, kChunkBytes> bytes;
  };
  template <typename T>
  struct ChunkRing {
    alignas(64) std::atomic<std::uint64_t> produced{0};
    alignas(64) std::atomic<std::uint64_t> consumed{0};
    std::array<T, kChunks> slots{};
    RingSpan<T> span() { return {&produced, &consumed, slots}; }
  };

  bool next_chunk();
  void hand_over();
  bool drain();  // the recorder's side: false when writing failed

  int fd_;
  std::atomic<std::uint32_t>& bell_;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  ChunkRing<Chunk*> filled_ring_;
  ChunkRing<Chunk*> empty_ring_;
  RingProducer<Chunk*> filled_out_{filled_ring_.span()};
  RingConsumer<Chunk*> filled_in_{filled_ring_.span()};
  RingProducer<Chunk*> empty_out_{empty_ring_.span()};
  RingConsumer<Chunk*> empty_in_{empty_ring_.span()};
  Chunk* current_ = nullptr;
  bool complete_ = true;
  std::uint64_t left_out_ = 0;
  bool failed_ = false;
};

class Recorder {
 public:
  Recorder() = default;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder();

  // Requires: before start(). Throws SetupError when the file cannot be made.
  RecorderStream& open(const std::string& path);
  void start();
  // Requires: no thread writes any more. Everything handed over is on file afterwards; false when
  // the disk refused some of it.
  bool finish();

 private:
  void run();
  bool drain_all();

  std::deque<RecorderStream> streams_;
  std::thread thread_;
  std::atomic<std::uint32_t> bell_{0};
  std::atomic<bool> ending_{false};
};

}  // namespace twinpath::emu
