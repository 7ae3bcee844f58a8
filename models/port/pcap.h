// Capture files in the classic pcap format with nanosecond time stamps (magic 0xa1b23c4d), as
// tshark, tcpdump and Wireshark read it. The format: IETF draft-ietf-opsawg-pcap §4 and §5.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "models/base/time.h"
#include "models/port/byte_sink.h"
#include "models/port/decorator.h"

namespace twinpath {

inline constexpr std::uint32_t kPcapMagicNs = 0xa1b23c4d;
inline constexpr std::uint32_t kPcapEthernet = 1;  // LINKTYPE_ETHERNET
inline constexpr std::size_t kPcapHeaderLen = 24;
inline constexpr std::size_t kPcapRecordLen = 16;
inline constexpr std::uint32_t kPcapSnapLenMax = 262144;  // tcpdump's own limit

// Written in the byte order of a little-endian machine whatever this one is, so that a capture of
// one seed is the same file everywhere.
class PcapWriter {
 public:
  // Writes the file header. `snap_bytes` of each frame are kept, at most kPcapSnapLenMax.
  explicit PcapWriter(ByteSink& sink, std::uint32_t snap_bytes = kPcapSnapLenMax);

  // Model time 0 appears as 1970-01-01 00:00:00.
  void write(Instant at, std::span<const std::byte> frame);
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  // False once the sink has refused bytes; nothing is written after that.
  [[nodiscard]] bool is_good() const { return good_; }

 private:
  ByteSink& sink_;
  std::uint32_t snap_bytes_;
  std::uint64_t frames_ = 0;
  bool good_ = true;
};

struct PcapRecord {
  Instant at{};
  std::uint32_t original_len = 0;
  std::span<const std::byte> frame;
};

// Reads what PcapWriter wrote; other dialects of pcap are refused.
class PcapReader {
 public:
  explicit PcapReader(std::span<const std::byte> file);
  [[nodiscard]] bool is_good() const { return good_; }
  // Nothing at the end, or when the rest is damaged (then is_good() turns false).
  std::optional<PcapRecord> next();

 private:
  std::span<const std::byte> rest_;
  bool good_ = false;
};

// Captures both directions of a Port at the instant of the turn.
class PcapPort final : public PortDecorator {
 public:
  template <typename PortType>
  PcapPort(PortType& inner_port, PcapWriter& writer) : PortDecorator(inner_port), writer_(writer) {}

  std::size_t rx_burst(std::span<BufPtr> out) override;
  std::size_t tx_burst(std::span<BufPtr> frames) override;

 private:
  PcapWriter& writer_;
};

}  // namespace twinpath
