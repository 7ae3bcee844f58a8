// Proves: the SPSC ring hands over every item, in order and without a data race, in every
// interleaving of two threads under memory weaker than sequential consistency; and each of its four
// orderings is needed: weakening any one of them makes the checker find a race. The checker itself
// is held to two litmus tests first.
#include <gtest/gtest.h>

#include "models/base/spsc_ring.h"
#include "tests/fakes/weak_memory.h"

namespace twinpath {
namespace {

constexpr Orders kRight{};
constexpr Orders kRelaxedPublish{.publish = std::memory_order_relaxed};
constexpr Orders kRelaxedObserve{.observe = std::memory_order_relaxed};

struct Shape {
  std::size_t slots = 1;
  std::uint64_t items = 2;
  std::uint64_t batch = 1;     // pushes or pops per publication
  std::size_t idle_polls = 2;  // per side; a path that waits longer is given up
};

// Each step makes at most one shared access, so a switch between any two accesses is tried.
template <Orders orders>
class Producer {
 public:
  Producer(const RingSpan<std::uint64_t, WeakAtomics<orders>>& ring, const Shape& shape)
      : ring_(ring), shape_(shape) {}
  [[nodiscard]] bool is_done() const { return phase_ == Phase::kDone; }

  void step() {
    switch (phase_) {
      case Phase::kAsk:
        room_ = std::min<std::uint64_t>({ring_.room(), shape_.batch, shape_.items - sent_});
        if (room_ > 0) phase_ = Phase::kPush;
        if (room_ == 0 && ++polls_ > shape_.idle_polls) phase_ = Phase::kDone;
        return;
      case Phase::kPush:
        ring_.push(std::uint64_t{sent_++});
        if (--room_ == 0) phase_ = Phase::kPublish;
        return;
      case Phase::kPublish:
        ring_.publish();
        phase_ = sent_ == shape_.items ? Phase::kDone : Phase::kAsk;
        return;
      case Phase::kDone:
        return;
    }
  }

 private:
  enum class Phase { kAsk, kPush, kPublish, kDone };
  RingProducer<std::uint64_t, WeakAtomics<orders>> ring_;
  Shape shape_;
  Phase phase_ = Phase::kAsk;
  std::uint64_t room_ = 0;
  std::uint64_t sent_ = 0;
  std::size_t polls_ = 0;
};

template <Orders orders>
class Consumer {
 public:
  Consumer(const RingSpan<std::uint64_t, WeakAtomics<orders>>& ring, const Shape& shape)
      : ring_(ring), shape_(shape) {}
  [[nodiscard]] bool is_done() const { return phase_ == Phase::kDone; }
  [[nodiscard]] const std::vector<std::uint64_t>& received() const { return received_; }

  void step() {
    switch (phase_) {
      case Phase::kAsk:
        waiting_ = std::min<std::uint64_t>(ring_.available(), shape_.batch);
        if (waiting_ > 0) phase_ = Phase::kPop;
        if (waiting_ == 0 && ++polls_ > shape_.idle_polls) phase_ = Phase::kDone;
        return;
      case Phase::kPop:
        received_.push_back(ring_.pop());
        if (--waiting_ == 0) phase_ = Phase::kPublish;
        return;
      case Phase::kPublish:
        ring_.publish();
        phase_ = received_.size() == shape_.items ? Phase::kDone : Phase::kAsk;
        return;
      case Phase::kDone:
        return;
    }
  }

