// A capture file: what a PcapWriter writes into.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "models/port/byte_sink.h"
#include "models/port/pcap.h"

namespace twinpath::sim {

class PcapFile final : public ByteSink {
 public:
  // Throws std::runtime_error when `path` cannot be written.
  explicit PcapFile(const std::string& path);
  ~PcapFile() override;
  PcapFile(const PcapFile&) = delete;
  PcapFile& operator=(const PcapFile&) = delete;

  bool write(std::span<const std::byte> bytes) override;
  [[nodiscard]] PcapWriter& writer() { return writer_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  // Everything on disk. Throws std::runtime_error when bytes were lost.
  std::uint64_t close();

 private:
  std::string path_;
  std::FILE* file_;
  std::uint64_t bytes_ = 0;
  PcapWriter writer_;
};

}  // namespace twinpath::sim
