// Bytes, readiness and options of sockets over lwIP.
#include <algorithm>

#include "models/foreign/lwip/addresses.h"
#include "models/foreign/lwip/lwip_sockets.h"

namespace twinpath {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(TCP_SLOW_INTERVAL);
constexpr std::size_t kWriteMax = 0xffff;
constexpr std::uint32_t kDatagramMax = 65507;  // UDP over IPv4

bool has_room(const tcp_pcb& pcb) {
  return pcb.snd_buf > TCP_SNDLOWAT && pcb.snd_queuelen < TCP_SNDQUEUELOWAT;
}

TcpState state_of(tcp_state state) {
  constexpr std::array kStates = {
      TcpState::kClosed,      TcpState::kListen,   TcpState::kSynSent,  TcpState::kSynReceived,
      TcpState::kEstablished, TcpState::kFinWait1, TcpState::kFinWait2, TcpState::kCloseWait,
      TcpState::kClosing,     TcpState::kLastAck,  TcpState::kTimeWait};
  return kStates[state];
}

TcpRecovery recovery_of(const tcp_pcb& pcb) {
  if ((pcb.flags & TF_RTO) != 0) return TcpRecovery::kLoss;
  if ((pcb.flags & TF_INFR) != 0) return TcpRecovery::kRecovery;
  return pcb.dupacks > 0 ? TcpRecovery::kDisorder : TcpRecovery::kOpen;
}

// At most TCP_SND_QUEUELEN.
std::uint32_t segments_of(const tcp_seg* first) {
  std::uint32_t count = 0;
  for (const tcp_seg* one = first; one != nullptr; one = one->next) ++count;
  return count;
}

}  // namespace

std::int64_t LwipSockets::send(Instant now, Fd fd, std::span<const std::byte> data) {
  LwipSocket* const socket = find(fd);
  if (socket == nullptr) return failure(Errno::kBadDescriptor);
  const lwip::Entry entry = host_.enter(now);
  return socket->is_stream() ? send_stream(*socket, data) : send_datagram(*socket, nullptr, data);
}

std::int64_t LwipSockets::send_stream(LwipSocket& socket, std::span<const std::byte> data) {
  if (socket.error != Errno::kNone) return failure(std::exchange(socket.error, Errno::kNone));
  if (socket.phase == Phase::kConnecting) return failure(Errno::kAgain);
  if (socket.send_shut || socket.phase != Phase::kConnected) return failure(Errno::kBrokenPipe);
  std::size_t sent = 0;
  std::size_t piece = kWriteMax;
  while (sent < data.size() && socket.tcp != nullptr) {
    const std::size_t count =
        std::min({data.size() - sent, piece, std::size_t{socket.tcp->snd_buf}});
    if (count == 0) break;
    const err_t error = calls().tcp_write(socket.tcp, data.data() + sent, static_cast<u16_t>(count),
                                          TCP_WRITE_FLAG_COPY);
    if (error == ERR_OK) {
      sent += count;
    } else if (count > 1 && socket.tcp->snd_queuelen < TCP_SND_QUEUELEN) {
      piece = count / 2;  // its pieces would not fit the queue
    } else {
      break;
    }
  }
  socket.send_blocked = socket.send_blocked || sent < data.size();
  if (sent == 0 && !data.empty()) return failure(Errno::kAgain);
  if (socket.tcp != nullptr) calls().tcp_output(socket.tcp);
  return static_cast<std::int64_t>(sent);
}

std::int64_t LwipSockets::send_to(Instant now, Fd fd, const SocketAddress& target,
                                  std::span<const std::byte> data) {
  LwipSocket* const socket = find(fd);
  if (socket == nullptr) return failure(Errno::kBadDescriptor);
  const lwip::Entry entry = host_.enter(now);
  if (!socket->is_stream()) return send_datagram(*socket, &target, data);
  if (socket->phase == Phase::kConnected) return failure(Errno::kIsConnected);
  return send_stream(*socket, data);
}

