// TCP, sans I/O: handed the time and segments, it hands back segments; its timers stand in the
// host's queue. One stack serves one core. Read RFC 9293 §3.10 first: the input path (input*.cc) is
// that section, one function per step.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "models/base/event_bus.h"
#include "models/base/packet_buf.h"
#include "models/base/rng.h"
#include "models/base/time.h"
#include "models/base/timer.h"
#include "models/tcp/config.h"
#include "models/tcp/endpoint.h"
#include "models/tcp/observer.h"
#include "models/wire/parsed.h"

namespace twinpath {

namespace tcp {
struct Core;
}
class TcbImage;

struct TcpDeps {
  BufPool& pool;
  TimerQueue& timers;
  EventBus& bus;
  Rng rng;  // initial sequence numbers, port choice, hash seeds: forks of it
  TcpUser& user;
};

// What IP knows about ways to peers.
class TcpPaths {
 public:
  virtual ~TcpPaths() = default;
  // Longest packet on the way to `remote`; 0 without a route.
  virtual std::uint32_t mtu_bytes(Instant now, const IpAddress& remote) = 0;
};

// Which ports connect() may choose: answers to others would come to another core.
class TcpPortRule {
 public:
  virtual ~TcpPortRule() = default;
  [[nodiscard]] virtual bool may_use(const TcpEndpointAddress& local,
                                     const TcpEndpointAddress& remote) const = 0;
};

// A segment to send, starting at the TCP header, checksum filled in, with headroom for what is
// below.
struct TcpDeparture {
  BufPtr buf;
  IpAddress source;
  IpAddress target;
  std::uint8_t traffic_class = 0;
};

// Totals of one stack.
struct TcpCounters {
  std::uint64_t segments_in = 0;
  std::uint64_t segments_out = 0;
  std::uint64_t retransmits = 0;
  std::uint64_t resets_sent = 0;
  std::uint64_t challenge_acks = 0;
  std::uint64_t challenge_acks_suppressed = 0;
  std::uint64_t syns_dropped = 0;     // half-open, accept or connection table full
  std::uint64_t accepts_delayed = 0;  // handshake complete, accept queue full
  std::uint64_t replies_dropped = 0;  // reply queue full
  std::uint64_t pool_exhausted = 0;   // a segment waited for a buffer
  std::uint64_t time_waits_reused = 0;
  std::uint64_t fast_opens_sent = 0;      // data on SYNs that was acknowledged with them
  std::uint64_t fast_opens_repeated = 0;  // data on SYNs that had to be sent again
  std::uint64_t fast_opens_received = 0;
  std::uint64_t black_holes = 0;  // times segments were made smaller without being told to
  std::uint64_t syn_cookies_sent = 0;
  std::uint64_t syn_cookies_received = 0;
  std::uint64_t syn_cookies_failed = 0;  // acknowledgements of no connection that carried none
  std::array<std::uint64_t, kDropReasons> drops{};
};

class TcpStack {
 public:
  // Requires: config.validate() is empty. `deps` outlive the stack.
  TcpStack(const TcpConfig& config, const TcpDeps& deps);
  TcpStack(const TcpStack&) = delete;
  TcpStack& operator=(const TcpStack&) = delete;
  ~TcpStack();

  // Segments that on_segment() will get next: their connections are asked for from memory at once.
  static constexpr std::size_t kExpectedMax = 64;
  struct Expected {
    TcpEndpointAddress local;
    TcpEndpointAddress remote;
  };
  [[nodiscard]] bool gains_by_expecting() const;
  // Requires: at most kExpectedMax.
  void expect(std::span<const Expected> segments) const;

  // `segment` starts at the TCP header and ends with the payload. Its checksum is verified here
  // unless flagged kChecksumVerified.
  void on_segment(Instant now, const TcpArrival& arrival, BufPtr segment);
  // False: no connection has what it quotes in flight, so it is not believed (RFC 5927 §4.1).
  bool on_icmp_error(Instant now, const TcpIcmpError& error);

  // Fills `out` with the next segment; false when there is none, or no buffer for it.
  bool next_segment(Instant now, TcpDeparture& out);
  // May be true when next_segment() then finds nothing.
  [[nodiscard]] bool has_output() const;

