// Builds, breaks, heals, checks.
#include "tests/swarm/world.h"

#include <memory>

#include "models/app/app_host.h"
#include "models/app/bulk.h"
#include "models/app/http_server.h"
#include "tests/fakes/fake_network.h"

namespace twinpath::swarm {

namespace {

using std::chrono::seconds;

constexpr Duration kLivenessBound = seconds(20000);  // from the end of the faults to the last byte
constexpr Duration kQuietBound = seconds(2000);      // and to the last timer
constexpr std::uint64_t kStepsMax = 3'000'000;
constexpr std::int32_t kFdsMax = 256;  // far more than a world's hosts open

class World {
 public:
  explicit World(const Scenario& scenario)
      : scenario_(scenario),
        network_(scenario.seed),
        adversary_(network_, forged_, scenario.adversary,
                   Dice(Rng(scenario.seed).fork("swarm.forger"))) {
    build_hosts();
    build_links();
    if (scenario.adversary.percent > 0) {
      network_.watch([this](const SeenFrame& frame) { adversary_.see(frame); });
      network_.at(scenario.healed, [this] { adversary_.stop(); });
    }
    for (std::size_t i = 0; i < scenario.flows.size(); ++i) build_flow(i);
    for (const Move& planned : scenario_.moves) {
      network_.at(planned.at, [this, planned] { move(planned); });
    }
  }

  Verdict run() {
    network_.run_until([] { return false; }, {.until = scenario_.healed, .steps_max = kStepsMax});
    const RunEnd live = network_.run_until(
        [this] { return clients_done(); },
        {.until = after(scenario_.healed, kLivenessBound), .steps_max = kStepsMax});
    if (live != RunEnd::kMet) complain_about_clients(live);
    verdict_.finished = network_.now();
    if (verdict_.violations.empty()) check_quiet();
    for (const auto& check : checks_) check();
    check_frames();
    verdict_.fingerprint = network_.fingerprint();
    verdict_.frames = network_.frames_received();
    for (const auto& host : hosts_) {
      verdict_.retransmits += host->ip().tcp().counters().retransmits;
      verdict_.challenges += host->ip().tcp().counters().challenge_acks;
    }
    verdict_.attacks = adversary_.attacks();
    return verdict_;
  }

 private:
  struct Client {
    std::string path;
    App* app;
    std::size_t server;  // index of its host
    std::string server_path;
  };

  void build_hosts() {
    const std::size_t pools = scenario_.shared_pool ? 1 : scenario_.hosts.size();
    for (std::size_t i = 0; i < pools; ++i) {
      pools_.push_back(std::make_unique<HeapPool>(scenario_.pool));
    }
    for (std::size_t i = 0; i < scenario_.hosts.size(); ++i) {
      const SwarmHost& host = scenario_.hosts[i];
      HeapPool& pool = *pools_[scenario_.shared_pool ? 0 : i];
      hosts_.push_back(std::make_unique<AppHost>(host.config, host.tcp, pool));
      network_.add(host.config.name, *hosts_.back());
      adversary_.add(*hosts_.back());
    }
  }

  void build_links() {
    for (std::size_t i = 0; i < scenario_.links.size(); ++i) {
      const SwarmLink& link = scenario_.links[i];
      const FakeLinkId id = network_.join("link" + std::to_string(i), {link.a, link.port_a},
                                          {link.b, link.port_b}, link.config);
      for (const Outage& outage : link.outages) {
        network_.at(outage.from, [this, id] { network_.set_up(id, false); });
        network_.at(outage.until, [this, id] { network_.set_up(id, true); });
      }
      network_.at(scenario_.healed, [this, id] {
        network_.set_up(id, true);
        network_.heal(id);
      });
    }
  }

