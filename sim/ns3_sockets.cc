// One entry per descriptor around an ns3::Socket; ns-3's callbacks become readiness.
#include "sim/ns3_sockets.h"

#include <ns3/boolean.h>
#include <ns3/enum.h>
#include <ns3/inet-socket-address.h>
#include <ns3/nstime.h>
#include <ns3/packet.h>
#include <ns3/tcp-socket-factory.h>
#include <ns3/tcp-socket-state.h>
#include <ns3/udp-socket-factory.h>
#include <ns3/uinteger.h>

#include <algorithm>

#include "sim/packet_copy.h"
#include "sim/sim_time.h"

namespace twinpath::sim {

namespace {

constexpr std::uint32_t kTimestampsBytes = 12;  // ns-3's SegmentSize does not count options

ns3::InetSocketAddress to_ns3(const SocketAddress& address) {
  const std::uint32_t v4 = address.address.is_v4() ? address.address.v4().value() : 0;
  return {ns3::Ipv4Address(v4), address.port};
}

SocketAddress from_ns3(const ns3::Address& address) {
  if (!ns3::InetSocketAddress::IsMatchingType(address)) return {};
  const auto inet = ns3::InetSocketAddress::ConvertFrom(address);
  return {Ipv4Address(inet.GetIpv4().Get()), inet.GetPort()};
}

ns3::TcpSocketState::UseEcn_t to_ns3(EcnMode mode) {
  if (mode == EcnMode::kRequest) return ns3::TcpSocketState::On;
  return mode == EcnMode::kAccept ? ns3::TcpSocketState::AcceptOnly : ns3::TcpSocketState::Off;
}

Errno error_of(const ns3::Ptr<ns3::Socket>& socket) {
  switch (socket->GetErrno()) {
    case ns3::Socket::ERROR_ADDRINUSE:
      return Errno::kAddressInUse;
    case ns3::Socket::ERROR_ADDRNOTAVAIL:
      return Errno::kAddressNotAvailable;
    case ns3::Socket::ERROR_NOROUTETOHOST:
      return Errno::kNetworkUnreachable;
    case ns3::Socket::ERROR_MSGSIZE:
      return Errno::kMessageSize;
    default:
      return Errno::kInvalid;
  }
}

}  // namespace

Ns3Sockets::Ns3Sockets(ns3::Ptr<ns3::Node> node, const TcpConfig& config, BufPool& pool)
    : node_(node), config_(config), pool_(pool) {}

Ns3Sockets::~Ns3Sockets() {
  for (const auto& entry : entries_) {
    if (entry != nullptr) forget(*entry);
  }
}

Ns3Sockets::Entry* Ns3Sockets::find(Fd fd) const {
  const auto index = static_cast<std::size_t>(fd);
  return fd != Fd::kNone && index < entries_.size() ? entries_[index].get() : nullptr;
}

Ns3Sockets::Entry* Ns3Sockets::find(const ns3::Ptr<ns3::Socket>& socket) const {
  for (const auto& entry : entries_) {
    if (entry != nullptr && entry->socket == socket) return entry.get();
  }
  return nullptr;
}

FdResult Ns3Sockets::socket(SocketKind kind) {
  const auto factory = kind == SocketKind::kStream ? ns3::TcpSocketFactory::GetTypeId()
                                                   : ns3::UdpSocketFactory::GetTypeId();
  const auto made = ns3::Socket::CreateSocket(node_, factory);
  if (kind == SocketKind::kStream) configure(made);
  return add(made, kind);
}

void Ns3Sockets::configure(const ns3::Ptr<ns3::Socket>& socket) const {
  const auto set = [&socket](const char* name, const ns3::AttributeValue& value) {
    socket->SetAttributeFailSafe(name, value);
  };
  const std::uint32_t options = config_.timestamps ? kTimestampsBytes : 0;
  set("SegmentSize", ns3::UintegerValue(config_.mss_bytes - options));
  set("SndBufSize", ns3::UintegerValue(config_.send_buffer_bytes));
  set("RcvBufSize", ns3::UintegerValue(config_.receive_buffer_bytes));
  set("InitialCwnd", ns3::UintegerValue(config_.initial_window_segments));
  set("DelAckCount", ns3::UintegerValue(config_.delayed_ack == Duration{} ? 1 : 2));
  if (config_.delayed_ack > Duration{}) {
    set("DelAckTimeout", ns3::TimeValue(to_ns3_time(config_.delayed_ack)));
  }
  set("TcpNoDelay", ns3::BooleanValue(!config_.nagle));
  set("MinRto", ns3::TimeValue(to_ns3_time(config_.rto_min)));
  set("Timestamp", ns3::BooleanValue(config_.timestamps));
  set("WindowScaling", ns3::BooleanValue(config_.window_scaling));
  set("Sack", ns3::BooleanValue(config_.sack));
  set("UseEcn", ns3::EnumValue(to_ns3(config_.ecn)));
}

FdResult Ns3Sockets::add(ns3::Ptr<ns3::Socket> socket, SocketKind kind) {
  const auto number = taken_.take();
  if (!number) return {Fd::kNone, Errno::kTooManyFiles};
  if (entries_.size() <= *number) entries_.resize(std::size_t{*number} + 1);
  entries_[*number] = std::make_unique<Entry>();
  entries_[*number]->socket = socket;
  entries_[*number]->kind = kind;
  listen_to(socket);
  return {static_cast<Fd>(*number), Errno::kNone};
}

void Ns3Sockets::listen_to(const ns3::Ptr<ns3::Socket>& socket) {
  socket->SetConnectCallback(ns3::MakeCallback(&Ns3Sockets::on_connected, this),
                             ns3::MakeCallback(&Ns3Sockets::on_refused, this));
  socket->SetRecvCallback(ns3::MakeCallback(&Ns3Sockets::on_data, this));
  socket->SetSendCallback(ns3::MakeCallback(&Ns3Sockets::on_room, this));
  socket->SetCloseCallbacks(ns3::MakeCallback(&Ns3Sockets::on_closed, this),
                            ns3::MakeCallback(&Ns3Sockets::on_broken, this));
  socket->SetAcceptCallback(
      ns3::MakeNullCallback<bool, ns3::Ptr<ns3::Socket>, const ns3::Address&>(),
      ns3::MakeCallback(&Ns3Sockets::on_accepted, this));
}

void Ns3Sockets::forget(Entry& entry) {
  using SocketPtr = ns3::Ptr<ns3::Socket>;
  const auto nothing = ns3::MakeNullCallback<void, SocketPtr>();
  entry.socket->SetConnectCallback(nothing, nothing);
  entry.socket->SetRecvCallback(nothing);
  entry.socket->SetSendCallback(ns3::MakeNullCallback<void, SocketPtr, std::uint32_t>());
  entry.socket->SetCloseCallbacks(nothing, nothing);
  entry.socket->SetAcceptCallback(ns3::MakeNullCallback<bool, SocketPtr, const ns3::Address&>(),
                                  ns3::MakeNullCallback<void, SocketPtr, const ns3::Address&>());
}

void Ns3Sockets::notify(Entry& entry) {
  entry.watches.tell_ready();
  if (waker_ != nullptr) waker_->wake();
}

void Ns3Sockets::on_event(const ns3::Ptr<ns3::Socket>& socket, Errno error) {
  Entry* entry = find(socket);
  if (entry == nullptr) return;
  if (error != Errno::kNone) entry->error = error;
  notify(*entry);
}

void Ns3Sockets::on_connected(ns3::Ptr<ns3::Socket> socket) {
  Entry* entry = find(socket);
  if (entry == nullptr) return;
  entry->phase = Phase::kOpen;
  notify(*entry);
}

void Ns3Sockets::on_closed(ns3::Ptr<ns3::Socket> socket) {
  Entry* entry = find(socket);
  if (entry == nullptr) return;
  // ns-3 calls a refused connection closed.
  if (entry->phase == Phase::kConnecting) entry->error = Errno::kConnectionRefused;
  entry->peer_closed = true;
  notify(*entry);
}

// ns-3 tells the fork who accepted it; the listener is the one bound to the same port.
void Ns3Sockets::on_accepted(ns3::Ptr<ns3::Socket> socket, const ns3::Address&) {
  ns3::Address local;
  socket->GetSockName(local);
  for (const auto& entry : entries_) {
    if (entry == nullptr || entry->phase != Phase::kListening) continue;
    ns3::Address listening;
    entry->socket->GetSockName(listening);
    if (from_ns3(listening).port != from_ns3(local).port) continue;
    if (entry->waiting.size() >= entry->backlog) break;
    entry->waiting.push_back(socket);
    return notify(*entry);
  }
  socket->Close();
}

Errno Ns3Sockets::bind(Fd fd, const SocketAddress& local) {
  Entry* entry = find(fd);
  if (entry == nullptr) return Errno::kBadDescriptor;
  return entry->socket->Bind(to_ns3(local)) == 0 ? Errno::kNone : error_of(entry->socket);
}

Errno Ns3Sockets::listen(Fd fd, std::uint32_t backlog) {
  Entry* entry = find(fd);
  if (entry == nullptr) return Errno::kBadDescriptor;
  if (entry->socket->Listen() != 0) return error_of(entry->socket);
  entry->phase = Phase::kListening;
  entry->backlog = backlog;
  return Errno::kNone;
}

Accepted Ns3Sockets::accept(Fd fd) {
  Entry* entry = find(fd);
  if (entry == nullptr) return {.error = Errno::kBadDescriptor};
  if (entry->waiting.empty()) return {.error = Errno::kAgain};
  const auto socket = entry->waiting.front();
  entry->waiting.pop_front();
  const FdResult made = add(socket, SocketKind::kStream);
  if (made.error != Errno::kNone) return {.error = made.error};
  find(made.fd)->phase = Phase::kOpen;
  return {made.fd, peer_name(made.fd).address, Errno::kNone};
}

Errno Ns3Sockets::connect(Instant, Fd fd, const SocketAddress& remote) {
  Entry* entry = find(fd);
  if (entry == nullptr) return Errno::kBadDescriptor;
  if (entry->phase == Phase::kOpen) return Errno::kIsConnected;
  if (entry->phase == Phase::kConnecting) return Errno::kAlready;
  if (entry->socket->Connect(to_ns3(remote)) != 0) return error_of(entry->socket);
  entry->phase = entry->kind == SocketKind::kStream ? Phase::kConnecting : Phase::kOpen;
  return entry->kind == SocketKind::kStream ? Errno::kInProgress : Errno::kNone;
}

bool Ns3Sockets::may_send(const Entry& entry) {
  if (entry.kind == SocketKind::kDatagram) return true;
  return entry.phase == Phase::kOpen && !entry.send_shut && entry.socket->GetTxAvailable() > 0;
}

bool Ns3Sockets::may_receive(const Entry& entry) {
  if (entry.phase == Phase::kListening) return !entry.waiting.empty();
  return entry.socket->GetRxAvailable() > 0 || entry.peer_closed;
}

std::uint32_t Ns3Sockets::readiness(Fd fd) const {
  const Entry* entry = find(fd);
  if (entry == nullptr) return 0;
  std::uint32_t ready = 0;
  if (may_receive(*entry)) ready |= kPollIn;
  if (may_send(*entry)) ready |= kPollOut;
  if (entry->peer_closed) ready |= kPollReadHangup;
  if (entry->peer_closed && entry->send_shut) ready |= kPollHangup;
  if (entry->error != Errno::kNone) ready |= kPollError | kPollHangup | kPollIn | kPollOut;
  return ready;
}

bool Ns3Sockets::watch(Fd fd, SocketWatcher& watcher, std::uint32_t token) {
  Entry* entry = find(fd);
  if (entry == nullptr) return false;
  entry->watches.add({&watcher, token});
  return true;
}

void Ns3Sockets::unwatch(Fd fd, SocketWatcher& watcher, std::uint32_t token) {
  Entry* entry = find(fd);
  if (entry != nullptr) entry->watches.remove({&watcher, token});
}

}  // namespace twinpath::sim
