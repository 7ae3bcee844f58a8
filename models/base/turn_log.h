// What an emulated core did, turn by turn, so that the simulator can run the same turns again and
// must give the same bytes: 24 bytes a turn beside the frames received.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

namespace twinpath {

inline constexpr std::size_t kLoggedInputs = 6;  // inputs of one Stage that a record can tell apart

struct TurnRecord {
  std::int64_t now_ns = 0;
  std::uint16_t core = 0;
  std::uint16_t stage = 0;
  std::array<std::uint16_t, kLoggedInputs> items{};  // taken per input, in inputs() order
};
static_assert(sizeof(TurnRecord) == 24 && std::is_trivially_copyable_v<TurnRecord>);

}  // namespace twinpath
