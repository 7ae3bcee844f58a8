// Proves the contract every driver relies on: an answer leaves exactly at its deadline, in order,
// and a full queue drops and counts instead of growing.
#include "models/host/echo_host.h"

#include <gtest/gtest.h>

#include <array>

#include "models/base/heap_pool.h"

namespace twinpath {
namespace {

using std::chrono::microseconds;

class EchoHostTest : public ::testing::Test {
 protected:
  BufPtr frame(std::uint8_t mark, std::uint32_t length = 60) {
    BufPtr buf(pool_.take());
    const auto bytes = buf->push_back(length);
    for (std::byte& byte : bytes) byte = std::byte{mark};
    if (length > 0) bytes[0] = std::byte{0xd0};
    if (length > 6) bytes[6] = std::byte{0x50};
    return buf;
  }
  void receive(EchoHost& host, Instant now, PortId port, BufPtr buf) {
    host.on_rx(now, port, std::span(&buf, 1));
  }
  HeapPool pool_;
};

TEST_F(EchoHostTest, AnswersAtItsDeadlineAndNotBefore) {
  EchoHost host(EchoConfig{.delay = microseconds(5)});
  EXPECT_EQ(host.next_deadline(), kNever);
  receive(host, at_ns(1000), 0, frame(7));
  EXPECT_EQ(host.next_deadline(), at_ns(6000));

  std::array<BufPtr, 4> out;
  host.on_time(at_ns(5999));
  EXPECT_EQ(host.poll_tx(at_ns(5999), 0, out), 0U);
  host.on_time(at_ns(6000));
  ASSERT_EQ(host.poll_tx(at_ns(6000), 0, out), 1U);
  EXPECT_EQ(out[0]->bytes()[0], std::byte{0x50});
  EXPECT_EQ(out[0]->bytes()[6], std::byte{0xd0});
  EXPECT_EQ(out[0]->bytes()[12], std::byte{7});
  EXPECT_EQ(host.next_deadline(), kNever);
}

TEST_F(EchoHostTest, KeepsOrderAndPortAndWaitsForRoomWithoutADeadline) {
  EchoHost host;
  for (std::uint8_t mark = 1; mark <= 3; ++mark) receive(host, kStart, 1, frame(mark));
  receive(host, kStart, 0, frame(9));
  host.on_time(kStart);
  EXPECT_EQ(host.next_deadline(), kNever);
  std::array<BufPtr, 4> out;
  ASSERT_EQ(host.poll_tx(kStart, 1, std::span(out).first(2)), 2U);
  EXPECT_EQ(out[0]->bytes()[12], std::byte{1});
  EXPECT_EQ(out[1]->bytes()[12], std::byte{2});
  ASSERT_EQ(host.poll_tx(kStart, 1, out), 1U);
  EXPECT_EQ(out[0]->bytes()[12], std::byte{3});
  ASSERT_EQ(host.poll_tx(kStart, 0, out), 1U);
  EXPECT_EQ(out[0]->bytes()[12], std::byte{9});
  EXPECT_EQ(host.poll_tx(kStart, 7, out), 0U);
}

TEST_F(EchoHostTest, DropsAndCountsWhatItCannotHoldOrAnswer) {
  EchoHost host(EchoConfig{.queue_frames = 2});
  for (std::uint8_t mark = 0; mark < 5; ++mark) receive(host, kStart, 0, frame(mark));
  receive(host, kStart, 0, frame(0, 11));
  EXPECT_EQ(host.counters().dropped_full, 3U);
  EXPECT_EQ(host.counters().dropped_short, 1U);
  EXPECT_EQ(pool_.outstanding(), 2U);
  std::array<BufPtr, 8> out;
  host.on_time(kStart);
  EXPECT_EQ(host.poll_tx(kStart, 0, out), 2U);
  receive(host, kStart, 0, frame(1));
  EXPECT_EQ(host.counters().dropped_full, 3U);
  EXPECT_EQ(host.counters().received, 7U);
  EXPECT_EQ(host.counters().sent, 2U);
}

TEST(EchoConfigTest, NamesEveryFieldOutOfRange) {
  const auto problems = validate_fields(EchoConfig{.delay = Duration(-1), .queue_frames = 0});
  ASSERT_EQ(problems.size(), 2U);
  EXPECT_EQ(problems[0].field, "delay");
  EXPECT_EQ(problems[1].field, "queue_frames");
}

}  // namespace
}  // namespace twinpath
