// Starting and ending EAL. What can be missing is looked up before, because rte_eal_init reports
// little more than -1.
#include "emu/eal.h"

#include <fcntl.h>
#include <pthread.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <fstream>
#include <regex>

#include "emu/setup_error.h"

namespace twinpath::emu {
namespace {

constexpr std::uint32_t kHugePageMib = 2;
constexpr std::size_t kLastWordsBytes = 4096;  // of the log, searched for its last line

std::atomic<bool> eal_was_started{false};

std::uint32_t free_huge_pages() {
  std::ifstream meminfo("/proc/meminfo");
  std::string line;
  while (std::getline(meminfo, line)) {
    if (line.starts_with("HugePages_Free:")) {
      return static_cast<std::uint32_t>(std::stoul(line.substr(std::strlen("HugePages_Free:"))));
    }
  }
  return 0;
}

void require_huge_pages(const EalOptions& options) {
  const std::uint32_t wanted = options.memory_mib / kHugePageMib;
  const std::uint32_t have = free_huge_pages();
  if (have >= wanted) return;
  throw SetupError("2 MiB pages are missing: " + std::to_string(wanted) +
                       " free ones are needed, " + std::to_string(have) + " are there",
                   "echo " + std::to_string(wanted) + " | sudo tee /proc/sys/vm/nr_hugepages");
}

int open_log(const std::string& path) {
  const int fd = path.empty() ? memfd_create("dpdk-log", MFD_CLOEXEC)
                              : open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) throw SetupError("cannot write DPDK's log to " + path, "ls -ld " + path);
  return fd;
}

// The affinity of the calling thread, given back at the end of the scope.
class KeptAffinity {
 public:
  KeptAffinity() { pthread_getaffinity_np(pthread_self(), sizeof(set_), &set_); }
  KeptAffinity(const KeptAffinity&) = delete;
  KeptAffinity& operator=(const KeptAffinity&) = delete;
  ~KeptAffinity() { pthread_setaffinity_np(pthread_self(), sizeof(set_), &set_); }
  [[nodiscard]] int first_cpu() const {
    int cpu = 0;
    while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, &set_)) ++cpu;
    return cpu;
  }

 private:
  cpu_set_t set_{};
};

}  // namespace

bool is_pci_address(const std::string& device) {
  static const std::regex kAddress("([0-9a-fA-F]{4}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\\.[0-7](,.*)?");
  return std::regex_match(device, kAddress);
}

Eal::Eal(const EalOptions& options) : options_(options) {
  if (options_.huge_pages) require_huge_pages(options_);
  if (eal_was_started.exchange(true)) {
    throw SetupError("DPDK was already started in this process and starts only once", "");
  }
  log_fd_ = open_log(options_.log_path);
  log_ = fdopen(fcntl(log_fd_, F_DUPFD_CLOEXEC, 3), "a");
  setvbuf(log_, nullptr, _IOLBF, BUFSIZ);
  held_.emplace(log_fd_);
  start();
  held_->release_error();
  if (!options_.hold_output) held_.reset();
}

void Eal::start() {
  std::vector<std::string> words;
  int result = 0;
  {
    const KeptAffinity kept;
    if (options_.cpu < 0) options_.cpu = kept.first_cpu();
    words = arguments();
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    rte_openlog_stream(log_);
    result = rte_eal_init(static_cast<int>(words.size()), argv.data());
  }
  if (result >= 0) return;
  const std::string reason = last_words();
  held_.reset();
  throw SetupError("DPDK did not start: " + (reason.empty() ? rte_strerror(rte_errno) : reason),
                   "dpdk-testpmd --no-huge --no-pci --no-shconf -m 256 -- --help");
}

std::vector<std::string> Eal::arguments() const {
  std::vector<std::string> words{"twinpath", "--no-telemetry", "-l", std::to_string(options_.cpu)};
  bool uses_pci = false;
  for (const std::string& device : options_.devices) {
    if (!is_pci_address(device)) continue;
    uses_pci = true;
    words.insert(words.end(), {"-a", device});
  }
  if (!uses_pci) words.emplace_back("--no-pci");
  if (options_.huge_pages) {
    words.emplace_back("--in-memory");
  } else {
    words.insert(words.end(),
                 {"--no-huge", "--no-shconf", "-m", std::to_string(options_.memory_mib)});
  }
  return words;
}

Eal::~Eal() {
  {
    const OutputGuard guard(log_fd_);
    rte_eal_cleanup();
    rte_openlog_stream(nullptr);
  }
  std::fclose(log_);
  held_.reset();
  close(log_fd_);
}

int Eal::output_fd() const { return held_ ? held_->output_fd() : STDOUT_FILENO; }

std::string Eal::last_words() const {
  std::fflush(log_);
  const off_t size = lseek(log_fd_, 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(kLastWordsBytes));
  std::string text(static_cast<std::size_t>(size - from), '\0');
  const ssize_t got = pread(log_fd_, text.data(), text.size(), from);
  text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

}  // namespace twinpath::emu
