// UDP: demultiplexing, bounded queues, emission.
#include "models/host/udp.h"

#include <algorithm>

#include "models/wire/udp.h"

namespace twinpath {

namespace {

std::uint32_t storage_bytes(const PacketBuf& buf) {
  return static_cast<std::uint32_t>(sizeof(PacketBuf)) + buf.capacity;
}

// RFC 768, RFC 791 §3.1, RFC 8200 §3: what their length fields can say.
std::size_t data_bytes_max(const IpAddress& target) {
  return 65535 - kUdpHeaderLen - (target.is_v4() ? kIpv4HeaderLen : 0);
}

// A peer with port 0 stands for any of its address.
bool is_from(const UdpEndpoint& peer, const UdpEndpoint& sender) {
  return peer.address == sender.address && (peer.port == 0 || peer.port == sender.port);
}

// Ports are chosen alike whether "any" was written as 0.0.0.0 or as "::".
IpAddress any_or(const IpAddress& address) {
  return address.is_any() ? IpAddress(Ipv4Address()) : address;
}

}  // namespace

UdpStack::UdpStack(HostContext& context, IpOutput& output, UdpUser& user, Rng rng)
    : context_(context),
      output_(output),
      user_(user),
      chooser_(rng),
      group_secret_(rng.fork("group").at(0)) {}

UdpStack::Endpoint* UdpStack::find(UdpId id) {
  return const_cast<Endpoint*>(std::as_const(*this).find(id));
}

const UdpStack::Endpoint* UdpStack::find(UdpId id) const {
  if (id.index >= endpoints_.size()) return nullptr;
  const Endpoint& endpoint = endpoints_[id.index];
  return endpoint.open && endpoint.id == id ? &endpoint : nullptr;
}

UdpOpenResult UdpStack::open() {
  std::uint32_t index = static_cast<std::uint32_t>(endpoints_.size());
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  } else if (index == kEndpointsMax) {
    return {{}, Errno::kNoBufferSpace};
  } else {
    endpoints_.emplace_back();
    endpoints_.back().id = {index, 0};
  }
  Endpoint& endpoint = endpoints_[index];
  endpoint.id.generation = std::max(endpoint.id.generation + 1, 1U);
  endpoint.open = true;
  endpoint.options.receive_bytes_max = context_.config.udp_queue_bytes;
  return {endpoint.id, Errno::kNone};
}

void UdpStack::close(UdpId id) {
  Endpoint* endpoint = find(id);
  if (endpoint == nullptr) return;
  unbind(*endpoint);
  *endpoint = Endpoint();
  endpoint->id = id;
  free_.push_back(id.index);
}

// socket(7): two sockets may share what they are bound to when both ask for it.
bool UdpStack::is_free(const Endpoint& asking, const UdpEndpoint& local) const {
  const auto found = by_port_.find(local.port);
  if (found == by_port_.end()) return true;
  const BoundAddress wanted{local.address, asking.v6_only};
  return std::none_of(found->second.begin(), found->second.end(), [&](std::uint32_t index) {
    const Endpoint& other = endpoints_[index];
    const bool shared = (asking.options.reuse_address && other.options.reuse_address) ||
                        (asking.options.reuse_port && other.options.reuse_port);
    return !shared && wanted.overlaps({other.local.address, other.v6_only});
  });
}

Errno UdpStack::set_v6_only(UdpId id, bool v6_only) {
  Endpoint* endpoint = find(id);
  if (endpoint == nullptr) return Errno::kBadDescriptor;
  if (endpoint->local.port != 0) return Errno::kInvalid;
  endpoint->v6_only = v6_only;
  return Errno::kNone;
}

Errno UdpStack::bind(UdpId id, const UdpEndpoint& local) {
  Endpoint* endpoint = find(id);
  if (endpoint == nullptr) return Errno::kBadDescriptor;
  if (endpoint->local.port != 0) return Errno::kInvalid;
  const IpAddress& address = local.address;
  if (endpoint->v6_only && address.is_v4()) return Errno::kInvalid;
  const bool ours = address.is_loopback() || output_.routes().is_local(address);
  if (!address.is_any() && !ours) return Errno::kAddressNotAvailable;
  const Errno error = bind_to(*endpoint, local, {any_or(address), IpAddress(), 0});
  if (error == Errno::kNone) endpoint->asked = local;
  return error;
}

