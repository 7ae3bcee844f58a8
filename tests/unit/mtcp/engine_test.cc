// The engine's turn, its order of sending, and cores that share an address behind one card.
#include "models/mtcp/engine.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

#include "models/app/app_host.h"
#include "models/app/request_response.h"
#include "models/mtcp/engine_core.h"
#include "models/port/nic.h"
#include "models/wire/byte_order.h"
#include "models/wire/ethernet.h"
#include "models/wire/ipv4.h"
#include "models/wire/tcp.h"
#include "tests/fakes/memory_port.h"

namespace twinpath {
namespace {

constexpr std::uint16_t kPort = 7;
constexpr std::uint64_t kMacs = 0x025450000000;

const IpAddress kClient(*Ipv4Address::parse("198.18.0.1"));
const IpAddress kServer(*Ipv4Address::parse("198.18.0.2"));

HostConfig host_config(bool is_client, std::uint64_t seed) {
  HostConfig config;
  config.seed = seed;
  InterfaceConfig interface;
  interface.mac = MacAddress::from_u64(kMacs + (is_client ? 1 : 2));
  interface.addresses = {*Ipv4Prefix::parse(is_client ? "198.18.0.1/24" : "198.18.0.2/24")};
  config.interfaces = {interface};
  config.neighbours = {
      {(is_client ? kServer : kClient).v4(), MacAddress::from_u64(kMacs + (is_client ? 2 : 1)), 0}};
  return config;
}

// Two hosts behind ports in memory, each driven by an engine.
struct Pair {
  Pair(const EngineConfig& config, std::uint32_t connections)
      : client(host_config(true, 1), TcpConfig(), pool),
        server(host_config(false, 2), TcpConfig(), pool),
        left(config, client, client_port),
        right(config, server, server_port) {
    server.add<EchoServer>("server/app0", kStart, EchoServerConfig{kPort});
    RequestResponseConfig load;
    load.connections = connections;
    load.requests = 200;
    load.per_connection = 2;
    load.to = kServer;
    app = &client.add<RequestResponse>("client/app0", kStart, load);
  }
  void exchange(MemoryPort& from, MemoryPort& to) {
    while (!from.sent().empty()) {
      BufPtr frame = from.sent().pop_front();
      for (const std::byte byte : frame->bytes()) {
        digest = (digest ^ static_cast<std::uint64_t>(byte)) * 0x100000001b3ULL;
      }
      ++frames;
      to.arrive(std::move(frame));
    }
  }
  void run() {
    right.run(kStart);
    for (std::int64_t us = 1; us < 100'000 && !app->done(); ++us) {
      left.run(at_ns(us * 1000));
      exchange(client_port, server_port);
      right.run(at_ns(us * 1000));
      exchange(server_port, client_port);
    }
  }

