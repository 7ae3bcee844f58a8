// Conformance scripts against a whole host: socket calls above, IP packets below.
#include "tests/fakes/tcp_script.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <variant>

#include "models/base/heap_pool.h"
#include "models/host/ip_host.h"
#include "models/socket/sockets.h"
#include "models/wire/ethernet.h"
#include "models/wire/icmpv4.h"
#include "models/wire/ipv4.h"
#include "tests/fakes/tcp_script_parse.h"

namespace twinpath::test {
namespace {

const Ipv4Address kStackAddress(0xc0a80001);
const Ipv4Address kPeerAddress(0xc0000201);
const MacAddress kStackMac = MacAddress::from_u64(0x020000000001);
const MacAddress kPeerMac = MacAddress::from_u64(0x020000000002);
constexpr std::uint16_t kListenPort = 8080;
constexpr std::uint16_t kPeerPort = 40000;
constexpr SeqNum kPeerIsn(0xffffff00U);  // so that every script wraps

HostConfig host_config() {
  HostConfig config;
  InterfaceConfig interface;
  interface.mac = kStackMac;
  interface.addresses = {Ipv4Prefix(kStackAddress, 16)};
  interface.arp = false;
  interface.peer = kPeerMac;
  config.interfaces = {interface};
  config.routes = {RouteConfig{Ipv4Prefix(), Ipv4Address(), 0}};
  return config;
}

// A segment the host sent, in the script's numbers.
struct Observed {
  Instant at;
  ScriptSegment segment;
};

struct Failure {
  std::string message;
};

std::string describe(const ScriptSegment& segment) {
  std::ostringstream text;
  const TcpFlags flags = segment.flags;
  text << (flags.syn() ? "S" : "") << (flags.fin() ? "F" : "") << (flags.rst() ? "R" : "")
       << (flags.psh() ? "P" : "") << (flags.ece() ? "E" : "") << (flags.cwr() ? "W" : "")
       << (flags.ack() ? "." : "") << ' ' << segment.seq << ':' << segment.seq + segment.len << '('
       << segment.len << ')';
  if (segment.ack) text << " ack " << *segment.ack;
  if (segment.window) text << " win " << *segment.window;
  if (segment.options.mss) text << " mss " << *segment.options.mss;
  if (segment.options.timestamps) text << " TS";
  for (const SeqRange& block : segment.options.sack) {
    text << " sack " << block.first.value() << ':' << block.end.value();
  }
  return text.str();
}

// Scripts inject segments of any length, longer ones than our links would carry included.
constexpr HeapPoolOptions kBigBuffers{.capacity_bytes = 65536 + 256};

class Runner {
 public:
  explicit Runner(const TcpConfig& config)
      : host_(host_config(), config, pool_), sockets_(std::make_unique<Sockets>(host_)) {}

  ScriptResult run(const Script& script) {
    tolerance_ = script.tolerance;
    for (const ScriptEvent& event : script.events) {
      try {
        std::visit([&](const auto& what) { perform(event.time, what); }, event.what);
      } catch (const Failure& failure) {
        std::ostringstream text;
        text << "line " << event.line << ": " << failure.message;
        return {text.str(), event.line};
      }
    }
    return {};
  }

 private:
  [[nodiscard]] Instant base(const ScriptTime& time) const {
    return time.relative ? last_event_ : kStart;
  }
  void advance_to(Instant until) {
    collect();
    while (host_.next_deadline() <= until) {
      now_ = std::max(now_, host_.next_deadline());
      host_.on_time(now_);
      collect();
    }
    now_ = std::max(now_, until);
  }
  void wait_for(const ScriptTime& time) {
    if (!time.any) advance_to(base(time) + time.from);
    last_event_ = now_;
  }

  void collect();
  void observe(const PacketBuf& frame);
  void inject(std::span<const std::byte> transport, IpProtocol protocol, Ecn ecn);
  void perform(const ScriptTime& time, const ScriptSegment& segment);
  void perform(const ScriptTime& time, const ScriptIcmp& icmp);
  void perform(const ScriptTime& time, const ScriptCall& call);
  void send(const ScriptSegment& segment);
  void expect(const ScriptTime& time, const ScriptSegment& expected);
  void compare(const ScriptSegment& seen, const ScriptSegment& expected);
  void compare_options(const TcpOptions& seen, const TcpOptions& expected) const;
  std::int64_t call_socket(const ScriptCall& call);
  std::int64_t open_or_accept(const ScriptCall& call);
  std::int64_t transfer(const ScriptCall& call, Fd fd);
  std::int64_t set_option(const ScriptCall& call, Fd fd);
  std::int64_t get_error(const ScriptCall& call, Fd fd);

