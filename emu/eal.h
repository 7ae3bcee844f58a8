// DPDK's environment abstraction layer by RAII. It starts once per process lifetime (rte_eal_init
// cannot run again after rte_eal_cleanup), pins the calling thread and prints. The thread gets its
// CPU affinity back and the texts go to a log. Read: DPDK 22.11, "EAL parameters" and rte_eal.h.
#pragma once

#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "emu/output_guard.h"

namespace twinpath::emu {

struct EalOptions {
  // 2 MiB pages in memory of our own (--in-memory); otherwise ordinary pages (--no-huge
  // --no-shconf), which need no privilege. DPDK refuses the two sets together.
  bool huge_pages = false;
  std::uint32_t memory_mib = 256;
  std::vector<std::string> devices{};  // a PCI address among them switches the PCI bus on
  int cpu = -1;              // the CPU EAL binds its bookkeeping to; -1: the first allowed
  bool hold_output = false;  // own descriptor 1 for the whole life, not only during set-up
  std::string log_path{};    // where EAL's texts go; empty: kept in memory for messages
};

// "0000:03:00.0" or "03:00.0", alone or followed by ",arguments".
bool is_pci_address(const std::string& device);

class Eal {
 public:
  // Throws SetupError: no hugepages, no permission, a second start in one process.
  explicit Eal(const EalOptions& options);
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;
  ~Eal();

  [[nodiscard]] bool huge_pages() const { return options_.huge_pages; }
  // Where results are written while descriptor 1 is owned.
  [[nodiscard]] int output_fd() const;
  // For guards around single calls that may print.
  [[nodiscard]] int log_fd() const { return log_fd_; }
  // The last line EAL or a driver wrote, for error messages; empty when none.
  [[nodiscard]] std::string last_words() const;

 private:
  [[nodiscard]] std::vector<std::string> arguments() const;
  void start();

  EalOptions options_;
  int log_fd_ = -1;
  std::FILE* log_ = nullptr;
  std::optional<OutputGuard> held_;
};

}  // namespace twinpath::emu
