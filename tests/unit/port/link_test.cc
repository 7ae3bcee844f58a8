// Proves: the arithmetic of a link (rate exact in the long run, drop-tail by bytes, delay, jitter
// that keeps order) and of its faults (rates as configured, each a function of seed and index
// alone, every decision counted).
#include "models/port/link.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "models/base/heap_pool.h"
#include "models/wire/ethernet.h"
#include "models/wire/ip.h"

namespace twinpath {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t kFrameLen = 100;

// An IPv4 frame carrying its number, so that what became of it can be told.
BufPtr numbered_frame(HeapPool& pool, std::uint32_t number) {
  BufPtr frame(pool.take());
  const auto bytes = frame->push_back(kFrameLen);
  std::ranges::fill(bytes, std::byte{0});
  EthernetRepr().emit(bytes);
  store_be32(&bytes[kEthernetHeaderLen], number);
  return frame;
}

std::uint32_t number_of(const PacketBuf& frame) {
  return load_be32(frame.data() + kEthernetHeaderLen);
}

struct Arrival {
  Instant at;
  std::uint32_t number;
  friend bool operator==(const Arrival&, const Arrival&) = default;
};

std::vector<Arrival> drain(LinkModel& link) {
  std::vector<Arrival> arrivals;
  for (Instant next = link.next_deadline(); next != kNever; next = link.next_deadline()) {
    BufPtr out[4];
    const std::size_t count = link.collect(next, out);
    for (std::size_t i = 0; i < count; ++i)
      arrivals.push_back({out[i]->arrived, number_of(*out[i])});
  }
  return arrivals;
}

TEST(LinkModel, RateIsExactInTheLongRun) {
  HeapPool pool;
  // 100 bytes at 3 Gb/s take 266.67 ns: rounding each would lose 2 us over 3000 frames.
  LinkModel link({.rate_bps = 3'000'000'000, .queue_bytes = 1'000'000}, Rng(1));
  for (std::uint32_t i = 0; i < 3000; ++i) link.offer(kStart, numbered_frame(pool, i));
  const auto arrivals = drain(link);
  ASSERT_EQ(arrivals.size(), 3000u);
  EXPECT_EQ(arrivals[0].at, at_ns(266));
  EXPECT_EQ(arrivals[2].at, at_ns(800));
  EXPECT_EQ(arrivals[2999].at, at_ns(800'000));
}

TEST(LinkModel, DropTailCountsWaitingBytes) {
  HeapPool pool;
  LinkModel link({.rate_bps = 8'000'000, .delay = 5ms, .queue_bytes = 250}, Rng(1));
  for (std::uint32_t i = 0; i < 5; ++i) link.offer(kStart, numbered_frame(pool, i));
  // One is being sent and two wait (200 of 250 bytes); the rest is dropped.
  EXPECT_EQ(link.counters().dropped_queue, 2u);
  EXPECT_EQ(link.queued_bytes(kStart), 200u);
  EXPECT_EQ(link.queued_bytes(kStart + 100us), 100u);
  link.offer(kStart + 100us, numbered_frame(pool, 9));
  EXPECT_EQ(link.counters().dropped_queue, 2u);
  EXPECT_EQ(link.counters().queue_bytes_peak, 200u);
  const std::vector<Arrival> expected{
      {kStart + 5100us, 0}, {kStart + 5200us, 1}, {kStart + 5300us, 2}, {kStart + 5400us, 9}};
  EXPECT_EQ(drain(link), expected);
  EXPECT_EQ(link.counters().delivered, 4u);
  EXPECT_EQ(link.counters().delivered_bytes, 400u);
}

TEST(LinkModel, WithoutQueueOnlyAnIdleTransmitterTakes) {
  HeapPool pool;
  LinkModel link({.rate_bps = 8'000'000, .queue_bytes = 0}, Rng(1));
  link.offer(kStart, numbered_frame(pool, 0));
  link.offer(kStart + 99us, numbered_frame(pool, 1));
  link.offer(kStart + 100us, numbered_frame(pool, 2));
  EXPECT_EQ(link.counters().dropped_queue, 1u);
  EXPECT_EQ(drain(link).size(), 2u);
}

// An IPv4 packet of that codepoint, as long as the others.
BufPtr codepoint_frame(HeapPool& pool, Ecn ecn) {
  BufPtr frame = numbered_frame(pool, 0x45000000U | static_cast<std::uint32_t>(ecn) << 16);
  store_be16(frame->data() + 12, static_cast<std::uint16_t>(EtherType::kIpv4));
  return frame;
}

// RFC 8257 §3.1: what finds more than the threshold waiting is marked, if it can be; RFC 3168 §7:
// what cannot waits like the rest, and is lost at the limit only.
TEST(LinkModel, MarksAboveTheThresholdAndDropsAtTheLimit) {
  HeapPool pool;
  LinkModel link({.rate_bps = 8'000'000, .queue_bytes = 600, .ecn_threshold_bytes = 200}, Rng(1));
  // One is being sent, the next three find 0, 100 and 200 waiting.
  for (int i = 0; i < 4; ++i) link.offer(kStart, codepoint_frame(pool, Ecn::kEct0));
  EXPECT_EQ(link.counters().marked, 0u);
  link.offer(kStart, codepoint_frame(pool, Ecn::kEct0));
  link.offer(kStart, codepoint_frame(pool, Ecn::kNotEct));
  link.offer(kStart, codepoint_frame(pool, Ecn::kEct1));
  EXPECT_EQ(link.counters().marked, 2u);
  EXPECT_EQ(link.waiting_bytes(), 600u);
  link.offer(kStart, codepoint_frame(pool, Ecn::kEct0));
  EXPECT_EQ(link.counters().dropped_queue, 1u);
  EXPECT_EQ(link.counters().marked, 2u) << "what is dropped is not marked";
  std::vector<int> seen;
  BufPtr out[1];
  while (link.collect(kStart + 1s, out) == 1) {
    seen.push_back(static_cast<int>(out[0]->data()[kEthernetHeaderLen + 1] & std::byte{3}));
  }
  EXPECT_EQ(seen, (std::vector<int>{2, 2, 2, 2, 3, 0, 3}));
}

TEST(LinkModel, JitterSpreadsButKeepsOrder) {
  HeapPool pool;
  LinkModel link({.delay = 1ms, .jitter = 100us}, Rng(5));
  for (std::uint32_t i = 0; i < 1000; ++i)
    link.offer(at_ns(1'000'000 * i), numbered_frame(pool, i));
  const auto arrivals = drain(link);
  ASSERT_EQ(arrivals.size(), 1000u);
  std::int64_t sum = 0;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const Duration extra = arrivals[i].at - at_ns(1'000'000 * (i + 1));
    EXPECT_EQ(arrivals[i].number, i);
    EXPECT_GE(extra, Duration::zero());
    EXPECT_LE(extra, 100us);
    sum += extra.count();
  }
  EXPECT_NEAR(static_cast<double>(sum) / 1000, 50'000, 3'000);
  // Ten frames at once: none overtakes.
  for (std::uint32_t i = 0; i < 10; ++i) link.offer(at_ns(2'000'000'000), numbered_frame(pool, i));
  const auto burst = drain(link);
  for (std::uint32_t i = 0; i < 10; ++i) EXPECT_EQ(burst[i].number, i);
}

// The same queue kept the slow way: every frame ever taken, searched at every offer.
class NaiveQueue {
 public:
  explicit NaiveQueue(const LinkConfig& config)
      : rate_bps_(config.rate_bps), queue_bytes_(config.queue_bytes) {}

  // When the last bit is out, or nothing when the frame is dropped.
  std::optional<Instant> offer(Instant now, std::uint64_t bytes) {
    std::uint64_t waiting = 0;
    for (const Taken& taken : taken_) waiting += taken.starts > now ? taken.bytes : 0;
    const bool idle = taken_.empty() || taken_.back().ends <= now;
    if (!idle && waiting + bytes > queue_bytes_) return std::nullopt;
    const Instant starts = idle ? now : taken_.back().ends;
    // The sum of all transmission times is exact but for less than one nanosecond.
    const auto before = static_cast<std::int64_t>(bits_ * 1'000'000'000 / rate_bps_);
    bits_ += 8 * bytes;
    const auto behind = static_cast<std::int64_t>(bits_ * 1'000'000'000 / rate_bps_);
    taken_.push_back({starts, starts + Duration(behind - before), bytes});
    return taken_.back().ends;
  }

 private:
  struct Taken {
    Instant starts;
    Instant ends;
    std::uint64_t bytes;
  };
  std::uint64_t rate_bps_;
  std::uint64_t queue_bytes_;
  std::uint64_t bits_ = 0;
  std::vector<Taken> taken_;
};

TEST(LinkModel, AgreesWithANaiveQueue) {
  HeapPool pool;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Rng rng(seed);
    LinkConfig config;
    config.rate_bps = 1'000'000 + rng.below(999'000'000);
    config.queue_bytes = rng.below(2'000);
    LinkModel link(config, rng.fork("link"));
    NaiveQueue naive(config);
    std::vector<Arrival> expected;
    Instant now = kStart;
    for (std::uint32_t i = 0; i < 400; ++i) {
      // Gaps around one transmission time, so that the queue fills and drains.
      now += Duration(static_cast<std::int64_t>(rng.below(1'600'000'000'000 / config.rate_bps)));
      if (const auto ends = naive.offer(now, kFrameLen)) expected.push_back({*ends, i});
      link.offer(now, numbered_frame(pool, i));
    }
    ASSERT_EQ(drain(link), expected) << "seed " << seed;
    ASSERT_EQ(link.counters().dropped_queue, 400 - expected.size());
  }
}

// What becomes of frames 0..count-1 under `faults`: for each number, how often it arrived.
std::map<std::uint32_t, int> fates(const FaultConfig& faults, std::uint64_t seed,
                                   std::uint32_t count) {
  HeapPool pool;
  LinkConfig config;
  config.faults = faults;
  LinkModel link(config, link_stream(Rng(seed), "wire", true));
  std::map<std::uint32_t, int> fates;
  for (std::uint32_t i = 0; i < count; ++i) {
    link.offer(at_ns(i), numbered_frame(pool, i));
    for (const Arrival& arrival : drain(link)) ++fates[arrival.number];
  }
  return fates;
}

TEST(Faults, RatesAreAsConfigured) {
  HeapPool pool;
  FaultConfig faults;
  faults.loss = 0.05;
  faults.corrupt = 0.03;
  faults.duplicate = 0.02;
  faults.reorder = 0.01;
  FaultProcess process(faults, Rng(3));
  std::vector<BufPtr> out;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    process.pass(at_ns(i), numbered_frame(pool, i), out);
    out.clear();
  }
  const FaultCounters& counters = process.counters();
  EXPECT_EQ(counters.frames, 100'000u);
  EXPECT_NEAR(static_cast<double>(counters.lost), 5000, 300);
  EXPECT_NEAR(static_cast<double>(counters.corrupted), 2850, 250);
  EXPECT_NEAR(static_cast<double>(counters.duplicated), 1880, 200);
  EXPECT_NEAR(static_cast<double>(counters.reordered), 950, 150);
}

TEST(Faults, SameSeedSameFatesOtherSeedOthers) {
  FaultConfig faults;
  faults.loss = 0.2;
  EXPECT_EQ(fates(faults, 1, 2000), fates(faults, 1, 2000));
  EXPECT_NE(fates(faults, 1, 2000), fates(faults, 2, 2000));
}

TEST(Faults, TurningOneFaultOnLeavesTheOthersInPlace) {
  FaultConfig faults;
  faults.loss = 0.2;
  const auto alone = fates(faults, 1, 2000);
  faults.duplicate = 0.3;
  const auto duplicated = fates(faults, 1, 2000);
  for (std::uint32_t i = 0; i < 2000; ++i)
    EXPECT_EQ(alone.contains(i), duplicated.contains(i)) << i;
}

TEST(Faults, CorruptionFlipsOneBitBehindTheEthernetHeader) {
  HeapPool pool;
  FaultConfig faults;
  faults.corrupt = 1;
  FaultProcess process(faults, Rng(9));
  std::vector<BufPtr> out;
  for (int i = 0; i < 2000; ++i) {
    const BufPtr original = numbered_frame(pool, 0);
    BufPtr verified = numbered_frame(pool, 0);
    verified->flags = kChecksumVerified | kChecksumWanted;
    process.pass(kStart, std::move(verified), out);
    ASSERT_EQ(out[0]->flags, kChecksumWanted) << "nobody vouches for damaged bytes";
    int bits = 0;
    for (std::size_t at = 0; at < original->len; ++at) {
      const auto change = static_cast<unsigned>(original->bytes()[at] ^ out[0]->bytes()[at]);
      bits += std::popcount(change);
      EXPECT_TRUE(at >= kEthernetHeaderLen || change == 0u);
    }
    ASSERT_EQ(bits, 1);
    out.clear();
  }
  BufPtr arp = numbered_frame(pool, 0);
  store_be16(arp->data() + 12, static_cast<std::uint16_t>(EtherType::kArp));
  process.pass(kStart, std::move(arp), out);
  EXPECT_EQ(number_of(*out[0]), 0u);
  EXPECT_EQ(process.counters().corrupted, 2000u);
}

TEST(Faults, ReorderedFrameIsOvertakenByItsNumber) {
  HeapPool pool;
  LinkConfig config;
  config.delay = 1ms;
  config.faults.reorder = 0.05;
  config.faults.reorder_frames = 3;
  LinkModel link(config, Rng(4));
  for (std::uint32_t i = 0; i < 5000; ++i) link.offer(at_ns(1000 * i), numbered_frame(pool, i));
  const auto arrivals = drain(link);
  ASSERT_EQ(arrivals.size(), 5000u);
  EXPECT_NEAR(static_cast<double>(link.faults().reordered), 250, 50);
  std::uint64_t late = 0;
  std::uint32_t newest = 0;
  for (const Arrival& arrival : arrivals) {
    late += arrival.number < newest ? 1u : 0u;
    EXPECT_LE(newest, arrival.number + 8) << "overtaken by more than a few";
    newest = std::max(newest, arrival.number);
  }
  EXPECT_NEAR(static_cast<double>(late), 250, 50);
}

TEST(Faults, LastReorderedFrameIsReleasedByTime) {
  HeapPool pool;
  LinkConfig config;
  config.delay = 1ms;
  config.faults.reorder = 1;
  config.faults.reorder_hold = 7ms;
  LinkModel link(config, Rng(4));
  link.offer(kStart, numbered_frame(pool, 5));
  EXPECT_EQ(link.next_deadline(), kStart + 7ms);
  EXPECT_EQ(drain(link), (std::vector<Arrival>{{kStart + 8ms, 5}}));
}

TEST(Faults, BurstsHaveTheirMeanLength) {
  HeapPool pool;
  FaultConfig faults;
  faults.burst_enter = 0.01;
  faults.burst_leave = 0.2;
  FaultProcess process(faults, Rng(6));
  std::vector<BufPtr> out;
  std::uint64_t bursts = 0;
  bool lost_before = false;
  for (std::uint32_t i = 0; i < 200'000; ++i) {
    process.pass(kStart, numbered_frame(pool, i), out);
    if (out.empty() && !lost_before) ++bursts;
    lost_before = out.empty();
    out.clear();
  }
  const double mean =
      static_cast<double>(process.counters().lost_in_burst) / static_cast<double>(bursts);
  EXPECT_NEAR(mean, 5.0, 0.4);
  EXPECT_NEAR(static_cast<double>(bursts), 200'000 * 0.01 / (1 + 0.01 * 5), 150);
}

TEST(Faults, DuplicatesNeedABuffer) {
  HeapPool pool({.bufs_max = 1});
  FaultConfig faults;
  faults.duplicate = 1;
  FaultProcess process(faults, Rng(1));
  std::vector<BufPtr> out;
  process.pass(kStart, numbered_frame(pool, 0), out);
  EXPECT_EQ(out.size(), 1u);
  EXPECT_EQ(process.counters().not_duplicated, 1u);
}

// 100 bytes take 80 us at 10 Mb/s and 8 us at 100 Mb/s.
TEST(LinkModel, AnotherConfigurationIsForFramesOfferedFromThenOn) {
  HeapPool pool;
  LinkModel link({.rate_bps = 10'000'000, .delay = 1ms}, Rng(1));
  link.offer(kStart, numbered_frame(pool, 0));
  link.offer(kStart, numbered_frame(pool, 1));
  link.reconfigure({.rate_bps = 100'000'000, .delay = 100us});
  link.offer(kStart, numbered_frame(pool, 2));
  link.offer(at_ns(2'000'000), numbered_frame(pool, 3));
  const std::vector<Arrival> expected = {{at_ns(1'080'000), 0},
                                         {at_ns(1'160'000), 1},
                                         {at_ns(1'160'000), 2},  // due at 268 us, but no sooner
                                         {at_ns(2'108'000), 3}};
  EXPECT_EQ(drain(link), expected);
}

TEST(LinkModel, FaultsMayBeginAndEndAndFramesHeldBackAreNotLost) {
  HeapPool pool;
  LinkModel link({.delay = 1ms}, Rng(1));
  FaultConfig faults;
  faults.reorder = 1;
  link.reconfigure({.delay = 1ms, .faults = faults});
  link.offer(kStart, numbered_frame(pool, 0));
  faults.reorder = 0;
  faults.loss = 1;
  link.reconfigure({.delay = 1ms, .faults = faults});
  link.offer(kStart, numbered_frame(pool, 1));
  link.reconfigure({.delay = 1ms});
  link.offer(kStart, numbered_frame(pool, 2));
  const std::vector<Arrival> expected = {{at_ns(1'000'000), 2}, {at_ns(21'000'000), 0}};
  EXPECT_EQ(drain(link), expected);
  EXPECT_EQ(link.faults().lost, 1u);
  EXPECT_EQ(link.faults().reordered, 1u);
}

TEST(LinkConfig, ReportsEveryProblem) {
  LinkConfig config;
  config.delay = -1ns;
  config.faults.loss = 1.5;
  config.faults.reorder_frames = 0;
  EXPECT_EQ(validate(config).size(), 3u);
  EXPECT_TRUE(validate(LinkConfig()).empty());
}

}  // namespace
}  // namespace twinpath
