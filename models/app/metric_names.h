// Every metric a run may record, by name: what a plan may ask for. Those of time series and of an
// emulator's core stand with who records them (bindings/plan/series.cc, bindings/emu/recording.cc).
#pragma once

#include <array>
#include <string_view>

#include "models/app/metrics.h"

namespace twinpath {

inline constexpr std::array kMetricNames{
    metric::kGoodput.name,
    metric::kThroughput.name,
    metric::kFct.name,
    metric::kConnect.name,
    metric::kBytes.name,
    metric::kSentBytes.name,
    metric::kRequests.name,
    metric::kRequestRate.name,
    metric::kFailures.name,
    metric::kVerifyErrors.name,
    metric::kLatency.name,
    metric::kLatencyP50.name,
    metric::kLatencyP99.name,
    metric::kDatagrams.name,
    metric::kDuplicates.name,
    metric::kLostFraction.name,
    metric::kRetransmits.name,
    metric::kTimeouts.name,
    metric::kSrtt.name,
    metric::kRxFrames.name,
    metric::kTxFrames.name,
    metric::kRxBytes.name,
    metric::kTxBytes.name,
    metric::kHostDrops.name,
    metric::kCoreBusy.name,
    std::string_view("cwnd_bytes"),
    std::string_view("tcp_srtt_s"),
    std::string_view("delivery_rate_bps"),
    std::string_view("cpu_s"),
    std::string_view("busy_s"),
    std::string_view("turns"),
    std::string_view("sleeps"),
    std::string_view("timer_lag_ns"),
};

}  // namespace twinpath
