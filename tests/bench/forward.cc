// Frames moved from port to port per second of CPU time: our Ports, that is every frame through a
// PacketBuf, against `dpdk-testpmd --forward-mode=io` on the same virtual devices. One call is one
// trial of one side and prints one line of JSON; the driver of the benches interleaves them.
//   bench_forward --point net_null|net_ring|no-huge --side ours|peer [--ms 500]
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "emu/device.h"
#include "emu/eal.h"
#include "emu/ethdev_port.h"
#include "emu/setup_error.h"

namespace {

using namespace twinpath;

constexpr int kCpu = 1;                   // both sides forward here; 0 is left to everybody else
constexpr std::size_t kSeedFrames = 256;  // circling on each ring
constexpr int kAnswerMs = 20'000;         // testpmd's start takes less than a second
constexpr useconds_t kStopUs = 100'000;   // within which it stops forwarding
constexpr int kTurnsPerLook = 4096;       // between two readings of the clock
constexpr std::uint32_t kMbufs = 16'383;

struct Trial {
  std::string point = "net_null";
  std::string side = "ours";
  int ms = 500;
  [[nodiscard]] bool huge() const { return point != "no-huge"; }
  [[nodiscard]] std::string driver() const { return point == "net_ring" ? "net_ring" : "net_null"; }
};

struct Result {
  double frames = 0;
  double cpu_s = 0;
};

double thread_cpu_s() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + 1e-9 * static_cast<double>(used.tv_nsec);
}

void seed(emu::EthdevPort& port, emu::MbufPool& pool) {
  for (std::size_t i = 0; i < kSeedFrames; ++i) {
    BufPtr frame(pool.take());
    std::memset(frame->push_back(64).data(), 0, 64);
    port.tx_burst({&frame, 1});
  }
}

// At most what was seeded: net_null would give frames for ever.
void drain(emu::EthdevPort& port) {
  std::array<BufPtr, kBurst> frames;
  for (std::size_t turn = 0; turn < 2 * kSeedFrames / kBurst; ++turn) {
    port.rx_burst(frames);
    for (BufPtr& frame : frames) frame.reset();
  }
}

using Burst = std::array<BufPtr, kBurst>;

std::uint64_t move(emu::EthdevPort& from, emu::EthdevPort& to, Burst& frames) {
  const std::size_t got = from.rx_burst(frames);
  return got == 0 ? 0 : to.tx_burst(std::span(frames).first(got));
}

Result ours(const Trial& trial) {
  emu::Eal eal({.huge_pages = trial.huge(), .memory_mib = 256, .cpu = kCpu});
  emu::MbufPool pool({.name = "bench", .bufs = kMbufs});
  std::array<emu::MbufPool*, 1> pools{&pool};
  emu::Device one(eal, {.device = trial.driver() + "0"}, pools);
  emu::Device two(eal, {.device = trial.driver() + "1"}, pools);
  emu::EthdevPort a(one, 0);
  emu::EthdevPort b(two, 0);
  if (trial.driver() == "net_ring") {
    seed(a, pool);
    seed(b, pool);
  }
  cpu_set_t cpu;
  CPU_ZERO(&cpu);
  CPU_SET(kCpu, &cpu);
  sched_setaffinity(0, sizeof(cpu), &cpu);
  Result result;
  Burst frames;
  const double begin = thread_cpu_s();
  while (result.cpu_s * 1e3 < trial.ms) {
    for (int turn = 0; turn < kTurnsPerLook; ++turn) {
      result.frames += static_cast<double>(move(a, b, frames) + move(b, a, frames));
    }
    result.cpu_s = thread_cpu_s() - begin;
  }
  drain(a);
  drain(b);
  return result;
}

