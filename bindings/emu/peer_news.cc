// See peer_news.h.
#include "bindings/emu/peer_news.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace twinpath::bind {

PeerNews::PeerNews(int fd) : fd_(fd) {
  if (fd >= 0) fcntl(fd, F_SETFL, O_NONBLOCK);
}

// A line per app that is done.
void PeerNews::hear() {
  if (awaited_.empty() || fd_ < 0) return;
  std::array<char, 512> piece;
  const ssize_t got = read(fd_, piece.data(), piece.size());
  if (got <= 0) return;
  text_.append(piece.data(), static_cast<std::size_t>(got));
  for (std::size_t end; (end = text_.find('\n')) != std::string::npos;) {
    awaited_.erase(text_.substr(0, end));
    text_.erase(0, end + 1);
  }
}

}  // namespace twinpath::bind
