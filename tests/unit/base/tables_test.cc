// Slab, dense open addressing and the numbers of flows against the library's maps.
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "models/base/rng.h"
#include "models/base/slab.h"
#include "models/base/sparse_vector.h"
#include "models/host/flow_numbers.h"

namespace twinpath {
namespace {

// Counts how many there are.
struct Counted {
  Counted(int& alive, int value_) : count(alive), value(value_) { ++count; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  ~Counted() { --count; }
  int& count;
  int value;
};

TEST(Slab, AgreesWithAMapAndReusesLastInFirstOut) {
  Rng rng(5);
  int alive = 0;
  {
    Slab<Counted> slab;
    std::map<std::uint32_t, int> naive;
    std::vector<std::uint32_t> freed;
    for (int step = 0; step < 20'000; ++step) {
      if (naive.empty() || rng.below(100) < 52) {
        const std::uint32_t index = slab.next();
        EXPECT_EQ(index, freed.empty() ? naive.size() : freed.back());
        if (!freed.empty()) freed.pop_back();
        slab.add(alive, step);
        naive[index] = step;
      } else {
        const auto at = std::next(naive.begin(), static_cast<long>(rng.below(naive.size())));
        EXPECT_EQ(slab[at->first].value, at->second);
        slab.remove(at->first);
        EXPECT_FALSE(slab.is_taken(at->first));
        freed.push_back(at->first);
        naive.erase(at);
      }
      ASSERT_EQ(slab.size(), naive.size());
      ASSERT_EQ(static_cast<std::size_t>(alive), naive.size());
    }
    for (const auto& [index, value] : naive) EXPECT_EQ(slab[index].value, value);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Slab, ObjectsStayWhereTheyAre) {
  Slab<std::uint64_t> slab;
  const std::uint64_t* first = &slab.add(7U);
  for (int i = 0; i < 10'000; ++i) slab.add(0U);
  EXPECT_EQ(first, &slab[0]);
  EXPECT_EQ(*first, 7u);
}

TEST(FlowNumbers, AgreeWithAMap) {
  Rng rng(9);
  FlowNumbers numbers;
  std::unordered_map<std::uint64_t, std::uint64_t> naive;
  for (std::uint64_t step = 0; step < 50'000; ++step) {
    // Hashes share upper or lower halves, so that searches collide and wrap.
    const std::uint64_t flow = rng.below(700) << 32 | (0xffffffffU - rng.below(3));
    if (rng.below(5) < 3) {
      numbers.set({flow, step});
      naive[flow] = step;
    } else {
      numbers.erase(flow);
      naive.erase(flow);
    }
    const auto known = naive.find(flow);
    ASSERT_EQ(numbers.find(flow),
              known == naive.end() ? std::nullopt : std::optional(known->second));
  }
  for (const auto& [flow, number] : naive) EXPECT_EQ(numbers.find(flow), number);
}

TEST(SparseVector, GivesBackWhatItGrewToAndKeepsWhatItHolds) {
  std::vector<std::unique_ptr<int>> items;
  for (int i = 0; i < 100'000; ++i) items.push_back(std::make_unique<int>(i));
  std::size_t moves = 0;
  while (items.size() > 10) {
    const std::size_t before = items.capacity();
    items.pop_back();
    shrink_if_sparse(items);
    ASSERT_GE(items.capacity(), items.size());
    if (items.capacity() != before) ++moves;
  }
  EXPECT_LE(items.capacity(), 256u);
  EXPECT_LE(moves, 10u);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(*items[static_cast<std::size_t>(i)], i);
}

}  // namespace
}  // namespace twinpath
