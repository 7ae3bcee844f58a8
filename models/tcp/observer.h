// What a connection was, in numbers, for whoever keeps a record of all of them: taken when it ends,
// or from one that lives. Needs no socket and nothing from applications.
#pragma once

#include <cstdint>
#include <string_view>

#include "models/base/time.h"
#include "models/tcp/endpoint.h"

namespace twinpath {

// How a connection ended, or how far it is.
enum class TcpEnd : std::uint8_t {
  kOpen,         // lives
  kClosing,      // lives, and one side at least has sent all it will
  kClosed,       // both sides closed
  kAborted,      // given up by this side
  kReset,        // by the peer
  kRefused,      // nobody listens there
  kTimeout,      // the peer went silent
  kUnreachable,  // ICMP said so
  kMoved,        // continues in another stack
};
constexpr std::string_view name(TcpEnd end) {
  constexpr std::string_view kNames[] = {"open",    "closing", "closed",      "aborted", "reset",
                                         "refused", "timeout", "unreachable", "moved"};
  return kNames[static_cast<std::size_t>(end)];
}

struct TcpFlow {
  std::uint64_t flow = 0;  // as in events
  TcpEndpointAddress local{};
  TcpEndpointAddress remote{};
  TcpEnd end = TcpEnd::kOpen;
  Instant first_tx = kNever;  // kNever: nothing left
  Instant last_rx = kNever;   // kNever: nothing came
  std::uint64_t tx_packets = 0;
  std::uint64_t rx_packets = 0;
  std::uint64_t tx_bytes = 0;      // payload, retransmissions included
  std::uint64_t rx_bytes = 0;      // payload, delivered in order
  std::uint64_t lost_packets = 0;  // thought lost by this side
  std::uint64_t retransmitted = 0;
};

class TcpObserver {
 public:
  virtual ~TcpObserver() = default;
  virtual void on_tcp_open(std::uint64_t flow) = 0;
  virtual void on_tcp_end(const TcpFlow& flow) = 0;
};

}  // namespace twinpath
