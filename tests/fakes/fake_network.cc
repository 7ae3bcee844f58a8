// The event loop of the fake network.
#include "tests/fakes/fake_network.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "models/base/check.h"

namespace twinpath {
namespace {

// Steps at one instant before the network is taken to chase its own tail (a timer re-armed for the
// present, an echo between hosts on a link without delay).
constexpr std::uint64_t kStepsAtInstantMax = 100'000;
// Bursts one host may send in one step.
constexpr std::size_t kBurstsPerStepMax = 100'000;

}  // namespace

FakeNetwork::~FakeNetwork() = default;

FakeHostId FakeNetwork::add(std::string_view name, Host& host) {
  hosts_.push_back({std::string(name), &host, {}});
  return hosts_.size() - 1;
}

FakeLinkId FakeNetwork::join(std::string_view name, FakeEnd a, FakeEnd b,
                             const LinkConfig& both_ways) {
  return join(name, a, b, LinkElementConfig{both_ways, both_ways});
}

FakeLinkId FakeNetwork::join(std::string_view name, FakeEnd a, FakeEnd b,
                             const LinkElementConfig& config) {
  links_.push_back({std::make_unique<LinkElement>(config, rng_, name), true, 0});
  const FakeLinkId link = links_.size() - 1;
  attach(a, link, LinkElement::kEndA);
  attach(b, link, LinkElement::kEndB);
  return link;
}

void FakeNetwork::attach(FakeEnd end, FakeLinkId link, PortId side) {
  auto& ports = hosts_[end.host].ports;
  const auto place = std::ranges::lower_bound(ports, end.port, {}, &Joined::port);
  CHECK(place == ports.end() || place->port != end.port);
  Joined joined;
  joined.port = end.port;
  joined.link = link;
  joined.side = side;
  ports.insert(place, std::move(joined));
}

void FakeNetwork::at(Instant when, std::function<void()> call) {
  CHECK(when >= now_);
  calls_.emplace(when, std::move(call));
}

Instant FakeNetwork::next_instant() {
  Instant next = calls_.empty() ? kNever : calls_.begin()->first;
  for (const LinkEntry& link : links_) next = std::min(next, link.element->next_deadline());
  for (const HostEntry& entry : hosts_) {
    if (entry.host != nullptr) next = std::min(next, entry.host->next_deadline());
  }
  return next == kNever ? kNever : std::max(next, now_);
}

bool FakeNetwork::step() {
  send_all();  // what the test asked hosts to do between steps
  const Instant next = next_instant();
  if (next == kNever) return false;
  advance(next);
  return true;
}

void FakeNetwork::advance(Instant next) {
  steps_at_instant_ = next == last_step_ ? steps_at_instant_ + 1 : 0;
  if (steps_at_instant_ > kStepsAtInstantMax) {
    throw std::runtime_error("fake network: time stands still at " + std::to_string(to_ns(next)) +
                             " ns");
  }
  now_ = last_step_ = next;
  run_calls();
  for (FakeHostId id = 0; id < hosts_.size(); ++id) receive(id);
  for (HostEntry& entry : hosts_) {
    if (entry.host != nullptr && entry.host->next_deadline() <= now_) entry.host->on_time(now_);
  }
  send_all();
}

// A call may schedule more for the same instant; those wait for the next step.
void FakeNetwork::run_calls() {
  std::vector<std::function<void()>> due;
  while (!calls_.empty() && calls_.begin()->first <= now_) {
    due.push_back(std::move(calls_.begin()->second));
    calls_.erase(calls_.begin());
  }
  for (const auto& call : due) call();
}

void FakeNetwork::receive(FakeHostId id) {
  std::array<BufPtr, kBurst> frames;
  for (Joined& joined : hosts_[id].ports) {
    LinkElement& link = *links_[joined.link].element;
    for (;;) {
      const std::size_t count = link.poll_tx(now_, joined.side, frames);
      if (count == 0) break;
      const auto burst = std::span(frames).first(count);
      see(id, joined, Direction::kReceive, burst);
      frames_received_ += count;
      if (hosts_[id].host != nullptr) hosts_[id].host->on_rx(now_, joined.port, burst);
      for (BufPtr& frame : burst) frame.reset();
    }
  }
}

void FakeNetwork::send_all() {
  for (FakeHostId id = 0; id < hosts_.size(); ++id) {
    if (hosts_[id].host == nullptr) continue;
    for (Joined& joined : hosts_[id].ports) {
      std::size_t bursts = 0;
      while (send(id, joined)) {
        if (++bursts > kBurstsPerStepMax) {
          throw std::runtime_error("fake network: " + hosts_[id].name + " never stops sending");
        }
      }
    }
  }
}

bool FakeNetwork::send(FakeHostId id, Joined& joined) {
  std::array<BufPtr, kBurst> frames;
  const std::size_t count = hosts_[id].host->poll_tx(now_, joined.port, frames);
  const auto burst = std::span(frames).first(count);
  see(id, joined, Direction::kTransmit, burst);
  LinkEntry& link = links_[joined.link];
  if (link.is_up) {
    link.element->on_rx(now_, joined.side, burst);
  } else {
    link.lost += count;
  }
  return count == frames.size();
}

void FakeNetwork::see(FakeHostId id, Joined& joined, Direction direction,
                      std::span<BufPtr> frames) {
  FrameChain& chain = direction == Direction::kReceive ? joined.received : joined.sent;
  for (const BufPtr& frame : frames) {
    chain.add(now_, frame->bytes());
    if (watcher_) watcher_({now_, {id, joined.port}, direction, frame->bytes()});
  }
}

RunEnd FakeNetwork::run_until(const std::function<bool()>& condition, const RunLimits& limits) {
  for (std::uint64_t steps = 0; steps < limits.steps_max; ++steps) {
    if (condition()) return RunEnd::kMet;
    send_all();
    const Instant next = next_instant();
    if (next > limits.until) {
      now_ = std::max(now_, limits.until);
      return RunEnd::kTime;
    }
    if (next == kNever) return RunEnd::kIdle;
    advance(next);
  }
  return RunEnd::kSteps;
}

std::uint64_t FakeNetwork::fingerprint() const {
  std::vector<PortFingerprint> ports;
  for (const HostEntry& entry : hosts_) {
    for (const Joined& joined : entry.ports) {
      const std::string path = entry.name + "/eth" + std::to_string(joined.port);
      ports.push_back(
          {path, Direction::kReceive, joined.received.frames(), joined.received.value()});
      ports.push_back({path, Direction::kTransmit, joined.sent.frames(), joined.sent.value()});
    }
  }
  return run_fingerprint(ports);
}

}  // namespace twinpath
