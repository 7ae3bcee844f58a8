// A language for protocol tests that reads like a time diagram: one stack, and a peer whose every
// segment the test writes down.
//
//   TcpDialect tcp;
//   tcp.user_listens();
//   tcp.peer_sends(syn(0).mss(1000));
//   tcp.stack_sends(syn_ack(0, 1));
//   tcp.after(100ms).peer_sends(ack(1, 1));
//
// Sequence numbers are relative to each side's initial one, so its SYN is 0. Payload bytes are a
// function of their place in the stream, and every byte the stack sends or delivers is checked
// against it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/base/heap_pool.h"
#include "models/tcp/stack.h"
#include "models/wire/ip.h"
#include "models/wire/tcp.h"

namespace twinpath::test {

// Numbers as written in a test, kept apart by type so that no two of a kind stand side by side.
template <typename Tag>
struct Written {
  constexpr Written(std::uint32_t written) : number(written) {}
  std::uint32_t number;
};
using Seq = Written<struct SeqTag>;
using Ack = Written<struct AckTag>;    // what is acknowledged
using End = Written<struct EndTag>;    // one past the last byte
using Echo = Written<struct EchoTag>;  // TSecr

// A segment as written in a test. What is not said is not compared when expected, and has an
// ordinary value when sent.
struct Seg {
  TcpFlags flags;
  std::uint32_t seq_no = 0;
  std::optional<std::uint32_t> ack_no;
  std::uint32_t len = 0;
  std::optional<std::uint32_t> win_field;
  std::optional<TcpOptions> options;
  std::optional<Ecn> ecn;
  std::optional<std::uint16_t> urgent_pointer;

  Seg& bytes(std::uint32_t count) { return len = count, *this; }
  Seg& win(std::uint32_t field) { return win_field = field, *this; }
  Seg& push() { return flags |= kPsh, *this; }
  Seg& with(TcpFlags more) { return flags |= more, *this; }
  // URG, pointing that many octets behind the first.
  Seg& urgent(std::uint16_t pointer) { return urgent_pointer = pointer, with(kUrg); }
  Seg& mss(std::uint16_t bytes_max) { return opts().mss = bytes_max, *this; }
  Seg& scale(std::uint8_t shift) { return opts().window_scale = shift, *this; }
  Seg& sack_permitted() { return opts().sack_permitted = true, *this; }
  Seg& ts(std::uint32_t value, Echo echo) {
    opts().timestamps = TcpTimestamps{TsVal(value), TsVal(echo.number)};
    return *this;
  }
  Seg& sack(Seq first, End end) {
    opts().sack.push_back({SeqNum(first.number), SeqNum(end.number)});
    return *this;
  }
  Seg& cookie(const FastOpenCookie& fast_open) { return opts().fast_open = fast_open, *this; }
  Seg& no_options() { return options = TcpOptions(), *this; }
  Seg& marked(Ecn codepoint) { return ecn = codepoint, *this; }
  TcpOptions& opts() { return options ? *options : options.emplace(); }
  [[nodiscard]] std::string text() const;
};

Seg syn(std::uint32_t seq);
Seg syn_ack(Seq seq, Ack ack);
Seg ack(Seq seq, Ack ack);
Seg data(Seq seq, std::uint32_t len, Ack ack);  // without PSH
Seg fin(Seq seq, Ack ack);
Seg rst(std::uint32_t seq);
Seg rst_ack(Seq seq, Ack ack);

class TcpDialect final : public TcpUser {
 public:
  explicit TcpDialect(const TcpConfig& config = TcpConfig(),
                      const HeapPoolOptions& pool = HeapPoolOptions());
  ~TcpDialect() override;

  // Lets time pass; what the stack sends meanwhile waits to be expected, with its time.
  TcpDialect& after(Duration duration);
  [[nodiscard]] Instant now() const { return now_; }

