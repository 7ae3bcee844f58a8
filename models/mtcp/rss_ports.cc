// The hash a card computes of an answer: the peer is its source.
#include "models/mtcp/rss_ports.h"

#include "models/base/check.h"
#include "models/wire/byte_order.h"

namespace twinpath {
namespace {

void append_address(RssInput& input, const IpAddress& address) {
  std::byte* at = input.bytes.data() + input.len;
  if (address.is_v4()) {
    address.v4().store(at);
    input.len += Ipv4Address::kLen;
  } else {
    address.v6().store(at);
    input.len += Ipv6Address::kLen;
  }
}

void append_port(RssInput& input, std::uint16_t port) {
  store_be16(input.bytes.data() + input.len, port);
  input.len += sizeof(port);
}

}  // namespace

RssPorts::RssPorts(const RssKey& key, std::vector<std::uint16_t> indirection, Rng rng)
    : hash_(key), indirection_(std::move(indirection)), chooser_(rng) {
  CHECK(!indirection_.empty());
}

std::uint16_t RssPorts::queue_of(const PortPeers& peers, std::uint16_t port) const {
  RssInput input;
  append_address(input, peers.remote);
  append_address(input, peers.local);
  append_port(input, peers.remote_port);
  append_port(input, port);
  return indirection_[hash_(input.span()) % indirection_.size()];
}

}  // namespace twinpath
