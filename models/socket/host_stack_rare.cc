// The operations few ask for: a look ahead, TCP_INFO, and a connection as bytes. What they answer
// with stands in buffers of the host's pool, a piece in each.
#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

#include "models/socket/host_stack.h"

namespace twinpath {

static_assert(std::is_trivially_copyable_v<TcpInfo>);

StackCompletion HostStack::complete_rare(Instant now, StackOp& op) {
  StackCompletion done;
  done.id = op.id;
  done.socket = op.socket;
  switch (op.kind) {
    case StackOpKind::kPeek:
      peek(op, done);
      break;
    case StackOpKind::kTcpInfo:
      tell_info(op, done);
      break;
    case StackOpKind::kExport:
      export_piece(now, op, done);
      break;
    case StackOpKind::kImport:
      done.error = import_piece(now, op);
      done.value = op.value;
      break;
    default:
      done.error = Errno::kInvalid;
  }
  return done;
}

std::size_t HostStack::carry(std::span<const std::byte> bytes, StackCompletion& done) {
  BufPtr buf(parts_.pool == nullptr ? nullptr : parts_.pool->take());
  if (buf == nullptr) {
    done.error = parts_.pool == nullptr ? Errno::kOperationNotSupported : Errno::kNoBufferSpace;
    return 0;
  }
  const auto len = static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), buf->tailroom()));
  if (len > 0) std::memcpy(buf->push_back(len).data(), bytes.data(), len);
  done.data = {BufRef(std::move(buf)), 0, len};
  return len;
}

void HostStack::peek(const StackOp& op, StackCompletion& done) {
  if (parts_.extras == nullptr || parts_.pool == nullptr) {
    done.error = Errno::kOperationNotSupported;
    return;
  }
  BufPtr buf(parts_.pool->take());
  if (buf == nullptr) {
    done.error = Errno::kNoBufferSpace;
    return;
  }
  const auto room = static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(op.value, 0, std::int64_t{buf->tailroom()}));
  const std::int64_t got = parts_.extras->peek(op.socket, buf->push_back(room), 0);
  done.error = errno_of(got);
  if (got <= 0) return;
  done.value = got;
  done.data = {BufRef(std::move(buf)), 0, static_cast<std::uint32_t>(got)};
}

void HostStack::tell_info(const StackOp& op, StackCompletion& done) {
  const auto info = sockets_.tcp_info(op.socket);
  if (!info) {
    done.error = Errno::kNotConnected;
    return;
  }
  const auto bytes = std::as_bytes(std::span(&*info, 1));
  if (carry(bytes, done) < bytes.size() && done.error == Errno::kNone) {
    done.error = Errno::kMessageSize;
  }
}

Errno HostStack::begin_export(Instant now, Fd socket) {
  const auto found = waiting_.find(socket);
  if (found == waiting_.end()) return Errno::kBadDescriptor;
  if (exporting_.socket != Fd::kNone) return Errno::kAgain;
  auto& lanes = found->second.lanes;
  if (!lanes[kSends].empty() || !lanes[kConnects].empty()) return Errno::kAgain;
  const auto image = parts_.extras->detach(now, socket);
  if (!image) return Errno::kNotConnected;
  cancel(lanes[kReceives]);
  exporting_.socket = socket;
  exporting_.bytes.assign(image->bytes().begin(), image->bytes().end());
  return Errno::kNone;
}

void HostStack::export_piece(Instant now, const StackOp& op, StackCompletion& done) {
  if (parts_.extras == nullptr || parts_.pool == nullptr) {
    done.error = Errno::kOperationNotSupported;
    return;
  }
  if (exporting_.socket != op.socket) done.error = begin_export(now, op.socket);
  if (done.error != Errno::kNone) return;
  const auto size = static_cast<std::int64_t>(exporting_.bytes.size());
  if (op.value < 0 || op.value >= size) {
    done.error = Errno::kInvalid;
    return;
  }
  const auto from = static_cast<std::size_t>(op.value);
  const std::size_t len = carry(std::span(exporting_.bytes).subspan(from), done);
  if (done.error != Errno::kNone) return;
  done.value = size;
  if (from + len == exporting_.bytes.size()) exporting_ = Moving();
}

Errno HostStack::import_piece(Instant now, const StackOp& op) {
  if (parts_.extras == nullptr) return Errno::kOperationNotSupported;
  if (!waiting_.contains(op.socket)) return Errno::kBadDescriptor;
  if (op.value <= 0 || op.value > kImageBytesMax) return Errno::kMessageSize;
  if (!op.data.buf || op.data.len == 0) return Errno::kFault;
  if (importing_.socket != Fd::kNone && importing_.socket != op.socket) return Errno::kAgain;
  importing_.socket = op.socket;
  const auto piece = op.data.bytes();
  importing_.bytes.insert(importing_.bytes.end(), piece.begin(), piece.end());
  const auto size = static_cast<std::size_t>(op.value);
  if (importing_.bytes.size() < size) return Errno::kNone;
  const Moving whole = std::exchange(importing_, Moving());
  const bool fits = whole.bytes.size() == size;
  return fits && parts_.extras->attach(now, op.socket, TcbImage(whole.bytes)) ? Errno::kNone
                                                                              : Errno::kInvalid;
}

}  // namespace twinpath
