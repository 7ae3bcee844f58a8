// Fast Open: data in the SYN, vouched for by a cookie of an earlier connection. Here is what a
// client remembers of servers. Read RFC 7413 §4.1.3 and §4.1.3.1.
#pragma once

#include <cstdint>
#include <map>
#include <utility>

#include "models/base/time.h"
#include "models/tcp/ring_deque.h"
#include "models/wire/address.h"
#include "models/wire/tcp_options.h"

namespace twinpath::tcp {

// What is known of one server.
struct FastOpenPeer {
  FastOpenCookie cookie;  // len 0: none yet
  std::uint16_t mss_bytes = 536;
  std::uint8_t losses = 0;  // SYNs with the option that were lost, in a row
  Instant lost_at{};
};

class FastOpenCache {
 public:
  // Nothing known.
  [[nodiscard]] const FastOpenPeer* find(const IpAddress& server) const;
  // RFC 7413 §4.1.3.1 and §7.1: after repeated losses neither option nor data, for minutes that
  // double.
  [[nodiscard]] bool is_blocked(const IpAddress& server, Instant now) const;
  // The entry, made when there is none; whoever was remembered first is forgotten for it.
  FastOpenPeer& entry(const IpAddress& server, std::uint32_t entries_max);
  [[nodiscard]] std::size_t size() const { return peers_.size(); }

  void note_loss(const IpAddress& server, Instant now, std::uint32_t entries_max);

 private:
  using Key = std::pair<std::uint64_t, std::uint64_t>;
  static Key key_of(const IpAddress& server) { return {server.high(), server.low()}; }

  std::map<Key, FastOpenPeer> peers_;
  RingDeque<Key> order_;  // as they came
};

}  // namespace twinpath::tcp