  HeapPool pool_{kBigBuffers};
  IpHost host_;
  std::unique_ptr<Sockets> sockets_;
  Instant now_ = kStart;
  Instant last_event_ = kStart;
  Duration tolerance_{};
  std::deque<Observed> observed_;
  SeqNum stack_isn_;
  std::optional<std::uint32_t> stack_ts_;  // actual less script's
  std::uint16_t local_port_ = kListenPort;
  std::uint16_t remote_port_ = kPeerPort;
  std::map<std::int64_t, Fd> fds_;
};

void Runner::collect() {
  std::array<BufPtr, kBurst> frames;
  for (;;) {
    const std::size_t count = host_.poll_tx(now_, 0, frames);
    for (std::size_t i = 0; i < count; ++i) {
      observe(*frames[i]);
      frames[i].reset();
    }
    if (count < frames.size()) return;
  }
}

void Runner::observe(const PacketBuf& frame) {
  const auto ethernet = EthernetView::parse(frame.bytes());
  const auto ip = Ipv4View::parse(ethernet->payload());
  if (!ip || ip->protocol() != IpProtocol::kTcp) return;
  const auto tcp = TcpView::parse(ip->payload(), ip->pseudo_sum());
  if (!tcp) throw Failure{"the host sent a malformed segment"};
  if (tcp->flags().syn()) {
    stack_isn_ = tcp->seq();
    local_port_ = tcp->src_port();
  }
  ScriptSegment segment;
  segment.flags = tcp->flags();
  segment.seq = tcp->seq().value() - stack_isn_.value();
  segment.len = static_cast<std::uint32_t>(tcp->payload().size());
  if (tcp->flags().ack()) segment.ack = tcp->ack().value() - kPeerIsn.value();
  segment.window = tcp->window();
  segment.ecn = ip->ecn();
  segment.options = tcp->options();
  SackBlocks blocks;
  for (const SeqRange& block : tcp->options().sack) {
    blocks.push_back({SeqNum(block.first.value() - kPeerIsn.value()),
                      SeqNum(block.end.value() - kPeerIsn.value())});
  }
  segment.options.sack = blocks;
  observed_.push_back({now_, segment});
}

void Runner::inject(std::span<const std::byte> transport, IpProtocol protocol, Ecn ecn) {
  BufPtr frame(pool_.take());
  Ipv4Repr ip;
  ip.src = kPeerAddress;
  ip.dst = kStackAddress;
  ip.protocol = protocol;
  ip.payload_len = transport.size();
  ip.ecn = ecn;
  EthernetRepr{kStackMac, kPeerMac, EtherType::kIpv4, {}, 0}.emit(
      frame->push_back(kEthernetHeaderLen));
  ip.emit(frame->push_back(kIpv4HeaderLen));
  const auto body = frame->push_back(static_cast<std::uint32_t>(transport.size()));
  std::memcpy(body.data(), transport.data(), transport.size());
  host_.on_rx(now_, 0, {&frame, 1});
  collect();
}

void Runner::perform(const ScriptTime& time, const ScriptSegment& segment) {
  if (segment.outbound) return expect(time, segment);
  wait_for(time);
  send(segment);
}

void Runner::send(const ScriptSegment& segment) {
  TcpRepr repr;
  repr.src_port = remote_port_;
  repr.dst_port = local_port_;
  repr.seq = kPeerIsn + segment.seq;
  repr.ack = stack_isn_ + segment.ack.value_or(0);
  repr.flags = segment.flags;
  repr.window = segment.window.value_or(65535);
  repr.options = segment.options;
  if (repr.options.timestamps && stack_ts_) repr.options.timestamps->echo += *stack_ts_;
  SackBlocks blocks;
  for (const SeqRange& block : segment.options.sack) {
    blocks.push_back({stack_isn_ + block.first.value(), stack_isn_ + block.end.value()});
  }
  repr.options.sack = blocks;
  std::vector<std::byte> bytes(repr.header_len() + segment.len);
  InetSum sum = pseudo_sum(kPeerAddress, kStackAddress,
                           {IpProtocol::kTcp, static_cast<std::uint32_t>(bytes.size())});
  repr.emit(bytes, sum);
  inject(bytes, IpProtocol::kTcp, segment.ecn.value_or(Ecn::kNotEct));
}

void Runner::perform(const ScriptTime& time, const ScriptIcmp& icmp) {
  wait_for(time);
  // The packet complained about: its IP header and the first eight bytes of TCP.
  std::array<std::byte, kIpv4HeaderLen + kIcmpQuotedPayloadLen> quoted{};
  Ipv4Repr ip;
  ip.src = kStackAddress;
  ip.dst = kPeerAddress;
  ip.payload_len = kIcmpQuotedPayloadLen;
  ip.emit(quoted);
  store_be16(&quoted[kIpv4HeaderLen], local_port_);
  store_be16(&quoted[kIpv4HeaderLen + 2], remote_port_);
  store_be32(&quoted[kIpv4HeaderLen + 4], (stack_isn_ + icmp.seq).value());
  Icmpv4Repr repr;
  repr.type = Icmpv4Type::kUnreachable;
  repr.code = icmp.code;
  repr.next_hop_mtu_bytes = icmp.mtu;
  repr.data = quoted;
  std::vector<std::byte> bytes(repr.len());
  repr.emit(bytes);
  inject(bytes, IpProtocol::kIcmp, Ecn::kNotEct);
}

void Runner::expect(const ScriptTime& time, const ScriptSegment& expected) {
  collect();
  const Instant until = time.any ? kNever : base(time) + time.until + tolerance_;
  while (observed_.empty() && host_.next_deadline() <= until && host_.next_deadline() != kNever) {
    now_ = std::max(now_, host_.next_deadline());
    host_.on_time(now_);
    collect();
  }
  if (observed_.empty()) throw Failure{"expected " + describe(expected) + ", nothing was sent"};
  const Observed seen = observed_.front();
  observed_.pop_front();
  compare(seen.segment, expected);
  if (!time.any && (seen.at < base(time) + time.from - tolerance_ || seen.at > until)) {
    std::ostringstream text;
    text << describe(seen.segment) << " came " << (seen.at - base(time)).count() / 1000
         << " us after the event before, expected " << time.from.count() / 1000 << " to "
         << time.until.count() / 1000;
    throw Failure{text.str()};
  }
  last_event_ = seen.at;
}

void Runner::compare(const ScriptSegment& seen, const ScriptSegment& expected) {
  const std::string both = "sent " + describe(seen) + ", expected " + describe(expected);
  if (!(seen.flags == expected.flags)) throw Failure{"flags: " + both};
  if (seen.seq != expected.seq || seen.len != expected.len) throw Failure{"place: " + both};
  if (expected.ack && seen.ack != expected.ack) throw Failure{"ack: " + both};
  if (expected.window && seen.window != expected.window) throw Failure{"window: " + both};
  if (expected.ecn && seen.ecn != expected.ecn) throw Failure{"ECN mark: " + both};
  if (seen.options.timestamps && expected.options.timestamps && !stack_ts_) {
    stack_ts_ = seen.options.timestamps->value.value() - expected.options.timestamps->value.value();
  }
  if (!expected.any_options) compare_options(seen.options, expected.options);
}

// As sets: order and padding are a stack's own business. Timestamp values follow its clock, which
// scripts cannot know; the echo they can.
void Runner::compare_options(const TcpOptions& seen, const TcpOptions& expected) const {
  const bool timestamps_match =
      seen.timestamps.has_value() == expected.timestamps.has_value() &&
      (!seen.timestamps || seen.timestamps->echo == expected.timestamps->echo);
  if (seen.mss != expected.mss) throw Failure{"MSS option differs"};
  if (seen.window_scale != expected.window_scale) throw Failure{"window scale option differs"};
  if (seen.sack_permitted != expected.sack_permitted) throw Failure{"SACK-permitted differs"};
  if (!(seen.sack == expected.sack)) throw Failure{"SACK blocks differ"};
  if (!timestamps_match) throw Failure{"timestamps option differs"};
}

void Runner::perform(const ScriptTime& time, const ScriptCall& call) {
  wait_for(time);
  const std::int64_t result = call_socket(call);
  collect();
  const std::string error = result < 0 ? std::string(symbol(errno_of(result))) : "";
  const std::int64_t shown = result < 0 ? -1 : result;
  if (shown == call.result && error == call.error) return;
  std::ostringstream text;
  text << call.name << " returned " << shown << ' ' << error << ", expected " << call.result << ' '
       << call.error;
  throw Failure{text.str()};
}

std::int64_t Runner::call_socket(const ScriptCall& call) {
  if (call.name == "socket" || call.name == "accept") return open_or_accept(call);
  if (call.arguments.empty()) throw Failure{call.name + " needs a descriptor"};
  const auto known = fds_.find(std::stoll(call.arguments[0]));
  if (known == fds_.end()) return failure(Errno::kBadDescriptor);
  const Fd fd = known->second;
  const auto result = [](Errno error) {
    return error == Errno::kNone ? std::int64_t{0} : failure(error);
  };
  if (call.name == "bind") return result(sockets_->bind(fd, {kStackAddress, kListenPort}));
  if (call.name == "listen") {
    return result(
        sockets_->listen(fd, static_cast<std::uint32_t>(std::stoul(call.arguments.at(1)))));
  }
  if (call.name == "connect") {
    remote_port_ = kListenPort;
    return result(sockets_->connect(now_, fd, {kPeerAddress, remote_port_}));
  }
  if (call.name == "close") {
    fds_.erase(known);
    return result(sockets_->close(now_, fd));
  }
  if (call.name == "shutdown") {
    const std::string& how = call.arguments.at(1);
    return result(sockets_->shutdown(now_, fd,
                                     how == "SHUT_WR"   ? ShutdownHow::kWrite
                                     : how == "SHUT_RD" ? ShutdownHow::kRead
                                                        : ShutdownHow::kBoth));
  }
  // Every descriptor here is non-blocking, so F_GETFL tells only what the script expects to read.
  if (call.name == "fcntl") return call.result;
  if (call.name == "setsockopt") return set_option(call, fd);
  if (call.name == "getsockopt") return get_error(call, fd);
  return transfer(call, fd);
}

std::int64_t Runner::open_or_accept(const ScriptCall& call) {
  Fd fd = Fd::kNone;
  if (call.name == "socket") {
    fd = sockets_->socket(SocketKind::kStream).fd;
  } else {
    const auto listener = fds_.find(std::stoll(call.arguments.at(0)));
    if (listener == fds_.end()) return failure(Errno::kBadDescriptor);
    const Accepted accepted = sockets_->accept(listener->second);
    if (accepted.error != Errno::kNone) return failure(accepted.error);
    fd = accepted.fd;
  }
  fds_[call.result] = fd;
  return call.result;
}

std::int64_t Runner::transfer(const ScriptCall& call, Fd fd) {
  std::vector<std::byte> bytes(std::stoul(call.arguments.at(2)));
  if (call.name == "write" || call.name == "send") return sockets_->send(now_, fd, bytes);
  if (call.name != "read" && call.name != "recv") throw Failure{"unknown call " + call.name};
  return sockets_->receive(now_, fd, bytes);
}

std::int64_t Runner::set_option(const ScriptCall& call, Fd fd) {
  static const std::map<std::string, SocketOption> kOptions = {
      {"SO_REUSEADDR", SocketOption::kReuseAddress},
      {"SO_KEEPALIVE", SocketOption::kKeepAlive},
      {"SO_SNDBUF", SocketOption::kSendBuffer},
      {"SO_RCVBUF", SocketOption::kReceiveBuffer},
      {"SO_LINGER", SocketOption::kLinger},
      {"TCP_NODELAY", SocketOption::kNoDelay},
      {"TCP_MAXSEG", SocketOption::kMaxSegment},
      {"TCP_KEEPIDLE", SocketOption::kKeepAliveIdle},
      {"TCP_KEEPINTVL", SocketOption::kKeepAliveInterval},
      {"TCP_KEEPCNT", SocketOption::kKeepAliveProbes}};
  const auto option = kOptions.find(call.arguments.at(2));
  if (option == kOptions.end()) throw Failure{"unknown option " + call.arguments.at(2)};
  const std::string& text = call.arguments.at(3);
  std::int64_t value = 0;
  if (option->second == SocketOption::kLinger) {
    const bool on = text.find("onoff=1") != std::string::npos;
    value = on ? std::stoll(text.substr(text.find("linger=") + 7)) : -1;
  } else {
    value = std::stoll(text.substr(1));
  }
  const Errno error = sockets_->set_option(now_, fd, option->second, value);
  return error == Errno::kNone ? 0 : failure(error);
}

// getsockopt(fd, SOL_SOCKET, SO_ERROR, [expected], [4])
std::int64_t Runner::get_error(const ScriptCall& call, Fd fd) {
  if (call.arguments.at(2) != "SO_ERROR") throw Failure{"unknown option " + call.arguments[2]};
  const auto error = sockets_->get_option(fd, SocketOption::kError);
  const std::string expected = call.arguments.at(3).substr(1, call.arguments[3].size() - 2);
  const auto seen = static_cast<Errno>(error.value);
  const std::string shown = seen == Errno::kNone ? "0" : std::string(symbol(seen));
  if (shown != expected) throw Failure{"SO_ERROR is " + shown + ", expected " + expected};
  return 0;
}

}  // namespace

ScriptResult run_tcp_script(std::string_view text, const TcpConfig& config) {
  const auto parsed = parse_script(text);
  if (const auto* error = std::get_if<ScriptError>(&parsed)) {
    std::ostringstream message;
    message << "line " << error->line << ": " << error->message;
    return {message.str(), error->line};
  }
  return Runner(config).run(std::get<Script>(parsed));
}

}  // namespace twinpath::test
