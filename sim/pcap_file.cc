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

FileSink::FileSink(const std::string& path) : path_(path), file_(open(path)) {}

FileSink::~FileSink() {
  if (file_ != nullptr) std::fclose(file_);
}

bool FileSink::write(std::span<const std::byte> bytes) {
  bytes_ += bytes.size();
  is_whole_ = is_whole_ && std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size();
  return is_whole_;
}

std::uint64_t FileSink::close() {
  const bool is_flushed = std::fflush(file_) == 0;
  std::fclose(std::exchange(file_, nullptr));
  if (!is_whole_ || !is_flushed) {
    throw std::runtime_error(path_ + ": the capture is not whole, disk full?");
  }
  return bytes_;
}

}  // namespace twinpath::sim
