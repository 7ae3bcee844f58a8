// Comparing two runs so that a failure says where they part.
#include "tests/twin/experiment.h"

namespace twinpath::test {

namespace {

std::string text(const Record& record) {
  return std::to_string(record.at_ns) + " ns " + record.direction + " " +
         std::to_string(record.bytes.size()) + " B";
}

}  // namespace

std::string first_difference(const Records& left, const Records& right) {
  if (left.size() != right.size()) return "different sets of ports";
  for (const auto& [port, ours] : left) {
    const auto found = right.find(port);
    if (found == right.end()) return port + " only on one side";
    const auto& theirs = found->second;
    for (std::size_t index = 0; index < std::min(ours.size(), theirs.size()); ++index) {
      if (ours[index] == theirs[index]) continue;
      return port + " frame " + std::to_string(index) + ": " + text(ours[index]) + " against " +
             text(theirs[index]) +
             (ours[index].bytes == theirs[index].bytes ? "" : ", other bytes");
    }
    if (ours.size() != theirs.size()) {
      return port + ": " + std::to_string(ours.size()) + " frames against " +
             std::to_string(theirs.size());
    }
  }
  return "";
}

std::size_t frames_of(const Records& records) {
  std::size_t count = 0;
  for (const auto& [port, frames] : records) count += frames.size();
  return count;
}

}  // namespace twinpath::test
