// Buffered text is flushed before each switch, or it would surface on the wrong side.
#include "emu/output_guard.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

namespace twinpath::emu {
namespace {

int keep(int fd) { return fcntl(fd, F_DUPFD_CLOEXEC, 3); }

struct SavedFd {
  int copy;  // negative: it was closed, and stays closed
  int original;
};

void put_back(const SavedFd& saved) {
  if (saved.copy < 0) {
    close(saved.original);
    return;
  }
  dup2(saved.copy, saved.original);
  close(saved.copy);
}

}  // namespace

OutputGuard::OutputGuard(int log_fd)
    : saved_output_(keep(STDOUT_FILENO)), saved_error_(keep(STDERR_FILENO)) {
  std::fflush(nullptr);
  dup2(log_fd, STDOUT_FILENO);
  dup2(log_fd, STDERR_FILENO);
}

void OutputGuard::release_error() {
  std::fflush(stderr);
  if (saved_error_ >= 0) put_back({saved_error_, STDERR_FILENO});
  saved_error_ = -1;
}

OutputGuard::~OutputGuard() {
  std::fflush(nullptr);
  put_back({saved_output_, STDOUT_FILENO});
  if (saved_error_ >= 0) put_back({saved_error_, STDERR_FILENO});
}

}  // namespace twinpath::emu