  template <typename A, typename Config>
  A& serve(std::size_t flow, const Config& config) {
    const std::string path = "server" + std::to_string(flow);
    return hosts_[scenario_.flows[flow].server]->add<A>(path, kStart, config);
  }
  template <typename A, typename Config>
  A& ask(std::size_t flow, const Config& config) {
    const SwarmFlow& of = scenario_.flows[flow];
    const std::string path = "client" + std::to_string(flow);
    A& app = hosts_[of.client]->add<A>(path, of.start, config);
    clients_.push_back({path, &app, of.server, "server" + std::to_string(flow)});
    return app;
  }

  void build_flow(std::size_t index) {
    switch (scenario_.flows[index].traffic) {
      case Traffic::kBulk:
        return build_bulk(index);
      case Traffic::kHttp:
        return build_http(index);
      case Traffic::kRequests:
        return build_requests(index);
      case Traffic::kMoody:
        return build_moody(index);
      case Traffic::kEcho:
        return build_echo(index);
    }
  }

  void build_bulk(std::size_t index) {
    const SwarmFlow& flow = scenario_.flows[index];
    const auto& sink = serve<BulkSink>(index, BulkSinkConfig{.port = flow.port});
    const auto& bulk =
        ask<Bulk>(index, BulkConfig{.size_bytes = std::max<std::uint64_t>(flow.bytes, 1),
                                    .port = flow.port,
                                    .to = flow.server_address});
    checks_.push_back([this, &sink, &bulk, &flow] {
      expect(sink.totals().verify_errors == 0, "bulk: wrong bytes");
      if (scenario_.adversary.may_reset) return;
      expect(bulk.error() == Errno::kNone, "bulk: " + std::string(symbol(bulk.error())));
      expect(sink.totals().failures == 0, "bulk: the sink's connection failed");
      expect(sink.totals().bytes == std::max<std::uint64_t>(flow.bytes, 1),
             "bulk: " + std::to_string(sink.totals().bytes) + " of " + std::to_string(flow.bytes) +
                 " bytes");
    });
  }

  void build_http(std::size_t index) {
    const SwarmFlow& flow = scenario_.flows[index];
    const auto& server = serve<HttpServer>(index, HttpServerConfig{.port = flow.port});
    const auto& get = ask<HttpGet>(index, flow.http);
    checks_.push_back([this, &server, &get, &flow] {
      expect(get.totals().verify_errors == 0, "http: wrong bytes");
      if (scenario_.adversary.may_reset) return;
      expect(get.totals().problem.empty(), "http: " + get.totals().problem);
      expect(get.totals().requests == flow.http.requests, "http: bodies are missing");
      expect(server.totals().refused == 0, "http: a request was refused");
    });
  }

  void build_requests(std::size_t index) {
    const SwarmFlow& flow = scenario_.flows[index];
    serve<EchoServer>(index, EchoServerConfig{.port = flow.port});
    const auto& client = ask<RequestResponse>(index, flow.requests);
    checks_.push_back([this, &client, &flow] {
      expect(client.verify_errors() == 0, "requests: wrong bytes");
      if (scenario_.adversary.may_reset) return;
      expect(client.failures() == 0, "requests: " + std::to_string(client.failures()) + " failed");
      expect(client.completed() == flow.requests.requests, "requests: answers are missing");
    });
  }

  void build_moody(std::size_t index) {
    const SwarmFlow& flow = scenario_.flows[index];
    const auto& sink = serve<SlowSink>(index, flow.slow);
    const auto& sender = ask<MoodySender>(index, flow.moody);
    checks_.push_back([this, &sink, &sender, &flow] {
      expect(sink.wrong() == 0, "moody: wrong bytes");
      if (scenario_.adversary.may_reset) return;
      expect(sender.error() == Errno::kNone, "moody: " + std::string(symbol(sender.error())));
      if (sender.walked_away()) return;
      expect(sink.resets() == 0, "moody: reset although nobody walked away");
      expect(sink.received() == flow.moody.bytes, "moody: " + std::to_string(sink.received()) +
                                                      " of " + std::to_string(flow.moody.bytes));
    });
  }

