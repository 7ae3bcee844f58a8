// The socket of a single queue stands alone; those of several queues are a group.
#include "emu/lone_socket.h"

#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "tests/emu/world.h"

namespace twinpath::emu::test {
namespace {

// What the kernel says of the group of the packet socket that a device of these arguments waits on:
// 0 for none.
int group_of(const std::string& arguments) {
  Bench bench("net_af_packet0,iface=lone0" + arguments);
  int group = -1;
  socklen_t bytes = sizeof(group);
  EXPECT_EQ(getsockopt(bench.dev.wake_fd(), SOL_PACKET, PACKET_FANOUT, &group, &bytes), 0);
  return group;
}

class LoneSocketTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "a namespace needs root";
    ASSERT_EQ(unshare(CLONE_NEWNET), 0);
    ASSERT_EQ(std::system("ip link add lone0 type veth peer name lone1 &&"
                          " ip link set lone0 addrgenmode none up && ip link set lone1 up"),
              0);
  }
};

TEST_F(LoneSocketTest, IsInNoGroup) { EXPECT_EQ(group_of(""), 0); }

TEST_F(LoneSocketTest, SeveralAreOne) { EXPECT_NE(group_of(",qpairs=2"), 0); }

}  // namespace
}  // namespace twinpath::emu::test
