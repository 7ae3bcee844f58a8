// The rows of a finished run: scalars, drops by cause, fingerprints and their chunks, captures.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "analysis/store/sqlite_sink.h"
#include "bindings/plan/event_stream.h"
#include "bindings/plan/events.h"
#include "bindings/plan/series.h"
#include "bindings/plan/worker.h"
#include "bindings/sim/world.h"

namespace twinpath::bind {

using SeriesRecorders = std::deque<SeriesRecorder>;

// One recorder per host of ours if the plan asks for time series.
SeriesRecorders record_series(World& world, ResultSink& sink);
using EventRecorders = std::deque<EventRecorder>;
// The events that the plan wants kept.
EventRecorders record_events(World& world, store::SqliteSink& sink);
// Tells the parent of the events of every host of ours.
void tell_events(World& world, EventStream& events);

// The simulated links and their ports, whose fingerprints are appended. How many frames arrived.
std::uint64_t record_links(World& world, store::SqliteSink& sink,
                           std::vector<PortFingerprint>& fingerprints);
// Captures are closed and get their rows.
void record_captures(World& world, store::SqliteSink& sink);
// All of that, what hosts dropped, and their flows. Fills in fingerprint, content hash and the
// number of frames.
void record(World& world, store::SqliteSink& sink, RunResult& result);

}  // namespace twinpath::bind
