// The typed part of an event in words, the same wherever events are written.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "models/base/event.h"

namespace twinpath::bind {

// A JSON object: {"before_bytes":14600,...}; times in ns. "{}" for a kind nobody described here.
std::string event_data(std::string_view kind, const EventHeader& header);

// Every kind described here, in alphabetical order.
const std::vector<std::string>& event_kinds();

}  // namespace twinpath::bind
