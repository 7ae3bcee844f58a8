// The queues of a connection against naive twins, under long random histories.
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

#include "models/base/heap_pool.h"
#include "models/base/rng.h"
#include "models/tcp/reassembly.h"
#include "models/tcp/ring_deque.h"
#include "models/tcp/sent_list.h"
#include "models/tcp/slice_queue.h"

namespace twinpath::tcp {
namespace {

constexpr int kSteps = 20'000;

Slice make_slice(HeapPool& pool, Rng& rng, std::uint32_t len) {
  BufPtr buf(pool.take());
  const std::uint32_t before = static_cast<std::uint32_t>(rng.below(40));
  for (std::byte& byte : buf->push_back(before + len)) byte = static_cast<std::byte>(rng.next());
  return Slice{BufRef(std::move(buf)), before, len};
}

void append(std::deque<std::byte>& naive, const Slice& slice) {
  naive.insert(naive.end(), slice.bytes().begin(), slice.bytes().end());
}

TEST(RingDeque, AgreesWithStdDeque) {
  Rng rng(1);
  RingDeque<int> ring;
  std::deque<int> naive;
  for (int step = 0; step < kSteps; ++step) {
    const auto action = rng.below(6);
    const auto at = naive.empty() ? 0 : rng.below(naive.size());
    if (action < 2) {
      ring.push_back(step);
      naive.push_back(step);
    } else if (action == 2) {
      ring.insert(static_cast<std::uint32_t>(at), step);
      naive.insert(naive.begin() + static_cast<std::ptrdiff_t>(at), step);
    } else if (!naive.empty() && action == 3) {
      ring.pop_front();
      naive.pop_front();
    } else if (!naive.empty() && action == 4) {
      ring.pop_back();
      naive.pop_back();
    } else if (!naive.empty()) {
      ring.erase(static_cast<std::uint32_t>(at));
      naive.erase(naive.begin() + static_cast<std::ptrdiff_t>(at));
    }
    ASSERT_EQ(ring.size(), naive.size());
    for (std::uint32_t i = 0; i < ring.size(); ++i) ASSERT_EQ(ring[i], naive[i]);
    if (naive.size() > 60) ring.clear(), naive.clear();
  }
}

TEST(SliceQueue, AgreesWithAFlatQueue) {
  HeapPool pool;
  Rng rng(2);
  SliceQueue queue;
  std::deque<std::byte> naive;
  for (int step = 0; step < kSteps; ++step) {
    const auto action = rng.below(4);
    if (action < 2 && naive.size() < 20'000) {
      const auto len_max = rng.below(3) == 0 ? 1500 : 100;
      Slice slice = make_slice(pool, rng, static_cast<std::uint32_t>(rng.below(len_max)));
      append(naive, slice);
      if (slice.len > 2 && rng.below(4) == 0) {  // the same buffer, as two slices
        queue.append(slice.first(slice.len / 2));
        slice.drop_front(slice.len / 2);
      }
      queue.append(std::move(slice));
    } else if (action == 2) {
      const auto count = rng.below(naive.size() / 2 + 1);
      queue.drop_front(static_cast<std::uint32_t>(count));
      naive.erase(naive.begin(), naive.begin() + static_cast<std::ptrdiff_t>(count));
    } else {
      const Slice taken = queue.take_front(static_cast<std::uint32_t>(1 + rng.below(700)));
      if (taken.len == 0) continue;
      const auto end = naive.begin() + taken.len;
      ASSERT_TRUE(std::equal(taken.bytes().begin(), taken.bytes().end(), naive.begin(), end));
      naive.erase(naive.begin(), end);
    }
    ASSERT_EQ(queue.bytes(), naive.size());
    const auto offset = rng.below(naive.size() + 1);
    std::vector<std::byte> copy(rng.below(std::min<std::size_t>(naive.size() - offset, 3000) + 1));
    const InetSum sum = queue.copy(static_cast<std::uint32_t>(offset), copy);
    ASSERT_TRUE(
        std::equal(copy.begin(), copy.end(), naive.begin() + static_cast<std::ptrdiff_t>(offset)));
    ASSERT_EQ(sum.folded(), sum_bytes(copy).folded());
  }
  queue.clear();
  EXPECT_EQ(pool.outstanding(), 0U);
}

// Small pieces share buffers, so a flood of one-byte writes pins no more than it fills.
TEST(SliceQueue, SmallPiecesAreGathered) {
  HeapPool pool;
  Rng rng(3);
  SliceQueue queue;
  for (int i = 0; i < 10'000; ++i) queue.append(make_slice(pool, rng, 1));
  EXPECT_LT(pool.outstanding(), 10U);
  EXPECT_EQ(queue.bytes(), 10'000U);
}

// A buffer somebody else can see is never written.
TEST(SliceQueue, SharedBuffersAreLeftAlone) {
  HeapPool pool;
  Rng rng(4);
  Slice slice = make_slice(pool, rng, 10);
  const Slice mine = slice;
  SliceQueue queue;
  queue.append(std::move(slice));
  queue.append(make_slice(pool, rng, 10));
  EXPECT_EQ(mine.buf->len, mine.offset + 10U);
  EXPECT_EQ(queue.slices(), 2U);
}

// Every octet has a state; the list's ranges must add up to the same.
class NaiveSent {
 public:
  struct Octet {
    bool lost = false;
    bool resent = false;
  };
  std::map<std::uint32_t, Octet> octets;

  std::uint32_t pipe() const {
    std::uint32_t count = 0;
    for (const auto& [seq, octet] : octets) count += !octet.lost || octet.resent ? 1 : 0;
    return count;
  }
};

TEST(SentList, PipeAgreesWithOctetByOctetAccounting) {
  Rng rng(5);
  SentList list;
  NaiveSent naive;
  const SeqNum start(0xfffff000U);
  std::uint32_t next = 0;
  std::uint32_t una = 0;
  for (int step = 0; step < kSteps; ++step) {
    const auto action = rng.below(6);
    const auto index = list.empty() ? 0U : static_cast<std::uint32_t>(rng.below(list.size()));
    const auto each = [&](auto change) {
      for (std::uint32_t i = 0; i < list[index].len(); ++i) {
        change(naive.octets[list[index].first.value() - start.value() + i]);
      }
    };
    if (action < 2 && list.size() < 20) {
      const auto len = static_cast<std::uint32_t>(1 + rng.below(9));
      list.push({start + next, start + next + len, at_ns(step)});
      for (std::uint32_t i = 0; i < len; ++i) naive.octets[next + i] = {};
      next += len;
    } else if (action == 2) {
      una += static_cast<std::uint32_t>(rng.below(next - una + 1));
      list.acknowledge(start + una, {at_ns(step)});
      naive.octets.erase(naive.octets.begin(), naive.octets.lower_bound(una));
    } else if (action == 3 && !list.empty()) {
      each([](NaiveSent::Octet& octet) { octet = {true, false}; });
      list.mark_lost(index);
    } else if (action == 4 && list.has_lost()) {
      const std::uint32_t lost = *list.next_lost();
      for (std::uint32_t i = 0; i < lost; ++i) ASSERT_TRUE(list[i].in_pipe());
      for (std::uint32_t i = 0; i < list[lost].len(); ++i) {
        naive.octets[list[lost].first.value() - start.value() + i].resent = true;
      }
      list.mark_resent(lost, at_ns(step));
    } else if (action == 5 && !list.empty() && list[index].len() > 1) {
      list.split({index, list[index].len() / 2});
    }
    ASSERT_EQ(list.pipe_bytes(), naive.pipe());
    ASSERT_EQ(list.has_lost(), list.pipe_bytes() < next - una);
  }
}

// The receiver's view, octet by octet, reported in blocks as RFC 2018 §4 has them.
TEST(SentList, SackMarksExactlyWhatArrived) {
  Rng rng(8);
  for (int round = 0; round < 300; ++round) {
    SentList list;
    const SeqNum start(static_cast<std::uint32_t>(rng.next()));
    std::vector<bool> arrived(100);
    for (std::uint32_t i = 0; i < 100; ++i)
      list.push({start + i * 10, start + i * 10 + 10, kStart});
    HeapPool pool;
    Reassembly peer;
    for (int step = 0; step < 60; ++step) {
      const auto segment = static_cast<std::uint32_t>(1 + rng.below(99));
      peer.insert(start + segment * 10, make_slice(pool, rng, 10));
      const bool is_news = !arrived[segment];
      arrived[segment] = true;
      // A report may get lost; what it said is then in the later ones, or comes with them.
      ASSERT_EQ(list.sack(peer.blocks(), {at_ns(10)}), is_news);
      ASSERT_EQ(list.detect_lost(at_ns(10), Duration(0)), kNever);
      std::uint32_t above = 0;
      std::uint32_t pipe = 0;
      for (std::uint32_t i = 100; i-- > 0;) {
        ASSERT_EQ(list[i].sacked, arrived[i]);
        above += arrived[i] ? 1 : 0;
        const bool lost = !arrived[i] && above > 0;
        ASSERT_EQ(list[i].lost && !list[i].sacked, lost) << i;
        pipe += arrived[i] || lost ? 0 : 10;
      }
      ASSERT_EQ(list.pipe_bytes(), pipe);
    }
    list.forget_sacks();
    list.mark_all_lost();
    ASSERT_EQ(list.pipe_bytes(), 0U);
    ASSERT_EQ(list.next_lost(), 0U);
  }
}

TEST(SentList, KarnsRule) {
  SentList list;
  list.push({SeqNum(0), SeqNum(10), at_ns(1)});
  list.push({SeqNum(10), SeqNum(20), at_ns(2)});
  list.push({SeqNum(20), SeqNum(30), at_ns(3)});
  EXPECT_EQ(list.acknowledge(SeqNum(20), {at_ns(5)}).sent_at, at_ns(2));
  list.mark_lost(0);
  list.mark_resent(0, at_ns(4));
  const AckedRanges acked = list.acknowledge(SeqNum(30), {at_ns(6)});
  EXPECT_FALSE(acked.sent_at.has_value());
  EXPECT_EQ(acked.resent_at, at_ns(4));
}

// What the receiver should end up with: first writer of each octet wins.
TEST(Reassembly, AgreesWithANaiveByteMap) {
  HeapPool pool;
  Rng rng(6);
  for (int round = 0; round < 200; ++round) {
    const SeqNum start(static_cast<std::uint32_t>(rng.next()));
    Reassembly held;
    std::map<std::uint32_t, std::byte> naive;
    std::uint32_t next = 0;
    for (int step = 0; step < 60; ++step) {
      const auto at = static_cast<std::uint32_t>(next + 1 + rng.below(3000));
      const Slice slice = make_slice(pool, rng, static_cast<std::uint32_t>(rng.below(400)));
      std::uint32_t added = 0;
      for (std::uint32_t i = 0; i < slice.len; ++i) {
        added += naive.emplace(at + i, slice.bytes()[i]).second ? 1 : 0;
      }
      ASSERT_EQ(held.insert(start + at, slice), added);
      ASSERT_EQ(held.bytes(), naive.size());
      if (rng.below(5) != 0) continue;
      next += static_cast<std::uint32_t>(rng.below(800));  // a retransmission filled up to here
      while (const auto piece = held.take(start + next)) {
        for (const std::byte byte : piece->bytes()) ASSERT_EQ(byte, naive.at(next++));
      }
      naive.erase(naive.begin(), naive.lower_bound(next));
      ASSERT_EQ(held.bytes(), naive.size());
      ASSERT_FALSE(naive.contains(next));
    }
    held.clear();
    ASSERT_EQ(pool.outstanding(), 0U);
  }
}

// RFC 2018 §4: blocks are whole runs, the newest first, none twice.
TEST(Reassembly, BlocksAreTheRunsNewestFirst) {
  HeapPool pool;
  Rng rng(7);
  for (int round = 0; round < 500; ++round) {
    Reassembly held;
    std::map<std::uint32_t, bool> octets;
    std::uint32_t newest = 0;
    for (int step = 0; step < 12; ++step) {
      newest = static_cast<std::uint32_t>(10 + rng.below(40) * 10);
      held.insert(SeqNum(newest), make_slice(pool, rng, 10));
      for (std::uint32_t i = 0; i < 10; ++i) octets[newest + i] = true;
    }
    const SackBlocks blocks = held.blocks();
    ASSERT_FALSE(blocks.empty());
    EXPECT_TRUE(blocks[0].contains(SeqNum(newest)));
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      EXPECT_FALSE(octets.contains(blocks[i].first.value() - 1));
      EXPECT_FALSE(octets.contains(blocks[i].end.value()));
      for (SeqNum at = blocks[i].first; at < blocks[i].end; ++at) {
        ASSERT_TRUE(octets.contains(at.value()));
      }
      for (std::size_t j = 0; j < i; ++j) EXPECT_FALSE(blocks[i] == blocks[j]);
    }
  }
}

}  // namespace
}  // namespace twinpath::tcp
