// One socket over lwIP. lwIP's callbacks find it by its address, so it never moves.
#pragma once

#include <deque>
#include <memory>

#include "models/foreign/lwip/calls.h"
#include "models/socket/socket_api.h"
#include "models/socket/watch_list.h"

namespace twinpath {

class LwipSockets;

struct LwipSocket {
  enum class Phase : std::uint8_t { kFresh, kListening, kConnecting, kConnected, kOver };
  struct Piece {
    pbuf* data = nullptr;
    SocketAddress source{};  // datagrams
  };

  LwipSocket(LwipSockets& sockets, SocketKind of_kind) : owner(sockets), kind(of_kind) {}
  [[nodiscard]] bool is_stream() const { return kind == SocketKind::kStream; }

  LwipSockets& owner;
  SocketKind kind;
  Phase phase = Phase::kFresh;
  Errno error = Errno::kNone;  // pending
  // At most one; none: lwIP has forgotten the connection, or never knew.
  tcp_pcb* tcp = nullptr;
  udp_pcb* udp = nullptr;
  bool bound = false;
  bool end_of_stream = false;
  bool send_shut = false;
  bool receive_shut = false;
  bool send_blocked = false;      // told to wait for room
  bool connect_reported = false;  // the second connect() has succeeded
  std::int64_t linger_s = -1;
  std::uint32_t backlog = 0;
  std::uint32_t unread_bytes = 0;
  std::deque<Piece> unread;
  std::deque<std::unique_ptr<LwipSocket>> waiting;  // of a listener: established, not accepted
  WatchList watches;
  SocketAddress local{};  // once lwIP has forgotten them
  SocketAddress remote{};
};

}  // namespace twinpath
