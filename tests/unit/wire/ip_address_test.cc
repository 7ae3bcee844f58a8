// Proves that one 16-byte value carries both versions without confusing them.
#include <gtest/gtest.h>

#include "models/wire/address.h"

namespace twinpath {
namespace {

TEST(IpAddressTest, CarriesBothVersions) {
  const IpAddress four(Ipv4Address(0xc6120001));
  EXPECT_TRUE(four.is_v4());
  EXPECT_EQ(four.v4().to_string(), "198.18.0.1");
  EXPECT_EQ(four.to_string(), "198.18.0.1");
  EXPECT_EQ(IpAddress(*Ipv6Address::parse("::ffff:198.18.0.1")), four);

  const auto documentation = *Ipv6Address::parse("2001:db8::7");
  const IpAddress six(documentation);
  EXPECT_FALSE(six.is_v4());
  EXPECT_EQ(six.v6(), documentation);
  EXPECT_EQ(six.to_string(), "2001:db8::7");
  EXPECT_NE(six, four);
}

TEST(IpAddressTest, AnyIsAnyInEitherVersion) {
  EXPECT_TRUE(IpAddress().is_any());
  EXPECT_FALSE(IpAddress().is_v4());
  EXPECT_TRUE(IpAddress(Ipv4Address::any()).is_any());
  EXPECT_TRUE(IpAddress(Ipv4Address::any()).is_v4());
  EXPECT_FALSE(IpAddress(Ipv4Address(1)).is_any());
}

}  // namespace
}  // namespace twinpath
