// ppoll() with nanoseconds, and an eventfd for wakers.
#include "emu/idle.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>

#include "models/base/check.h"

namespace twinpath::emu {
namespace {

constexpr std::size_t kWakeFdsMax = 64;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

}  // namespace

IdleWait::IdleWait(std::span<const int> wake_fds) {
  CHECK(wake_fds.size() < kWakeFdsMax);
  fds_.push_back(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  CHECK(fds_.front() >= 0);
  fds_.insert(fds_.end(), wake_fds.begin(), wake_fds.end());
}

IdleWait::~IdleWait() { close(fds_.front()); }

bool IdleWait::prepare() {
  if (prepared_) return false;
  prepared_ = true;
  sleeping_.exchange(1, std::memory_order_acq_rel);
  return true;
}

void IdleWait::cancel() {
  if (!prepared_) return;
  prepared_ = false;
  sleeping_.exchange(0, std::memory_order_acq_rel);
}

void IdleWait::sleep(Duration longest) {
  std::array<pollfd, kWakeFdsMax> polled{};
  for (std::size_t i = 0; i < fds_.size(); ++i)
    polled[i] = {.fd = fds_[i], .events = POLLIN, .revents = 0};
  const timespec wait{.tv_sec = longest.count() / kNsPerSecond,
                      .tv_nsec = longest.count() % kNsPerSecond};
  ppoll(polled.data(), fds_.size(), &wait, nullptr);
  std::uint64_t marks = 0;
  static_cast<void>(read(fds_.front(), &marks, sizeof(marks)));
  cancel();
}

void IdleWait::wake() {
  if (sleeping_.fetch_or(0, std::memory_order_acq_rel) != 0) wake_surely();
}

void IdleWait::wake_surely() const {
  const std::uint64_t mark = 1;
  static_cast<void>(write(fds_.front(), &mark, sizeof(mark)));
}

}  // namespace twinpath::emu
