// DCTCP: the window shrinks by how much of it was marked, not by half. Read RFC 8257 §3.
#pragma once

#include <cstdint>

#include "models/base/time.h"
#include "models/tcp/reno.h"
#include "models/tcp/window_sample.h"

namespace twinpath::tcp {

// Growth and the answer to loss are Reno's (RFC 8257 §3.3 (9) and §3.5).
class Dctcp : public Reno {
 public:
  // Every acknowledgement of new data, whatever state the connection is in.
  void observe(const AckSample& sample);
  [[nodiscard]] std::uint32_t ssthresh_after_mark(const CongestionWindow& window) const;
  // The share of what was sent that was marked, in kAlphaOne-ths.
  [[nodiscard]] std::uint32_t alpha() const { return alpha_; }

  template <typename Visit>
  void visit(Visit&& visitor) {
    Reno::visit(visitor);
    visitor(window_end_), visitor(acked_bytes_), visitor(marked_bytes_), visitor(alpha_);
    visitor(has_window_);
  }

  static constexpr std::uint32_t kAlphaOne = 1U << 20;

 private:
  SeqNum window_end_;
  std::uint32_t acked_bytes_ = 0;
  std::uint32_t marked_bytes_ = 0;
  std::uint32_t alpha_ = kAlphaOne;  // RFC 8257 §4.2: until something is known, react as to a loss
  bool has_window_ = false;
};

}  // namespace twinpath::tcp
