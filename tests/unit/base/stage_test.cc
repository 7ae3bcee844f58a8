// Packets, rings, outboxes, schedules and events of models/base.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "models/base/core_schedule.h"
#include "models/base/descriptor.h"
#include "models/base/event_bus.h"
#include "models/base/heap_pool.h"
#include "models/base/pool_return.h"
#include "models/base/ring.h"

namespace twinpath {
namespace {

TEST(HeapPool, ExhaustionIsOrdinaryAndCounted) {
  HeapPool pool({.capacity_bytes = 256, .headroom_bytes = 64, .bufs_max = 2});
  BufPtr first(pool.take());
  BufPtr second(pool.take());
  EXPECT_EQ(pool.take(), nullptr);
  EXPECT_EQ(pool.exhausted(), 1U);
  first.reset();
  BufPtr third(pool.take());
  ASSERT_NE(third, nullptr);
  EXPECT_EQ(third->data_off, 64U);
  EXPECT_EQ(third->tailroom(), 192U);
}

TEST(BufRef, SharedUntilTheLastGoes) {
  HeapPool pool;
  BufRef shared{BufPtr(pool.take())};
  BufRef other = shared;
  EXPECT_FALSE(shared.is_unique());
  EXPECT_EQ(shared.take_if_unique(), nullptr);
  other = BufRef();
  EXPECT_TRUE(shared.is_unique());
  EXPECT_NE(shared.take_if_unique(), nullptr);
  EXPECT_EQ(pool.outstanding(), 0U);
}

TEST(Ring, NothingIsSeenBeforePublication) {
  Ring<int> ring(4);
  Outbox sender;
  Outbox receiver;
  ring.outlet().push(sender, 1);
  EXPECT_FALSE(ring.inlet().ready());
  EXPECT_TRUE(sender.publish());
  ASSERT_EQ(ring.inlet().available(), 1U);
  EXPECT_EQ(ring.inlet().pop(receiver), 1);
  EXPECT_EQ(ring.outlet().room(), 3U);  // the slot is not free before the receiver publishes
  EXPECT_TRUE(receiver.publish());
  EXPECT_EQ(ring.outlet().room(), 4U);
}

TEST(Ring, BlockingKeepsLossyDropsAndCounts) {
  Ring<int> blocking(2);
  Ring<int> lossy(2, RingPolicy::kLossy);
  Outbox outbox;
  for (int item = 0; item < 3; ++item) {
    blocking.outlet().push(outbox, item);
    lossy.outlet().push(outbox, item);
  }
  EXPECT_FALSE(outbox.publish());
  EXPECT_EQ(lossy.outlet().dropped(), 1U);
  Outbox receiver;
  EXPECT_EQ(blocking.inlet().available(), 2U);
  EXPECT_EQ(blocking.inlet().pop(receiver), 0);
  EXPECT_TRUE(receiver.publish());
  EXPECT_TRUE(outbox.publish());
  EXPECT_EQ(blocking.inlet().available(), 2U);
}

TEST(SpscRing, APeerThatLiesIsCutOff) {
  std::atomic<std::uint64_t> produced{0};
  std::atomic<std::uint64_t> consumed{0};
  std::array<int, 4> slots{};
  const RingSpan<int> span{&produced, &consumed, slots};
  RingConsumer<int> consumer(span);
  RingProducer<int> producer(span);
  produced = 5;  // more than the ring holds
  EXPECT_EQ(consumer.available(), 0U);
  EXPECT_TRUE(consumer.cut_off());
  consumed = 1;  // more than was ever produced
  EXPECT_EQ(producer.room(), 0U);
  EXPECT_TRUE(producer.cut_off());
  produced = 0;
  EXPECT_EQ(consumer.available(), 0U);  // for good
}

// Counts down a number of items per turn; also a timer-only Stage when given deadlines.
class CountStage final : public Stage {
 public:
  CountStage(std::string name, std::vector<std::string>& log) : name_(std::move(name)), log_(log) {}
  std::string_view name() const override { return name_; }
  Work run(Turn& turn) override {
    log_.push_back(name_);
    if (next_deadline() <= turn.now) deadline = kNever;
    if (left > 0) --left;
    return {1, left > 0};
  }
  Instant next_deadline() override { return deadline; }

  int left = 0;
  Instant deadline = kNever;

 private:
  std::string name_;
  std::vector<std::string>& log_;
};

TEST(CoreSchedule, RoundRobinUntilIdleAndTimersByDeadline) {
  std::vector<std::string> log;
  CountStage first("first", log);
  CountStage second("second", log);
  CoreSchedule schedule;
  schedule.add(first);
  schedule.add(second);
  CostLedger ledger;
  EXPECT_FALSE(schedule.next(kStart).has_value());
  first.left = 2;
  first.deadline = kStart;
  second.deadline = kStart;
  while (const auto pick = schedule.next(kStart)) {
    run_turn(schedule, *pick, kStart, ledger);
    schedule.publish(pick->index);
  }
  EXPECT_EQ(log, (std::vector<std::string>{"first", "second", "first"}));
  second.deadline = at_ns(5);
  EXPECT_EQ(schedule.next_deadline(), at_ns(5));
}

TEST(PoolReturn, BuffersGoHomeByRing) {
  HeapPool home;
  Ring<PacketBuf*> way(8);
  Outbox foreign;
  Outbox local;
  PoolReturn away(home, way.outlet(), foreign);
  BufPtr buf(home.take());
  away.adopt(*buf);
  buf.reset();
  EXPECT_EQ(home.outstanding(), 1U);
  EXPECT_TRUE(foreign.publish());
  EXPECT_EQ(PoolReturn::collect(way.inlet(), local, home), 1U);
  EXPECT_EQ(home.outstanding(), 0U);
}

TEST(Descriptor, OutsideTheRegionIsNothing) {
  std::array<std::byte, 100> region{};
  EXPECT_EQ(bytes_of({.offset = 90, .len = 10}, region).size(), 10U);
  EXPECT_TRUE(bytes_of({.offset = 91, .len = 10}, region).empty());
  EXPECT_TRUE(bytes_of({.offset = 101, .len = 0xffffffff}, region).empty());
}

struct Ping {
  static constexpr std::string_view kPath = "test.ping";
  EventHeader header{};
  std::uint32_t value = 0;
};

class Recorder final : public EventListener {
 public:
  void on_event(const EventHeader& header) override { seen.push_back(as<Ping>(header).value); }
  std::vector<std::uint32_t> seen;
};

TEST(EventBus, ListenersHearTheirTypeAndBelow) {
  EventBus bus;
  const EventTypeId ping = bus.type_of<Ping>();
  Recorder exact;
  Recorder above;
  Recorder elsewhere;
  bus.publish(ping, kStart, Ping{.value = 1});
  bus.subscribe(ping, exact);
  bus.subscribe(bus.types().find("test"), above);
  bus.subscribe(bus.types().define("other"), elsewhere);
  bus.publish(ping, kStart, Ping{.value = 2});
  bus.unsubscribe(exact);
  bus.publish(ping, kStart, Ping{.value = 3});
  EXPECT_EQ(exact.seen, (std::vector<std::uint32_t>{2}));
  EXPECT_EQ(above.seen, (std::vector<std::uint32_t>{2, 3}));
  EXPECT_TRUE(elsewhere.seen.empty());
}

}  // namespace
}  // namespace twinpath