 private:
  enum class Phase { kAsk, kPop, kPublish, kDone };
  RingConsumer<std::uint64_t, WeakAtomics<orders>> ring_;
  Shape shape_;
  Phase phase_ = Phase::kAsk;
  std::uint64_t waiting_ = 0;
  std::size_t polls_ = 0;
  std::vector<std::uint64_t> received_;
};

struct Verdict {
  std::uint64_t paths = 0;
  std::uint64_t complete = 0;  // every item arrived
  std::uint64_t races = 0;
  std::uint64_t disorders = 0;
};

template <Orders of_producer, Orders of_consumer>
void run_path(Chooser& chooser, const Shape& shape, Verdict& verdict) {
  WeakMemory memory(chooser);
  WeakAtomic produced(memory, 0);
  WeakAtomic consumed(memory, 0);
  std::vector<WeakCell<std::uint64_t>> slots(shape.slots);
  for (auto& slot : slots) slot.memory = &memory;
  Producer<of_producer> producer({&produced, &consumed, slots}, shape);
  Consumer<of_consumer> consumer({&produced, &consumed, slots}, shape);
  while (!memory.raced() && !(producer.is_done() && consumer.is_done())) {
    const bool both = !producer.is_done() && !consumer.is_done();
    const bool producer_steps = both ? chooser.pick(2) == 0 : consumer.is_done();
    memory.run_as(producer_steps ? 0 : 1);
    producer_steps ? producer.step() : consumer.step();
  }
  verdict.races += memory.raced() ? 1u : 0u;
  verdict.complete += consumer.received().size() == shape.items ? 1u : 0u;
  for (std::uint64_t i = 0; i < consumer.received().size(); ++i) {
    if (consumer.received()[i] != i) ++verdict.disorders;
  }
}

template <Orders of_producer, Orders of_consumer>
Verdict explore_all(const Shape& shape) {
  Verdict verdict;
  Chooser chooser;
  do {
    run_path<of_producer, of_consumer>(chooser, shape, verdict);
  } while (chooser.next());
  verdict.paths = chooser.paths();
  return verdict;
}

template <Orders of_producer, Orders of_consumer>
Verdict explore_at_random(const Shape& shape, std::uint64_t paths) {
  Verdict verdict;
  Chooser chooser(Rng(1));
  do {
    run_path<of_producer, of_consumer>(chooser, shape, verdict);
  } while (chooser.next() && chooser.paths() < paths);
  verdict.paths = chooser.paths();
  return verdict;
}

TEST(WeakMemory, StoreBufferingHappensEvenWithAcquireAndRelease) {
  // Each thread stores to its flag and reads the other's: both may read 0, which no interleaving
  // under sequential consistency allows.
  bool both_read_zero = false;
  Chooser chooser;
  do {
    WeakMemory memory(chooser);
    WeakAtomic flag[2] = {{memory, 0}, {memory, 0}};
    std::uint64_t seen[2] = {1, 1};
    std::size_t steps[2] = {0, 0};
    while (steps[0] + steps[1] < 4) {
      const std::size_t thread = steps[0] == 2 ? 1 : steps[1] == 2 ? 0 : chooser.pick(2);
      memory.run_as(thread);
      if (steps[thread]++ == 0) {
        flag[thread].store(1, std::memory_order_release);
      } else {
        seen[thread] = flag[1 - thread].load(std::memory_order_acquire);
      }
    }
    both_read_zero = both_read_zero || (seen[0] == 0 && seen[1] == 0);
  } while (chooser.next());
  EXPECT_TRUE(both_read_zero);
}

std::uint64_t message_passing_races(Orders orders) {
  std::uint64_t races = 0;
  Chooser chooser;
  do {
    WeakMemory memory(chooser);
    WeakAtomic ready(memory, 0);
    WeakMemory::CellHistory data;
    std::size_t writer_steps = 0;
    bool reader_done = false;
    while (writer_steps < 2 || !reader_done) {
      const bool writer = reader_done || (writer_steps < 2 && chooser.pick(2) == 0);
      memory.run_as(writer ? 0 : 1);
      if (writer && writer_steps++ == 0) {
        memory.write_cell(data);
      } else if (writer) {
        ready.store(1, orders.publish);
      } else {
        if (ready.load(orders.observe) == 1) memory.read_cell(data);
        reader_done = true;
      }
    }
    races += memory.raced() ? 1u : 0u;
  } while (chooser.next());
  return races;
}

TEST(WeakMemory, MessagePassingNeedsBothOrders) {
  EXPECT_EQ(message_passing_races(kRight), 0u);
  EXPECT_GT(message_passing_races(kRelaxedPublish), 0u);
  EXPECT_GT(message_passing_races(kRelaxedObserve), 0u);
}

void expect_clean(const Verdict& verdict) {
  EXPECT_EQ(verdict.races, 0u);
  EXPECT_EQ(verdict.disorders, 0u);
  EXPECT_GT(verdict.complete, 0u) << "no path delivered everything: the bounds are too small";
}

TEST(RingInterleavings, EveryPathOfSmallRings) {
  std::uint64_t paths = 0;
  for (const Shape& shape : {Shape{.slots = 1, .items = 3, .idle_polls = 2},
                             Shape{.slots = 2, .items = 4, .batch = 2, .idle_polls = 2},
                             Shape{.slots = 2, .items = 3, .batch = 1, .idle_polls = 1}}) {
    const Verdict verdict = explore_all<kRight, kRight>(shape);
    expect_clean(verdict);
    paths += verdict.paths;
  }
  RecordProperty("paths", std::to_string(paths));
  EXPECT_GT(paths, 50'000u);
}

TEST(RingInterleavings, RandomPathsOfLargerRings) {
  expect_clean(explore_at_random<kRight, kRight>(
      {.slots = 2, .items = 8, .batch = 2, .idle_polls = 10}, 20'000));
  expect_clean(explore_at_random<kRight, kRight>(
      {.slots = 4, .items = 12, .batch = 3, .idle_polls = 10}, 20'000));
}

constexpr Shape kMutationShape{.slots = 1, .items = 2, .idle_polls = 1};

TEST(RingInterleavings, ProducerMustRelease) {
  EXPECT_GT((explore_all<kRelaxedPublish, kRight>(kMutationShape).races), 0u);
}
TEST(RingInterleavings, ProducerMustAcquire) {
  EXPECT_GT((explore_all<kRelaxedObserve, kRight>(kMutationShape).races), 0u);
}
TEST(RingInterleavings, ConsumerMustRelease) {
  EXPECT_GT((explore_all<kRight, kRelaxedPublish>(kMutationShape).races), 0u);
}
TEST(RingInterleavings, ConsumerMustAcquire) {
  EXPECT_GT((explore_all<kRight, kRelaxedObserve>(kMutationShape).races), 0u);
}

}  // namespace
}  // namespace twinpath
