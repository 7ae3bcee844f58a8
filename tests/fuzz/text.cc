// Addresses and prefixes as text: what is read prints to something that reads as the same value.
#include <string_view>

#include "models/wire/prefix.h"
#include "tests/fuzz/target.h"

using namespace twinpath;

namespace {

template <typename Value>
void check_round_trip(std::string_view text) {
  const auto value = Value::parse(text);
  if (!value) return;
  const auto again = Value::parse(value->to_string());
  CHECK(again && *again == *value);
}

}  // namespace

FUZZ_TARGET(input) {
  const std::string_view text(reinterpret_cast<const char*>(input.data()), input.size());
  check_round_trip<MacAddress>(text);
  check_round_trip<Ipv4Address>(text);
  check_round_trip<Ipv6Address>(text);
  check_round_trip<Ipv4Prefix>(text);
  check_round_trip<Ipv6Prefix>(text);
}
