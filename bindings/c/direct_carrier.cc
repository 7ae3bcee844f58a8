// The plain carrier: the caller's calls are all that ever happens.
#include <algorithm>
#include <array>

#include "bindings/c/carrier.h"
#include "models/base/heap_pool.h"
#include "models/wire/ethernet.h"

namespace twinpath::bind {
namespace {

// Room in front of what leaves, and behind it for the longest packet of the longest link.
constexpr std::uint32_t kHeadroomBytes = 128;
static_assert(kHeadroomBytes >= IpHost::kHeadroomBytes);
constexpr std::uint32_t kLinkBytes = 18;    // Ethernet and one VLAN tag
constexpr std::uint32_t kSpareBytes = 128;  // TCP counts with its longest header
constexpr std::uint32_t kLongestFrameBytes = 65535 + kLinkBytes;

std::uint32_t longest_mtu(const HostConfig& config) {
  std::uint32_t mtu_bytes = 0;
  for (const InterfaceConfig& interface : config.interfaces) {
    mtu_bytes = std::max(mtu_bytes, interface.mtu_bytes);
  }
  return mtu_bytes;
}

class DirectCarrier final : public Carrier {
 public:
  DirectCarrier(const EmbeddedConfig& config, FrameSink& sink)
      : frame_bytes_(longest_mtu(config.host) + kLinkBytes + kSpareBytes),
        pool_({.capacity_bytes = kHeadroomBytes + frame_bytes_, .headroom_bytes = kHeadroomBytes}),
        host_(config.host, config.tcp, pool_),
        ports_(static_cast<PortId>(config.ports())),
        sink_(sink) {}

  IpHost& host() override { return host_; }
  [[nodiscard]] Instant now() const override { return now_; }
  [[nodiscard]] Instant next_deadline() override { return std::max(now_, host_.next_deadline()); }
  bool advance(Instant until) override;
  bool inject(PortId port, std::span<const std::byte> frame) override;
  void flush() override {
    for (PortId port = 0; port < ports_; ++port) flush_port(port);
  }

 private:
  void flush_port(PortId port);

  std::uint32_t frame_bytes_;  // longest of our links
  HeapPool pool_;
  // Frames longer than any link of ours carries are rare: their buffers are apart, so that ordinary
  // ones weigh what they hold.
  HeapPool long_frames_{{.capacity_bytes = kHeadroomBytes + kLongestFrameBytes,
                         .headroom_bytes = kHeadroomBytes,
                         .bufs_max = 1U << 14}};
  IpHost host_;
  PortId ports_;
  FrameSink& sink_;
  Instant now_ = kStart;
};

bool DirectCarrier::advance(Instant until) {
  std::uint32_t turns = 0;
  while (host_.next_deadline() <= until) {
    const Instant due = std::max(now_, host_.next_deadline());
    turns = due > now_ ? 0 : turns + 1;
    if (turns > kTurnsMax) return false;
    now_ = due;
    host_.on_time(now_);
    flush();
  }
  now_ = until;
  flush();
  return true;
}

bool DirectCarrier::inject(PortId port, std::span<const std::byte> frame) {
  const bool fits = frame.size() <= frame_bytes_;
  BufPtr buf((fits ? pool_ : long_frames_).take());
  if (buf == nullptr) return false;
  const auto into = buf->push_back(static_cast<std::uint32_t>(frame.size()));
  std::copy(frame.begin(), frame.end(), into.begin());
  host_.on_rx(now_, port, {&buf, 1});
  host_.on_time(now_);
  flush();
  return true;
}

void DirectCarrier::flush_port(PortId port) {
  std::array<BufPtr, 1> frame;
  // Bounded by the sink's room.
  while (sink_.has_room() && host_.poll_tx(now_, port, frame) == 1) {
    sink_.on_frame(now_, port, frame[0]->bytes());
    frame[0].reset();
  }
}

}  // namespace

std::unique_ptr<Carrier> make_carrier(const EmbeddedConfig& config, FrameSink& sink) {
  return std::make_unique<DirectCarrier>(config, sink);
}

}  // namespace twinpath::bind
