// The other end of a wire as a models Host, for carriers that have real wires: it sends what the
// caller injects and hands on what arrives.
#pragma once

#include <algorithm>
#include <deque>
#include <span>

#include "bindings/c/carrier.h"
#include "models/base/heap_pool.h"
#include "models/base/host.h"

namespace twinpath::bind {

class PeerHost final : public Host {
 public:
  // `port` is the one of the host at the wire's other end.
  PeerHost(FrameSink& sink, PortId port) : sink_(sink), port_(port) {}

  // False: no buffer.
  bool inject(std::span<const std::byte> frame) {
    BufPtr buf(pool_.take());
    if (buf == nullptr) return false;
    const auto into = buf->push_back(static_cast<std::uint32_t>(frame.size()));
    std::copy(frame.begin(), frame.end(), into.begin());
    out_.push_back(std::move(buf));
    return true;
  }
  void on_rx(Instant now, PortId, std::span<BufPtr> frames) override {
    for (BufPtr& frame : frames) {
      arrived_.push_back({now - origin_ + kStart, std::move(frame)});
    }
    hand_on();
  }
  void on_time(Instant) override {}
  std::size_t poll_tx(Instant, PortId, std::span<BufPtr> out) override {
    std::size_t count = 0;
    for (; count < out.size() && !out_.empty(); ++count) {
      out[count] = std::move(out_.front());
      out_.pop_front();
    }
    return count;
  }
  [[nodiscard]] Instant next_deadline() override { return kNever; }

  // What arrived, as far as the sink has room.
  void hand_on() {
    for (; !arrived_.empty() && sink_.has_room(); arrived_.pop_front()) {
      sink_.on_frame(arrived_.front().at, port_, arrived_.front().frame->bytes());
    }
  }
  // When the caller's clock began.
  void set_origin(Instant origin) { origin_ = origin; }

 private:
  struct Arrived {
    Instant at;
    BufPtr frame;
  };
  // Room for the longest frame anybody may inject.
  HeapPool pool_{{.capacity_bytes = 128 + 65535 + 18, .bufs_max = 1U << 12}};
  FrameSink& sink_;
  PortId port_;
  Instant origin_ = kStart;
  std::deque<BufPtr> out_;       // bounded by the pool
  std::deque<Arrived> arrived_;  // bounded by the pool of the host at the other end
};

}  // namespace twinpath::bind
