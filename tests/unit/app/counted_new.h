// How often the test program has allocated with plain new.
#pragma once

#include <cstdint>

namespace twinpath::test {
std::uint64_t allocations();
}
