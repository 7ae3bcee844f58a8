// EAL keeps to itself: our standard output stays ours, the thread keeps its affinity, and whatever
// is missing is one sentence with the command that helps.
#include "emu/eal.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <sstream>

#include "emu/setup_error.h"
#include "tests/emu/world.h"

namespace twinpath::emu {
namespace {

// Runs `body` in a child process whose standard output is a file; returns what it wrote there.
std::string output_of(const std::function<void()>& body, int* status) {
  char path[] = "/tmp/tp-eal-XXXXXX";
  const int file = mkstemp(path);
  const pid_t child = fork();
  if (child == 0) {
    dup2(file, STDOUT_FILENO);
    body();
    std::fflush(nullptr);
    _exit(0);
  }
  waitpid(child, status, 0);
  close(file);
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  unlink(path);
  return text.str();
}

std::string message_of(const std::function<void()>& body, std::string* command) {
  try {
    body();
  } catch (const SetupError& error) {
    *command = error.command();
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Eal, ItsTextsNeverReachOurOutput) {
  int status = 0;
  const std::string text = output_of(
      [] {
        const Eal eal({.hold_output = true});
        std::fputs("a driver's printf\n", stdout);
        std::fflush(stdout);
        static_cast<void>(write(eal.output_fd(), "{\"ours\":1}\n", 11));
      },
      &status);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(text, "{\"ours\":1}\n");
}

TEST(Eal, AFailedStartPrintsNoUsageAndSaysWhy) {
  int status = 0;
  const std::string text = output_of(
      [] {
        std::string command;
        const std::string words =
            message_of([] { const Eal eal({.memory_mib = 0xffffffff}); }, &command);
        std::fputs(words.c_str(), stdout);
      },
      &status);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(text.starts_with("DPDK did not start: ")) << text;
  EXPECT_EQ(text.find("Usage"), std::string::npos) << text;
}

TEST(Eal, TheThreadKeepsItsAffinity) {
  cpu_set_t before;
  sched_getaffinity(0, sizeof(before), &before);
  static_cast<void>(test::eal());
  cpu_set_t now;
  sched_getaffinity(0, sizeof(now), &now);
  EXPECT_TRUE(CPU_EQUAL(&before, &now));
}

TEST(Eal, ASecondStartIsRefusedInWords) {
  static_cast<void>(test::eal());
  std::string command;
  EXPECT_EQ(message_of([] { const Eal eal{EalOptions{}}; }, &command),
            "DPDK was already started in this process and starts only once");
}

TEST(Eal, MissingHugePagesNameTheCommand) {
  std::string command;
  const std::string words =
      message_of([] { const Eal eal({.huge_pages = true, .memory_mib = 1U << 24}); }, &command);
  EXPECT_TRUE(words.starts_with("2 MiB pages are missing: 8388608 free ones are needed")) << words;
  EXPECT_EQ(command, "echo 8388608 | sudo tee /proc/sys/vm/nr_hugepages");
}

TEST(Device, AMissingInterfaceIsNamed) {
  std::string command;
  const std::string words =
      message_of([] { const test::Bench bench("net_af_packet9,iface=tp-none"); }, &command);
  EXPECT_EQ(words, "there is no network interface tp-none here for net_af_packet9,iface=tp-none");
  EXPECT_EQ(command, "ip link show");
}

TEST(Device, AMissingPciDeviceIsNamed) {
  std::string command;
  const std::string words = message_of([] { const test::Bench bench("00:1e.7"); }, &command);
  EXPECT_EQ(words, "there is no PCI device 0000:00:1e.7");
}

TEST(Device, AnInterfaceInUseIsRefused) {
  if (getuid() != 0) GTEST_SKIP() << "packet sockets need root";
  std::string command;
  const std::string words =
      message_of([] { const test::Bench bench("net_af_packet7,iface=lo"); }, &command);
  EXPECT_EQ(words, "interface lo is in use: it has the address 127.0.0.1; choose one without");
  EXPECT_EQ(command, "ip -brief address");
}

TEST(Device, AnUnknownDriverIsNamed) {
  std::string command;
  const std::string words = message_of([] { const test::Bench bench("net_nonsense0"); }, &command);
  EXPECT_TRUE(words.starts_with("DPDK has no device net_nonsense0")) << words;
}

TEST(Device, WithoutRootAPacketSocketIsRefusedInWords) {
  if (getuid() != 0) GTEST_SKIP() << "already without root: the other tests cover it";
  int status = 0;
  const std::string text = output_of(
      [] {
        static_cast<void>(setuid(65534));
        std::string command;
        const std::string words =
            message_of([] { const test::Bench bench("net_af_packet8,iface=lo"); }, &command);
        std::fputs(words.c_str(), stdout);
      },
      &status);
  EXPECT_EQ(text, "packet sockets on lo need root");
}

}  // namespace
}  // namespace twinpath::emu
