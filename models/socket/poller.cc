// A socket's watch puts its entry into the ready list; wait() asks the socket what is really ready,
// so an event that was overtaken is dropped there and never reported.
#include "models/socket/poller.h"

namespace twinpath {

Poller::~Poller() {
  for (std::uint32_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].fd != Fd::kNone) sockets_.unwatch(entries_[i].fd, *this, i);
  }
}

std::uint32_t Poller::index_of(Fd fd) const {
  const auto slot = static_cast<std::size_t>(fd);
  return static_cast<std::int32_t>(fd) >= 0 && slot < by_fd_.size() ? by_fd_[slot] : kNoEntry;
}

void Poller::set_index(Fd fd, std::uint32_t index) {
  const auto slot = static_cast<std::size_t>(fd);
  if (slot >= by_fd_.size()) by_fd_.resize(slot + 1, kNoEntry);
  by_fd_[slot] = index;
}

Errno Poller::add(Fd fd, const Interest& interest) {
  if (index_of(fd) != kNoEntry) return Errno::kExist;
  std::uint32_t index = static_cast<std::uint32_t>(entries_.size());
  const bool reused = !free_.empty();
  if (reused) index = free_.back();
  if (!sockets_.watch(fd, *this, index)) return Errno::kBadDescriptor;
  if (reused) {
    free_.pop_back();
  } else {
    entries_.emplace_back();
  }
  entries_[index] = {
      .data = interest.data, .fd = fd, .events = interest.events, .trigger = interest.trigger};
  set_index(fd, index);
  if (sockets_.readiness(fd) != 0) enqueue(index);
  return Errno::kNone;
}

Errno Poller::modify(Fd fd, const Interest& interest) {
  const std::uint32_t index = index_of(fd);
  if (index == kNoEntry) return Errno::kNoEntry;
  Entry& entry = entries_[index];
  entry.data = interest.data;
  entry.events = interest.events;
  entry.trigger = interest.trigger;
  entry.armed = true;
  if (sockets_.readiness(fd) != 0) enqueue(index);
  return Errno::kNone;
}

Errno Poller::remove(Fd fd) {
  const std::uint32_t index = index_of(fd);
  if (index == kNoEntry) return Errno::kNoEntry;
  sockets_.unwatch(fd, *this, index);
  release(index);
  return Errno::kNone;
}

void Poller::on_socket_closed(std::uint32_t token) { release(token); }

void Poller::release(std::uint32_t index) {
  Entry& entry = entries_[index];
  set_index(entry.fd, kNoEntry);
  entry.fd = Fd::kNone;
  if (!entry.queued) free_.push_back(index);
}

void Poller::enqueue(std::uint32_t index) {
  Entry& entry = entries_[index];
  if (entry.queued || !entry.armed) return;
  entry.queued = true;
  ready_.push(index);
  if (ready_.size() == 1 && signal_ != nullptr) signal_->signal();
}

// False when there is nothing to say about this entry after all.
bool Poller::report(std::uint32_t index, PollEvent& out) {
  Entry& entry = entries_[index];
  entry.queued = false;
  if (entry.fd == Fd::kNone) {
    free_.push_back(index);
    return false;
  }
  const std::uint32_t wanted = entry.events | kPollError | kPollHangup;
  const std::uint32_t events = sockets_.readiness(entry.fd) & wanted;
  if (events == 0) return false;
  out = {entry.fd, events, entry.data};
  if (entry.trigger == Trigger::kOneShot) entry.armed = false;
  if (entry.trigger == Trigger::kLevel) enqueue(index);
  return true;
}

std::size_t Poller::wait(std::span<PollEvent> out) {
  std::size_t count = 0;
  // Level-triggered entries go back to the end: each entry is looked at once per call.
  for (std::size_t left = ready_.size(); left > 0 && count < out.size(); --left) {
    if (report(ready_.pop(), out[count])) ++count;
  }
  return count;
}

}  // namespace twinpath
