// Proves epoll's promises: level repeats, edge does not, one-shot waits to be armed again, and one
// socket may be watched by several.
#include "models/socket/poller.h"

#include <gtest/gtest.h>

#include "tests/fakes/app_pair.h"

namespace twinpath {
namespace {

class PollerTest : public ::testing::Test {
 protected:
  PollerTest() {
    listener_ = server().socket(SocketKind::kStream).fd;
    server().bind(listener_, {IpAddress(), 80});
    server().listen(listener_, 8);
    fd_ = client().socket(SocketKind::kStream).fd;
    client().connect(now(), fd_, {kServerAddress, 80});
    pair_.run(std::chrono::milliseconds(50));
    peer_ = server().accept(listener_).fd;
  }
  Sockets& client() { return pair_.client.sockets(); }
  Sockets& server() { return pair_.server.sockets(); }
  Instant now() { return pair_.network.now(); }
  void send(std::size_t bytes) {
    client().send(now(), fd_, std::vector<std::byte>(bytes));
    pair_.run(std::chrono::milliseconds(50));
  }
  void drain() {
    while (server().receive_slice(now(), peer_, 1 << 20).result > 0) continue;
  }
  // The events of one wait(), which must concern at most one socket.
  static std::uint32_t wait(Poller& poller) {
    std::array<PollEvent, 4> events;
    const std::size_t count = poller.wait(events);
    EXPECT_LE(count, 1U);
    return count == 0 ? 0 : events[0].events;
  }

  AppPair pair_;
  Fd listener_ = Fd::kNone;
  Fd fd_ = Fd::kNone;
  Fd peer_ = Fd::kNone;
};

TEST_F(PollerTest, LevelRepeatsAsLongAsItLasts) {
  Poller poller(server());
  ASSERT_EQ(poller.add(peer_, {kPollIn, Trigger::kLevel, 7}), Errno::kNone);
  EXPECT_EQ(wait(poller), 0U);
  send(100);
  std::array<PollEvent, 4> events;
  ASSERT_EQ(poller.wait(events), 1U);
  EXPECT_EQ(events[0].fd, peer_);
  EXPECT_EQ(events[0].data, 7U);
  EXPECT_EQ(events[0].events, kPollIn);
  EXPECT_EQ(wait(poller), kPollIn);
  drain();
  EXPECT_EQ(wait(poller), 0U);
  EXPECT_FALSE(poller.has_ready());
}

TEST_F(PollerTest, EdgeReportsEachChangeOnce) {
  Poller poller(server());
  poller.add(peer_, {kPollIn, Trigger::kEdge});
  send(100);
  EXPECT_EQ(wait(poller), kPollIn);
  EXPECT_EQ(wait(poller), 0U);
  send(100);
  EXPECT_EQ(wait(poller), kPollIn) << "new data is a new edge although the old was not read";
}

TEST_F(PollerTest, AddReportsWhatIsReadyAlready) {
  send(100);
  Poller poller(server());
  poller.add(peer_, {kPollIn | kPollOut, Trigger::kEdge});
  EXPECT_EQ(wait(poller), kPollIn | kPollOut);
}

TEST_F(PollerTest, OneShotWaitsToBeArmedAgain) {
  Poller poller(server());
  poller.add(peer_, {kPollIn, Trigger::kOneShot});
  send(100);
  EXPECT_EQ(wait(poller), kPollIn);
  send(100);
  EXPECT_EQ(wait(poller), 0U);
  EXPECT_EQ(poller.modify(peer_, {kPollIn, Trigger::kOneShot}), Errno::kNone);
  EXPECT_EQ(wait(poller), kPollIn);
}

TEST_F(PollerTest, SeveralPollersHearTheSameSocket) {
  Poller one(server());
  Poller two(server());
  one.add(peer_, {kPollIn, Trigger::kEdge});
  two.add(peer_, {kPollIn, Trigger::kLevel});
  send(100);
  EXPECT_EQ(wait(one), kPollIn);
  EXPECT_EQ(wait(two), kPollIn);
  EXPECT_EQ(one.remove(peer_), Errno::kNone);
  send(100);
  EXPECT_EQ(wait(one), 0U);
  EXPECT_EQ(wait(two), kPollIn);
}

TEST_F(PollerTest, ReportsTheEndWithoutBeingAsked) {
  Poller poller(server());
  poller.add(peer_, {0, Trigger::kLevel});
  client().set_option(now(), fd_, SocketOption::kLinger, 0);
  client().close(now(), fd_);
  pair_.run(std::chrono::milliseconds(50));
  EXPECT_EQ(wait(poller), kPollError | kPollHangup);
}

TEST_F(PollerTest, ForgetsAClosedSocketAndReusesItsEntry) {
  Poller poller(server());
  poller.add(peer_, {kPollIn, Trigger::kLevel});
  send(100);
  server().close(now(), peer_);
  EXPECT_EQ(wait(poller), 0U);
  EXPECT_EQ(poller.remove(peer_), Errno::kNoEntry);
  const Fd again = server().socket(SocketKind::kStream).fd;
  EXPECT_EQ(again, peer_) << "the lowest free descriptor";
  EXPECT_EQ(poller.add(again, {kPollIn, Trigger::kLevel}), Errno::kNone);
  EXPECT_EQ(poller.add(again, {kPollIn, Trigger::kLevel}), Errno::kExist);
  EXPECT_EQ(wait(poller), kPollHangup) << "as Linux: a stream nobody connected hangs up";
}

TEST_F(PollerTest, RefusesWhatIsNotThere) {
  Poller poller(server());
  EXPECT_EQ(poller.add(Fd(77), {}), Errno::kBadDescriptor);
  EXPECT_EQ(poller.modify(Fd(77), {}), Errno::kNoEntry);
  EXPECT_EQ(poller.remove(Fd::kNone), Errno::kNoEntry);
}

TEST_F(PollerTest, WritableAgainOnlyWhenAThirdOfTheBufferIsFree) {
  Poller poller(client());
  poller.add(fd_, {kPollOut, Trigger::kEdge});
  EXPECT_EQ(wait(poller), kPollOut);
  std::int64_t taken = 1;
  const std::vector<std::byte> data(100000);
  while (taken > 0) taken = client().send(now(), fd_, data);
  EXPECT_EQ(errno_of(taken), Errno::kAgain);
  EXPECT_EQ(client().readiness(fd_) & kPollOut, 0U);
  for (int i = 0; i < 100 && !poller.has_ready(); ++i) {
    pair_.run(std::chrono::milliseconds(10));
    drain();
  }
  EXPECT_EQ(wait(poller), kPollOut);
  const auto unsent = client().get_option(fd_, SocketOption::kUnsentBytes).value;
  EXPECT_LE(unsent, (1 << 20) * 2 / 3 + 1);
}

}  // namespace
}  // namespace twinpath