std::int64_t LwipSockets::send_datagram(LwipSocket& socket, const SocketAddress* target,
                                        std::span<const std::byte> data) {
  if (data.size() > kDatagramMax) return failure(Errno::kMessageSize);
  if (target == nullptr && socket.phase != Phase::kConnected) {
    return failure(Errno::kDestinationRequired);
  }
  if (target != nullptr && target->port == 0) return failure(Errno::kInvalid);
  if (host_.is_full()) {
    socket.send_blocked = true;
    return failure(Errno::kAgain);
  }
  pbuf* const packet =
      calls().pbuf_alloc(PBUF_TRANSPORT, static_cast<u16_t>(data.size()), PBUF_RAM);
  if (packet == nullptr) return failure(Errno::kNoBufferSpace);
  if (!data.empty()) std::memcpy(packet->payload, data.data(), data.size());
  err_t error = ERR_OK;
  if (target == nullptr) {
    error = calls().udp_send(socket.udp, packet);
  } else {
    const ip_addr_t address = lwip::to_lwip(target->address);
    error = calls().udp_sendto(socket.udp, packet, &address, target->port);
  }
  calls().pbuf_free(packet);
  if (error != ERR_OK) return failure(lwip::error_of(error));
  return static_cast<std::int64_t>(data.size());
}

void LwipSockets::on_room(Instant) {
  for (const auto& socket : sockets_) {
    if (socket == nullptr || socket->is_stream()) continue;
    if (std::exchange(socket->send_blocked, false)) socket->watches.tell_ready();
  }
}

std::int64_t LwipSockets::why_nothing(LwipSocket& socket) const {
  if (!socket.unread.empty()) return 0;
  if (socket.error != Errno::kNone) return failure(std::exchange(socket.error, Errno::kNone));
  if (socket.end_of_stream || socket.receive_shut) return 1;
  if (!socket.is_stream()) return failure(Errno::kAgain);
  const bool has_peer = socket.phase == Phase::kConnected || socket.phase == Phase::kConnecting;
  return failure(has_peer ? Errno::kAgain : Errno::kNotConnected);
}

std::uint32_t LwipSockets::take(LwipSocket& socket, std::span<std::byte> into) {
  std::uint32_t taken = 0;
  while (taken < into.size() && !socket.unread.empty()) {
    LwipSocket::Piece& piece = socket.unread.front();
    const auto room = static_cast<u16_t>(std::min<std::size_t>(into.size() - taken, kWriteMax));
    const u16_t count = calls().pbuf_copy_partial(piece.data, into.data() + taken, room, 0);
    taken += count;
    if (!socket.is_stream()) break;
    consume(socket, count);
  }
  return taken;
}

// Of the first piece.
void LwipSockets::consume(LwipSocket& socket, std::uint32_t count) {
  LwipSocket::Piece& piece = socket.unread.front();
  socket.unread_bytes -= count;
  piece.data = calls().pbuf_free_header(piece.data, static_cast<u16_t>(count));
  if (piece.data == nullptr) socket.unread.pop_front();
  if (socket.tcp != nullptr) calls().tcp_recved(socket.tcp, static_cast<u16_t>(count));
}

std::int64_t LwipSockets::receive(Instant now, Fd fd, std::span<std::byte> into) {
  LwipSocket* const socket = find(fd);
  if (socket == nullptr) return failure(Errno::kBadDescriptor);
  const lwip::Entry entry = host_.enter(now);
  const std::int64_t nothing = why_nothing(*socket);
  if (nothing != 0) return nothing == 1 ? 0 : nothing;
  const std::uint32_t taken = take(*socket, into);
  if (!socket->is_stream()) consume(*socket, socket->unread.front().data->tot_len);
  return taken;
}

Received LwipSockets::receive_slice(Instant now, Fd fd, std::uint32_t bytes_max) {
  LwipSocket* const socket = find(fd);
  if (socket == nullptr) return {.result = failure(Errno::kBadDescriptor)};
  const lwip::Entry entry = host_.enter(now);
  const std::int64_t nothing = why_nothing(*socket);
  if (nothing != 0) return {.result = nothing == 1 ? 0 : nothing};
  const std::uint32_t first = socket->unread.front().data->tot_len;
  HeapPool& pool =
      first > host_.config().stream_chunk_bytes ? host_.long_pool() : host_.stream_pool();
  BufPtr buf(pool.take());
  if (buf == nullptr) return {.result = failure(Errno::kNoBufferSpace)};
  const std::uint32_t all = socket->is_stream() ? socket->unread_bytes : first;
  const std::uint32_t wanted = std::min({all, bytes_max, buf->tailroom()});
  Received received{.source = socket->unread.front().source};
  const std::uint32_t taken = take(*socket, buf->push_back(wanted));
  if (!socket->is_stream()) consume(*socket, first);
  received.result = taken;
  received.data = {BufRef(std::move(buf)), 0, taken};
  return received;
}