// testpmd in a child process, its console on two pipes.
class Testpmd {
 public:
  explicit Testpmd(const Trial& trial) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (pipe(in.data()) != 0 || pipe(out.data()) != 0) throw emu::SetupError("no pipe", "");
    pid_ = fork();
    if (pid_ == 0) {
      dup2(in[0], STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
      dup2(out[1], STDERR_FILENO);
      for (const int fd : {in[0], in[1], out[0], out[1]}) close(fd);
      exec(trial);
    }
    close(in[0]);
    close(out[1]);
    to_ = in[1];
    from_ = out[0];
  }
  Testpmd(const Testpmd&) = delete;
  Testpmd& operator=(const Testpmd&) = delete;
  ~Testpmd() {
    close(to_);
    close(from_);
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  void say(const std::string& line) const {
    static_cast<void>(write(to_, (line + "\n").c_str(), line.size() + 1));
  }
  // Its prompt comes at once; what else it prints stays in its buffer until it ends.
  void wait_for_prompt() {
    std::string text;
    while (text.find("testpmd> ") == std::string::npos) {
      pollfd polled{.fd = from_, .events = POLLIN, .revents = 0};
      if (poll(&polled, 1, kAnswerMs) <= 0 || !read_some(text)) {
        throw emu::SetupError("testpmd did not start: " + text, "dpdk-testpmd");
      }
    }
  }
  std::string rest() {
    std::string text;
    while (read_some(text)) {
    }
    return text;
  }
  // CPU time of its forwarding thread; EAL names it "lcore-worker-N" or "rte-worker-N".
  [[nodiscard]] double cpu_s() const {
    const std::string tasks = "/proc/" + std::to_string(pid_) + "/task";
    for (const auto& task : std::filesystem::directory_iterator(tasks)) {
      std::string name;
      std::getline(std::ifstream(task.path() / "comm"), name);
      if (name.find("worker") == std::string::npos) continue;
      std::uint64_t run_ns = 0;
      std::ifstream(task.path() / "schedstat") >> run_ns;
      return 1e-9 * static_cast<double>(run_ns);
    }
    throw emu::SetupError("testpmd has no worker thread", "");
  }

 private:
  bool read_some(std::string& text) const {
    std::array<char, 4096> piece;
    const ssize_t got = read(from_, piece.data(), piece.size());
    if (got > 0) text.append(piece.data(), static_cast<std::size_t>(got));
    return got > 0;
  }
  [[noreturn]] static void exec(const Trial& trial) {
    const std::string driver = trial.driver();
    std::vector<std::string> words{"dpdk-testpmd", "-l", "0," + std::to_string(kCpu), "--no-pci",
                                   "--no-telemetry"};
    if (trial.huge()) {
      words.emplace_back("--in-memory");
    } else {
      words.insert(words.end(), {"--no-huge", "--no-shconf", "-m", "256"});
    }
    words.insert(words.end(),
                 {"--vdev=" + driver + "0", "--vdev=" + driver + "1", "--", "-i",
                  "--forward-mode=io", "--burst=32", "--mbcache=256",
                  "--total-num-mbufs=" + std::to_string(kMbufs), "--txd=1024", "--rxd=1024"});
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    execvp(argv[0], argv.data());
    _exit(127);
  }

  pid_t pid_ = -1;
  int to_ = -1;
  int from_ = -1;
};

// The sum over both ports in the statistics that it prints at the end.
double frames_in(const std::string& text) {
  const std::string mark = "TX-packets:";
  const std::size_t total = text.find("Accumulated forward statistics");
  const std::size_t at = text.find(mark, total);
  if (total == std::string::npos || at == std::string::npos) {
    throw emu::SetupError("testpmd printed no totals: " + text, "");
  }
  return std::stod(text.substr(at + mark.size()));
}

Result peer(const Trial& trial) {
  Testpmd testpmd(trial);
  testpmd.wait_for_prompt();
  const double before = testpmd.cpu_s();
  testpmd.say(trial.driver() == "net_ring" ? "start tx_first 8" : "start");
  usleep(static_cast<useconds_t>(trial.ms) * 1000);
  testpmd.say("stop");
  usleep(kStopUs);
  const double cpu_s = testpmd.cpu_s() - before;
  testpmd.say("quit");
  return {.frames = frames_in(testpmd.rest()), .cpu_s = cpu_s};
}

Trial parse(int count, char** words) {
  Trial trial;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string name = words[i];
    if (name == "--point") trial.point = words[i + 1];
    if (name == "--side") trial.side = words[i + 1];
    if (name == "--ms") trial.ms = std::stoi(words[i + 1]);
  }
  return trial;
}

}  // namespace

int main(int count, char** words) {
  const Trial trial = parse(count, words);
  try {
    const Result result = trial.side == "ours" ? ours(trial) : peer(trial);
    std::printf(
        "{\"name\":\"forward\",\"point\":\"%s\",\"side\":\"%s\",\"value\":%.0f,"
        "\"unit\":\"frame/s\",\"ns_per_frame\":%.2f}\n",
        trial.point.c_str(), trial.side.c_str(), result.frames / result.cpu_s,
        1e9 * result.cpu_s / result.frames);
  } catch (const emu::SetupError& error) {
    std::fprintf(stderr, "%s; run `%s`\n", error.what(), error.command().c_str());
    return 4;
  }
  return 0;
}
