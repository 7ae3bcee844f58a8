// Buffers keep their constant half for life; taking and giving back only resets what a user
// changed.
#include "emu/mbuf_pool.h"

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

#include "emu/mbuf_convert.h"
#include "emu/setup_error.h"

namespace twinpath::emu {
namespace {

void write_constants(rte_mempool* /*pool*/, void* owner, void* object, unsigned /*index*/) {
  auto* mbuf = static_cast<rte_mbuf*>(object);
  auto* buf = new (buf_of(mbuf)) PacketBuf{};
  buf->room = static_cast<std::byte*>(mbuf->buf_addr);
  buf->pool = static_cast<MbufPool*>(owner);
}

}  // namespace

static_assert(sizeof(rte_mbuf) % alignof(PacketBuf) == 0);

MbufPool::MbufPool(const MbufPoolOptions& options) : options_(options) {
  CHECK(options.headroom_bytes == RTE_PKTMBUF_HEADROOM);
  const auto room = static_cast<std::uint16_t>(capacity_bytes());
  pool_ = rte_pktmbuf_pool_create(options.name.c_str(), options.bufs, options.cached,
                                  sizeof(PacketBuf), room, static_cast<int>(rte_socket_id()));
  if (pool_ == nullptr) {
    throw SetupError("no memory for " + std::to_string(options.bufs) + " packet buffers (" +
                         rte_strerror(rte_errno) + "); give DPDK more than it has",
                     "echo 256 | sudo tee /proc/sys/vm/nr_hugepages");
  }
  rte_mempool_obj_iter(pool_, write_constants, this);
}

MbufPool::~MbufPool() {
  CHECK(outstanding() == 0);
  rte_mempool_free(pool_);
}

std::uint32_t MbufPool::outstanding() const { return rte_mempool_in_use_count(pool_); }

PacketBuf* MbufPool::take() {
  rte_mbuf* mbuf = rte_pktmbuf_alloc(pool_);
  if (mbuf == nullptr) {
    ++exhausted_;
    return nullptr;
  }
  return adopt(mbuf, burst_constants(Instant{}, capacity_bytes()));
}

// The mbuf beneath is as rte_pktmbuf_alloc() made it: one reference, one segment, direct. A buffer
// may have been lent as the header of other storage; its own comes back here.
void MbufPool::give_back(std::span<PacketBuf* const> bufs) noexcept {
  for (PacketBuf* buf : bufs) {
    for (PacketBuf* part = buf; part != nullptr;) {
      PacketBuf* next = part->next;
      part->room = static_cast<std::byte*>(mbuf_of(part)->buf_addr);
      rte_mbuf_raw_free(mbuf_of(part));
      part = next;
    }
  }
}

}  // namespace twinpath::emu
