// A weak pointer, like ns-3's own singletons one per process; the users own the pool.
#include "sim/frame_pool.h"

namespace twinpath::sim {

std::shared_ptr<HeapPool> frame_pool() {
  static std::weak_ptr<HeapPool> current;
  std::shared_ptr<HeapPool> pool = current.lock();
  if (pool == nullptr) {
    pool = std::make_shared<HeapPool>();
    current = pool;
  }
  return pool;
}

}  // namespace twinpath::sim
