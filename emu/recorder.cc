// The recorder sleeps on an atomic that rings once per full chunk, not once per record.
#include "emu/recorder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "emu/setup_error.h"

namespace twinpath::emu {
namespace {

bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return true;
}

}  // namespace

RecorderStream::RecorderStream(int fd, std::atomic<std::uint32_t>& bell) : fd_(fd), bell_(bell) {
  static_cast<void>(empty_out_.room());
  for (std::size_t i = 0; i < kChunks; ++i) {
    chunks_.push_back(std::make_unique<Chunk>());
    empty_out_.push(chunks_.back().get());
  }
  empty_out_.publish();
}

bool RecorderStream::next_chunk() {
  if (empty_in_.available() == 0) return false;
  current_ = empty_in_.pop();
  empty_in_.publish();
  current_->used = 0;
  return true;
}

void RecorderStream::hand_over() {
  if (current_ == nullptr) return;
  CHECK(filled_out_.room() > 0);  // as many slots as chunks
  filled_out_.push(std::exchange(current_, nullptr));
  filled_out_.publish();
  bell_.fetch_add(1, std::memory_order_release);
  bell_.notify_one();
}

void RecorderStream::write(std::span<const std::byte> bytes) {
  while (complete_ && !bytes.empty()) {
    if (current_ == nullptr && !next_chunk()) {
      complete_ = false;
      break;
    }
    const std::size_t count = std::min(bytes.size(), kChunkBytes - current_->used);
    std::memcpy(current_->bytes.data() + current_->used, bytes.data(), count);
    current_->used += count;
    bytes = bytes.subspan(count);
    if (current_->used == kChunkBytes) hand_over();
  }
  left_out_ += bytes.size();
}

bool RecorderStream::drain() {
  for (std::size_t count = filled_in_.available(); count > 0; --count) {
    Chunk* chunk = filled_in_.pop();
    filled_in_.publish();
    failed_ = failed_ || !write_all(fd_, std::span(chunk->bytes).first(chunk->used));
    CHECK(empty_out_.room() > 0);
    empty_out_.push(chunk);
    empty_out_.publish();
  }
  return !failed_;
}

Recorder::~Recorder() {
  finish();
  for (RecorderStream& stream : streams_) close(stream.fd_);
}

RecorderStream& Recorder::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) {
    throw SetupError("cannot write " + path + ": " + std::strerror(errno), "df -h; ls -ld " + path);
  }
  return streams_.emplace_back(fd, bell_);
}

void Recorder::start() {
  thread_ = std::thread([this] { run(); });
}

bool Recorder::drain_all() {
  bool whole = true;
  for (RecorderStream& stream : streams_) whole = stream.drain() && whole;
  return whole;
}

void Recorder::run() {
  while (!ending_.load(std::memory_order_acquire)) {
    const std::uint32_t rung = bell_.load(std::memory_order_acquire);
    drain_all();
    if (!ending_.load(std::memory_order_acquire)) bell_.wait(rung, std::memory_order_acquire);
  }
}

bool Recorder::finish() {
  for (RecorderStream& stream : streams_) stream.hand_over();
  ending_.store(true, std::memory_order_release);
  bell_.fetch_add(1, std::memory_order_release);
  bell_.notify_one();
  if (thread_.joinable()) thread_.join();
  return drain_all();
}

}  // namespace twinpath::emu
