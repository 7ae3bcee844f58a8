// The answering side of request_response.h.
#include <algorithm>
#include <cstring>

#include "models/app/request_response.h"
#include "models/wire/byte_order.h"

namespace twinpath {

void EchoServer::start(Instant) {
  problem_ = server_.start();
  if (!problem_.empty()) ++failures_;
}

void EchoServer::on_ready(Instant now) {
  server_.on_ready(
      now, [this] { return Connection(*this); }, [](const Connection&) {});
}

void EchoServer::report(AppReport& report) const {
  report.scalar(metric::kRequests, static_cast<double>(requests_));
  report.scalar(metric::kFailures, static_cast<double>(failures_));
  report.problem(problem_);
  server_.report_flow(report);
}

void EchoServer::Connection::on_ready(Instant now, SocketApi& sockets, Fd fd) {
  // One request at a time: what follows stays in the socket until the answer is handed over.
  while (!finished_) {
    const bool went_on = answering_ ? answer(now, sockets, fd) : receive(now, sockets, fd);
    if (!went_on) return;
  }
}

bool EchoServer::Connection::receive(Instant now, SocketApi& sockets, Fd fd) {
  const std::uint32_t wanted =
      header_have_ < kRequestHeaderBytes ? kRequestHeaderBytes - header_have_ : request_left_;
  const Received piece = sockets.receive_slice(now, fd, wanted);
  if (piece.result > 0) {
    take(piece.data.bytes());
    return true;
  }
  if (errno_of(piece.result) == Errno::kAgain) return false;
  if (piece.result < 0 || header_have_ > 0) ++server_.get().failures_;
  finished_ = true;
  return false;
}

void EchoServer::Connection::take(std::span<const std::byte> data) {
  const auto count = static_cast<std::uint32_t>(data.size());
  if (header_have_ < kRequestHeaderBytes) {
    std::memcpy(header_.data() + header_have_, data.data(), count);
    header_have_ += count;
    if (header_have_ < kRequestHeaderBytes) return;
    const std::uint32_t request_bytes = load_be32(header_.data());
    request_left_ = std::max(request_bytes, kRequestHeaderBytes) - kRequestHeaderBytes;
  } else {
    request_left_ -= count;
  }
  if (request_left_ > 0) return;
  answering_ = true;
  response_left_ = load_be32(header_.data() + 4);
  response_sent_ = 0;
}

bool EchoServer::Connection::answer(Instant now, SocketApi& sockets, Fd fd) {
  EchoServer& server = server_;
  while (response_left_ > 0) {
    const Slice piece = server.content_.slice({response_sent_, response_left_});
    const std::int64_t taken =
        piece.len == 0 ? failure(Errno::kNoBufferSpace) : sockets.send_slice(now, fd, piece);
    if (errno_of(taken) == Errno::kAgain) return false;
    if (taken < 0) {
      ++server.failures_;
      finished_ = true;
      return false;
    }
    response_sent_ += static_cast<std::uint32_t>(taken);
    response_left_ -= static_cast<std::uint32_t>(taken);
  }
  ++server.requests_;
  answering_ = false;
  header_have_ = 0;
  return true;
}

}  // namespace twinpath
