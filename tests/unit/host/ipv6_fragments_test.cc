// Fragments of IPv6 as their later RFCs want them: those that are whole by themselves, those that
// hide their headers, and numbers nobody outside can guess.
#include "tests/unit/host/ipv6_host.h"

namespace twinpath::test {
namespace {

constexpr std::uint32_t kIdentification = 77;

// What a fragment header says behind its first two bytes.
std::array<std::byte, 6> fragment_body(std::uint32_t offset_bytes, bool more) {
  std::array<std::byte, 6> body{};
  store_be16(body.data(), static_cast<std::uint16_t>(offset_bytes | (more ? 1U : 0U)));
  store_be32(body.data() + 2, kIdentification);
  return body;
}

HostConfig with_neighbours(std::uint64_t seed) {
  HostConfig made = config();
  made.seed = seed;
  made.neighbours = {{kPeer, kPeerMac, 0}, {kPeerLinkLocal, kPeerMac, 0}};
  return made;
}

class Ipv6FragmentsTest : public Ipv6HostTest {
 protected:
  Ipv6FragmentsTest() : Ipv6HostTest(with_neighbours(1)) {}

  void receive_part(std::uint32_t offset_bytes, bool more, std::span<const std::byte> bytes) {
    const auto body = fragment_body(offset_bytes, more);
    const Ipv6Extension header{IpProtocol::kFragment, body};
    receive(packet({.extensions = {&header, 1}}, bytes));
  }
  // Of a datagram that needs cutting.
  std::uint32_t identification(const IpAddress& to) {
    EXPECT_EQ(send_to(to, 3000), 3000);
    const auto frames = sent();
    EXPECT_EQ(frames.size(), 3U);
    return ip_in(frames.at(0)).fragment().identification;
  }
};

// RFC 6946 §4: others of the same number neither delay nor spoil it.
TEST_F(Ipv6FragmentsTest, OneThatIsWholeIsTakenByItself) {
  const Bytes request = echo_request();
  receive_part(0, true, std::span(request).first(16));
  EXPECT_TRUE(sent().empty());
  receive_part(0, false, request);
  EXPECT_EQ(icmp_in(sent().at(0)).type(), Icmpv6Type::kEchoReply);
  receive_part(16, false, std::span(request).subspan(16));
  EXPECT_EQ(icmp_in(sent().at(0)).type(), Icmpv6Type::kEchoReply) << "the two belong together";
}

// RFC 7112 §5.
TEST_F(Ipv6FragmentsTest, TheFirstCarriesEveryHeader) {
  receive_part(0, true, Bytes());
  expect_parameter_problem(ParameterCode::kIncompleteChain, 0);
  EXPECT_EQ(drops(DropReason::kBadFragment), 1U);
}

// RFC 7739 §5.3: they count up, from another place for every target and secret.
TEST_F(Ipv6FragmentsTest, NumbersAreNotGuessed) {
  const std::uint32_t first = identification(kPeer);
  EXPECT_EQ(identification(kPeer), first + 1);
  EXPECT_GT(identification(kFar) - first, 1000U);
  IpHost other(with_neighbours(2), TcpConfig(), pool_);
  const UdpEndpoint target{kPeer, 53};
  EXPECT_EQ(other.udp().send(now_, other.udp().open().id, &target, Bytes(3000)), 3000);
  std::vector<BufPtr> frames(8);
  ASSERT_EQ(other.poll_tx(now_, 0, frames), 3U);
  EXPECT_NE(ip_in(frames[0]).fragment().identification, first);
}

}  // namespace
}  // namespace twinpath::test
