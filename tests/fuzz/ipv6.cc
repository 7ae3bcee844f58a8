// IPv6: the walk over extension headers stays inside the packet and ends.
#include "models/wire/ipv6.h"

#include "tests/fuzz/target.h"

using namespace twinpath;

FUZZ_TARGET(input) {
  const auto view = Ipv6View::parse(input);
  if (!view) return;
  CHECK(view->header_len() + view->payload().size() == view->bytes().size());
  CHECK(view->extension_count() <= kIpv6ExtensionsMax);
  CHECK((view->header_len() == kIpv6HeaderLen) == (view->extension_count() == 0));
  fuzz::touch(view->extensions());
  fuzz::touch(view->payload());
  fuzz::touch(std::as_bytes(std::span(view->src().octets())));
  const auto again = Ipv6Address::parse(view->dst().to_string());
  CHECK(again && *again == view->dst());
}