  // RFC 9293 §3.10.1, passive. 0.0.0.0 is any IPv4 address, "::" any of either version unless
  // options.v6_only.
  // Errors: kAddressInUse, kInvalid (port 0), kNoBufferSpace (listeners_max).
  TcpListenResult listen(const TcpEndpointAddress& local, std::uint32_t backlog,
                         const TcpListenOptions& options = {});
  // RFC 9293 §3.10.1, active. Port 0 chooses one (RFC 6056 §3.3.3). Requires: a definite local
  // address. Errors: kAddressNotAvailable (no port left, or these addresses and ports are used),
  // kNoBufferSpace.
  TcpOpenResult connect(Instant now, const TcpEndpointAddress& local,
                        const TcpEndpointAddress& remote, const TcpOpenOptions& options = {});
  std::optional<TcpId> accept(TcpListenerId listener);
  [[nodiscard]] std::uint32_t acceptable(TcpListenerId listener) const;
  [[nodiscard]] std::optional<TcpEndpointAddress> listening_at(TcpListenerId listener) const;
  // For connections to come. `shared` stays as it was when it began to listen.
  void set_listen_options(TcpListenerId listener, const TcpListenOptions& options);
  void set_backlog(TcpListenerId listener, std::uint32_t backlog);
  // Connections not yet accepted are reset.
  void close_listener(Instant now, TcpListenerId listener);

  // RFC 9293 §3.10.2. Returns bytes accepted: 0 when the buffer is full or sending is over.
  std::uint32_t send(Instant now, TcpId id, Slice data);
  // The same, and the peer is told that it is urgent up to here (RFC 9293 §3.8.5, RFC 6093).
  std::uint32_t send_urgent(Instant now, TcpId id, Slice data);
  // RFC 9293 §3.10.3. One piece of at most `bytes_max`; empty when there is nothing now (status()
  // tells end of stream). Opens the window.
  Slice receive(Instant now, TcpId id, std::uint32_t bytes_max);
  // Copies what receive() would give, from its `offset`-th byte on; nothing is consumed. Bytes
  // copied.
  std::uint32_t peek(TcpId id, std::uint32_t offset, std::span<std::byte> into) const;
  void shutdown_send(Instant now, TcpId id);  // half-close: FIN behind what was accepted
  void shutdown_receive(TcpId id);            // requires the former; text is reset from now on
  // RFC 9293 §3.10.4. The handle is gone; the connection finishes by itself. Unread data makes it a
  // reset (RFC 9293 §3.6.1).
  void close(Instant now, TcpId id);
  // RFC 9293 §3.10.5: reset, everything queued is discarded, the handle is gone.
  void abort(Instant now, TcpId id);

  // Whether a connection to `server` could send data on its SYN (RFC 7413 §4.1.3).
  [[nodiscard]] bool has_fast_open_cookie(const IpAddress& server, Instant now) const;
  // How much data the SYN of a connection being opened would carry now.
  [[nodiscard]] std::uint32_t syn_room_bytes(TcpId id, Instant now) const;
  // A handle that is gone reads as CLOSED.
  [[nodiscard]] TcpStatus status(TcpId id) const;
  [[nodiscard]] TcpNames names(TcpId id) const;
  [[nodiscard]] TcpInfo info(TcpId id) const;
  // Reads and clears the error, as SO_ERROR does.
  Errno take_error(TcpId id);
  void set_options(Instant now, TcpId id, const TcpOpenOptions& options);

  // Connection migration (DESIGN: TcbImage). export_image() removes the connection from this stack
  // without a word to the peer; import_image() continues it here. Nothing when the handle is gone,
  // the image malformed, or its addresses and ports are taken.
  std::optional<TcbImage> export_image(Instant now, TcpId id);
  std::optional<TcpId> import_image(Instant now, const TcbImage& image);

  // The same for everything no user holds: half open, waiting to be accepted, closing by itself, in
  // TIME-WAIT. What belongs to a listener goes to the one at the same place; without one, or in the
  // cases of import_image(), it is refused.
  std::vector<TcbImage> export_unheld(Instant now);
  bool import_unheld(Instant now, const TcbImage& image);

  [[nodiscard]] const TcpConfig& config() const;
  // The fields of `config` that may change while a stack runs (Limits::live), for connections there
  // are and those to come; it shows from their next segment on. Others are left as they were.
  // Requires: config.validate() is empty.
  void reconfigure(const TcpConfig& config);
  [[nodiscard]] const TcpCounters& counters() const;
  // Connections alive, those in TIME-WAIT and those nobody holds a handle of included.
  [[nodiscard]] std::uint32_t connections() const;
  // Those with something under way; the others take the memory of their block and no more.
  [[nodiscard]] std::uint32_t active_connections() const;
  // Hears of every connection from now on; nullptr: nobody. Outlives the stack.
  void set_observer(TcpObserver* observer);
  // Asked when a connection begins, for the longest segment; nullptr: only the configuration says.
  // Outlives the stack.
  void set_paths(TcpPaths* paths);
  // nullptr: any free port. Outlives the stack.
  void set_port_rule(const TcpPortRule* rule);
  // Those alive.
  [[nodiscard]] std::vector<TcpFlow> flows() const;

 private:
  std::unique_ptr<tcp::Core> core_;
};

}  // namespace twinpath
