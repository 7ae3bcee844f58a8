// The filter's verdicts, and what its probe says about them.
#include "models/nf/ipv4_options_filter.h"

#include <gtest/gtest.h>

#include <vector>

#include "models/base/heap_pool.h"

namespace twinpath {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Filter = Ipv4OptionsFilter;

// An Ethernet frame with an IPv4 header of these options, padded with end of list.
Bytes packet(Bytes options) {
  options.resize((options.size() + 3) / 4 * 4);
  Bytes bytes(14 + 20 + options.size(), 0);
  bytes[12] = 0x08;
  bytes[14] = static_cast<std::uint8_t>(0x40 | (5 + options.size() / 4));
  std::copy(options.begin(), options.end(), bytes.begin() + 34);
  return bytes;
}

struct Judged {
  Verdict verdict;
  Probe probe;
};

Judged judge(const Bytes& bytes, std::uint32_t allowed = Filter::kAllowedDefault) {
  HeapPool pool;
  BufPtr frame(pool.take());
  const auto room = frame->push_back(static_cast<std::uint32_t>(bytes.size()));
  for (std::size_t i = 0; i < bytes.size(); ++i) room[i] = std::byte{bytes[i]};
  Filter filter(allowed);
  Judged judged;
  judged.verdict = filter.process(kStart, 1, *frame, judged.probe);
  return judged;
}

void expect(const Judged& judged, Filter::Outcome outcome, std::uint32_t options) {
  const bool passes = outcome < Filter::kRefused;
  EXPECT_EQ(judged.verdict, passes ? Verdict::forward(0) : Verdict::drop());
  EXPECT_EQ(judged.probe.outcome, outcome);
  EXPECT_EQ(judged.probe.pcv[Filter::kPcvOptions], options);
}

TEST(Ipv4OptionsFilter, PassesWhatIsHarmless) {
  expect(judge(packet({})), Filter::kNoOptions, 0);
  expect(judge(packet({148, 4, 0, 0})), Filter::kAllowed, 1);        // router alert
  expect(judge(packet({1, 1, 148, 4, 0, 0})), Filter::kAllowed, 4);  // and the end of the list
  Bytes arp = packet({});
  arp[13] = 0x06;
  expect(judge(arp), Filter::kNotIpv4, 0);
}

TEST(Ipv4OptionsFilter, RefusesSourceRoutesWhereverTheyStand) {
  expect(judge(packet({131, 3, 4})), Filter::kRefused, 1);
  expect(judge(packet({1, 148, 4, 0, 0, 137, 3, 4})), Filter::kRefused, 3);
  expect(judge(packet({131, 3, 4}), ~0U), Filter::kAllowed, 2);
}

TEST(Ipv4OptionsFilter, RefusesWhatLeavesItsHeader) {
  expect(judge(packet({148, 5, 0, 0})), Filter::kMalformed, 1);
  expect(judge(packet({148, 1, 0, 0})), Filter::kMalformed, 1);
  expect(judge(packet({1, 1, 1, 148})), Filter::kMalformed, 4);
  Bytes cut = packet({});
  cut[14] = 0x46;  // six words of which five are there
  expect(judge(cut), Filter::kMalformed, 0);
  cut[14] = 0x44;
  expect(judge(cut), Filter::kMalformed, 0);
  cut.resize(14);
  expect(judge(cut), Filter::kMalformed, 0);
  Bytes full(40, 1);
  expect(judge(packet(full)), Filter::kAllowed, 40);
}

}  // namespace
}  // namespace twinpath