  void build_echo(std::size_t index) {
    const SwarmFlow& flow = scenario_.flows[index];
    serve<UdpEchoServer>(index, UdpEchoServerConfig{.port = flow.port});
    const auto& client = ask<UdpEcho>(index, flow.echo);
    checks_.push_back([this, &client, &flow] {
      expect(client.sent() == flow.echo.count, "echo: not everything was sent");
      expect(client.answered() <= client.sent(), "echo: more answers than questions");
    });
  }

  // Which connection is next to send belongs to the stack, not to the connection: one that holds
  // output back is left alone.
  void move(const Move& planned) {
    AppHost& host = *hosts_[planned.host];
    if (host.ip().tcp().has_output()) return;
    std::vector<Fd> open;
    for (std::int32_t fd = 0; fd < kFdsMax; ++fd) {
      const auto info = host.sockets().tcp_info(static_cast<Fd>(fd));
      if (info && info->state != TcpState::kClosed) open.push_back(static_cast<Fd>(fd));
    }
    if (open.empty()) return;
    const Fd fd = open[planned.which % open.size()];
    const auto image = host.sockets().detach(network_.now(), fd);
    expect(image.has_value(), "an open connection cannot be exported");
    if (!image) return;
    expect(host.sockets().attach(network_.now(), fd, *image), "an image is refused");
    ++verdict_.moves;
  }

  void expect(bool holds, const std::string& complaint) {
    if (!holds) verdict_.violations.push_back(complaint);
  }

  [[nodiscard]] bool clients_done() const {
    for (const Client& client : clients_) {
      if (!client.app->done()) return false;
    }
    return true;
  }

  void complain_about_clients(RunEnd end) {
    const char* why = end == RunEnd::kIdle   ? "nothing is under way any more"
                      : end == RunEnd::kTime ? "not within the bound"
                                             : "too many steps";
    for (const Client& client : clients_) {
      expect(client.app->done(), client.path + " never ends: " + why);
    }
  }

  // Every connection goes away, every timer stops, every frame's buffer comes home.
  void check_quiet() {
    const RunEnd end =
        network_.run_until([] { return false; },
                           {.until = after(network_.now(), kQuietBound), .steps_max = kStepsMax});
    const bool idle = end == RunEnd::kTime && network_.next_instant() == kNever;
    expect(end == RunEnd::kIdle || idle, "something ticks for ever");
    for (const auto& host : hosts_) {
      const std::string& name = host->ip().config().name;
      expect(host->ip().tcp().connections() == 0,
             name + " keeps " + std::to_string(host->ip().tcp().connections()) + " connections");
    }
    for (const auto& pool : pools_) {
      expect(pool->outstanding() == 0,
             std::to_string(pool->outstanding()) + " frame buffers never came home");
    }
    expect(forged_.outstanding() == 0, "forged frames never came home");
  }

  // Every frame sent is delivered, or its loss has a name.
  void check_frames() {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    for (const auto& host : hosts_) {
      sent += host->ip().counters().tx_frames;
      received += host->ip().counters().rx_frames;
    }
    std::uint64_t left = sent + adversary_.frames();
    for (std::size_t i = 0; i < scenario_.links.size(); ++i) {
      left -= network_.lost_while_down(i);
      for (const PortId end : {LinkElement::kEndA, LinkElement::kEndB}) {
        const LinkModel& way = network_.link(i).direction_from(end);
        left -= way.counters().dropped_queue + way.counters().dropped_in_flight;
        left -= way.faults().lost + way.faults().lost_in_burst;
        left += way.faults().duplicated;
      }
    }
    if (verdict_.violations.empty()) {
      expect(left == received,
             std::to_string(left) + " frames should have arrived, not " + std::to_string(received));
    }
  }

  Scenario scenario_;
  std::vector<std::unique_ptr<HeapPool>> pools_;
  HeapPool forged_;
  std::vector<std::unique_ptr<AppHost>> hosts_;
  FakeNetwork network_;
  Adversary adversary_;
  std::vector<Client> clients_;
  std::vector<std::function<void()>> checks_;
  Verdict verdict_;
};

}  // namespace

Verdict run(const Scenario& scenario) { return World(scenario).run(); }

}  // namespace twinpath::swarm
