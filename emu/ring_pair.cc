// rte_eth_from_rings() makes a device of given rings; the vdev "net_ring0" can only loop to itself.
#include "emu/ring_pair.h"

#include <rte_errno.h>
#include <rte_eth_ring.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include "emu/setup_error.h"

namespace twinpath::emu {
namespace {

rte_ring* make_ring(const std::string& name, std::uint32_t slots) {
  rte_ring* ring = rte_ring_create(name.c_str(), slots, static_cast<int>(rte_socket_id()),
                                   RING_F_SP_ENQ | RING_F_SC_DEQ);
  if (ring == nullptr) {
    throw SetupError("no memory for a ring of " + std::to_string(slots) + " frames (" +
                         rte_strerror(rte_errno) + ")",
                     "");
  }
  return ring;
}

}  // namespace

RingPair::RingPair(Eal& eal, const RingPairOptions& options) : options_(options) {
  const OutputGuard guard(eal.log_fd());
  towards_a_ = make_ring("tp_" + options.name + "_a", options.slots);
  towards_b_ = make_ring("tp_" + options.name + "_b", options.slots);
  const unsigned socket = rte_socket_id();
  const int a =
      rte_eth_from_rings((options.name + "_a").c_str(), &towards_a_, 1, &towards_b_, 1, socket);
  const int b =
      rte_eth_from_rings((options.name + "_b").c_str(), &towards_b_, 1, &towards_a_, 1, socket);
  if (a < 0 || b < 0) {
    throw SetupError("DPDK could not make the ring devices (" + eal.last_words() + ")", "");
  }
}

RingPair::~RingPair() {
  for (rte_ring* ring : {towards_a_, towards_b_}) {
    for (void* frame = nullptr; rte_ring_dequeue(ring, &frame) == 0;) {
      rte_pktmbuf_free(static_cast<rte_mbuf*>(frame));
    }
    rte_ring_free(ring);
  }
}

}  // namespace twinpath::emu
