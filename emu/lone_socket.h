// DPDK's af_packet driver puts the socket of a single queue into a fanout group too. For a group
// the kernel dissects and hashes every frame and looks twice for room: a third of what a frame
// costs it. While one of these lives, what the driver's thread opens joins no group.
#pragma once

namespace twinpath::emu {

class LoneSocket {
 public:
  // False in `is_alone`: nothing changes. Requires: the driver is loaded, else nothing changes.
  explicit LoneSocket(bool is_alone);
  ~LoneSocket();
  LoneSocket(const LoneSocket&) = delete;
  LoneSocket& operator=(const LoneSocket&) = delete;
};

}  // namespace twinpath::emu
