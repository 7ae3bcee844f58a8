// One experiment for three drivers. It is made of machines and links; each driver builds its own
// copy, runs it under model time and returns what passed every port. The records must be equal byte
// for byte: that is what "the same code under two clocks" means.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/base/core_schedule.h"
#include "models/base/host.h"
#include "models/port/link.h"

namespace twinpath::test {

// Stages on one core, connected by rings. Order in stages() is their index.
class StageSet {
 public:
  virtual ~StageSet() = default;
  [[nodiscard]] virtual std::vector<Stage*> stages() = 0;
  // Everybody who waits for news of a ring is on this core.
  virtual void set_waker(Waker& core) = 0;
};

// A machine is a Host or a core full of Stages; exactly one of the two makers is set.
struct Machine {
  std::string name;
  PortId ports = 1;
  std::function<std::unique_ptr<Host>(BufPool&)> make_host;
  std::function<std::unique_ptr<StageSet>(std::span<Port* const>, BufPool&)> make_stages;
};

struct Wire {
  std::string name;
  std::pair<std::size_t, PortId> a;  // machine, port
  std::pair<std::size_t, PortId> b;
  LinkConfig both_ways;
};

struct Experiment {
  std::vector<Machine> machines;
  std::vector<Wire> wires;
  Instant until{};
  std::uint64_t seed = 1;
};

struct Record {
  std::int64_t at_ns = 0;
  char direction = 'r';  // t or r
  std::vector<std::byte> bytes;
  friend bool operator==(const Record&, const Record&) = default;
};
// By port: "machine/0".
using Records = std::map<std::string, std::vector<Record>>;

Records run_on_fake_network(const Experiment& experiment);
Records run_on_ns3(const Experiment& experiment);
Records run_on_net_ring(const Experiment& experiment);

// Notes frames on their way through, at the time somebody tells.
class RecordPort final : public Port {
 public:
  RecordPort(Port& inner, std::vector<Record>& records, std::function<Instant()> now)
      : inner_(inner), records_(records), now_(std::move(now)) {}
  [[nodiscard]] PortCaps caps() const override { return inner_.caps(); }
  [[nodiscard]] std::size_t tx_room() const override { return inner_.tx_room(); }
  std::size_t rx_burst(std::span<BufPtr> out) override {
    const std::size_t count = inner_.rx_burst(out);
    for (const BufPtr& frame : out.first(count)) note('r', *frame);
    return count;
  }
  std::size_t tx_burst(std::span<BufPtr> frames) override {
    for (const BufPtr& frame : frames.first(std::min(frames.size(), inner_.tx_room()))) {
      note('t', *frame);
    }
    return inner_.tx_burst(frames);
  }

 private:
  void note(char direction, const PacketBuf& frame) {
    records_.push_back({to_ns(now_()), direction, {frame.bytes().begin(), frame.bytes().end()}});
  }
  Port& inner_;
  std::vector<Record>& records_;
  std::function<Instant()> now_;
};

// Where two runs first differ, in words; empty when they are equal.
std::string first_difference(const Records& left, const Records& right);
// Frames over all ports.
std::size_t frames_of(const Records& records);

}  // namespace twinpath::test
