// The host behind DPDK's net_ring devices, in real time: advance() polls until the clock says so.
// The peer's end of each wire is polled by the same thread.
#include <array>
#include <string>
#include <vector>

#include "bindings/c/carrier.h"
#include "emu/ethdev_port.h"
#include "emu/ring_pair.h"
#include "emu/tsc_clock.h"
#include "models/base/host.h"

namespace twinpath::bind {
namespace {

constexpr std::uint32_t kBufs = 1023;
constexpr std::uint32_t kFrameBytesMax = 65000;  // an mbuf's length has 16 bits

// EAL starts once per process and stays.
emu::Eal& eal() {
  static emu::Eal the_eal(emu::EalOptions{.memory_mib = 512});
  return the_eal;
}

std::string next_name() {
  static int number = 0;
  return "embedded" + std::to_string(number++);
}

class RingCarrier final : public Carrier {
 public:
  RingCarrier(const EmbeddedConfig& config, FrameSink& sink)
      : name_(next_name()),
        pool_({.name = name_, .bufs = kBufs, .cached = 0, .frame_bytes_max = kFrameBytesMax}),
        sink_(sink) {
    for (std::size_t i = 0; i < config.ports(); ++i) add_wire(i);
    host_ = std::make_unique<IpHost>(config.host, config.tcp, pool_);
  }

  IpHost& host() override { return *host_; }
  [[nodiscard]] Instant now() const override { return clock_.now(); }
  [[nodiscard]] bool is_real_time() const override { return true; }
  [[nodiscard]] Instant next_deadline() override { return host_->next_deadline(); }
  bool advance(Instant until) override {
    do turn();
    while (clock_.now() < until);
    return true;
  }
  bool inject(PortId port, std::span<const std::byte> frame) override;
  void flush() override { turn(); }

 private:
  struct Wire {
    Wire(const std::string& name, emu::MbufPool& pool)
        : pair(eal(), {.name = name, .slots = 1024}),
          own(eal(), {.device = pair.end_a()}, std::array{&pool}),
          far(eal(), {.device = pair.end_b()}, std::array{&pool}),
          own_port(own, 0),
          far_port(far, 0) {}
    emu::RingPair pair;
    emu::Device own;
    emu::Device far;
    emu::EthdevPort own_port;
    emu::EthdevPort far_port;
  };
  void add_wire(std::size_t index) {
    wires_.push_back(std::make_unique<Wire>(name_ + "n" + std::to_string(index), pool_));
  }
  void turn();
  void receive_far(PortId port, Instant now);

  emu::Eal& started_ = eal();  // before the pool
  std::string name_;
  emu::MbufPool pool_;
  FrameSink& sink_;
  std::vector<std::unique_ptr<Wire>> wires_;
  std::unique_ptr<IpHost> host_;
  mutable emu::TscClock clock_;
};

// The host's turn, then what it sent is taken from the other end of the wire.
void RingCarrier::turn() {
  const Instant now = clock_.now();
  for (PortId port = 0; port < wires_.size(); ++port) {
    wires_[port]->own_port.advance(now);
    pump(*host_, wires_[port]->own_port, port, now);
    receive_far(port, now);
  }
}

void RingCarrier::receive_far(PortId port, Instant now) {
  std::array<BufPtr, 1> frame;
  // Bounded by the sink's room; what does not fit stays in the ring.
  while (sink_.has_room() && wires_[port]->far_port.rx_burst(frame) == 1) {
    sink_.on_frame(now, port, frame[0]->bytes());
    frame[0].reset();
  }
}

bool RingCarrier::inject(PortId port, std::span<const std::byte> frame) {
  std::array<BufPtr, 1> buf{BufPtr(pool_.take())};
  if (buf[0] == nullptr || buf[0]->tailroom() < frame.size()) return false;
  const auto into = buf[0]->push_back(static_cast<std::uint32_t>(frame.size()));
  std::copy(frame.begin(), frame.end(), into.begin());
  wires_[port]->far_port.advance(clock_.now());
  if (wires_[port]->far_port.tx_burst(buf) != 1) return false;
  turn();
  return true;
}

}  // namespace

std::unique_ptr<Carrier> make_carrier(const EmbeddedConfig& config, FrameSink& sink) {
  return std::make_unique<RingCarrier>(config, sink);
}

}  // namespace twinpath::bind