Errno UdpStack::bind_to(Endpoint& endpoint, UdpEndpoint local, const PortPeers& peers) {
  if (local.port == 0) {
    Endpoint alone;  // a chosen port is shared with nobody
    alone.v6_only = endpoint.v6_only;
    const auto port = chooser_.choose(peers, [&](std::uint16_t candidate) {
      return is_free(alone, {local.address, candidate});
    });
    if (!port) return Errno::kAddressInUse;
    local.port = *port;
  } else if (!is_free(endpoint, local)) {
    return Errno::kAddressInUse;
  }
  endpoint.local = local;
  by_port_[local.port].push_back(endpoint.id.index);
  return Errno::kNone;
}

void UdpStack::unbind(Endpoint& endpoint) {
  const auto found = by_port_.find(endpoint.local.port);
  if (found == by_port_.end()) return;
  std::erase(found->second, endpoint.id.index);
  if (found->second.empty()) by_port_.erase(found);
}

Errno UdpStack::connect(Instant now, UdpId id, const UdpEndpoint& remote) {
  Endpoint* endpoint = find(id);
  if (endpoint == nullptr) return Errno::kBadDescriptor;
  const Errno unreachable = may_reach(now, *endpoint, remote);
  if (unreachable != Errno::kNone && unreachable != Errno::kHostUnreachable) return unreachable;
  const IpAddress source = output_.routes().find(remote.address)->source;
  if (endpoint->local.port == 0) {
    const PortPeers peers{source, remote.address, remote.port};
    const bool kept = !endpoint->local.address.is_any();  // bound before, and given up since
    const UdpEndpoint local{kept ? endpoint->local.address : source, 0};
    const Errno error = bind_to(*endpoint, local, peers);
    if (error != Errno::kNone) return error;
  } else if (endpoint->local.address.is_any()) {
    endpoint->local.address = source;
  }
  endpoint->remote = remote;
  return Errno::kNone;
}

void UdpStack::disconnect(UdpId id) {
  Endpoint* endpoint = find(id);
  if (endpoint == nullptr) return;
  endpoint->remote.reset();
  endpoint->local.address = endpoint->asked.address;
  if (endpoint->asked.port != 0 || endpoint->local.port == 0) return;
  unbind(*endpoint);
  endpoint->local.port = 0;
}

Errno UdpStack::shutdown(UdpId id, const UdpShut& sides) {
  Endpoint* endpoint = find(id);
  if (endpoint == nullptr) return Errno::kBadDescriptor;
  endpoint->shut.receive |= sides.receive;
  endpoint->shut.send |= sides.send;
  user_.on_udp_ready(id);
  return endpoint->remote ? Errno::kNone : Errno::kNotConnected;
}

// As Linux's compute_score(): a definite address before "any", whoever is connected to the sender
// before others, 0.0.0.0 before "::"; of equals the last one bound.
UdpStack::Endpoint* UdpStack::match(const UdpEndpoint& local, const UdpEndpoint& remote) {
  const auto found = by_port_.find(local.port);
  if (found == by_port_.end()) return nullptr;
  Endpoint* best = nullptr;
  std::uint32_t best_score = 0;
  for (const std::uint32_t index : found->second) {
    Endpoint& endpoint = endpoints_[index];
    const IpAddress& address = endpoint.local.address;
    if (!BoundAddress{address, endpoint.v6_only}.covers(local.address)) continue;
    if (endpoint.remote && !is_from(*endpoint.remote, remote)) continue;
    const std::uint32_t score =
        1 + (address.is_any() ? (address.is_v4() ? 1 : 0) : 4) + (endpoint.remote ? 2 : 0);
    if (score < best_score) continue;
    best = &endpoint;
    best_score = score;
  }
  const bool grouped = best != nullptr && best->options.reuse_port && !best->remote;
  return grouped ? &pick_of_group(*best, local, remote) : best;
}

