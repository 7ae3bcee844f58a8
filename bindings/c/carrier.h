// What a host is put into: who moves its clock and how frames come to it and leave. The library
// users embed has the plain one (direct_carrier.cc): the caller does both. Test drivers put the
// same host into ns-3 or behind a DPDK port instead.
#pragma once

#include <memory>
#include <span>

#include "bindings/c/configuration.h"
#include "models/host/ip_host.h"

namespace twinpath::bind {

// Where frames go that leave the host, Ethernet header included.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  [[nodiscard]] virtual bool has_room() const = 0;
  // Requires: has_room().
  virtual void on_frame(Instant at, PortId port, std::span<const std::byte> frame) = 0;
};

class Carrier {
 public:
  virtual ~Carrier() = default;
  virtual IpHost& host() = 0;
  // Since the carrier was made.
  [[nodiscard]] virtual Instant now() const = 0;
  // What the host is handed as the time: another zero where a clock was there before it.
  [[nodiscard]] virtual Instant host_now() const { return now(); }
  // Time passes by itself, so that an instant may be past before advance() is called.
  [[nodiscard]] virtual bool is_real_time() const { return false; }
  [[nodiscard]] virtual Instant next_deadline() = 0;
  // Everything due up to and at `until`. False: the host asked for more turns at one instant than
  // kTurnsMax, which only a defect does.
  virtual bool advance(Instant until) = 0;
  // An Ethernet frame arrives now. False: no buffer for it.
  virtual bool inject(PortId port, std::span<const std::byte> frame) = 0;
  // What calls made ready leaves, as far as the sink has room.
  virtual void flush() = 0;

  static constexpr std::uint32_t kTurnsMax = 1'000'000;
};

// Requires: the configuration has no problems; `sink` outlives the carrier.
std::unique_ptr<Carrier> make_carrier(const EmbeddedConfig& config, FrameSink& sink);

}  // namespace twinpath::bind
