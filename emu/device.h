// One DPDK device, by name or PCI address: "net_ring0", "net_af_packet0,iface=veth0",
// "0000:03:00.0". Opened, configured and started here; its queue pairs are EthdevPorts. Hardware
// needs no other code.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "emu/eal.h"
#include "emu/mbuf_pool.h"

namespace twinpath::emu {

struct DeviceOptions {
  std::string device{};
  std::uint16_t queues = 1;
  std::uint16_t rx_descriptors = 1024;  // taken down to what the device offers
  std::uint16_t tx_descriptors = 1024;
  std::uint16_t mtu_bytes = 1500;
};

// Totals since start; frames, except where said. What a device does not count stays 0.
struct DeviceStats {
  std::uint64_t rx_frames = 0;
  std::uint64_t tx_frames = 0;
  std::uint64_t rx_missed = 0;  // dropped by the device or the kernel below it: nobody took them
  std::uint64_t rx_errors = 0;
  std::uint64_t rx_no_buffer = 0;  // dropped because the pool was empty
  std::uint64_t tx_errors = 0;
};

// What a started device and its cable say about themselves.
struct DeviceFacts {
  std::string driver;  // as DPDK names it: "net_ixgbe"
  bool link_up = false;
  std::uint64_t speed_bps = 0;  // 0: unknown
  int numa_node = -1;           // -1: none
  std::uint16_t queues_max = 0;
  std::uint16_t mtu_bytes = 0;
};

class Device {
 public:
  // `pools`: one per queue pair. Throws SetupError: no such device or interface, no permission, a
  // device that cannot do what is asked.
  Device(Eal& eal, const DeviceOptions& options, std::span<MbufPool* const> pools);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device();

  [[nodiscard]] std::uint16_t id() const { return id_; }
  [[nodiscard]] const DeviceOptions& options() const { return options_; }
  [[nodiscard]] std::array<std::uint8_t, 6> mac() const;
  [[nodiscard]] DeviceStats stats() const;
  [[nodiscard]] DeviceFacts facts() const;
  // Becomes readable when frames wait, so that an idle worker can sleep on it; -1 when the device
  // has no such thing and must be polled.
  [[nodiscard]] int wake_fd() const { return wake_fd_; }
  [[nodiscard]] MbufPool& pool(std::uint16_t queue) { return *pools_.at(queue); }

 private:
  void probe();
  void configure();
  void find_wake_fd();

  Eal& eal_;
  DeviceOptions options_;
  std::string name_;
  std::vector<MbufPool*> pools_;
  std::uint16_t id_ = 0;
  bool probed_ = false;
  int wake_fd_ = -1;
  mutable std::uint64_t kernel_drops_ = 0;
};

}  // namespace twinpath::emu
