// See lwip_host.h. lwIP counts milliseconds; its deadlines are the first instant of one.
#include "models/foreign/lwip/lwip_host.h"

#include <algorithm>
#include <cstring>

#include "models/foreign/lwip/addresses.h"

namespace twinpath {
namespace {

using std::chrono::milliseconds;

std::int64_t whole_ms(Instant at) { return to_ns(at) / 1'000'000; }

ip4_addr_t to_ip4(std::uint32_t address) { return {PP_HTONL(address)}; }

bool is_v4(const IpPrefix& prefix) { return prefix.address().is_v4(); }

}  // namespace

std::vector<Problem> validate_for_lwip(const HostConfig& config) {
  std::vector<Problem> problems;
  const auto refuse = [&](std::string field, std::string message, std::string allowed) {
    problems.push_back({std::move(field), "", std::move(message), std::move(allowed)});
  };
  for (std::size_t index = 0; index < config.interfaces.size(); ++index) {
    const InterfaceConfig& interface = config.interfaces[index];
    const std::string field = "interfaces[" + std::to_string(index) + "]";
    const auto of_v4 = std::count_if(interface.addresses.begin(), interface.addresses.end(), is_v4);
    const auto of_v6 = static_cast<std::ptrdiff_t>(interface.addresses.size()) - of_v4;
    if (of_v4 > 1) refuse(field + ".addresses", "lwIP has one IPv4 address per interface", "1");
    if (of_v6 >= LWIP_IPV6_NUM_ADDRESSES) {
      refuse(field + ".addresses", "Debian's lwIP has five IPv6 addresses per interface", "0..5");
    }
    if (!interface.arp) refuse(field + ".arp", "lwIP always asks for link addresses", "true");
    if (interface.vlan != 0) refuse(field + ".vlan", "Debian's lwIP has no VLANs", "0");
    if (interface.port != InterfaceConfig::kOwnPort && interface.port != index) {
      refuse(field + ".port", "an interface of lwIP has a port of its own", std::to_string(index));
    }
    if (interface.mtu_bytes > 65535) refuse(field + ".mtu_bytes", "is too long", "..65535");
  }
  for (const RouteConfig& route : config.routes) {
    if (route.target.len() == 0 && route.gateway.is_v4()) continue;
    refuse("routes", "lwIP has no route but IPv4's default one", "0.0.0.0/0 by a gateway");
  }
  if (!config.neighbours.empty()) {
    refuse("neighbours", "Debian's lwIP has no static neighbours", "none");
  }
  return problems;
}

LwipHost::LwipHost(const HostConfig& config, std::unique_ptr<lwip::Library> library,
                   BufPool& frames)
    : config_(config),
      frames_(frames),
      streams_({.capacity_bytes = config.stream_chunk_bytes,
                .headroom_bytes = 0,
                .bufs_max = config.stream_chunks_max}),
      rng_(rng("lwip")),
      library_(std::move(library)),
      calls_(library_->calls()) {
  const lwip::Entry entry = enter(kStart);
  calls_.init();
  for (const InterfaceConfig& interface : config_.interfaces) add_interface(interface);
  add_routes();
}

LwipHost::~LwipHost() = default;

void LwipHost::add_interface(const InterfaceConfig& config) {
  Interface& made = interfaces_.emplace_back(*this, config_.tx_queue_frames);
  made.config = &config;
  ip4_addr_t address{};
  ip4_addr_t mask{};
  const ip4_addr_t gateway{};
  const auto v4 = std::find_if(config.addresses.begin(), config.addresses.end(), is_v4);
  if (v4 != config.addresses.end()) {
    address = to_ip4(v4->address().v4().value());
    mask = to_ip4(v4->len() == 0 ? 0 : ~std::uint32_t{0} << (32 - v4->len()));
  }
  calls_.netif_add(&made.device, &address, &mask, &gateway, &made, &LwipHost::begin_interface,
                   calls_.ethernet_input);
  calls_.netif_set_up(&made.device);
  calls_.netif_set_link_up(&made.device);
  made.device.rs_count = 0;  // routers are configured, not asked for
  add_ip6(made);
}

// Place 0 is the link-local address's. Addresses are used at once, without asking whose they are.
void LwipHost::add_ip6(Interface& interface) {
  const InterfaceConfig& config = *interface.config;
  const bool speaks =
      config.link_local || !std::all_of(config.addresses.begin(), config.addresses.end(), is_v4);
  if (!speaks) return;
  calls_.netif_create_link_local(&interface.device, 1);
  calls_.netif_set_ip6_state(&interface.device, 0, IP6_ADDR_PREFERRED);
  s8_t place = 0;
  for (const IpPrefix& prefix : config.addresses) {
    if (is_v4(prefix)) continue;
    const ip_addr_t address = lwip::to_lwip(prefix.address());
    const bool local = ip6_addr_islinklocal(&address.u_addr.ip6);
    const auto at = static_cast<s8_t>(local ? 0 : ++place);
    calls_.netif_set_ip6(&interface.device, at, &address.u_addr.ip6);
    calls_.netif_set_ip6_state(&interface.device, at, IP6_ADDR_PREFERRED);
  }
}

void LwipHost::add_routes() {
  if (!interfaces_.empty()) calls_.netif_set_default(&interfaces_.front().device);
  for (const RouteConfig& route : config_.routes) {
    netif& device = interfaces_[route.interface].device;
    ip_addr_set_ip4_u32_val(device.gw, to_ip4(route.gateway.v4().value()).addr);
    calls_.netif_set_default(&device);
  }
}

err_t LwipHost::begin_interface(netif* device) {
  auto& self = *static_cast<Interface*>(device->state);
  const lwip::Calls& calls = self.host.calls_;
  device->name[0] = 't';
  device->name[1] = 'p';
  device->hwaddr_len = MacAddress::kLen;
  std::copy_n(self.config->mac.octets().begin(), MacAddress::kLen, device->hwaddr);
  device->mtu = static_cast<u16_t>(self.config->mtu_bytes);
  // Without MLD lwIP does not listen where neighbours ask for its addresses (RFC 4861 §7.2.1).
  device->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_MLD6;
  device->output = calls.etharp_output;
  device->output_ip6 = calls.ethip6_output;
  device->linkoutput = &LwipHost::send;
  return ERR_OK;
}

err_t LwipHost::send(netif* device, pbuf* packet) {
  auto& interface = *static_cast<Interface*>(device->state);
  return interface.host.queue_frame(interface, *packet);
}

// A full queue is the far end's to bear: TCP keeps the segment and asks again.
err_t LwipHost::queue_frame(Interface& interface, const pbuf& packet) {
  if (interface.queue.full()) {
    refused_ = true;
    ++counters_.queue_refused;
    return ERR_MEM;
  }
  BufPtr frame(frames_.take());
  if (frame == nullptr || frame->tailroom() < packet.tot_len) {
    ++counters_.no_buffer;
    return ERR_MEM;
  }
  calls_.pbuf_copy_partial(&packet, frame->push_back(packet.tot_len).data(), packet.tot_len, 0);
  interface.queue.push(std::move(frame));
  return ERR_OK;
}

void LwipHost::on_rx(Instant now, PortId port, std::span<BufPtr> frames) {
  const lwip::Entry entry = enter(now);
  for (BufPtr& frame : frames) {
    receive(interfaces_[port], *frame);
    frame.reset();
  }
}

void LwipHost::receive(Interface& interface, const PacketBuf& frame) {
  ++counters_.rx_frames;
  counters_.rx_bytes += frame.len;
  const auto len = static_cast<u16_t>(std::min<std::uint32_t>(frame.len, 0xffff));
  pbuf* const packet = calls_.pbuf_alloc(PBUF_RAW, len, PBUF_RAM);
  if (packet == nullptr) {
    ++counters_.no_buffer;
    return;
  }
  std::memcpy(packet->payload, frame.data(), len);
  if (interface.device.input(packet, &interface.device) != ERR_OK) calls_.pbuf_free(packet);
}

void LwipHost::on_time(Instant now) {
  turn_asked_ = kNever;
  {
    const lwip::Entry entry = enter(now);
    run_deferred();
    calls_.check_timeouts();
  }
  timers_.expire(now);
}

void LwipHost::run_deferred() {
  std::vector<Deferred> due;
  std::swap(due, deferred_);
  for (const Deferred& one : due) one.call(one.context);
}

bool LwipHost::defer(void (*call)(void*), void* context) {
  if (deferred_.size() == kDeferredMax) return false;
  deferred_.push_back({call, context});
  ask_for_turn(now_);
  return true;
}

bool LwipHost::is_full() const {
  return std::all_of(interfaces_.begin(), interfaces_.end(),
                     [](const Interface& interface) { return interface.queue.full(); });
}

std::size_t LwipHost::poll_tx(Instant now, PortId port, std::span<BufPtr> out) {
  FrameQueue& queue = interfaces_[port].queue;
  const bool was_full = queue.full();
  std::size_t count = take(queue, out);
  if (count == 0 || !(was_full || refused_)) return count;
  if (std::exchange(refused_, false)) {
    const lwip::Entry entry = enter(now);
    calls_.tcp_txnow();
  }
  if (user_ != nullptr) user_->on_room(now);
  return count + take(queue, out.subspan(count));
}

std::size_t LwipHost::take(FrameQueue& queue, std::span<BufPtr> out) {
  std::size_t count = 0;
  while (count < out.size() && !queue.empty()) {
    out[count] = queue.pop();
    counters_.tx_bytes += out[count++]->len;
  }
  counters_.tx_frames += count;
  return count;
}

Instant LwipHost::next_deadline() {
  const lwip::Entry entry = enter();
  const std::uint32_t sleep_ms = calls_.timeouts_sleeptime();
  const Instant stack = sleep_ms == SYS_TIMEOUTS_SLEEPTIME_INFINITE
                            ? kNever
                            : kStart + milliseconds(whole_ms(now_) + sleep_ms);
  return std::min({stack, timers_.next_deadline(), turn_asked_});
}

std::uint32_t LwipHost::now_ms() { return static_cast<std::uint32_t>(whole_ms(now_)); }

}  // namespace twinpath
