// Which awaited Linux apps are done: lines of the parent, heard between turns.
#pragma once

#include <set>
#include <string>

namespace twinpath::bind {

class PeerNews {
 public:
  // `fd` is the parent's pipe; -1: nobody tells.
  explicit PeerNews(int fd);

  void await(const std::string& path) { awaited_.insert(path); }
  // Never waits.
  void hear();
  [[nodiscard]] bool all_done() const { return awaited_.empty(); }

 private:
  int fd_;
  std::set<std::string> awaited_;
  std::string text_;
};

}  // namespace twinpath::bind
