// Both ends of the load over our socket calls, as plain epoll programs: one poller each, edge
// triggered, receive() and send() with their copies, as the Linux side does.
#pragma once

#include <array>
#include <vector>

#include "models/app/app.h"
#include "tests/bench/echo/load.h"

namespace twinpath::bench {

struct EchoPlace {
  EchoLoad load;
  IpAddress server{};
  // A server listens at all of them, connections go round: one port's TIME-WAITs would use up the
  // client's.
  std::uint16_t first_port = 7000;
  std::uint16_t ports = 16;
};

// Of the connection behind one descriptor.
struct EchoSession {
  std::uint32_t received = 0;  // of the message under way
  std::uint32_t unsent = 0;    // of the answer or the request
  std::uint32_t messages = 0;
  std::int64_t asked_ns = 0;
};

class EchoBenchServer final : public App {
 public:
  EchoBenchServer(const EchoPlace& place, const AppContext& context);
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override { return closed_ == place_.load.connections; }
  void report(AppReport&) const override {}

 private:
  void accept_all(Fd listener);
  void serve(Instant now, Fd fd);

  EchoPlace place_;
  SocketApi& sockets_;
  Poller poller_;
  std::array<PollEvent, kEventsPerWait> events_;
  std::vector<EchoSession> sessions_;  // by descriptor
  std::vector<std::byte> bytes_;
  std::uint64_t closed_ = 0;
};

class EchoBenchClient final : public App {
 public:
  EchoBenchClient(const EchoPlace& place, const AppContext& context);
  void start(Instant now) override;
  void on_ready(Instant now) override;
  [[nodiscard]] bool done() const override { return closed_ == place_.load.connections; }
  void report(AppReport&) const override {}
  [[nodiscard]] std::vector<std::uint32_t>& round_trips_ns() { return round_trips_ns_; }

 private:
  void open(Instant now);
  void ask(Instant now, Fd fd);
  void receive(Instant now, Fd fd);
  void finish(Instant now, Fd fd);

  EchoPlace place_;
  SocketApi& sockets_;
  Poller poller_;
  std::array<PollEvent, kEventsPerWait> events_;
  std::vector<EchoSession> sessions_;  // by descriptor
  std::vector<std::byte> bytes_;
  std::vector<std::uint32_t> round_trips_ns_;
  std::uint64_t opened_ = 0;
  std::uint64_t closed_ = 0;
};

}  // namespace twinpath::bench
