// An experiment under all three drivers at once, and the hosts most of them are made of.
#pragma once

#include <gtest/gtest.h>

#include "models/app/app_host.h"
#include "tests/twin/experiment.h"

namespace twinpath::test {

inline Records expect_equal_everywhere(const Experiment& experiment, std::size_t frames_at_least) {
  const Records fake = run_on_fake_network(experiment);
  EXPECT_GE(frames_of(fake), frames_at_least);
  EXPECT_EQ(first_difference(fake, run_on_ns3(experiment)), "") << "fake network against ns-3";
  EXPECT_EQ(first_difference(fake, run_on_net_ring(experiment)), "")
      << "fake network against net_ring";
  return fake;
}

// At .1 or .2 of one network.
inline HostConfig host_config(std::uint32_t number) {
  HostConfig config;
  config.name = "host" + std::to_string(number);
  config.seed = number;
  InterfaceConfig interface;
  interface.mac = MacAddress::from_u64(0x020000000000 + number);
  interface.addresses = {Ipv4Prefix(Ipv4Address(0xc6120000 + number), 24)};
  config.interfaces.push_back(interface);
  return config;
}

// A host with our whole stack and what `furnish` puts on it.
inline Machine stack(std::uint32_t number, std::function<void(AppHost&)> furnish) {
  const HostConfig config = host_config(number);
  return {.name = config.name,
          .make_host =
              [config, furnish = std::move(furnish)](BufPool& pool) {
                auto host = std::make_unique<AppHost>(config, TcpConfig(), pool);
                furnish(*host);
                return host;
              },
          .make_stages = {}};
}

inline const Ipv4Address kSecond(0xc6120002);

inline LinkConfig bad_link() {
  return {.rate_bps = 100'000'000,
          .delay = std::chrono::milliseconds(2),
          .jitter = std::chrono::microseconds(300),
          .queue_bytes = 30'000,
          .faults = {.loss = 0.02, .corrupt = 0.01, .duplicate = 0.02, .reorder = 0.02}};
}

}  // namespace twinpath::test
