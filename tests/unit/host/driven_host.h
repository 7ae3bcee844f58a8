// A host driven by hand: frames go in, frames come out, time passes.
#pragma once

#include <gtest/gtest.h>

#include <span>
#include <vector>

#include "models/base/heap_pool.h"
#include "models/host/ip_host.h"

namespace twinpath::test {

class DrivenHostTest : public ::testing::Test {
 protected:
  explicit DrivenHostTest(const HostConfig& made) : host_(made, TcpConfig(), pool_) {}

  void receive(BufPtr frame) { host_.on_rx(now_, 0, std::span(&frame, 1)); }
  std::vector<BufPtr> sent() {
    std::vector<BufPtr> frames(64);
    frames.resize(host_.poll_tx(now_, 0, frames));
    return frames;
  }
  void pass(Duration time) {
    const Instant end = now_ + time;
    while (host_.next_deadline() <= end) {
      now_ = host_.next_deadline();
      host_.on_time(now_);
    }
    now_ = end;
  }

  HeapPool pool_;
  IpHost host_;
  Instant now_ = kStart;
};

}  // namespace twinpath::test
