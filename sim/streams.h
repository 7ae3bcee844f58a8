// Seeds from ns-3's random-number plan: a function of RngSeedManager's seed and run, the stream
// number a script assigns, and the component's name. No draw of ours touches an ns-3 stream.
#pragma once

#include <cstdint>
#include <string_view>

namespace twinpath::sim {

// `stream` as AssignStreams gives it; -1 = not assigned, the name alone tells components apart.
std::uint64_t stream_seed(std::int64_t stream, std::string_view component);

}  // namespace twinpath::sim
