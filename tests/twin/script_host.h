// A host that sends frames by a script and swallows what it receives.
#pragma once

#include <algorithm>
#include <deque>
#include <vector>

#include "models/base/host.h"

namespace twinpath::test {

struct ScriptedFrame {
  Instant at;
  PortId port = 0;
  std::uint32_t length = 60;
  std::uint8_t mark = 0;             // every byte behind the addresses
  std::vector<std::uint8_t> head{};  // and before those, the type and what follows it
};

class ScriptHost final : public Host {
 public:
  // Requires: `script` is in order of time.
  ScriptHost(std::vector<ScriptedFrame> script, BufPool& pool)
      : script_(std::move(script)), pool_(pool) {}

  void on_rx(Instant, PortId, std::span<BufPtr> frames) override {
    for (BufPtr& frame : frames) frame.reset();
  }
  void on_time(Instant now) override {
    while (next_ < script_.size() && script_[next_].at <= now) send(script_[next_++]);
  }
  std::size_t poll_tx(Instant, PortId port, std::span<BufPtr> out) override {
    std::size_t count = 0;
    while (count < out.size() && !ready_.empty() && ready_.front().first == port) {
      out[count++] = std::move(ready_.front().second);
      ready_.pop_front();
    }
    return count;
  }
  [[nodiscard]] Instant next_deadline() override {
    return next_ < script_.size() ? script_[next_].at : kNever;
  }

 private:
  void send(const ScriptedFrame& wanted) {
    BufPtr frame(pool_.take());
    const auto bytes = frame->push_back(wanted.length);
    std::fill(bytes.begin(), bytes.end(), std::byte{wanted.mark});
    std::fill(bytes.begin(), bytes.begin() + 6, std::byte{0x02});
    std::fill(bytes.begin() + 6, bytes.begin() + 12, std::byte{0x04});
    CHECK(12 + wanted.head.size() <= wanted.length);
    for (std::size_t i = 0; i < wanted.head.size(); ++i) bytes[12 + i] = std::byte{wanted.head[i]};
    ready_.emplace_back(wanted.port, std::move(frame));
  }
  std::vector<ScriptedFrame> script_;
  BufPool& pool_;
  std::size_t next_ = 0;
  std::deque<std::pair<PortId, BufPtr>> ready_;
};

}  // namespace twinpath::test