  HeapPool pool;
  MemoryPort client_port;
  MemoryPort server_port;
  AppHost client;
  AppHost server;
  Engine left;
  Engine right;
  RequestResponse* app = nullptr;
  std::uint64_t digest = 0;
  std::uint64_t frames = 0;
};

TEST(MtcpEngine, ServesWithEveryTrickOnAndOff) {
  std::vector<EngineConfig> configs(6);
  configs[1].rx_batch = 1;
  configs[2].tx_batch = 1;
  configs[3].batch_events = false;
  configs[4].batch_transmit = false;
  configs[5].prioritise = false;
  for (const EngineConfig& config : configs) {
    Pair pair(config, 50);
    pair.run();
    EXPECT_TRUE(pair.app->done());
    EXPECT_EQ(pair.app->completed(), 200U);
    EXPECT_EQ(pair.app->failures(), 0U);
    EXPECT_EQ(pair.app->verify_errors(), 0U);
  }
}

TEST(MtcpEngine, SendsTheSameBytesAgain) {
  Pair one({}, 50);
  one.run();
  Pair other({}, 50);
  other.run();
  EXPECT_GT(one.frames, 500U);
  EXPECT_EQ(one.frames, other.frames);
  EXPECT_EQ(one.digest, other.digest);
}

TEST(MtcpEngine, OneConnectionSendsTheSameFramesWithoutBatches) {
  Pair batched({}, 1);
  batched.run();
  Pair single({.batch_transmit = false}, 1);
  single.run();
  // A lonely connection gains nothing from batches and loses nothing by them.
  EXPECT_EQ(batched.frames, single.frames);
}

struct Ends {
  IpAddress from = kClient;
  IpAddress to = kServer;
};

// A segment from port `from` with `flags` and `payload` bytes.
BufPtr segment(HeapPool& pool, std::uint16_t from, TcpFlags flags, std::uint32_t payload,
               const Ends& ends = {}) {
  BufPtr buf(pool.take());
  TcpRepr tcp;
  tcp.src_port = from;
  tcp.dst_port = kPort;
  tcp.flags = flags;
  const auto header = static_cast<std::uint32_t>(tcp.header_len());
  tcp.emit(buf->push_back(header + payload), InetSum());
  const Ipv4Repr ip{.src = ends.from.v4(),
                    .dst = ends.to.v4(),
                    .protocol = IpProtocol::kTcp,
                    .payload_len = buf->len};
  ip.emit(buf->push_front(kIpv4HeaderLen));
  const EthernetRepr ethernet{.dst = {}, .src = {}, .ethertype = EtherType::kIpv4};
  ethernet.emit(buf->push_front(kEthernetHeaderLen));
  return buf;
}

TEST(MtcpEngine, OrdersControlAcknowledgementsData) {
  HeapPool pool;
  std::vector<BufPtr> frames;
  frames.push_back(segment(pool, 1, kAck, 100));
  frames.push_back(segment(pool, 2, kAck, 0));
  frames.push_back(segment(pool, 3, kSyn, 0));
  frames.push_back(segment(pool, 1, kAck | kFin, 0));  // behind the data of its own flow
  frames.push_back(segment(pool, 4, kAck | kFin, 0));
  frames.push_back(segment(pool, 5, kAck, 0));
  std::vector<const PacketBuf*> expected;
  for (const std::size_t index : {2, 4, 1, 5, 0, 3}) expected.push_back(frames[index].get());
  order_by_class(frames);
  std::vector<const PacketBuf*> found;
  for (const BufPtr& frame : frames) found.push_back(frame.get());
  EXPECT_EQ(found, expected);
}

// A client core per queue of one card: whatever port a core's TCP chooses, answers come to it.
TEST(MtcpRssPorts, AnswersComeToTheCoreThatConnects) {
  constexpr std::uint16_t kQueues = 3;
  HeapPool pool;
  Nic nic({.queues = kQueues});
  std::set<std::uint16_t> ports;
  for (std::uint16_t queue = 0; queue < kQueues; ++queue) {
    EngineCore core({.host = host_config(true, 1U + queue)}, nic.queue(queue), pool);
    for (int i = 0; i < 50; ++i) {
      const TcpOpenResult opened = core.ip().tcp().connect(kStart, {kClient, 0}, {kServer, kPort});
      ASSERT_EQ(opened.error, Errno::kNone);
      const std::uint16_t port = core.ip().tcp().names(opened.id).local.port;
      ports.insert(port);
      BufPtr answer = segment(pool, kPort, kAck, 0, {kServer, kClient});
      store_be16(answer->data() + kEthernetHeaderLen + kIpv4HeaderLen + 2, port);
      EXPECT_EQ(nic.deliver(std::move(answer)), queue);
    }
    std::array<BufPtr, kBurst> frames;
    while (nic.queue(queue).rx_burst(frames) > 0) frames = {};
  }
  EXPECT_EQ(ports.size(), 50U * kQueues) << "no port is steered to two queues";
}

TEST(MtcpRssPorts, WithoutAPortForTheQueueConnectingFails) {
  HeapPool pool;
  Nic nic({.queues = 2});
  TcpConfig tcp;
  tcp.ephemeral_port_min = tcp.ephemeral_port_max = 40000;
  int connected = 0;
  for (std::uint16_t queue = 0; queue < 2; ++queue) {
    EngineCore core({.host = host_config(true, 1), .tcp = tcp}, nic.queue(queue), pool);
    const TcpOpenResult opened = core.ip().tcp().connect(kStart, {kClient, 0}, {kServer, kPort});
    if (opened.error == Errno::kNone) {
      ++connected;
    } else {
      EXPECT_EQ(opened.error, Errno::kAddressNotAvailable);
    }
  }
  EXPECT_EQ(connected, 1) << "the only port is steered to one of the two";
}

// Two cores with one address listen at one port: whichever the card chooses serves.
TEST(MtcpEngine, CoresShareAListeningPort) {
  HeapPool pool;
  Nic nic({.queues = 2});
  MemoryPort client_port;
  AppHost client(host_config(true, 1), TcpConfig(), pool);
  RequestResponseConfig load;
  load.connections = 64;
  load.requests = 256;
  load.per_connection = 4;
  load.to = kServer;
  auto& app = client.add<RequestResponse>("client/app0", kStart, load);
  Engine driver({}, client, client_port);
  std::vector<std::unique_ptr<AppHost>> cores;
  std::vector<std::unique_ptr<Engine>> engines;
  std::vector<EchoServer*> servers;
  for (std::size_t i = 0; i < 2; ++i) {
    cores.push_back(std::make_unique<AppHost>(host_config(false, 2 + i), TcpConfig(), pool));
    servers.push_back(&cores[i]->add<EchoServer>("server/app0", kStart, EchoServerConfig{kPort}));
    engines.push_back(std::make_unique<Engine>(EngineConfig(), *cores[i], nic.queue(i)));
    engines[i]->run(kStart);
  }
  std::array<BufPtr, kBurst> frames;
  for (std::int64_t us = 1; us < 100'000 && !app.done(); ++us) {
    const Instant now = at_ns(us * 1000);
    driver.run(now);
    while (!client_port.sent().empty()) nic.deliver(client_port.sent().pop_front());
    for (const auto& engine : engines) engine->run(now);
    while (const std::size_t count = nic.transmit(frames)) {
      for (std::size_t i = 0; i < count; ++i) client_port.arrive(std::move(frames[i]));
    }
  }
  EXPECT_EQ(app.completed(), 256U);
  EXPECT_EQ(app.failures(), 0U);
  EXPECT_EQ(servers[0]->requests() + servers[1]->requests(), 256U);
  EXPECT_GT(servers[0]->requests(), 64U);
  EXPECT_GT(servers[1]->requests(), 64U);
}

}  // namespace
}  // namespace twinpath
