// IPv4 with options: what parses must emit to the same header, but for its reserved bit.
#include "models/wire/ipv4.h"

#include <algorithm>
#include <vector>

#include "tests/fuzz/target.h"

using namespace twinpath;

namespace {

Ipv4Repr repr_of(const Ipv4View& view) {
  Ipv4Repr repr;
  repr.src = view.src();
  repr.dst = view.dst();
  repr.protocol = view.protocol();
  repr.payload_len = view.payload().size();
  repr.ttl = view.ttl();
  repr.dscp = view.dscp();
  repr.ecn = view.ecn();
  repr.identification = view.identification();
  repr.dont_fragment = view.dont_fragment();
  repr.more_fragments = view.more_fragments();
  repr.fragment_offset_bytes = view.fragment_offset_bytes();
  repr.options = view.options();
  return repr;
}

}  // namespace

FUZZ_TARGET(input) {
  const auto view = Ipv4View::parse(input, HeaderChecksum::kDeviceVerified);
  if (!view) return;
  fuzz::touch(view->payload());
  std::vector<std::byte> emitted(view->header_len());
  repr_of(*view).emit(emitted);
  std::vector<std::byte> original(view->header().begin(), view->header().end());
  original[6] &= ~std::byte{0x80};
  original[10] = emitted[10];
  original[11] = emitted[11];
  CHECK(original == emitted);
  if (view->ttl() == 0) return;
  emitted.resize(view->total_len());
  decrement_ttl(emitted);
  rewrite_src(emitted, view->dst());
  CHECK(Ipv4View::parse(emitted).has_value());
}
