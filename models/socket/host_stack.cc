// Operations in lanes: those of one kind on one socket complete in the order they were submitted.
#include "models/socket/host_stack.h"

#include <algorithm>
#include <utility>

namespace twinpath {

namespace {

StackCompletion completion_of(const StackOp& op, Errno error = Errno::kNone) {
  StackCompletion completion;
  completion.id = op.id;
  completion.error = error;
  completion.socket = op.socket;
  return completion;
}

}  // namespace

HostStack::~HostStack() {
  for (const auto& [socket, waiting] : waiting_) {
    sockets_.unwatch(socket, *this, static_cast<std::uint32_t>(socket));
  }
}

std::size_t HostStack::reap(std::span<StackCompletion> out) {
  const std::size_t count = std::min(out.size(), done_.size());
  for (std::size_t i = 0; i < count; ++i) {
    out[i] = std::move(done_.front());
    done_.pop_front();
  }
  return count;
}

void HostStack::submit(Instant now, StackOp op) {
  switch (op.kind) {
    case StackOpKind::kAccept:
      return queue(now, kAccepts, std::move(op));
    case StackOpKind::kConnect:
      return queue(now, kConnects, std::move(op));
    case StackOpKind::kSend:
    case StackOpKind::kSendUrgent:
      return queue(now, kSends, std::move(op));
    case StackOpKind::kReceive:
      return queue(now, kReceives, std::move(op));
    default:
      break;
  }
  done_.push_back(complete_simple(now, op));
}

StackCompletion HostStack::complete_simple(Instant now, StackOp& op) {
  StackCompletion done = completion_of(op);
  switch (op.kind) {
    case StackOpKind::kSocket: {
      if (op.value < 0 || op.value > static_cast<std::int64_t>(SocketKind::kDatagram)) {
        done.error = Errno::kInvalid;
        break;
      }
      const FdResult made = sockets_.socket(static_cast<SocketKind>(op.value));
      done.socket = made.fd;
      done.error = made.error;
      if (made.error == Errno::kNone) adopt(made.fd);
      break;
    }
    case StackOpKind::kBind:
      done.error = sockets_.bind(op.socket, op.address);
      if (done.error == Errno::kNone) done.address = sockets_.local_name(op.socket).address;
      break;
    case StackOpKind::kListen:
      done.error = sockets_.listen(op.socket, static_cast<std::uint32_t>(op.value));
      if (done.error == Errno::kNone) done.address = sockets_.local_name(op.socket).address;
      break;
    case StackOpKind::kShutdown:
      done.error = op.value < 0 || op.value > static_cast<std::int64_t>(ShutdownHow::kBoth)
                       ? Errno::kInvalid
                       : sockets_.shutdown(now, op.socket, static_cast<ShutdownHow>(op.value));
      break;
    case StackOpKind::kClose:
      cancel_all(op.socket);
      done.error = sockets_.close(now, op.socket);
      break;
    case StackOpKind::kSetOption:
      done.error = sockets_.set_option(now, op.socket, op.option, op.value);
      break;
    case StackOpKind::kGetOption: {
      const OptionResult got = sockets_.get_option(op.socket, op.option);
      done.value = got.value;
      done.error = got.error;
      break;
    }
    case StackOpKind::kLocalName:
    case StackOpKind::kPeerName: {
      const NameResult name = op.kind == StackOpKind::kLocalName ? sockets_.local_name(op.socket)
                                                                 : sockets_.peer_name(op.socket);
      done.address = name.address;
      done.error = name.error;
      break;
    }
    default:
      return complete_rare(now, op);
  }
  return done;
}

void HostStack::queue(Instant now, Lane lane, StackOp op) {
  const auto found = waiting_.find(op.socket);
  if (found == waiting_.end()) {
    done_.push_back(completion_of(op, Errno::kBadDescriptor));
    return;
  }
  if (lane == kSends && !op.data.buf) {
    done_.push_back(completion_of(op, Errno::kFault));
    return;
  }
  Waiting& waiting = found->second;
  const bool in_credit = lane != kSends || waiting.sending_bytes == 0 ||
                         waiting.sending_bytes + op.data.len <= kSendCreditBytes;
  // Of what nobody has been promised anything for: sends and connects have bounds of their own.
  const bool is_asked_ahead = lane == kAccepts || lane == kReceives;
  if (waiting.lanes[lane].full() || !in_credit || (is_asked_ahead && ops_ >= kOpsMax)) {
    done_.push_back(completion_of(op, Errno::kAgain));
    return;
  }
  if (lane == kSends) {
    op.value = op.data.len;  // what the completion reports, whatever is left of the slice by then
    waiting.sending_bytes += op.data.len;
  }
  if (lane == kConnects) {
    op.value = 0;
    const Errno error = begin_connect(now, op);
    if (error != Errno::kInProgress) {
      done_.push_back(completion_of(op, error));
      if (error == Errno::kNone) done_.back().address = sockets_.local_name(op.socket).address;
      return;
    }
  }
  waiting.lanes[lane].push(std::move(op));
  ++ops_;
  advance(now, waiting);
}

void HostStack::advance(Instant now, Waiting& waiting) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    // What a connection opens with comes before what is sent on it.
    if (lane == kSends && !waiting.lanes[kConnects].empty()) continue;
    Queue& queue = waiting.lanes[lane];
    while (!queue.empty()) {
      auto completion = try_now(now, queue.front());
      if (!completion) break;
      if (lane == kSends) {
        waiting.sending_bytes -= static_cast<std::uint32_t>(queue.front().value);
      }
      queue.pop();
      --ops_;
      done_.push_back(std::move(*completion));
    }
  }
}

