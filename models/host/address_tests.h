// Duplicate address detection: an IPv6 address becomes ours when nobody else has it. Off by default
// (dad_transmits), because a second without addresses is no use to most experiments. Read RFC 4862
// §5.4.
#pragma once

#include <memory>
#include <vector>

#include "models/host/ip_output.h"

namespace twinpath {

class AddressTests {
 public:
  // Begins at the first turn; there is none, and no memory, when dad_transmits is 0.
  AddressTests(HostContext& context, IpOutput& output);

  // A group that an address under test is asked and answered in.
  [[nodiscard]] bool hears(InterfaceId interface, const IpAddress& group) const;
  // True when the message was about an address under test, which somebody else then has.
  bool on_nd(const NdArrival& arrival);

 private:
  struct Test {
    Test(AddressTests& tests, InterfaceId on, const IpPrefix& tested);
    AddressTests& owner;
    InterfaceId interface;
    IpPrefix prefix;
    std::uint32_t asked = 0;
    Timer timer;
  };
  void on_timer(Instant now, Test& test);

  HostContext& context_;
  IpOutput& output_;
  std::vector<std::unique_ptr<Test>> tests_;  // bounded by the addresses configured
};

}  // namespace twinpath
