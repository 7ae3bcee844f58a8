// Writing, reading and capturing pcap.
#include "models/port/pcap.h"

#include <algorithm>
#include <array>

#include "models/base/check.h"
#include "models/wire/byte_order.h"

namespace twinpath {
namespace {

constexpr std::uint32_t kVersion = 2 | 4 << 16;  // 2.4: two 16-bit fields, little-endian
constexpr std::int64_t kNsPerSecond = 1'000'000'000;

void store_le32(std::byte* at, std::uint32_t value) { store_be32(at, byte_swap(value)); }
std::uint32_t load_le32(const std::byte* at) { return byte_swap(load_be32(at)); }

}  // namespace

PcapWriter::PcapWriter(ByteSink& sink, std::uint32_t snap_bytes)
    : sink_(sink), snap_bytes_(std::min(snap_bytes, kPcapSnapLenMax)) {
  std::array<std::byte, kPcapHeaderLen> header{};
  store_le32(header.data(), kPcapMagicNs);
  store_le32(header.data() + 4, kVersion);
  store_le32(header.data() + 16, snap_bytes_);
  store_le32(header.data() + 20, kPcapEthernet);
  good_ = sink_.write(header);
}

void PcapWriter::write(Instant at, std::span<const std::byte> frame) {
  if (!good_) return;
  const std::int64_t ns = to_ns(at);
  const std::size_t kept = std::min<std::size_t>(frame.size(), snap_bytes_);
  std::array<std::byte, kPcapRecordLen> record;
  store_le32(record.data(), static_cast<std::uint32_t>(ns / kNsPerSecond));
  store_le32(record.data() + 4, static_cast<std::uint32_t>(ns % kNsPerSecond));
  store_le32(record.data() + 8, static_cast<std::uint32_t>(kept));
  store_le32(record.data() + 12, static_cast<std::uint32_t>(frame.size()));
  good_ = sink_.write(record) && sink_.write(frame.first(kept));
  if (good_) ++frames_;
}

PcapReader::PcapReader(std::span<const std::byte> file) {
  if (file.size() < kPcapHeaderLen || load_le32(file.data()) != kPcapMagicNs) return;
  if (load_le32(file.data() + 4) != kVersion || load_le32(file.data() + 20) != kPcapEthernet)
    return;
  rest_ = file.subspan(kPcapHeaderLen);
  good_ = true;
}

std::optional<PcapRecord> PcapReader::next() {
  if (!good_ || rest_.empty()) return std::nullopt;
  const std::size_t kept = rest_.size() < kPcapRecordLen ? 0 : load_le32(rest_.data() + 8);
  if (rest_.size() < kPcapRecordLen || kept > rest_.size() - kPcapRecordLen) {
    good_ = false;
    return std::nullopt;
  }
  PcapRecord record;
  record.at = at_ns(load_le32(rest_.data()) * kNsPerSecond + load_le32(rest_.data() + 4));
  record.original_len = load_le32(rest_.data() + 12);
  record.frame = rest_.subspan(kPcapRecordLen, kept);
  rest_ = rest_.subspan(kPcapRecordLen + kept);
  return record;
}

std::size_t PcapPort::rx_burst(std::span<BufPtr> out) {
  const std::size_t count = inner().rx_burst(out);
  for (std::size_t i = 0; i < count; ++i) writer_.write(now(), out[i]->bytes());
  return count;
}

std::size_t PcapPort::tx_burst(std::span<BufPtr> frames) {
  // Captured before they are handed over, so ask first how many will be taken.
  const std::size_t count = std::min(frames.size(), inner().tx_room());
  for (std::size_t i = 0; i < count; ++i) writer_.write(now(), frames[i]->bytes());
  CHECK(inner().tx_burst(frames.first(count)) == count);
  return count;
}

}  // namespace twinpath
