// See pcap_file.h.
#include "sim/pcap_file.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace twinpath::sim {
namespace {

std::FILE* open(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) throw std::runtime_error(path + ": " + std::strerror(errno));
  return file;
}

}  // namespace

PcapFile::PcapFile(const std::string& path) : path_(path), file_(open(path)), writer_(*this) {}

PcapFile::~PcapFile() {
  if (file_ != nullptr) std::fclose(file_);
}

bool PcapFile::write(std::span<const std::byte> bytes) {
  bytes_ += bytes.size();
  return std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size();
}

std::uint64_t PcapFile::close() {
  const bool is_whole = writer_.is_good() && std::fflush(file_) == 0;
  std::fclose(std::exchange(file_, nullptr));
  if (!is_whole) throw std::runtime_error(path_ + ": the capture is not whole, disk full?");
  return bytes_;
}

}  // namespace twinpath::sim
