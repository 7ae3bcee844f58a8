// Socket operations as messages: what crosses a ring to another core, a stack on another core, or a
// guest and its service. Every operation carries an id and completes exactly once, at once or
// later, with an error, an address and data; so one caller can have many under way. Data moves as
// Slices and is never copied here.
//
// Credits bound what is under way in each direction. A kReceive grants the stack `value` bytes: it
// hands over at most that many. A kSend takes its slice's length from the socket's sending credit
// of kSendCreditBytes and returns it by completing, when the stack has the whole slice. Whoever
// submits asks takes_ops() before what no credit bounds, so that neither end's memory grows with
// what the other does not reap.
#pragma once

#include <cstdint>
#include <span>

#include "models/socket/socket_api.h"

namespace twinpath {

enum class StackOpKind : std::uint8_t {
  kSocket,     // value: SocketKind
  kBind,       // address; completes with the name it got
  kListen,     // value: backlog; completes with the name it has
  kAccept,     // completes with the new socket, the peer's address and its own (accepted_local())
  kConnect,    // address; completes when established or failed, with the socket's name. With data
               // (TCP Fast Open): sent with the SYN as far as it fits, the rest behind it; then
               // completes when the stack has it all
  kSend,       // data; with an address: a datagram to it
  kReceive,    // value: bytes at most; completes with data, 0 = end of the stream
  kShutdown,   // value: ShutdownHow
  kClose,      // completes what is under way on this socket with kCanceled
  kSetOption,  // option, value
  kGetOption,  // option; the mark of urgent data is kAtMark
  kLocalName,
  kPeerName,
  kSendUrgent,  // data, whose last byte is urgent; in order with kSend
  kPeek,        // value: bytes at most; completes at once with a copy of what a kReceive would get
  kTcpInfo,     // completes with a TcpInfo as data
  kExport,      // value: offset; completes with a piece of the connection's TcbImage from there on
                // and its size as value. The first removes the connection from the stack; kAgain
                // while sends, or the image of another socket, are under way
  kImport,      // value: size of a TcbImage; data: its next piece. With the last the socket, a
                // fresh stream or one exported, continues the connection
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
static_assert(sizeof(StackOp) <= 64, "one cache line");

struct StackCompletion {
  std::uint64_t id = 0;
  Errno error = Errno::kNone;
  Fd socket = Fd::kNone;   // the one operated on, or the new one
  std::int64_t value = 0;  // bytes, or an option's value
  SocketAddress address{};
  Slice data{};

  // Of a kAccept: the address the new socket has here; its port is the listener's. It stands where
  // other completions have their value and their data's place, so that all keep to one cache line.
  void set_accepted_local(const IpAddress& local) {
    value = static_cast<std::int64_t>(local.high());
    data.offset = static_cast<std::uint32_t>(local.low());
    data.len = static_cast<std::uint32_t>(local.low() >> 32);
  }
  [[nodiscard]] IpAddress accepted_local() const {
    return IpAddress::from_words(
        {static_cast<std::uint64_t>(value), std::uint64_t{data.len} << 32 | data.offset});
  }
};
static_assert(sizeof(StackCompletion) <= 64, "one cache line");

class StackApi {
 public:
  static constexpr std::uint32_t kSendCreditBytes = 1U << 20;
  // Of one kind; one more completes with kAgain.
  static constexpr std::uint32_t kOpsPerSocketMax = 64;
  // Waiting for their sockets, of all; one more completes with kAgain.
  static constexpr std::uint32_t kOpsMax = 1U << 20;
  static constexpr std::uint32_t kImageBytesMax = 1U << 24;  // of a kImport

  virtual ~StackApi() = default;
  virtual void submit(Instant now, StackOp op) = 0;
  // Moves out completions, in the order in which they happened; returns how many.
  virtual std::size_t reap(std::span<StackCompletion> out) = 0;
  // False: too much waits to be reaped or handed on. What is submitted still completes; who goes on
  // all the same only makes that wait grow.
  [[nodiscard]] virtual bool takes_ops() const = 0;
};

}  // namespace twinpath
