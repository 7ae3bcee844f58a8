// One interface of a host of ours, from the wire up: the device, the scenario's link (on one end
// only), the fingerprint, the capture. All of it runs on the host's own core; there is no second
// poller.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "emu/clocked.h"
#include "emu/device.h"
#include "emu/ethdev_port.h"
#include "emu/recorder.h"
#include "emu/turn_log.h"
#include "models/port/link_port.h"
#include "models/port/oversize.h"
#include "models/port/pcap.h"
#include "models/port/pcapng.h"
#include "models/port/trace.h"

namespace twinpath::bind {

struct PortStackOptions {
  std::string path;           // its entity: "client/eth0"
  std::string device;         // as DPDK names it
  std::int64_t rate_bps = 0;  // the test-bed's limit; 0: none
  bool faces_linux = false;   // the far end is no host of ours
  // The link to realise here; nothing where the other end does.
  struct Realised {
    std::string name;
    LinkElementConfig config;
    PortId host_end = LinkElement::kEndA;
  };
  std::optional<Realised> link{};
};

// A recorder's file as models see it.
class StreamSink : public ByteSink {
 public:
  explicit StreamSink(emu::RecorderStream& stream) : stream_(stream) {}
  bool write(std::span<const std::byte> bytes) override {
    stream_.write(bytes);
    return stream_.is_complete();
  }
  [[nodiscard]] bool is_complete() const { return stream_.is_complete(); }

 private:
  emu::RecorderStream& stream_;
};

// A capture file behind models' PcapWriter.
class PcapFile final : public StreamSink {
 public:
  explicit PcapFile(emu::RecorderStream& stream) : StreamSink(stream), writer_(*this) {}
  [[nodiscard]] PcapWriter& writer() { return writer_; }

 private:
  PcapWriter writer_;
};

class PortStack final : public emu::Clocked {
 public:
  PortStack(emu::Eal& eal, emu::MbufPool& pool, const PortStackOptions& options, const Rng& run);

  // Captures from now on. Requires: before the first turn.
  void capture(emu::RecorderStream& stream);
  void capture(PcapngWriter& writer, const PcapngPort::Options& options);
  // Notes frames in `log` from now on. Requires: before the first turn, after every capture().
  void log(emu::TurnLog& log, std::uint16_t number);

  // What the host is given.
  [[nodiscard]] Port& top() { return *outermost_; }
  [[nodiscard]] const std::string& path() const { return options_.path; }
  [[nodiscard]] bool faces_linux() const { return options_.faces_linux; }
  [[nodiscard]] const TracePort& trace() const { return trace_; }
  [[nodiscard]] const OversizeCounters& oversize() const { return oversize_.counters(); }
  [[nodiscard]] emu::EthdevPort& ethdev() { return ethdev_; }
  [[nodiscard]] emu::Device& device() { return device_; }
  // nullptr where the link is realised at the other end.
  [[nodiscard]] const LinkElement* link() const { return link_ ? &link_->link() : nullptr; }
  [[nodiscard]] LinkElement* link() { return link_ ? &link_->link() : nullptr; }
  [[nodiscard]] const std::string& link_name() const { return options_.link->name; }
  [[nodiscard]] const PcapFile* capture_file() const { return pcap_file_ ? &*pcap_file_ : nullptr; }

  void advance(Instant now) override;
  [[nodiscard]] Instant next_deadline() const override;

 private:
  PortStackOptions options_;
  emu::Device device_;
  emu::EthdevPort ethdev_;
  OversizePort oversize_;
  std::optional<LinkPort> link_;
  TracePort trace_;
  std::optional<PcapFile> pcap_file_;
  std::optional<PcapPort> pcap_;
  std::optional<PcapngPort> pcapng_;
  std::optional<emu::LoggedPort> logged_;
  PortDecorator* outermost_ = &trace_;
};

}  // namespace twinpath::bind
