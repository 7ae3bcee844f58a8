// Ethernet and ARP: what parses must emit to the same bytes.
#include "models/wire/ethernet.h"

#include <algorithm>
#include <array>

#include "models/wire/arp.h"
#include "tests/fuzz/target.h"

using namespace twinpath;

FUZZ_TARGET(input) {
  const auto view = EthernetView::parse(input);
  if (!view) return;
  fuzz::touch(view->payload());
  EthernetRepr repr{.dst = view->dst(), .src = view->src(), .ethertype = view->ethertype()};
  repr.vlan_count = view->vlan_count();
  for (std::size_t i = 0; i < repr.vlan_count; ++i) repr.vlans[i] = view->vlan(i);
  std::array<std::byte, kEthernetHeaderLenMax> header;
  repr.emit(header);
  CHECK(std::ranges::equal(std::span(header).first(repr.header_len()),
                           input.first(view->header_len())));
  const auto arp = ArpPacket::parse(view->payload());
  if (!arp) return;
  std::array<std::byte, kArpLen> packet;
  arp->emit(packet);
  CHECK(std::ranges::equal(packet, view->payload().first(kArpLen)));
}
