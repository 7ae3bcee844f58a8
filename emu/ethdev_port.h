// A Port over one queue pair of a DPDK device. Frames stay in their mbufs both ways.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>

#include "emu/clocked.h"
#include "emu/device.h"
#include "emu/rate_cap.h"
#include "models/base/port.h"

struct rte_mbuf;

namespace twinpath::emu {

// What this queue pair moved; frames, except where said.
struct EthdevPortStats {
  std::uint64_t rx_frames = 0;
  std::uint64_t tx_frames = 0;
  std::uint64_t tx_waited = 0;  // times the device was full and frames waited in the port
  std::uint64_t tx_copied = 0;  // frames of foreign pools, copied into this queue's pool
  std::uint64_t tx_dropped =
      0;  // of those, dropped because the pool was exhausted or they were too long
};

class EthdevPort final : public Port, public Clocked {
 public:
  EthdevPort(Device& device, std::uint16_t queue);
  EthdevPort(const EthdevPort&) = delete;
  EthdevPort& operator=(const EthdevPort&) = delete;
  ~EthdevPort() override;

  [[nodiscard]] PortCaps caps() const override;
  std::size_t rx_burst(std::span<BufPtr> out) override;
  std::size_t tx_burst(std::span<BufPtr> frames) override;
  // Never more than one burst: DPDK has no call for a queue's free places, so what the device does
  // not take waits here, and nothing more is accepted meanwhile.
  [[nodiscard]] std::size_t tx_room() const override {
    return cap_.is_open(now_) ? kBurst - waiting_ : 0;
  }
  // Never sends faster from now on, but for one burst.
  void set_cap(RateCap cap) { cap_ = cap; }

  // Offers waiting frames to the device again; every burst does it too.
  void push_waiting();
  // The instant stamped on received frames.
  void advance(Instant now) override { now_ = now; }
  // Waiting frames want another try soon.
  [[nodiscard]] Instant next_deadline() const override {
    const Instant retry = waiting_ == 0 ? kNever : now_ + kRetry;
    return cap_.is_open(now_) ? retry : std::min(retry, cap_.opens_at());
  }
  [[nodiscard]] const EthdevPortStats& stats() const { return stats_; }
  [[nodiscard]] Device& device() { return device_; }

 private:
  static constexpr Duration kRetry = std::chrono::microseconds(20);

  rte_mbuf* copy_foreign(BufPtr frame);
  void keep_waiting(std::span<rte_mbuf* const> rest);

  Device& device_;
  MbufPool& pool_;
  std::uint16_t id_;
  std::uint16_t queue_;
  Instant now_{};
  RateCap cap_;
  std::size_t waiting_ = 0;
  std::array<rte_mbuf*, kBurst> wait_list_{};
  EthdevPortStats stats_;
};

}  // namespace twinpath::emu
