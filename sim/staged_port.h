// A port whose output belongs to a Stage's outbox: on a modelled core a frame leaves when the turn
// that made it has been paid for, not when the code ran.
#pragma once

#include <algorithm>
#include <vector>

#include "models/base/outbox.h"
#include "models/base/port.h"

namespace twinpath::sim {

class StagedPort final : public Port, public RingEnd {
 public:
  // Requires: `inner` outlives this; set_outbox() before the first frame is sent.
  explicit StagedPort(Port& inner) : inner_(inner) {}
  void set_outbox(Outbox& outbox) { outbox_ = &outbox; }

  [[nodiscard]] PortCaps caps() const override { return inner_.caps(); }
  std::size_t rx_burst(std::span<BufPtr> out) override { return inner_.rx_burst(out); }
  [[nodiscard]] std::size_t tx_room() const override {
    const std::size_t room = inner_.tx_room();
    return room > staged_.size() ? room - staged_.size() : 0;
  }
  std::size_t tx_burst(std::span<BufPtr> frames) override {
    const std::size_t count = std::min(frames.size(), tx_room());
    for (BufPtr& frame : frames.first(count)) staged_.push_back(std::move(frame));
    if (count > 0) outbox_->touch(*this);
    return count;
  }
  bool publish() override {
    std::size_t sent = 0;
    while (sent < staged_.size()) {
      const std::size_t count = inner_.tx_burst(std::span(staged_).subspan(sent));
      if (count == 0) break;
      sent += count;
    }
    staged_.erase(staged_.begin(), staged_.begin() + static_cast<std::ptrdiff_t>(sent));
    return staged_.empty();
  }

 private:
  Port& inner_;
  Outbox* outbox_ = nullptr;
  std::vector<BufPtr> staged_;  // at most what the inner port had room for
};

}  // namespace twinpath::sim
