// Many stacks in one process with nothing shared: a hundred hosts of ours and four of lwIP, each
// under its own clock. A stack's frames are the same alone and in the crowd, whatever the others do
// and whatever their clocks say.
#include <gtest/gtest.h>

#include <deque>

#include "models/app/request_response.h"
#include "tests/lwip/lwip_pair.h"

namespace twinpath {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A client of ours that asks a server of either kind, on a network with a clock of its own.
template <typename Server>
struct World {
  World(std::uint64_t number, Duration head_start)
      : pair({.seed = number, .link = {.delay = milliseconds(1), .faults = {.loss = 0.01}}}) {
    pair.network.run_until(kStart + head_start);
    RequestResponseConfig config;
    config.requests = 40;
    config.response_bytes = static_cast<std::uint32_t>(500 + 100 * number);
    config.connections = 2;
    config.to = kServerAddress;
    client = &pair.client->template add<RequestResponse>("client/app0", pair.network.now(), config);
    pair.server->template add<EchoServer>("server/app0", pair.network.now(), EchoServerConfig());
    pair.client->ip().ask_for_turn(pair.network.now());
    ask_for_turn(*pair.server);
  }
  void ask_for_turn(AppHost& host) { host.ip().ask_for_turn(pair.network.now()); }
  void ask_for_turn(LwipAppHost& host) { host.lwip().ask_for_turn(pair.network.now()); }
  // One instant of this world. False: it has done its work.
  bool step() { return !client->done() && pair.network.step(); }

  MixedPair<AppHost, Server> pair;
  const RequestResponse* client = nullptr;
};

template <typename Server>
std::uint64_t alone(std::uint64_t number, Duration head_start) {
  World<Server> world(number, head_start);
  while (world.step()) continue;
  EXPECT_TRUE(world.client->done());
  return world.pair.network.fingerprint();
}

Duration head_start(std::uint64_t number) { return milliseconds(number * 977); }

TEST(ManyStacks, AHundredOfOursAndFourOfLwip) {
  constexpr std::uint64_t kOfOurs = 48;  // with the clients of lwIP's servers a hundred hosts
  constexpr std::uint64_t kOfLwip = 4;
  std::deque<World<AppHost>> ours;
  std::deque<World<LwipAppHost>> lwips;
  for (std::uint64_t i = 0; i < kOfOurs; ++i) ours.emplace_back(i, head_start(i));
  for (std::uint64_t i = 0; i < kOfLwip; ++i) lwips.emplace_back(i, head_start(i));
  // In turns, so that every stack is called between two calls of every other.
  for (bool busy = true; busy;) {
    busy = false;
    for (auto& world : ours) busy = world.step() || busy;
    for (auto& world : lwips) busy = world.step() || busy;
  }
  for (std::uint64_t i = 0; i < kOfOurs; ++i) {
    EXPECT_TRUE(ours[i].client->done());
    EXPECT_EQ(ours[i].pair.network.fingerprint(), alone<AppHost>(i, head_start(i)));
  }
  for (std::uint64_t i = 0; i < kOfLwip; ++i) {
    EXPECT_TRUE(lwips[i].client->done());
    EXPECT_EQ(lwips[i].pair.network.fingerprint(), alone<LwipAppHost>(i, head_start(i)));
  }
}

TEST(ManyStacks, CopiesComeAndGo) {
  const std::uint64_t first = alone<LwipAppHost>(1, seconds(0));
  for (int i = 0; i < 40; ++i) EXPECT_EQ(alone<LwipAppHost>(1, seconds(0)), first);
}

TEST(ManyStacks, WhatLwipCannotDoIsNamed) {
  HostConfig config = with_interface({}, "host", kClientAddress);
  EXPECT_TRUE(validate_for_lwip(config).empty());
  config.interfaces[0].addresses.push_back(Ipv4Prefix(kServerAddress, 24));
  config.interfaces[0].vlan = 7;
  config.routes.push_back({Ipv4Prefix(Ipv4Address(0x0a000000), 8), IpAddress(), 0});
  config.neighbours.push_back({kServerAddress, MacAddress(), 0});
  std::vector<std::string> fields;
  for (const Problem& problem : validate_for_lwip(config)) fields.push_back(problem.field);
  EXPECT_EQ(fields, (std::vector<std::string>{"interfaces[0].addresses", "interfaces[0].vlan",
                                              "routes", "neighbours"}));
}

}  // namespace
}  // namespace twinpath
