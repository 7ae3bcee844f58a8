// Proves: every text form printed is read back, and nothing but a standard form is read.
#include "models/wire/address.h"

#include <gtest/gtest.h>

#include "models/wire/prefix.h"
#include "tests/unit/wire/random_bytes.h"

namespace twinpath {
namespace {

TEST(Address, Ipv4Text) {
  EXPECT_EQ(Ipv4Address::parse("198.18.0.1"), Ipv4Address(0xc6120001));
  EXPECT_EQ(Ipv4Address(0xc6120001).to_string(), "198.18.0.1");
  for (const char* bad : {"", "1", "1.2.3", "1.2.3.4.", "1.2.3.4.5", "256.1.1.1", "01.2.3.4",
                          " 1.2.3.4", "1.2.3.4 ", "1..3.4", "-1.2.3.4", "1.2.3.+4", "0x1.2.3.4"}) {
    EXPECT_FALSE(Ipv4Address::parse(bad)) << bad;
  }
}

TEST(Address, MacText) {
  EXPECT_EQ(MacAddress::parse("02:00:00:00:00:0a"), MacAddress::from_u64(0x02000000000a));
  EXPECT_EQ(MacAddress::from_u64(0x02000000000a).to_string(), "02:00:00:00:00:0a");
  EXPECT_TRUE(MacAddress::broadcast().is_multicast());
  for (const char* bad :
       {"", "02:00:00:00:00", "02:00:00:00:00:0", "02:00:00:00:00:0a:", "02-00-00-00-00-0a",
        "02:00:00:00:00:0g", "2:000:00:00:00:0a", "02:00:00:00:00::a"}) {
    EXPECT_FALSE(MacAddress::parse(bad)) << bad;
  }
}

TEST(Address, Ipv6TextOfRfc5952) {
  for (const char* text : {"::", "::1", "1::", "2001:db8::1", "2001:db8:0:1:1:1:1:1",
                           "fe80::1:0:0:1", "1:2:3:4:5:6:7:8", "2001:db8::1:0:0:1"}) {
    const auto address = Ipv6Address::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
  EXPECT_EQ(Ipv6Address::parse("::ffff:192.0.2.1")->to_string(), "::ffff:c000:201");
  EXPECT_EQ(Ipv6Address::parse("2001:DB8:0:0:0:0:0:1")->to_string(), "2001:db8::1");
  for (const char* bad :
       {"", ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3",
        "12345::", "1:2:3:4:5:6:7::8", "::1%eth0", "1.2.3.4", "::1.2.3", ":1::", "1:", "g::"}) {
    EXPECT_FALSE(Ipv6Address::parse(bad)) << bad;
  }
}

TEST(Address, RandomRoundTrips) {
  Rng rng(1);
  for (int i = 0; i < 5000; ++i) {
    const Ipv4Address v4(random_value<std::uint32_t>(rng));
    ASSERT_EQ(Ipv4Address::parse(v4.to_string()), v4);
    const MacAddress mac = MacAddress::from_u64(rng.next() >> 16);
    ASSERT_EQ(MacAddress::parse(mac.to_string()), mac);
    auto octets = random_bytes(rng, 16);
    const std::uint64_t zeros = rng.next();  // zero groups are the interesting case
    for (std::size_t j = 0; j < 16; ++j) {
      if ((zeros >> j / 2 & 1) != 0) octets[j] = std::byte{0};
    }
    const Ipv6Address v6 = Ipv6Address::load(octets.data());
    ASSERT_EQ(Ipv6Address::parse(v6.to_string()), v6) << v6.to_string();
  }
}

TEST(Address, Prefixes) {
  const auto prefix = Ipv4Prefix::parse("198.18.5.1/23");
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->network().to_string(), "198.18.4.0");
  EXPECT_EQ(directed_broadcast(*prefix).to_string(), "198.18.5.255");
  EXPECT_TRUE(prefix->contains(*Ipv4Address::parse("198.18.4.9")));
  EXPECT_FALSE(prefix->contains(*Ipv4Address::parse("198.18.6.1")));
  EXPECT_EQ(prefix->to_string(), "198.18.5.1/23");
  EXPECT_TRUE(Ipv4Prefix::parse("0.0.0.0/0")->contains(Ipv4Address::broadcast()));
  EXPECT_EQ(Ipv4Prefix::parse("10.0.0.1")->len(), 32u);
  EXPECT_EQ(Ipv6Prefix::parse("2001:db8:ff::1/41")->network().to_string(), "2001:db8:80::");
  for (const char* bad : {"10.0.0.1/", "10.0.0.1/33", "10.0.0/8", "10.0.0.0/-1", "10.0.0.0/8/8"}) {
    EXPECT_FALSE(Ipv4Prefix::parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace twinpath
