// UDP endpoints of a host. Read RFC 768 and RFC 1122 §4.1. Calls return what Linux's would:
// 0 or more, or a negative Errno.
#pragma once

#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "models/host/ip_output.h"
#include "models/host/port_chooser.h"
#include "models/tcp/endpoint.h"
#include "models/wire/ip_scope.h"

namespace twinpath {

using UdpEndpoint = TcpEndpointAddress;

// As TcpId: a reused index has another generation, generation 0 is nobody.
struct UdpId {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;
  friend bool operator==(const UdpId&, const UdpId&) = default;
};

struct UdpOpenResult {
  UdpId id;
  Errno error = Errno::kNone;
};

class UdpUser {
 public:
  virtual ~UdpUser() = default;
  // A datagram or an error arrived, or there is room to send again.
  virtual void on_udp_ready(UdpId id) = 0;
};

struct Datagram {
  Slice payload;
  UdpEndpoint source;
};

struct UdpStatus {
  std::uint32_t readable_datagrams = 0;
  std::uint32_t next_datagram_bytes = 0;  // of the first of them
  bool writable = true;
  bool has_error = false;
  bool receive_shut = false;
  bool send_shut = false;
  UdpEndpoint local{};
  std::optional<UdpEndpoint> remote{};
};

// What sockets may have different.
struct UdpOptions {
  bool reuse_address = false;  // SO_REUSEADDR: the last one bound gets what comes
  bool reuse_port = false;     // SO_REUSEPORT: flows are spread over those that say so
  std::uint8_t traffic_class = 0;
  std::uint8_t hop_limit = 0;           // 0: the host's
  std::uint32_t receive_bytes_max = 0;  // storage of datagrams waiting to be received
  // Storage of frames waiting to leave; nothing: only the port's queue bounds them.
  std::optional<std::uint32_t> send_bytes_max{};
};

struct UdpShut {
  bool receive = false;
  bool send = false;
};

struct UdpCounters {
  std::uint64_t datagrams_in = 0;
  std::uint64_t datagrams_out = 0;
};

class UdpStack {
 public:
  UdpStack(HostContext& context, IpOutput& output, UdpUser& user, Rng rng);

  // False: nobody listens there, and the caller says so by ICMP.
  [[nodiscard]] bool has_endpoint(const UdpEndpoint& local, const UdpEndpoint& remote) {
    return match(local, remote) != nullptr;
  }
  // `buf` is the payload. A full queue drops, and counts.
  void on_datagram(Instant now, const UdpEndpoint& source, const UdpEndpoint& target, BufPtr buf);
  // RFC 1122 §4.1.3.3: errors reach the socket that sent the datagram quoted; like Linux, only a
  // connected one. kNone: nothing it would hear of. False: nobody here sent it.
  bool on_icmp_error(const UdpEndpoint& local, const UdpEndpoint& remote, Errno error);
  // Ports have taken frames: whoever was refused may try again.
  void on_room();
  [[nodiscard]] bool someone_waits_for_room() const { return !refused_.empty(); }

  UdpOpenResult open();
  void close(UdpId id);
  // Of an address "::" only: without IPv4 (IPV6_V6ONLY). kInvalid once bound.
  Errno set_v6_only(UdpId id, bool v6_only);
  // Port 0 chooses one. kAddressInUse, kAddressNotAvailable.
  Errno bind(UdpId id, const UdpEndpoint& local);
  Errno connect(Instant now, UdpId id, const UdpEndpoint& remote);
  // Back to a socket without a peer; an address or a port nobody asked for is given up.
  void disconnect(UdpId id);
  // As shutdown(2). kNotConnected, but done nevertheless, without a peer.
  Errno shutdown(UdpId id, const UdpShut& sides);
  // Bytes sent, or a negative Errno; without `target`, to the connected peer. An earlier ICMP error
  // is returned first.
  std::int64_t send(Instant now, UdpId id, const UdpEndpoint* target,
                    std::span<const std::byte> data);
  std::optional<Datagram> receive(UdpId id);
  // What receive() would give; it stays.
  [[nodiscard]] std::optional<Datagram> peek(UdpId id) const;
  Errno take_error(UdpId id);
  // nullptr: no such endpoint.
  [[nodiscard]] UdpOptions* options(UdpId id);
  // Storage of frames with datagrams of it that wait in the queues of ports. Whose a frame is
  // stands in PacketBuf::reserved until it leaves, counted from 1.
  [[nodiscard]] std::uint32_t queued_to_send_bytes(UdpId id) const;

  [[nodiscard]] UdpStatus status(UdpId id) const;
  [[nodiscard]] const UdpCounters& counters() const { return counters_; }
  static constexpr std::uint32_t kEndpointsMax = 65536;

 private:
  struct Endpoint {
    UdpId id;
    bool open = false;
    bool refused = false;  // stands in refused_
    bool v6_only = false;
    UdpShut shut;
    Errno error = Errno::kNone;
    UdpEndpoint asked;  // of bind()
    UdpEndpoint local;
    std::optional<UdpEndpoint> remote;
    std::uint32_t queued_bytes = 0;  // storage of what waits, not only its payload
    UdpOptions options;
    BoundedQueue<Datagram> received{kDatagramsMax};
  };
  // Storage is what receive_bytes_max bounds; the smallest buffer of any pool makes this the more
  // generous limit.
  static constexpr std::uint32_t kDatagramsMax = 1U << 20;

  Endpoint* find(UdpId id);
  [[nodiscard]] const Endpoint* find(UdpId id) const;
  Endpoint* match(const UdpEndpoint& local, const UdpEndpoint& remote);
  Endpoint& pick_of_group(Endpoint& member, const UdpEndpoint& local, const UdpEndpoint& remote);
  [[nodiscard]] bool is_free(const Endpoint& asking, const UdpEndpoint& local) const;
  Errno bind_to(Endpoint& endpoint, UdpEndpoint local, const PortPeers& peers);
  void unbind(Endpoint& endpoint);
  std::int64_t emit(Instant now, Endpoint& from, const UdpEndpoint& target,
                    std::span<const std::byte> data);
  [[nodiscard]] Errno may_reach(Instant now, const Endpoint& from, const UdpEndpoint& target);
  [[nodiscard]] Errno may_send(Endpoint& from);
  bool wait_for_room(Instant now, Endpoint& from, const IpAddress& target, std::uint32_t len);

  HostContext& context_;
  IpOutput& output_;
  UdpUser& user_;
  PortChooser chooser_;
  std::uint64_t group_secret_;
  UdpCounters counters_;
  std::vector<Endpoint> endpoints_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<std::uint16_t, std::vector<std::uint32_t>>
      by_port_;  // looked up, never walked
  std::vector<UdpId> refused_;
};

}  // namespace twinpath
