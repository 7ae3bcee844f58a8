// lwIP as this project sees it: its types, and its functions as pointers into one private copy of
// the library. Whoever runs us opens the copy (bindings/lwip); a model opens nothing. lwIP keeps
// its state in globals, so one copy is one stack, and what it would ask of an operating system it
// asks of the Environment. Read lwIP's doc/rawapi.txt.
#pragma once

#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>
#include <lwip/timeouts.h>
#include <lwip/udp.h>
#include <netif/ethernet.h>

#include <cstddef>
#include <cstdint>

namespace twinpath::lwip {

// Every function used, once: the loader looks them up by these names.
template <typename Visit>
constexpr void for_each_call(Visit visit);

struct Calls {
  decltype(&::lwip_init) init = nullptr;
  decltype(&::sys_check_timeouts) check_timeouts = nullptr;
  decltype(&::sys_timeouts_sleeptime) timeouts_sleeptime = nullptr;
  decltype(&::netif_add) netif_add = nullptr;
  decltype(&::netif_set_default) netif_set_default = nullptr;
  decltype(&::netif_set_up) netif_set_up = nullptr;
  decltype(&::netif_set_link_up) netif_set_link_up = nullptr;
  decltype(&::netif_create_ip6_linklocal_address) netif_create_link_local = nullptr;
  decltype(&::netif_ip6_addr_set) netif_set_ip6 = nullptr;
  decltype(&::netif_ip6_addr_set_state) netif_set_ip6_state = nullptr;
  decltype(&::ethernet_input) ethernet_input = nullptr;
  decltype(&::etharp_output) etharp_output = nullptr;
  decltype(&::ethip6_output) ethip6_output = nullptr;
  decltype(&::pbuf_alloc) pbuf_alloc = nullptr;
  decltype(&::pbuf_free) pbuf_free = nullptr;
  decltype(&::pbuf_free_header) pbuf_free_header = nullptr;
  decltype(&::pbuf_copy_partial) pbuf_copy_partial = nullptr;
  decltype(&::tcp_new_ip_type) tcp_new = nullptr;
  decltype(&::tcp_arg) tcp_arg = nullptr;
  decltype(&::tcp_recv) tcp_recv = nullptr;
  decltype(&::tcp_sent) tcp_sent = nullptr;
  decltype(&::tcp_err) tcp_err = nullptr;
  decltype(&::tcp_accept) tcp_accept = nullptr;
  decltype(&::tcp_bind) tcp_bind = nullptr;
  decltype(&::tcp_listen_with_backlog) tcp_listen_at = nullptr;
  decltype(&::tcp_connect) tcp_connect = nullptr;
  decltype(&::tcp_write) tcp_write = nullptr;
  decltype(&::tcp_output) tcp_output = nullptr;
  decltype(&::tcp_txnow) tcp_txnow = nullptr;
  decltype(&::tcp_recved) tcp_recved = nullptr;
  decltype(&::tcp_shutdown) tcp_shutdown = nullptr;
  decltype(&::tcp_close) tcp_close = nullptr;
  decltype(&::tcp_abort) tcp_abort = nullptr;
  decltype(&::udp_new_ip_type) udp_new = nullptr;
  decltype(&::udp_remove) udp_remove = nullptr;
  decltype(&::udp_bind) udp_bind = nullptr;
  decltype(&::udp_connect) udp_connect = nullptr;
  decltype(&::udp_recv) udp_recv = nullptr;
  decltype(&::udp_send) udp_send = nullptr;
  decltype(&::udp_sendto) udp_sendto = nullptr;
};

template <typename Visit>
constexpr void for_each_call(Visit visit) {
  visit("lwip_init", &Calls::init);
  visit("sys_check_timeouts", &Calls::check_timeouts);
  visit("sys_timeouts_sleeptime", &Calls::timeouts_sleeptime);
  visit("netif_add", &Calls::netif_add);
  visit("netif_set_default", &Calls::netif_set_default);
  visit("netif_set_up", &Calls::netif_set_up);
  visit("netif_set_link_up", &Calls::netif_set_link_up);
  visit("netif_create_ip6_linklocal_address", &Calls::netif_create_link_local);
  visit("netif_ip6_addr_set", &Calls::netif_set_ip6);
  visit("netif_ip6_addr_set_state", &Calls::netif_set_ip6_state);
  visit("ethernet_input", &Calls::ethernet_input);
  visit("etharp_output", &Calls::etharp_output);
  visit("ethip6_output", &Calls::ethip6_output);
  visit("pbuf_alloc", &Calls::pbuf_alloc);
  visit("pbuf_free", &Calls::pbuf_free);
  visit("pbuf_free_header", &Calls::pbuf_free_header);
  visit("pbuf_copy_partial", &Calls::pbuf_copy_partial);
  visit("tcp_new_ip_type", &Calls::tcp_new);
  visit("tcp_arg", &Calls::tcp_arg);
  visit("tcp_recv", &Calls::tcp_recv);
  visit("tcp_sent", &Calls::tcp_sent);
  visit("tcp_err", &Calls::tcp_err);
  visit("tcp_accept", &Calls::tcp_accept);
  visit("tcp_bind", &Calls::tcp_bind);
  visit("tcp_listen_with_backlog", &Calls::tcp_listen_at);
  visit("tcp_connect", &Calls::tcp_connect);
  visit("tcp_write", &Calls::tcp_write);
  visit("tcp_output", &Calls::tcp_output);
  visit("tcp_txnow", &Calls::tcp_txnow);
  visit("tcp_recved", &Calls::tcp_recved);
  visit("tcp_shutdown", &Calls::tcp_shutdown);
  visit("tcp_close", &Calls::tcp_close);
  visit("tcp_abort", &Calls::tcp_abort);
  visit("udp_new_ip_type", &Calls::udp_new);
  visit("udp_remove", &Calls::udp_remove);
  visit("udp_bind", &Calls::udp_bind);
  visit("udp_connect", &Calls::udp_connect);
  visit("udp_recv", &Calls::udp_recv);
  visit("udp_send", &Calls::udp_send);
  visit("udp_sendto", &Calls::udp_sendto);
}

// What lwIP asks of an operating system.
class Environment {
 public:
  virtual ~Environment() = default;
  virtual std::uint32_t now_ms() = 0;  // wraps
  virtual std::uint32_t random() = 0;
  // Aligned for anything; nullptr when the stack has its share.
  virtual void* allocate(std::size_t bytes) = 0;
  virtual void release(void* at) = 0;
  // Calls `call(context)` later, outside of the present call. False: no room.
  virtual bool defer(void (*call)(void* context), void* context) = 0;
};

// One private copy.
class Library {
 public:
  virtual ~Library() = default;
  [[nodiscard]] virtual const Calls& calls() const = 0;
  // Who answers on this thread until the next call; returns who did.
  virtual Environment* exchange(Environment* environment) = 0;
};

// Every call into the copy happens within one.
class Entry {
 public:
  Entry(Library& library, Environment& environment)
      : library_(library), before_(library.exchange(&environment)) {}
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  ~Entry() { library_.exchange(before_); }

 private:
  Library& library_;
  Environment* before_;
};

}  // namespace twinpath::lwip
