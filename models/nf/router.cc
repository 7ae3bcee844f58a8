// The order of RFC 1812 §5.2.1: is it a packet, is it for us, its options, its way, its TTL.
#include "models/nf/router.h"

#include <string>

#include "models/nf/icmp_reply.h"
#include "models/nf/router_options.h"

namespace twinpath {
namespace {

// RFC 1812 §5.3.7: "this host", loopback, groups and reserved addresses are no source, and no
// destination of what crosses a router without multicast.
bool is_bad(std::uint32_t address) {
  const std::uint32_t high = address >> 24;
  return high == 0 || high == 127 || high >= 224;
}

Problem wrong(const char* list, std::size_t index, const char* what, const std::string& allowed) {
  return {std::string(list) + "[" + std::to_string(index) + "]", "", what, allowed};
}

}  // namespace

std::vector<Problem> RouterConfig::validate() const {
  auto problems = validate_fields(*this);
  const auto count = [&problems](const char* list, std::size_t size, std::size_t max) {
    if (size > 0 && size <= max) return;
    problems.push_back({list, std::to_string(size), "has the wrong length",
                        "1 to " + std::to_string(max) + " entries"});
  };
  count("interfaces", interfaces.size(), kInterfacesMax);
  count("next_hops", next_hops.size(), std::size_t{kNextHopMax} + 1);
  count("routes", routes.size(), kRoutesMax);
  for (std::size_t i = 0; i < next_hops.size(); ++i) {
    if (next_hops[i].port < interfaces.size()) continue;
    problems.push_back(wrong("next_hops", i, "names a port there is none of", "an interface"));
  }
  for (std::size_t i = 0; i < routes.size(); ++i) {
    if (routes[i].next_hop < next_hops.size()) continue;
    problems.push_back(wrong("routes", i, "names a next hop there is none of", "a next hop"));
  }
  if (lpm == LpmKind::kDir24 && LpmDir24::groups(routes) > LpmDir24::kGroupsMax) {
    problems.push_back({"routes", std::to_string(LpmDir24::groups(routes)),
                        "networks of /24 have longer prefixes, too many for dir24",
                        "up to " + std::to_string(LpmDir24::kGroupsMax) + ", or lpm trie"});
  }
  return problems;
}

Router::Router(const RouterConfig& config)
    : interfaces_(config.interfaces),
      next_hops_(config.next_hops),
      error_rule_({config.error_bytes_per_s, config.error_burst_bytes}),
      errors_(error_rule_, kStart) {
  if (config.lpm == LpmKind::kDir24) dir24_.emplace(config.routes);
  if (config.lpm == LpmKind::kTrie) trie_.emplace(config.routes);
}

Verdict Router::process(Instant now, PortId in, PacketBuf& packet, Probe& probe) {
  Passage passage{now, in, packet, Ipv4Frame(packet), probe};
  const Outcome outcome = route(passage);
  probe.outcome = outcome;
  return outcome < kForwarded ? Verdict::drop() : Verdict::forward(passage.out);
}

NextHop Router::find(std::uint32_t address, Probe& probe) const {
  const Pcvs pcvs(probe, kPcvLookup);
  return dir24_ ? dir24_->find(address, pcvs) : trie_->find(address, pcvs);
}

// At most RouterConfig::kInterfacesMax turns.
bool Router::is_own(std::uint32_t address) const {
  bool own = false;
  for (const RouterInterface& interface : interfaces_) {
    own |= interface.address.value() == address;
  }
  return own;
}

Router::Outcome Router::route(Passage& passage) {
  const Ipv4Frame& frame = passage.frame;
  if (frame.kind() == Ipv4Frame::Kind::kOther) return kNotIpv4;
  if (frame.kind() == Ipv4Frame::Kind::kMalformed || passage.in >= interfaces_.size()) {
    return kMalformed;
  }
  if (!header_sum_is_valid(frame)) return kBadChecksum;
  if (is_bad(frame.src()) || is_bad(frame.dst())) return kBadAddress;
  if (is_own(frame.dst())) return kForRouter;
  Outcome outcome = kForwarded;
  if (frame.has_options()) {
    outcome = kForwardedOptions;
    const RouterInterface& here = interfaces_[passage.in];
    if (!process_options(frame, here.address, passage.now, passage.probe)) return kBadOptions;
  }
  if (frame.ttl() <= 1) return error(passage, kTimeExceeded);
  const NextHop next_hop = find(frame.dst(), passage.probe);
  if (next_hop == kNoRoute) return error(passage, kUnreachable);
  return forward(passage, next_hop, outcome);
}

Router::Outcome Router::forward(Passage& passage, NextHop next_hop, Outcome outcome) {
  const RouterNextHop& next = next_hops_[next_hop];
  const Ipv4Frame& frame = passage.frame;
  // TTL is the upper half of its word.
  Rewrite ttl;
  const std::uint16_t word = load_be16(frame.ip() + 8);
  ttl.set(frame.ip() + 8, static_cast<std::uint16_t>(word - 0x0100));
  ttl.apply(frame.checksum_at());
  next.mac.store(frame.ethernet());
  interfaces_[next.port].mac.store(frame.ethernet() + MacAddress::kLen);
  passage.out = next.port;
  return outcome;
}

// Back to where it came from, within the limit.
Router::Outcome Router::error(Passage& passage, Outcome outcome) {
  if (!may_be_answered(passage.frame)) return kErrorUnsent;
  const IcmpReply reply{
      .type = outcome == kTimeExceeded ? Icmpv4Type::kTimeExceeded : Icmpv4Type::kUnreachable,
      .own_mac = interfaces_[passage.in].mac,
      .own_address = interfaces_[passage.in].address};
  const auto bytes = static_cast<std::uint32_t>(reply_len(passage.frame));
  if (!errors_.pass(error_rule_, bytes, passage.now)) return kErrorUnsent;
  if (!turn_into_reply(passage.packet, passage.frame, reply, Pcvs(passage.probe, kPcvQuoted))) {
    return kErrorUnsent;
  }
  passage.out = passage.in;
  return outcome;
}

void Router::prefetch(const PacketBuf& packet) {
  if (packet.len < kEthernetHeaderLen + kIpv4HeaderLen) return;
  if (dir24_) dir24_->prefetch(load_be32(packet.data() + kEthernetHeaderLen + 16));
}

}  // namespace twinpath
