// ICMPv4: errors quote a packet whose parts lie inside the message; what parses emits alike.
#include "models/wire/icmpv4.h"

#include <algorithm>
#include <vector>

#include "tests/fuzz/target.h"

using namespace twinpath;

FUZZ_TARGET(input) {
  if (input.size() < kIcmpv4HeaderLen) return;
  // Mends the checksum, which no fuzzer guesses.
  std::vector<std::byte> message(input.begin(), input.end());
  store_be16(&message[2], 0);
  store_be16(&message[2], sum_bytes(message).checksum());
  const auto view = Icmpv4View::parse(message);
  if (!view) return;
  fuzz::touch(view->data());
  if (view->is_error()) {
    CHECK(view->quoted().transport.size() >= kIcmpQuotedPayloadLen);
    fuzz::touch(view->quoted().transport);
    return;
  }
  Icmpv4Repr repr{.type = view->type(), .code = view->code(), .echo = view->echo()};
  repr.data = view->data();
  std::vector<std::byte> emitted(repr.len());
  repr.emit(emitted);
  CHECK(emitted == message);
}
