// Captures in the pcapng format (IETF draft-ietf-opsawg-pcapng): one interface per entity, named by
// its path, nanosecond stamps, and a comment per packet with its flow and, where it went no
// further, the reason. As tshark and Wireshark read it. Pure formatting; bytes go into a ByteSink.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "models/base/time.h"
#include "models/port/byte_sink.h"
#include "models/port/decorator.h"
#include "models/port/fault.h"

namespace twinpath {

// Little-endian whatever this machine is, so that a capture of one seed is the same file
// everywhere.
class PcapngWriter {
 public:
  // Writes the section header and an interface per name; their ids are their places.
  PcapngWriter(ByteSink& sink, std::span<const std::string> interfaces);

  struct Packet {
    std::uint32_t interface = 0;
    Instant at{};
    std::optional<Direction> direction{};
    std::string_view comment{};  // none when empty
  };
  // Model time 0 appears as 1970-01-01 00:00:00.
  void write(const Packet& packet, std::span<const std::byte> frame) {
    write(packet, frame, frame.size());
  }
  // `original_bytes` of which `kept` are there.
  void write(const Packet& packet, std::span<const std::byte> kept, std::size_t original_bytes);
  [[nodiscard]] std::uint64_t packets() const { return packets_; }
  // False once the sink has refused bytes; nothing is written after that.
  [[nodiscard]] bool is_good() const { return good_; }

 private:
  void put(std::span<const std::byte> block);

  ByteSink& sink_;
  std::uint64_t packets_ = 0;
  bool good_ = true;
};

// "tcp 198.18.0.1:49152 > 198.18.0.2:80"; empty when the frame carries no such thing.
std::string flow_text(std::span<const std::byte> frame);

// Which frames of one direction are wanted, by their index.
struct FrameWindow {
  std::uint64_t from = 0;
  std::uint64_t to = std::numeric_limits<std::uint64_t>::max();  // this one no more
};

// Captures both directions of a Port at the instant of the turn, within its windows.
class PcapngPort final : public PortDecorator {
 public:
  struct Options {
    std::uint32_t interface = 0;
    FrameWindow receive{};
    FrameWindow transmit{};
    bool comments = true;
  };
  template <typename PortType>
  PcapngPort(PortType& inner_port, PcapngWriter& writer, const Options& options)
      : PortDecorator(inner_port), writer_(writer), options_(options) {}

  std::size_t rx_burst(std::span<BufPtr> out) override;
  std::size_t tx_burst(std::span<BufPtr> frames) override;

 private:
  void capture(Direction direction, std::span<const std::byte> frame);

  PcapngWriter& writer_;
  Options options_;
  std::uint64_t received_ = 0;
  std::uint64_t sent_ = 0;
};

// Frames a link takes, on the link's own interface.
class PcapngLinkDrops final : public LinkDropListener {
 public:
  // `way`: "client to server".
  PcapngLinkDrops(PcapngWriter& writer, std::uint32_t interface, std::string way)
      : writer_(writer), interface_(interface), way_(std::move(way)) {}
  void dropped(Instant now, const PacketBuf& frame, LinkDrop why) override;

 private:
  PcapngWriter& writer_;
  std::uint32_t interface_;
  std::string way_;
};

}  // namespace twinpath
