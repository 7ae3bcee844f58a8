// Files for captures: a ByteSink on disk, and one that a PcapWriter writes into.
#pragma once

#include <cstdio>
#include <string>

#include "models/port/byte_sink.h"
#include "models/port/pcap.h"

namespace twinpath::sim {

class FileSink : public ByteSink {
 public:
  // Throws std::runtime_error when `path` cannot be written.
  explicit FileSink(const std::string& path);
  ~FileSink() override;
  FileSink(const FileSink&) = delete;
  FileSink& operator=(const FileSink&) = delete;

  bool write(std::span<const std::byte> bytes) override;
  [[nodiscard]] const std::string& path() const { return path_; }
  // Everything on disk; its size. Throws std::runtime_error when bytes were lost.
  std::uint64_t close();

 private:
  std::string path_;
  std::FILE* file_;
  std::uint64_t bytes_ = 0;
  bool is_whole_ = true;
};

class PcapFile final : public FileSink {
 public:
  explicit PcapFile(const std::string& path) : FileSink(path), writer_(*this) {}
  [[nodiscard]] PcapWriter& writer() { return writer_; }

 private:
  PcapWriter writer_;
};

}  // namespace twinpath::sim
