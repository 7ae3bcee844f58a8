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

std::vector<std::uint16_t> round_table(std::uint16_t queues) {
  constexpr std::size_t kEntries = 128;
  std::vector<std::uint16_t> table(kEntries);
  for (std::size_t i = 0; i < kEntries; ++i) table[i] = static_cast<std::uint16_t>(i % queues);
  return table;
}

}  // namespace

RssPorts::RssPorts(const RssKey& key, std::vector<std::uint16_t> indirection, std::uint16_t queue)
    : hash_(key), indirection_(std::move(indirection)), queue_(queue) {
  CHECK(!indirection_.empty());
}

RssPorts::RssPorts(const PortCaps& caps)
    : RssPorts(caps.rss_key, round_table(caps.queues), caps.queue) {}

std::uint16_t RssPorts::queue_of(const TcpEndpointAddress& local,
                                 const TcpEndpointAddress& remote) const {
  RssInput input;
  append_address(input, remote.address);
  append_address(input, local.address);
  append_port(input, remote.port);
  append_port(input, local.port);
  return indirection_[hash_(input.span()) % indirection_.size()];
}

bool has_rss(const PortCaps& caps) { return caps.queues > 1 && caps.rss_key != RssKey{}; }

}  // namespace twinpath
