// TCP and its options: what the options parser understood must survive emit and parse again.
#include "models/wire/tcp.h"

#include <vector>

#include "models/wire/udp.h"
#include "tests/fuzz/target.h"

using namespace twinpath;

FUZZ_TARGET(input) {
  if (const auto udp = UdpView::parse(input, InetSum())) fuzz::touch(udp->payload());
  const auto view = TcpView::parse(input, {});
  if (!view) return;
  CHECK(view->header_len() + view->payload().size() == input.size());
  fuzz::touch(view->payload());
  TcpOptions options = view->options();
  options.unknown_count = 0;
  options.malformed = false;
  std::vector<std::byte> emitted(options.wire_len());
  CHECK(emitted.size() <= kTcpOptionsLenMax && emitted.size() % 4 == 0);
  options.emit(emitted);
  TcpOptions again = TcpOptions::parse(emitted);
  CHECK(!again.malformed && again.unknown_count == 0);
  // Only SACK blocks give way when the rest takes the room.
  if (again.sack.size() != options.sack.size()) {
    CHECK(again.sack.size() == options.sack_blocks_that_fit());
    again.sack = options.sack;
  }
  CHECK(again == options);
}
