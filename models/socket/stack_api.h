// Socket operations as messages: what crosses a ring to another core, a stack on another core, or a
// guest and its service. Every operation carries an id and completes exactly once, at once or
// later, with an error, an address and data; so one caller can have many under way. Data moves as
// Slices and is never copied here.
//
// Credits bound what is under way in each direction. A kReceive grants the stack `value` bytes: it
// hands over at most that many. A kSend takes its slice's length from the socket's sending credit
// of kSendCreditBytes and returns it by completing, when the stack has the whole slice.
#pragma once

#include <cstdint>
#include <span>

#include "models/socket/socket_api.h"

namespace twinpath {

enum class StackOpKind : std::uint8_t {
  kSocket,     // value: SocketKind
  kBind,       // address
  kListen,     // value: backlog
  kAccept,     // completes with the new socket and the peer's address
  kConnect,    // address; completes when established or failed
  kSend,       // data; with an address: a datagram to it
  kReceive,    // value: bytes at most; completes with data, 0 = end of the stream
  kShutdown,   // value: ShutdownHow
  kClose,      // completes what is under way on this socket with kCanceled
  kSetOption,  // option, value
  kGetOption,  // option
  kLocalName,
  kPeerName,
};

struct StackOp {
  std::uint64_t id = 0;  // the caller's; comes back in the completion
  StackOpKind kind = StackOpKind::kSocket;
  SocketOption option = SocketOption::kError;
  Fd socket = Fd::kNone;
  std::int64_t value = 0;
  SocketAddress address{};
  Slice data{};
};

struct StackCompletion {
  std::uint64_t id = 0;
  Errno error = Errno::kNone;
  Fd socket = Fd::kNone;   // the one operated on, or the new one
  std::int64_t value = 0;  // bytes, or an option's value
  SocketAddress address{};
  Slice data{};
};

class StackApi {
 public:
  static constexpr std::uint32_t kSendCreditBytes = 1U << 20;
  // Of one kind; one more completes with kAgain.
  static constexpr std::uint32_t kOpsPerSocketMax = 64;

  virtual ~StackApi() = default;
  virtual void submit(Instant now, StackOp op) = 0;
  // Moves out completions, in the order in which they happened; returns how many.
  virtual std::size_t reap(std::span<StackCompletion> out) = 0;
};

}  // namespace twinpath
