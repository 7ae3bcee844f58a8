// The burst loops. Per frame they touch the mbuf's first line, which the driver has just written or
// is about to read, and one line of PacketBuf.
#include "emu/ethdev_port.h"

#include <rte_ethdev.h>

#include <algorithm>
#include <cstring>

#include "emu/mbuf_convert.h"

namespace twinpath::emu {

EthdevPort::EthdevPort(Device& device, std::uint16_t queue)
    : device_(device), pool_(device.pool(queue)), id_(device.id()), queue_(queue) {}

EthdevPort::~EthdevPort() {
  rte_pktmbuf_free_bulk(wait_list_.data(), static_cast<unsigned>(waiting_));
}

PortCaps EthdevPort::caps() const {
  const DeviceOptions& options = device_.options();
  return {.mtu_bytes = options.mtu_bytes,
          .rx_descriptors = options.rx_descriptors,
          .tx_descriptors = options.tx_descriptors,
          .queue = queue_,
          .queues = options.queues};
}

std::size_t EthdevPort::rx_burst(std::span<BufPtr> out) {
  if (waiting_ != 0) push_waiting();
  std::array<rte_mbuf*, kBurst> mbufs;
  const auto want = static_cast<std::uint16_t>(std::min(out.size(), kBurst));
  const std::uint16_t got = rte_eth_rx_burst(id_, queue_, mbufs.data(), want);
  const BurstConstants constants = burst_constants(now_, pool_.capacity_bytes());
  for (std::uint16_t i = 0; i < got; ++i) out[i].reset(adopt(mbufs[i], constants));
  stats_.rx_frames += got;
  return got;
}

std::size_t EthdevPort::tx_burst(std::span<BufPtr> frames) {
  if (waiting_ != 0) push_waiting();
  std::array<rte_mbuf*, kBurst> mbufs;
  const std::size_t taken = std::min(frames.size(), tx_room());
  if (cap_.is_set()) {
    for (const BufPtr& frame : frames.first(taken)) cap_.spend(now_, frame->len);
  }
  std::uint16_t ready = 0;
  while (ready < taken && frames[ready]->pool == &pool_) {
    mbufs[ready] = release(frames[ready].release());
    ++ready;
  }
  for (std::size_t i = ready; i < taken; ++i) {
    const bool own = frames[i]->pool == &pool_;
    mbufs[ready] = own ? release(frames[i].release()) : copy_foreign(std::move(frames[i]));
    if (mbufs[ready] != nullptr) ++ready;
  }
  const std::uint16_t sent =
      waiting_ != 0 ? std::uint16_t{0} : rte_eth_tx_burst(id_, queue_, mbufs.data(), ready);
  stats_.tx_frames += sent;
  if (sent < ready) keep_waiting(std::span(mbufs).subspan(sent, ready - std::size_t{sent}));
  return taken;
}

// A frame of another pool (the heap, another core's mbufs) is copied, or its buffer would be freed
// into the wrong core's cache. Rare: per-core pools make it the exception.
rte_mbuf* EthdevPort::copy_foreign(BufPtr frame) {
  BufPtr copy(pool_.take());
  if (copy == nullptr || frame->len > copy->tailroom()) {
    ++stats_.tx_dropped;
    return nullptr;
  }
  ++stats_.tx_copied;
  std::memcpy(copy->push_back(frame->len).data(), frame->data(), frame->len);
  return release(copy.release());
}

void EthdevPort::keep_waiting(std::span<rte_mbuf* const> rest) {
  ++stats_.tx_waited;
  std::copy(rest.begin(), rest.end(), wait_list_.begin() + static_cast<std::ptrdiff_t>(waiting_));
  waiting_ += rest.size();
}

void EthdevPort::push_waiting() {
  const std::uint16_t sent =
      rte_eth_tx_burst(id_, queue_, wait_list_.data(), static_cast<std::uint16_t>(waiting_));
  stats_.tx_frames += sent;
  std::copy(wait_list_.begin() + sent, wait_list_.begin() + static_cast<std::ptrdiff_t>(waiting_),
            wait_list_.begin());
  waiting_ -= sent;
}

}  // namespace twinpath::emu