std::optional<StackCompletion> HostStack::try_now(Instant now, StackOp& op) {
  switch (op.kind) {
    case StackOpKind::kAccept:
      return try_accept(op);
    case StackOpKind::kConnect:
      return try_connect(now, op);
    case StackOpKind::kSend:
    case StackOpKind::kSendUrgent:
      return try_send(now, op);
    default:
      return try_receive(now, op);
  }
}

std::optional<StackCompletion> HostStack::try_accept(StackOp& op) {
  const Accepted accepted = sockets_.accept(op.socket);
  if (accepted.error == Errno::kAgain) return std::nullopt;
  StackCompletion done = completion_of(op, accepted.error);
  done.socket = accepted.fd;
  done.address = accepted.remote;
  if (accepted.error != Errno::kNone) return done;
  done.set_accepted_local(sockets_.local_name(accepted.fd).address.address);
  adopt(accepted.fd);
  return done;
}

// With data kInProgress, once part of it may be gone with the SYN.
Errno HostStack::begin_connect(Instant now, StackOp& op) {
  if (!op.data.buf) return sockets_.connect(now, op.socket, op.address);
  if (parts_.extras == nullptr) return Errno::kOperationNotSupported;
  const std::int64_t taken =
      parts_.extras->send_fast_open(now, op.socket, op.address, op.data.bytes());
  if (taken < 0) return errno_of(taken);
  op.data.drop_front(static_cast<std::uint32_t>(taken));
  return Errno::kInProgress;
}

std::optional<StackCompletion> HostStack::try_connect(Instant now, StackOp& op) {
  // Told already, while data waits for room.
  const Errno again = op.value == 0 ? sockets_.connect(now, op.socket, op.address) : Errno::kNone;
  if (again == Errno::kAlready) return std::nullopt;
  StackCompletion done = completion_of(op, again);
  if (again != Errno::kNone) return done;
  op.value = 1;
  if (op.data.len > 0) {
    const std::int64_t taken = sockets_.send_slice(now, op.socket, op.data);
    if (errno_of(taken) == Errno::kAgain) return std::nullopt;
    done.error = errno_of(taken);
    op.data.drop_front(static_cast<std::uint32_t>(std::max<std::int64_t>(taken, 0)));
    if (taken >= 0 && op.data.len > 0) return std::nullopt;
  }
  done.address = sockets_.local_name(op.socket).address;
  return done;
}

std::optional<StackCompletion> HostStack::try_send(Instant now, StackOp& op) {
  std::int64_t taken = 0;
  if (op.kind == StackOpKind::kSendUrgent) {
    taken = parts_.extras == nullptr ? failure(Errno::kOperationNotSupported)
                                     : parts_.extras->send_urgent(now, op.socket, op.data.bytes());
  } else if (op.address.port != 0) {
    taken = sockets_.send_to(now, op.socket, op.address, op.data.bytes());
  } else {
    taken = sockets_.send_slice(now, op.socket, op.data);
  }
  const Errno error = errno_of(taken);
  // In progress: a connection that opens with data fetches its cookie first.
  if (error == Errno::kAgain || error == Errno::kInProgress) return std::nullopt;
  StackCompletion done = completion_of(op, error);
  if (taken < 0) return done;
  op.data.drop_front(static_cast<std::uint32_t>(taken));
  if (op.data.len > 0) return std::nullopt;
  done.value = op.value;
  return done;
}

std::optional<StackCompletion> HostStack::try_receive(Instant now, StackOp& op) {
  const auto room = static_cast<std::uint32_t>(std::clamp<std::int64_t>(op.value, 0, 1 << 30));
  Received received = sockets_.receive_slice(now, op.socket, room);
  if (errno_of(received.result) == Errno::kAgain) return std::nullopt;
  StackCompletion done = completion_of(op, errno_of(received.result));
  done.value = std::max<std::int64_t>(received.result, 0);
  done.address = received.source;
  done.data = std::move(received.data);
  return done;
}

void HostStack::adopt(Fd socket) {
  waiting_.try_emplace(socket);
  sockets_.watch(socket, *this, static_cast<std::uint32_t>(socket));
}

void HostStack::cancel(Queue& lane) {
  for (; !lane.empty(); --ops_) done_.push_back(completion_of(lane.pop(), Errno::kCanceled));
}

void HostStack::cancel_all(Fd socket) {
  const auto found = waiting_.find(socket);
  if (found == waiting_.end()) return;
  for (Queue& lane : found->second.lanes) cancel(lane);
  for (Moving* moving : {&exporting_, &importing_}) {
    if (moving->socket == socket) *moving = Moving();
  }
  std::erase(ready_, socket);
  waiting_.erase(found);
}

void HostStack::on_socket_ready(std::uint32_t token) {
  const auto found = waiting_.find(static_cast<Fd>(token));
  if (found == waiting_.end() || std::exchange(found->second.ready, true)) return;
  ready_.push_back(static_cast<Fd>(token));
}

void HostStack::run(Instant now) {
  const std::vector<Fd> ready = std::exchange(ready_, {});
  for (const Fd socket : ready) {
    Waiting& waiting = waiting_.at(socket);
    waiting.ready = false;
    advance(now, waiting);
  }
}

}  // namespace twinpath