Errno LwipSockets::shutdown(Instant now, Fd fd, ShutdownHow how) {
  LwipSocket* const socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  if (socket->phase != Phase::kConnected) return Errno::kNotConnected;
  const lwip::Entry entry = host_.enter(now);
  if (how != ShutdownHow::kWrite) {
    socket->receive_shut = true;
    while (socket->is_stream() && !socket->unread.empty()) {
      consume(*socket, socket->unread.front().data->tot_len);
    }
    drop_unread(*socket);
  }
  if (how != ShutdownHow::kRead && !std::exchange(socket->send_shut, true)) {
    if (socket->tcp != nullptr) calls().tcp_shutdown(socket->tcp, 0, 1);
    if (socket->end_of_stream) forget(*socket);
  }
  socket->watches.tell_ready();
  return Errno::kNone;
}

std::uint32_t LwipSockets::readiness(Fd fd) const {
  const LwipSocket* const socket = find(fd);
  if (socket == nullptr) return 0;
  if (socket->phase == Phase::kListening) return socket->waiting.empty() ? 0 : kPollIn;
  if (socket->is_stream()) return stream_readiness(*socket);
  return (socket->unread.empty() ? 0 : kPollIn) | (host_.is_full() ? 0 : kPollOut);
}

std::uint32_t LwipSockets::stream_readiness(const LwipSocket& socket) const {
  if (socket.phase == Phase::kFresh) return kPollOut | kPollHangup;
  std::uint32_t ready = 0;
  const bool ended = socket.end_of_stream || socket.receive_shut || socket.phase == Phase::kOver;
  if (socket.phase == Phase::kConnecting) return 0;
  if (ended) ready |= kPollIn | kPollReadHangup;
  if (!socket.unread.empty()) ready |= kPollIn;
  if (socket.error != Errno::kNone) ready |= kPollError | kPollIn;
  const bool refuses = socket.send_shut || socket.tcp == nullptr;
  if (refuses || has_room(*socket.tcp)) ready |= kPollOut;
  if (ended && refuses) ready |= kPollHangup;
  return ready;
}

Errno LwipSockets::set_option(Instant now, Fd fd, SocketOption option, std::int64_t value) {
  LwipSocket* const socket = find(fd);
  if (socket == nullptr) return Errno::kBadDescriptor;
  const lwip::Entry entry = host_.enter(now);
  switch (option) {
    case SocketOption::kLinger:
      socket->linger_s = value;
      return Errno::kNone;
    case SocketOption::kReuseAddress:
    case SocketOption::kKeepAlive: {
      // The first members of every control block.
      auto* const pcb = socket->is_stream() ? reinterpret_cast<ip_pcb*>(socket->tcp)
                                            : reinterpret_cast<ip_pcb*>(socket->udp);
      const u8_t bit = option == SocketOption::kKeepAlive ? SOF_KEEPALIVE : SOF_REUSEADDR;
      if (pcb == nullptr) return Errno::kNone;
      pcb->so_options =
          static_cast<u8_t>(value != 0 ? pcb->so_options | bit : pcb->so_options & ~bit);
      return Errno::kNone;
    }
    default:
      return set_tcp_option(*socket, option, value);
  }
}

// Fixed in Debian's build, and so refused: buffer sizes, segment size, congestion control.
Errno LwipSockets::set_tcp_option(LwipSocket& socket, SocketOption option, std::int64_t value) {
  if (!socket.is_stream()) return Errno::kNoProtocolOption;
  const bool has_block = socket.tcp != nullptr && socket.phase != Phase::kListening;
  constexpr std::int64_t kSecondsMax = 32767;  // as Linux
  const bool in_range = value >= 1 && value <= kSecondsMax;
  switch (option) {
    case SocketOption::kNoDelay:
      if (!has_block) return Errno::kNone;
      if (value != 0) tcp_nagle_disable(socket.tcp);
      if (value == 0) tcp_nagle_enable(socket.tcp);
      return Errno::kNone;
    case SocketOption::kKeepAliveIdle:
    case SocketOption::kKeepAliveInterval:
    case SocketOption::kKeepAliveProbes:
      if (!in_range) return Errno::kInvalid;
      if (!has_block) return Errno::kNone;
      if (option == SocketOption::kKeepAliveProbes) {
        socket.tcp->keep_cnt = static_cast<u32_t>(value);
      } else {
        (option == SocketOption::kKeepAliveIdle ? socket.tcp->keep_idle : socket.tcp->keep_intvl) =
            static_cast<u32_t>(value * 1000);
      }
      return Errno::kNone;
    default:
      return Errno::kNoProtocolOption;
  }
}