  void peer_sends(Seg seg);
  // The next segment, sent at this very instant.
  void stack_sends(const Seg& expected);
  // The next segment, sent between `from` and `until` from now on; time passes as needed.
  void stack_sends_between(Duration from, Duration until, const Seg& expected);
  void stack_sends_nothing();
  void stack_sends_nothing_for(Duration duration);
  // Whatever it has sent so far, unseen.
  std::vector<Seg> taken();

  void user_listens(std::uint32_t backlog = 5);
  void user_connects(const TcpOpenOptions& options = {});
  void user_accepts();
  // A listener or a connection the test made itself; several listeners.
  void hear(TcpListenerId listener) { listener_ = listener; }
  void hear_all() { hears_all_ = true; }
  void adopt(TcpId connection) { id_ = connection; }
  // Of the connection whose SYN was seen last; with several, the test says which it speaks of.
  [[nodiscard]] SeqNum stack_isn() const { return stack_isn_.value_or(SeqNum()); }
  void speak_of(SeqNum stack_isn) { stack_isn_ = stack_isn; }
  // Returns what was accepted.
  std::uint32_t user_writes(std::uint32_t bytes);
  // Expects exactly this many bytes to be readable at once, and right.
  void user_reads(std::uint32_t bytes);
  void user_reads_end_of_stream();
  void user_writes_urgently(std::uint32_t bytes);
  void user_shuts_down();
  void user_closes();
  void user_aborts();
  void expect_state(TcpState state);
  void expect_error(Errno error);

  // A passive open with a peer that offers `mss` and nothing else, accepted.
  void established(std::uint16_t mss = 1000, std::uint32_t win = 65535);
  void icmp(TcpIcmpKind kind, Errno error, Seq quoted_seq, std::uint32_t mtu_bytes = 0);

  [[nodiscard]] TcpStack& stack() { return *stack_; }
  [[nodiscard]] TcpId id() const { return id_; }
  [[nodiscard]] TcpListenerId listener() const { return listener_; }
  [[nodiscard]] EventBus& bus() { return bus_; }
  [[nodiscard]] HeapPool& pool() { return pool_; }
  [[nodiscard]] TimerQueue& timers() { return timers_; }
  [[nodiscard]] TcpStatus status() const { return stack_->status(id_); }
  [[nodiscard]] TcpInfo info() const { return stack_->info(id_); }
  [[nodiscard]] std::uint32_t readiness() const { return readiness_; }
  // Moves the connection into a stack of its own, as a migration would.
  void migrate();
  // The same for everything nobody holds, to a stack that listens at the same place.
  void migrate_unheld();

  void on_tcp_ready(TcpId connection, std::uint32_t readiness) override;
  void on_tcp_accept(TcpListenerId listener) override;

  // Where the peer's sequence numbers start. Near the wrap by default, so that every test wraps.
  SeqNum peer_isn{0xffffff00U};
  // Added to relative timestamp echoes the test writes, once the stack's own are known.
  std::uint16_t peer_port = 40000;
  std::uint16_t stack_port = 8080;

 private:
  struct Sent {
    Instant at;
    Seg seg;
  };
  void collect();
  Seg read(const TcpDeparture& departure);
  void check(const Sent& sent, const Seg& expected) const;
  std::vector<std::byte> payload(Seq first, std::uint32_t len) const;

  TcpConfig config_;
  HeapPool pool_;
  TimerQueue timers_;
  EventBus bus_;
  std::unique_ptr<TcpStack> stack_;
  Instant now_ = kStart;
  std::deque<Sent> sent_;
  std::optional<SeqNum> stack_isn_;
  std::optional<TsVal> stack_ts_;
  TcpId id_;
  TcpListenerId listener_;
  bool hears_all_ = false;
  std::uint32_t readiness_ = 0;
  std::uint32_t written_ = 0;  // stream offsets
  std::uint32_t received_ = 0;
};

}  // namespace twinpath::test
