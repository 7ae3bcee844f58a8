// The rows of a finished run: scalars, drops by cause, fingerprints and their chunks, captures.
#pragma once

#include "analysis/store/sqlite_sink.h"
#include "bindings/plan/worker.h"
#include "bindings/sim/world.h"

namespace twinpath::bind {

// Fills in the fingerprint and the number of frames.
void record(World& world, store::SqliteSink& sink, RunResult& result);

}  // namespace twinpath::bind
