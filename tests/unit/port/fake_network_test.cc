// Proves: the fake network delivers over links by the clock, in order, replays a seed exactly, and
// says when it is idle.
#include "tests/fakes/fake_network.h"

#include <gtest/gtest.h>

#include "models/base/heap_pool.h"
#include "models/host/echo_host.h"
#include "models/wire/ethernet.h"

namespace twinpath {
namespace {

using namespace std::chrono_literals;

// Sends `count` frames, one every millisecond, and remembers when answers came.
class Pinger final : public Host {
 public:
  Pinger(BufPool& pool, int count) : pool_(pool), left_(count) {}

  void on_rx(Instant now, PortId, std::span<BufPtr> frames) override {
    for (const BufPtr& frame : frames) {
      answers.push_back(now);
      numbers.push_back(load_be32(frame->data() + kEthernetHeaderLen));
    }
  }
  void on_time(Instant now) override {
    if (left_ == 0 || now < next_) return;
    BufPtr frame(pool_.take());
    EthernetRepr ethernet;
    ethernet.dst = MacAddress::from_u64(0x020000000002);
    ethernet.src = MacAddress::from_u64(0x020000000001);
    const auto bytes = frame->push_back(100);
    std::ranges::fill(bytes, std::byte{0});
    ethernet.emit(bytes);
    store_be32(&bytes[kEthernetHeaderLen], ++sent_);
    ready_ = std::move(frame);
    --left_;
    next_ = now + 1ms;
  }
  std::size_t poll_tx(Instant, PortId, std::span<BufPtr> out) override {
    if (!ready_ || out.empty()) return 0;
    out[0] = std::move(ready_);
    return 1;
  }
  Instant next_deadline() override { return left_ == 0 ? kNever : next_; }

  std::vector<Instant> answers;
  std::vector<std::uint32_t> numbers;

 private:
  BufPool& pool_;
  int left_;
  std::uint32_t sent_ = 0;
  Instant next_ = kStart;
  BufPtr ready_;
};

struct Outcome {
  std::vector<Instant> answers;
  std::vector<std::uint32_t> numbers;
  std::uint64_t fingerprint = 0;
  RunEnd end = RunEnd::kMet;
};

Outcome ping(std::uint64_t seed, const LinkConfig& link) {
  HeapPool pool;
  Pinger pinger(pool, 200);
  EchoHost echo;
  FakeNetwork network(seed);
  const auto a = network.add("pinger", pinger);
  const auto b = network.add("echo", echo);
  network.join("wire", {a, 0}, {b, 0}, link);
  Outcome outcome;
  outcome.end = network.run_until([] { return false; });
  outcome.answers = pinger.answers;
  outcome.numbers = pinger.numbers;
  outcome.fingerprint = network.fingerprint();
  return outcome;
}

TEST(FakeNetwork, DeliversByTheClockAndEndsIdle) {
  // 100 bytes at 8 Mb/s take 100 us each way, and 1 ms of propagation.
  const Outcome outcome = ping(1, {.rate_bps = 8'000'000, .delay = 1ms});
  EXPECT_EQ(outcome.end, RunEnd::kIdle);
  ASSERT_EQ(outcome.answers.size(), 200u);
  for (std::size_t i = 0; i < 200; ++i) {
    EXPECT_EQ(outcome.answers[i], kStart + std::chrono::milliseconds(i) + 2200us);
    EXPECT_EQ(outcome.numbers[i], i + 1);
  }
}

TEST(FakeNetwork, ReplaysASeedAndOnlyThatSeed) {
  LinkConfig link{.delay = 3ms, .jitter = 500us};
  link.faults.loss = 0.1;
  link.faults.duplicate = 0.1;
  link.faults.reorder = 0.1;
  const Outcome first = ping(7, link);
  const Outcome again = ping(7, link);
  const Outcome other = ping(8, link);
  EXPECT_EQ(first.fingerprint, again.fingerprint);
  EXPECT_EQ(first.answers, again.answers);
  EXPECT_NE(first.fingerprint, other.fingerprint);
}

TEST(FakeNetwork, RunEndsByTimeAndByCondition) {
  HeapPool pool;
  Pinger pinger(pool, 1000);
  EchoHost echo;
  FakeNetwork network(1);
  network.join("wire", {network.add("pinger", pinger), 0}, {network.add("echo", echo), 0},
               LinkConfig{.delay = 1ms});
  EXPECT_EQ(network.run_until(kStart + 10ms), RunEnd::kTime);
  EXPECT_EQ(network.now(), kStart + 10ms);
  EXPECT_EQ(pinger.answers.size(), 9u);
  EXPECT_EQ(network.run_until([&] { return pinger.answers.size() == 20; }), RunEnd::kMet);
  EXPECT_EQ(network.now(), kStart + 21ms);
  EXPECT_EQ(network.run_until([] { return false; }, {.steps_max = 3}), RunEnd::kSteps);
}

TEST(FakeNetwork, CallsRunInOrderAndDownLinksLose) {
  HeapPool pool;
  Pinger pinger(pool, 10);
  EchoHost echo;
  FakeNetwork network(1);
  const auto wire = network.join("wire", {network.add("pinger", pinger), 0},
                                 {network.add("echo", echo), 0}, LinkConfig{.delay = 100us});
  std::string order;
  network.at(kStart + 2500us, [&] { network.set_up(wire, false); });
  network.at(kStart + 2500us, [&] { order += "b"; });
  network.at(kStart + 1ms, [&] { order += "a"; });
  network.in(5500us, [&] { network.set_up(wire, true); });
  EXPECT_EQ(network.run_until([] { return false; }), RunEnd::kIdle);
  EXPECT_EQ(order, "ab");
  EXPECT_EQ(network.lost_while_down(wire), 3u);
  EXPECT_EQ(pinger.answers.size(), 7u);
}

}  // namespace
}  // namespace twinpath
