// Bytes through ns-3's sockets, options and the end of them.
#include <ns3/boolean.h>
#include <ns3/inet-socket-address.h>
#include <ns3/packet.h>
#include <ns3/uinteger.h>

#include <algorithm>
#include <utility>

#include "sim/ns3_sockets.h"
#include "sim/packet_copy.h"

namespace twinpath::sim {

namespace {

SocketAddress address_of(const ns3::Address& address) {
  if (!ns3::InetSocketAddress::IsMatchingType(address)) return {};
  const auto inet = ns3::InetSocketAddress::ConvertFrom(address);
  return {Ipv4Address(inet.GetIpv4().Get()), inet.GetPort()};
}

}  // namespace

std::int64_t Ns3Sockets::send(Instant, Fd fd, std::span<const std::byte> data) {
  Entry* entry = find(fd);
  if (entry == nullptr) return failure(Errno::kBadDescriptor);
  if (entry->error != Errno::kNone) return failure(entry->error);
  if (entry->send_shut) return failure(Errno::kBrokenPipe);
  if (entry->phase != Phase::kOpen) return failure(Errno::kNotConnected);
  std::size_t count = data.size();
  if (entry->kind == SocketKind::kStream) {
    count = std::min<std::size_t>(count, entry->socket->GetTxAvailable());
  }
  if (count == 0 && !data.empty()) return failure(Errno::kAgain);
  const int taken = entry->socket->Send(to_ns3(data.first(count)));
  return taken < 0 ? failure(Errno::kAgain) : taken;
}

std::int64_t Ns3Sockets::send_slice(Instant now, Fd fd, const Slice& data) {
  return send(now, fd, data.bytes());
}

std::int64_t Ns3Sockets::send_to(Instant, Fd fd, const SocketAddress& target,
                                 std::span<const std::byte> data) {
  Entry* entry = find(fd);
  if (entry == nullptr) return failure(Errno::kBadDescriptor);
  if (!target.address.is_v4()) return failure(Errno::kAddressFamilyNotSupported);
  const ns3::InetSocketAddress to(ns3::Ipv4Address(target.address.v4().value()), target.port);
  const int taken = entry->socket->SendTo(to_ns3(data), 0, to);
  return taken < 0 ? failure(Errno::kAgain) : taken;
}

std::int64_t Ns3Sockets::receive(Instant now, Fd fd, std::span<std::byte> into) {
  const Received piece = receive_slice(now, fd, static_cast<std::uint32_t>(into.size()));
  if (piece.result <= 0) return piece.result;
  const auto bytes = piece.data.bytes();
  std::copy(bytes.begin(), bytes.end(), into.begin());
  return piece.result;
}

Received Ns3Sockets::receive_slice(Instant, Fd fd, std::uint32_t bytes_max) {
  Entry* entry = find(fd);
  if (entry == nullptr) return {.result = failure(Errno::kBadDescriptor)};
  if (entry->socket->GetRxAvailable() == 0) {
    if (entry->peer_closed) return {.result = 0};
    return {.result = failure(entry->error != Errno::kNone ? entry->error : Errno::kAgain)};
  }
  BufPtr buf(pool_.take());
  if (buf == nullptr) return {.result = failure(Errno::kNoBufferSpace)};
  ns3::Address from;
  const std::uint32_t room = std::min(bytes_max, buf->tailroom());
  const auto packet = entry->socket->RecvFrom(room, 0, from);
  if (packet == nullptr || packet->GetSize() == 0) return {.result = failure(Errno::kAgain)};
  const std::uint32_t length = packet->GetSize();
  packet->CopyData(reinterpret_cast<std::uint8_t*>(buf->push_back(length).data()), length);
  return {length, Slice{BufRef(std::move(buf)), 0, length}, address_of(from)};
}

Errno Ns3Sockets::shutdown(Instant, Fd fd, ShutdownHow how) {
  Entry* entry = find(fd);
  if (entry == nullptr) return Errno::kBadDescriptor;
  if (how != ShutdownHow::kRead && !std::exchange(entry->send_shut, true)) {
    entry->socket->ShutdownSend();
  }
  if (how != ShutdownHow::kWrite) entry->socket->ShutdownRecv();
  return Errno::kNone;
}

Errno Ns3Sockets::close(Instant, Fd fd) {
  Entry* entry = find(fd);
  if (entry == nullptr) return Errno::kBadDescriptor;
  entry->watches.tell_closed();
  for (const auto& waiting : entry->waiting) waiting->Close();
  forget(*entry);
  entry->socket->Close();
  entries_[static_cast<std::size_t>(fd)].reset();
  taken_.give_back(static_cast<std::uint32_t>(fd));
  return Errno::kNone;
}

Errno Ns3Sockets::set_option(Instant, Fd fd, SocketOption option, std::int64_t value) {
  Entry* entry = find(fd);
  if (entry == nullptr) return Errno::kBadDescriptor;
  const auto set = [&](const char* name, const ns3::AttributeValue& attribute) {
    return entry->socket->SetAttributeFailSafe(name, attribute) ? Errno::kNone : Errno::kInvalid;
  };
  const ns3::UintegerValue count(static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0)));
  switch (option) {
    case SocketOption::kSendBuffer:
      return set("SndBufSize", count);
    case SocketOption::kReceiveBuffer:
      return set("RcvBufSize", count);
    case SocketOption::kNoDelay:
      return set("TcpNoDelay", ns3::BooleanValue(value != 0));
    case SocketOption::kMaxSegment:
      return set("SegmentSize", count);
    default:
      return Errno::kNoProtocolOption;
  }
}

OptionResult Ns3Sockets::get_option(Fd fd, SocketOption option) {
  Entry* entry = find(fd);
  if (entry == nullptr) return {.error = Errno::kBadDescriptor};
  switch (option) {
    case SocketOption::kError:
      return {static_cast<std::int64_t>(std::exchange(entry->error, Errno::kNone)), Errno::kNone};
    case SocketOption::kUnreadBytes:
      return {entry->socket->GetRxAvailable(), Errno::kNone};
    default:
      return {.error = Errno::kNoProtocolOption};
  }
}

NameResult Ns3Sockets::local_name(Fd fd) const {
  const Entry* entry = find(fd);
  if (entry == nullptr) return {.error = Errno::kBadDescriptor};
  ns3::Address address;
  entry->socket->GetSockName(address);
  return {address_of(address), Errno::kNone};
}

NameResult Ns3Sockets::peer_name(Fd fd) const {
  const Entry* entry = find(fd);
  if (entry == nullptr) return {.error = Errno::kBadDescriptor};
  ns3::Address address;
  if (entry->socket->GetPeerName(address) != 0) return {.error = Errno::kNotConnected};
  return {address_of(address), Errno::kNone};
}

}  // namespace twinpath::sim
