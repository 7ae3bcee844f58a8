// What stands behind a TwinpathHost: a host in its carrier, its sockets with what Linux keeps per
// descriptor, its epoll sets, and the frames that wait to be taken.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "bindings/c/carrier.h"
#include "models/socket/poller.h"
#include "models/socket/sockets.h"

namespace twinpath::bind {

// Per descriptor, beside what the stack keeps.
struct Descriptor {
  int domain = 0;
  int type = 0;
  int protocol = 0;
  int flags = 0;      // O_NONBLOCK, as fcntl() reads it
  bool more = false;  // the last send said MSG_MORE: corked until one does not
};

struct OutboundFrame {
  Instant at;
  PortId port = 0;
  std::vector<std::byte> bytes;
};

class EmbeddedHost final : private FrameSink {
 public:
  explicit EmbeddedHost(const EmbeddedConfig& config)
      : raw_(config.raw), carrier_(make_carrier(config, *this)), sockets_(carrier_->host()) {}

  [[nodiscard]] Instant clock() const { return carrier_->now(); }
  // What socket calls hand to the stack.
  [[nodiscard]] Instant now() const { return carrier_->host_now(); }
  [[nodiscard]] bool is_real_time() const { return carrier_->is_real_time(); }
  [[nodiscard]] Instant next_deadline() { return carrier_->next_deadline(); }
  bool advance(Instant until) { return carrier_->advance(until); }
  // After every call that may have given the stack something to send.
  void flush() { carrier_->flush(); }

  [[nodiscard]] std::size_t ports() const { return raw_.size(); }
  // `frame` as the interface has it, with or without Ethernet. False: no buffer for it.
  bool inject(PortId port, std::span<const std::byte> frame);
  // The frame that waits longest; nullptr: none.
  [[nodiscard]] const OutboundFrame* front() const { return out_.empty() ? nullptr : &out_[0]; }
  void pop_front();

  [[nodiscard]] Sockets& sockets() { return sockets_; }
  [[nodiscard]] IpHost& host() { return carrier_->host(); }
  // nullptr: no such socket.
  Descriptor* descriptor(int fd);
  void adopt(Fd fd, const Descriptor& descriptor);
  void forget(int fd) { descriptors_.erase(fd); }

  // Epoll sets have descriptors far from the sockets'.
  int open_epoll();
  Poller* epoll(int fd);
  bool close_epoll(int fd) { return epolls_.erase(fd) == 1; }

  static constexpr std::size_t kOutboundFramesMax = 4096;
  static constexpr int kEpollBase = 1 << 24;
  static constexpr std::size_t kEpollsMax = 1024;

 private:
  [[nodiscard]] bool has_room() const override { return out_.size() < kOutboundFramesMax; }
  void on_frame(Instant at, PortId port, std::span<const std::byte> frame) override;

  std::vector<bool> raw_;
  std::deque<OutboundFrame> out_;
  std::unique_ptr<Carrier> carrier_;
  Sockets sockets_;
  std::map<int, Descriptor> descriptors_;
  std::map<int, std::unique_ptr<Poller>> epolls_;
};

}  // namespace twinpath::bind