// SO_REUSEPORT: the flow chooses among those bound alike.
UdpStack::Endpoint& UdpStack::pick_of_group(Endpoint& member, const UdpEndpoint& local,
                                            const UdpEndpoint& remote) {
  const auto belongs = [&member](const Endpoint& other) {
    return other.options.reuse_port && !other.remote && other.local.address == member.local.address;
  };
  const std::vector<std::uint32_t>& bound = by_port_.find(local.port)->second;
  const auto count = static_cast<std::uint64_t>(std::ranges::count_if(
      bound, [&](std::uint32_t index) { return belongs(endpoints_[index]); }));
  const tcp::FlowKey flow{local.address, remote.address, local.port, remote.port};
  std::uint64_t skip = (tcp::hash_flow(group_secret_, flow) >> 32) * count >> 32;
  for (const std::uint32_t index : bound) {
    if (belongs(endpoints_[index]) && skip-- == 0) return endpoints_[index];
  }
  return member;
}

void UdpStack::on_datagram(Instant now, const UdpEndpoint& source, const UdpEndpoint& target,
                           BufPtr buf) {
  Endpoint* endpoint = match(target, source);
  if (endpoint == nullptr) return;
  ++counters_.datagrams_in;
  const tcp::FlowKey flow{target.address, source.address, target.port, source.port};
  const std::uint32_t storage = storage_bytes(*buf);
  if (endpoint->queued_bytes + storage > endpoint->options.receive_bytes_max ||
      endpoint->received.full()) {
    context_.drop(now, {DropReason::kQueueFull, Way::kIn, 0, buf->len});
    context_.flows.on_udp_lost(flow);
    return;
  }
  context_.flows.on_udp_received(now, flow, buf->len);
  endpoint->queued_bytes += storage;
  const std::uint32_t len = buf->len;
  endpoint->received.push({Slice{BufRef(std::move(buf)), 0, len}, source});
  user_.on_udp_ready(endpoint->id);
}

bool UdpStack::on_icmp_error(const UdpEndpoint& local, const UdpEndpoint& remote, Errno error) {
  Endpoint* endpoint = match(local, remote);
  if (endpoint == nullptr) return false;
  if (!endpoint->remote || error == Errno::kNone) return true;
  endpoint->error = error;
  user_.on_udp_ready(endpoint->id);
  return true;
}

std::optional<Datagram> UdpStack::receive(UdpId id) {
  Endpoint* endpoint = find(id);
  if (endpoint == nullptr || endpoint->received.empty()) return std::nullopt;
  Datagram datagram = endpoint->received.pop();
  endpoint->queued_bytes -= storage_bytes(*datagram.payload.buf.get());
  return datagram;
}

std::optional<Datagram> UdpStack::peek(UdpId id) const {
  const Endpoint* endpoint = find(id);
  if (endpoint == nullptr || endpoint->received.empty()) return std::nullopt;
  return endpoint->received.front();
}

std::int64_t UdpStack::send(Instant now, UdpId id, const UdpEndpoint* target,
                            std::span<const std::byte> data) {
  Endpoint* endpoint = find(id);
  if (endpoint == nullptr) return failure(Errno::kBadDescriptor);
  const UdpEndpoint* to = target == nullptr && endpoint->remote ? &*endpoint->remote : target;
  if (endpoint->local.port == 0) {  // as Linux, even if nothing leaves
    const PortPeers peers{IpAddress(), to == nullptr ? IpAddress() : to->address,
                          to == nullptr ? std::uint16_t{0} : to->port};
    const Errno error = bind_to(*endpoint, {endpoint->local.address, 0}, peers);
    if (error != Errno::kNone) return failure(error);
  }
  if (to == nullptr) return failure(Errno::kDestinationRequired);
  if (target == nullptr) return emit(now, *endpoint, *to, data);
  if (target->port == 0) return failure(Errno::kInvalid);
  return emit(now, *endpoint, *target, data);
}

// What Linux's AF_INET6 sockets answer: an IPv4 peer is out of reach of one that is IPv6 only, and
// so is one of the other version than the address bound to.
Errno UdpStack::may_reach(Instant now, const Endpoint& from, const UdpEndpoint& target) {
  const bool v4 = target.address.is_v4();
  if (from.v6_only && v4) return Errno::kNetworkUnreachable;
  const IpAddress& local = from.local.address;
  if (from.local.port != 0 && local != IpAddress() && local.is_v4() != v4) {
    return v4 ? Errno::kNetworkUnreachable : Errno::kAddressFamilyNotSupported;
  }
  return output_.reachability(now, target.address);
}

