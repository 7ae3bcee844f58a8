// The buffers of a simulation: one pool, because a frame moves from host to host without a copy.
// It lives as long as somebody holds it, so runs that follow each other do not meet.
#pragma once

#include <memory>

#include "models/base/heap_pool.h"

namespace twinpath::sim {

// The pool of the simulation that is being built. Everybody who may hold frames keeps the pointer.
std::shared_ptr<HeapPool> frame_pool();

}  // namespace twinpath::sim
