// Proves: IPv4 and IPv6 headers round-trip with random fields, options and extension chains; every
// malformation is refused by its name; rewrites keep the checksum right.
#include <gtest/gtest.h>

#include <algorithm>

#include "models/wire/ipv4.h"
#include "models/wire/ipv6.h"
#include "tests/unit/wire/random_bytes.h"

namespace twinpath {
namespace {

Ipv4Repr random_ipv4(Rng& rng, std::span<const std::byte> options) {
  Ipv4Repr repr;
  repr.src = Ipv4Address(random_value<std::uint32_t>(rng));
  repr.dst = Ipv4Address(random_value<std::uint32_t>(rng));
  repr.protocol = static_cast<IpProtocol>(rng.below(256));
  repr.payload_len = rng.below(1400);
  repr.ttl = static_cast<std::uint8_t>(1 + rng.below(255));
  repr.dscp = static_cast<std::uint8_t>(rng.below(64));
  repr.ecn = static_cast<Ecn>(rng.below(4));
  repr.identification = random_value<std::uint16_t>(rng);
  repr.dont_fragment = rng.below(2) == 0;
  repr.more_fragments = rng.below(2) == 0;
  repr.fragment_offset_bytes = 8 * rng.below(8192);
  repr.options = options;
  return repr;
}

void expect_same(const Ipv4View& view, const Ipv4Repr& repr) {
  ASSERT_EQ(view.src(), repr.src);
  ASSERT_EQ(view.dst(), repr.dst);
  ASSERT_EQ(view.protocol(), repr.protocol);
  ASSERT_EQ(view.payload().size(), repr.payload_len);
  ASSERT_EQ(view.ttl(), repr.ttl);
  ASSERT_EQ(view.dscp(), repr.dscp);
  ASSERT_EQ(view.ecn(), repr.ecn);
  ASSERT_EQ(view.identification(), repr.identification);
  ASSERT_EQ(view.dont_fragment(), repr.dont_fragment);
  ASSERT_EQ(view.more_fragments(), repr.more_fragments);
  ASSERT_EQ(view.fragment_offset_bytes(), repr.fragment_offset_bytes);
  ASSERT_EQ(view.is_fragment(), repr.more_fragments || repr.fragment_offset_bytes != 0);
  ASSERT_TRUE(std::ranges::equal(view.options(), repr.options));
  ASSERT_EQ(view.pseudo_sum().folded(), repr.pseudo_sum().folded());
}

TEST(Ipv4, RoundTrip) {
  Rng rng(1);
  for (int i = 0; i < 3000; ++i) {
    // One well-formed option (record route) filling the space, or none.
    auto options = random_bytes(rng, 4 * rng.below(11));
    if (!options.empty()) {
      options[0] = std::byte{7};
      options[1] = static_cast<std::byte>(options.size());
    }
    const Ipv4Repr repr = random_ipv4(rng, options);
    auto bytes = random_bytes(rng, repr.total_len() + rng.below(30));
    repr.emit(bytes);
    const auto view = Ipv4View::parse(bytes);
    ASSERT_TRUE(view) << name(view.reason());
    expect_same(*view, repr);
  }
}

struct Ipv4Fault {
  const char* what;
  std::size_t at;
  std::uint8_t value;
  DropReason reason;
};

TEST(Ipv4, RefusesByName) {
  Ipv4Repr repr;
  repr.payload_len = 40;
  std::vector<std::byte> good(60);
  repr.emit(good);
  ASSERT_TRUE(Ipv4View::parse(good));
  const Ipv4Fault faults[] = {
      {"version 6", 0, 0x65, DropReason::kBadVersion},
      {"header of 16 bytes", 0, 0x44, DropReason::kBadHeaderLength},
      {"total length below header", 3, 19, DropReason::kBadLength},
      {"total length above frame", 3, 61, DropReason::kTruncated},
      {"bit flipped in TTL", 8, 63, DropReason::kBadChecksum},
  };
  for (const Ipv4Fault& fault : faults) {
    auto bad = good;
    bad[fault.at] = static_cast<std::byte>(fault.value);
    EXPECT_EQ(Ipv4View::parse(bad).reason(), fault.reason) << fault.what;
  }
  EXPECT_EQ(Ipv4View::parse(std::span(good).first(19)).reason(), DropReason::kTruncated);
  auto bad = good;
  bad[8] = std::byte{63};
  EXPECT_TRUE(Ipv4View::parse(bad, HeaderChecksum::kDeviceVerified));
}

TEST(Ipv4, RefusesOptionsThatLeaveTheHeader) {
  const std::vector<std::vector<unsigned>> lists = {
      {7, 0, 0, 0}, {7, 1, 0, 0}, {7, 5, 0, 0}, {1, 1, 1, 7}};
  for (const auto& list : lists) {
    std::vector<std::byte> options;
    for (const unsigned value : list) options.push_back(static_cast<std::byte>(value));
    Ipv4Repr repr;
    repr.options = options;
    std::vector<std::byte> bytes(24);
    repr.emit(bytes);
    EXPECT_EQ(Ipv4View::parse(bytes).reason(), DropReason::kBadOption);
  }
}

TEST(Ipv4, RewritesKeepTheChecksum) {
  Rng rng(2);
  for (int i = 0; i < 3000; ++i) {
    const Ipv4Repr repr = random_ipv4(rng, {});
    std::vector<std::byte> bytes(repr.total_len());
    repr.emit(bytes);
    const Ipv4Address src(random_value<std::uint32_t>(rng));
    const Ipv4Address dst(random_value<std::uint32_t>(rng));
    decrement_ttl(bytes);
    rewrite_src(bytes, src);
    rewrite_dst(bytes, dst);
    rewrite_ecn(bytes, Ecn::kCe);
    const auto view = Ipv4View::parse(bytes);
    ASSERT_TRUE(view);
    ASSERT_EQ(view->ttl(), repr.ttl - 1);
    ASSERT_EQ(view->src(), src);
    ASSERT_EQ(view->dst(), dst);
    ASSERT_EQ(view->ecn(), Ecn::kCe);
    ASSERT_EQ(view->dscp(), repr.dscp);
  }
}

TEST(Ipv6, RoundTripWithExtensions) {
  Rng rng(3);
  constexpr IpProtocol kKinds[] = {IpProtocol::kHopByHop, IpProtocol::kDestinationOptions,
                                   IpProtocol::kRouting};
  for (int i = 0; i < 3000; ++i) {
    const auto body = random_bytes(rng, 6 + 8 * rng.below(4));
    std::vector<Ipv6Extension> extensions;
    const std::size_t count = rng.below(4);
    for (std::size_t e = 0; e < count; ++e) extensions.push_back({kKinds[e], body});
    Ipv6Repr repr;
    repr.src = Ipv6Address::load(random_bytes(rng, 16).data());
    repr.dst = Ipv6Address::load(random_bytes(rng, 16).data());
    repr.protocol = rng.below(2) == 0 ? IpProtocol::kTcp : IpProtocol::kUdp;
    repr.payload_len = rng.below(1000);
    repr.hop_limit = random_value<std::uint8_t>(rng);
    repr.dscp = static_cast<std::uint8_t>(rng.below(64));
    repr.ecn = static_cast<Ecn>(rng.below(4));
    repr.flow_label = static_cast<std::uint32_t>(rng.below(1 << 20));
    repr.extensions = extensions;
    auto bytes = random_bytes(rng, repr.header_len() + repr.payload_len + rng.below(20));
    repr.emit(bytes);
    const auto view = Ipv6View::parse(bytes);
    ASSERT_TRUE(view) << name(view.reason());
    ASSERT_EQ(view->src(), repr.src);
    ASSERT_EQ(view->dst(), repr.dst);
    ASSERT_EQ(view->protocol(), repr.protocol);
    ASSERT_EQ(view->hop_limit(), repr.hop_limit);
    ASSERT_EQ(view->dscp(), repr.dscp);
    ASSERT_EQ(view->ecn(), repr.ecn);
    ASSERT_EQ(view->flow_label(), repr.flow_label);
    ASSERT_EQ(view->header_len(), repr.header_len());
    ASSERT_EQ(view->extension_count(), count);
    ASSERT_EQ(view->payload().size(), repr.payload_len);
    ASSERT_EQ(view->pseudo_sum().folded(), repr.pseudo_sum().folded());
  }
}

TEST(Ipv6, FragmentsAreSeen) {
  std::vector<std::byte> body(6);
  store_be16(body.data(), 1480 | 1);
  store_be32(body.data() + 2, 0xdeadbeef);
  const Ipv6Extension fragment{IpProtocol::kFragment, body};
  Ipv6Repr repr;
  repr.extensions = {&fragment, 1};
  std::vector<std::byte> bytes(repr.header_len());
  repr.emit(bytes);
  const auto view = Ipv6View::parse(bytes);
  ASSERT_TRUE(view);
  EXPECT_TRUE(view->is_fragment());
  EXPECT_EQ(view->fragment().offset_bytes, 1480u);
  EXPECT_TRUE(view->fragment().more);
  EXPECT_EQ(view->fragment().identification, 0xdeadbeef);
}

TEST(Ipv6, RefusesByName) {
  std::vector<std::byte> bytes(40);
  EXPECT_EQ(Ipv6View::parse(bytes).reason(), DropReason::kBadVersion);
  EXPECT_EQ(Ipv6View::parse(std::span(bytes).first(39)).reason(), DropReason::kTruncated);
  const std::vector<std::byte> body(6);
  std::vector<Ipv6Extension> chain(kIpv6ExtensionsMax + 1, {IpProtocol::kDestinationOptions, body});
  Ipv6Repr repr;
  repr.extensions = chain;
  bytes.resize(repr.header_len());
  repr.emit(bytes);
  EXPECT_EQ(Ipv6View::parse(bytes).reason(), DropReason::kTooManyExtensions);
  EXPECT_EQ(Ipv6View::parse(std::span(bytes).first(80)).reason(), DropReason::kTruncated);
  chain.resize(2);
  chain[1].kind = IpProtocol::kHopByHop;
  repr.extensions = chain;
  repr.emit(bytes);
  EXPECT_EQ(Ipv6View::parse(bytes).reason(), DropReason::kBadOption);
  chain.resize(1);
  repr.extensions = chain;
  repr.emit(bytes);
  bytes[41] = std::byte{1};  // the extension now claims 16 bytes of 8
  EXPECT_EQ(Ipv6View::parse(std::span(bytes).first(48)).reason(), DropReason::kTruncated);
}

}  // namespace
}  // namespace twinpath
