// Proves what every code of ICMP's "destination unreachable" is to sockets: Linux's
// icmp_err_convert.
#include <gtest/gtest.h>

#include "models/wire/icmpv4.h"
#include "tests/unit/host/driven_host.h"

namespace twinpath {
namespace {

const MacAddress kOurMac = MacAddress::from_u64(0x020000000001);
const MacAddress kPeerMac = MacAddress::from_u64(0x020000000002);
const Ipv4Address kOurs(0xc6120001);
const Ipv4Address kPeer(0xc6120002);

HostConfig config() {
  HostConfig made;
  made.interfaces = {{.mac = kOurMac, .addresses = {Ipv4Prefix(kOurs, 24)}}};
  made.neighbours = {{.address = kPeer, .mac = kPeerMac}};
  return made;
}

struct Case {
  Errno error;
  bool fatal;
};
// 64 is ENONET, 112 EHOSTDOWN. Beyond the last, codes have no meaning.
constexpr std::array kCodes = {
    Case{Errno::kNetworkUnreachable, false},
    Case{Errno::kHostUnreachable, false},
    Case{Errno::kNoProtocolOption, true},
    Case{Errno::kConnectionRefused, true},
    Case{Errno::kMessageSize, false},
    Case{Errno::kOperationNotSupported, false},
    Case{Errno::kNetworkUnreachable, true},
    Case{Errno{112}, true},
    Case{Errno{64}, true},
    Case{Errno::kNetworkUnreachable, true},
    Case{Errno::kHostUnreachable, true},
    Case{Errno::kNetworkUnreachable, false},
    Case{Errno::kHostUnreachable, false},
    Case{Errno::kHostUnreachable, true},
    Case{Errno::kHostUnreachable, true},
    Case{Errno::kHostUnreachable, true},
    Case{Errno::kNone, false},
    Case{Errno::kNone, false},
};
constexpr std::uint8_t kTooBig = 4;

class IcmpErrorsTest : public test::DrivenHostTest,
                       public ::testing::WithParamInterface<std::uint8_t> {
 protected:
  IcmpErrorsTest() : DrivenHostTest(config()) {}

  // The peer complains about `frame` with this test's code.
  void complain(const BufPtr& frame) {
    const auto packet = frame->bytes().subspan(kEthernetHeaderLen);
    Icmpv4Repr message = Icmpv4Repr::unreachable(UnreachableCode::kHost, packet);
    message.code = GetParam();
    message.next_hop_mtu_bytes = GetParam() == kTooBig ? 1000 : 0;
    BufPtr buf(pool_.take());
    message.emit(buf->push_back(static_cast<std::uint32_t>(message.len())));
    const Ipv4Repr ip{
        .src = kPeer, .dst = kOurs, .protocol = IpProtocol::kIcmp, .payload_len = message.len()};
    ip.emit(buf->push_front(kIpv4HeaderLen));
    EthernetRepr{.dst = kOurMac, .src = kPeerMac}.emit(buf->push_front(kEthernetHeaderLen));
    receive(std::move(buf));
  }
  Case expected() const { return kCodes[GetParam()]; }
};

TEST_P(IcmpErrorsTest, AConnectedDatagramSocketHearsOfFatalOnesAndOfItsPathsMtu) {
  const UdpId udp = host_.udp().open().id;
  ASSERT_EQ(host_.udp().connect(now_, udp, {kPeer, 53}), Errno::kNone);
  ASSERT_EQ(host_.udp().send(now_, udp, nullptr, std::vector<std::byte>(5)), 5);
  const auto frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  complain(frames[0]);
  const bool heard = expected().fatal || GetParam() == kTooBig;
  EXPECT_EQ(host_.udp().take_error(udp), heard ? expected().error : Errno::kNone);
}

// RFC 9293 §3.9.2.2: codes 0, 1 and 5 must not end an attempt, 2 to 4 should; the rest as Linux.
TEST_P(IcmpErrorsTest, AnAttemptToConnectEndsByFatalOnes) {
  const auto opened = host_.tcp().connect(now_, {kOurs, 0}, {kPeer, 80});
  ASSERT_EQ(opened.error, Errno::kNone);
  const auto frames = sent();
  ASSERT_EQ(frames.size(), 1U);
  complain(frames[0]);
  const TcpStatus status = host_.tcp().status(opened.id);
  EXPECT_EQ(status.state, expected().fatal ? TcpState::kClosed : TcpState::kSynSent);
  if (expected().fatal) {
    EXPECT_EQ(status.error, expected().error);
  }
}

INSTANTIATE_TEST_SUITE_P(Codes, IcmpErrorsTest,
                         ::testing::Range(std::uint8_t{0}, std::uint8_t{kCodes.size()}));

}  // namespace
}  // namespace twinpath