// A pending error first, and only once.
Errno UdpStack::may_send(Endpoint& from) {
  const Errno earlier = std::exchange(from.error, Errno::kNone);
  if (earlier != Errno::kNone) return earlier;
  return from.shut.send ? Errno::kBrokenPipe : Errno::kNone;
}

// True when there is none now; whoever waits is told.
bool UdpStack::wait_for_room(Instant now, Endpoint& from, const IpAddress& target,
                             std::uint32_t len) {
  const std::uint32_t room = output_.room(target);
  const auto& own_max = from.options.send_bytes_max;
  const bool full = own_max && queued_to_send_bytes(from.id) >= *own_max;
  if (!full && room > 0 &&
      (room >= context_.config.tx_queue_frames || room >= output_.frames_of(now, target, len))) {
    return false;
  }
  if (!std::exchange(from.refused, true)) refused_.push_back(from.id);
  return true;
}

std::int64_t UdpStack::emit(Instant now, Endpoint& from, const UdpEndpoint& target,
                            std::span<const std::byte> data) {
  const Errno unreachable = may_reach(now, from, target);
  if (unreachable != Errno::kNone) return failure(unreachable);
  if (data.size() > data_bytes_max(target.address)) return failure(Errno::kMessageSize);
  const Errno refused = may_send(from);
  if (refused != Errno::kNone) return failure(refused);
  const auto len = static_cast<std::uint32_t>(data.size() + kUdpHeaderLen);
  if (wait_for_room(now, from, target.address, len)) return failure(Errno::kAgain);
  // What no frame takes is cut below, out of a buffer of its own size.
  const bool large = len + ip_header_len(target.address) > output_.mtu_bytes(now, target.address);
  BufPtr buf(large ? context_.large.take_of(len) : context_.pool.take());
  if (buf == nullptr || buf->tailroom() < data.size()) return failure(Errno::kNoBufferSpace);
  buf->reserved = from.id.index + 1;
  IpAddress source = from.local.address;
  if (source.is_any()) source = output_.routes().find(target.address)->source;
  InetSum sum = pseudo_sum(source, target.address, {IpProtocol::kUdp, len});
  sum.add(copy_and_sum(buf->push_back(static_cast<std::uint32_t>(data.size())), data));
  const UdpRepr header{from.local.port, target.port, data.size()};
  header.emit(buf->push_front(kUdpHeaderLen), sum);
  ++counters_.datagrams_out;
  context_.flows.on_udp_sent(now, {source, target.address, from.local.port, target.port},
                             data.size());
  output_.send(now,
               {.source = source,
                .target = target.address,
                .protocol = IpProtocol::kUdp,
                .traffic_class = from.options.traffic_class,
                .hop_limit = from.options.hop_limit},
               std::move(buf));
  return static_cast<std::int64_t>(data.size());
}

void UdpStack::on_room() {
  const std::vector<UdpId> refused = std::exchange(refused_, {});
  for (const UdpId id : refused) {
    Endpoint* endpoint = find(id);
    if (endpoint == nullptr) continue;
    endpoint->refused = false;
    user_.on_udp_ready(id);
  }
}

Errno UdpStack::take_error(UdpId id) {
  Endpoint* endpoint = find(id);
  return endpoint == nullptr ? Errno::kNone : std::exchange(endpoint->error, Errno::kNone);
}

UdpOptions* UdpStack::options(UdpId id) {
  Endpoint* endpoint = find(id);
  return endpoint == nullptr ? nullptr : &endpoint->options;
}

std::uint32_t UdpStack::queued_to_send_bytes(UdpId id) const {
  std::uint32_t bytes = 0;
  output_.link().visit_queued([&](const PacketBuf& frame) {
    if (frame.reserved == id.index + 1) bytes += storage_bytes(frame);
  });
  return bytes;
}

UdpStatus UdpStack::status(UdpId id) const {
  const Endpoint* endpoint = find(id);
  if (endpoint == nullptr) return {.writable = false};
  const auto& received = endpoint->received;
  return {.readable_datagrams = received.size(),
          .next_datagram_bytes = received.empty() ? 0 : received.front().payload.len,
          .writable = !endpoint->refused,
          .has_error = endpoint->error != Errno::kNone,
          .receive_shut = endpoint->shut.receive,
          .send_shut = endpoint->shut.send,
          .local = endpoint->local,
          .remote = endpoint->remote};
}

}  // namespace twinpath