OptionResult LwipSockets::get_option(Fd fd, SocketOption option) {
  LwipSocket* const socket = find(fd);
  if (socket == nullptr) return {0, Errno::kBadDescriptor};
  switch (option) {
    case SocketOption::kError:
      return {static_cast<std::int64_t>(std::exchange(socket->error, Errno::kNone)), Errno::kNone};
    case SocketOption::kUnreadBytes:
      return {socket->unread_bytes, Errno::kNone};
    case SocketOption::kLinger:
      return {socket->linger_s, Errno::kNone};
    default:
      return get_tcp_option(*socket, option);
  }
}

OptionResult LwipSockets::get_tcp_option(const LwipSocket& socket, SocketOption option) const {
  if (!socket.is_stream()) return {0, Errno::kNoProtocolOption};
  const bool has_block = socket.tcp != nullptr && socket.phase != Phase::kListening;
  const tcp_pcb none{};
  const tcp_pcb& pcb = has_block ? *socket.tcp : none;
  const auto unsent = has_block ? std::int64_t{TCP_SND_BUF} - pcb.snd_buf : 0;
  switch (option) {
    case SocketOption::kSendBuffer:
      return {TCP_SND_BUF, Errno::kNone};
    case SocketOption::kReceiveBuffer:
      return {TCP_WND, Errno::kNone};
    case SocketOption::kMaxSegment:
      return {has_block ? pcb.mss : TCP_MSS, Errno::kNone};
    case SocketOption::kNoDelay:
      return {tcp_nagle_disabled(&pcb) ? 1 : 0, Errno::kNone};
    case SocketOption::kKeepAlive:
      return {(pcb.so_options & SOF_KEEPALIVE) != 0 ? 1 : 0, Errno::kNone};
    case SocketOption::kReuseAddress:
      return {(pcb.so_options & SOF_REUSEADDR) != 0 ? 1 : 0, Errno::kNone};
    case SocketOption::kKeepAliveIdle:
      return {pcb.keep_idle / 1000, Errno::kNone};
    case SocketOption::kKeepAliveInterval:
      return {pcb.keep_intvl / 1000, Errno::kNone};
    case SocketOption::kKeepAliveProbes:
      return {pcb.keep_cnt, Errno::kNone};
    case SocketOption::kUnsentBytes:
      return {unsent, Errno::kNone};
    case SocketOption::kNotSentBytes:
      return {has_block ? std::int64_t{pcb.snd_lbb - pcb.snd_nxt} : 0, Errno::kNone};
    default:
      return {0, Errno::kNoProtocolOption};
  }
}

std::optional<TcpInfo> LwipSockets::tcp_info(Fd fd) const {
  const LwipSocket* const socket = find(fd);
  if (socket == nullptr || socket->tcp == nullptr || socket->phase == Phase::kListening) {
    return std::nullopt;
  }
  const tcp_pcb& pcb = *socket->tcp;
  TcpInfo info;
  info.state = state_of(pcb.state);
  info.congestion = CongestionKind::kReno;
  info.mss_bytes = pcb.mss;
  info.cwnd_bytes = pcb.cwnd;
  info.ssthresh_bytes = pcb.ssthresh;
  info.send_window_bytes = pcb.snd_wnd;
  info.receive_window_bytes = pcb.rcv_wnd;
  info.in_flight_bytes = pcb.snd_nxt - pcb.lastack;
  info.srtt = kTick * (pcb.sa >> 3);  // in ticks of half a second: all it knows
  info.rttvar = kTick * (pcb.sv >> 2);
  info.rto = kTick * pcb.rto;
  info.window_scaling = (pcb.flags & TF_WND_SCALE) != 0;
  info.send_scale = pcb.snd_scale;
  info.receive_scale = pcb.rcv_scale;
  info.recovery = recovery_of(pcb);
  info.segments_unacked = segments_of(pcb.unacked);
  info.expiries = pcb.nrtx;
  info.unsent_bytes = pcb.snd_lbb - pcb.snd_nxt;
  return info;
}

}  // namespace twinpath
