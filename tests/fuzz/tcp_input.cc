// A live TCP connection under arbitrary segments, user calls and time: nothing may crash, leak or
// grow without bound, whatever arrives in whatever state. The input is a program of small commands;
// sequence numbers are offsets from where the connection stands, so that most segments matter.
#include "models/tcp/stack.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "models/base/heap_pool.h"
#include "models/wire/ip.h"
#include "models/wire/tcp.h"
#include "tests/fuzz/target.h"

using namespace twinpath;

namespace {

const IpAddress kStack = Ipv4Address(0xc6120001);
const IpAddress kPeer = Ipv4Address(0xc6120002);
constexpr std::size_t kCommandsMax = 200;
constexpr std::uint32_t kBuffersMax = 2000;

class Program {
 public:
  explicit Program(std::span<const std::byte> input) : rest_(input) {}
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_ = rest_.subspan(1);
    return value;
  }
  std::uint16_t word() {
    const std::uint8_t high = byte();
    return static_cast<std::uint16_t>(high << 8 | byte());
  }
  // Small, around zero, or anywhere.
  std::uint32_t offset() {
    const std::uint8_t kind = byte();
    if (kind < 96) return kind;
    if (kind < 192) return static_cast<std::uint32_t>(static_cast<std::int16_t>(word()));
    return static_cast<std::uint32_t>(word()) << 16 | word();
  }

 private:
  std::span<const std::byte> rest_;
};

class World final : public TcpUser {
 public:
  explicit World(std::span<const std::byte> input) : program_(input) {
    const TcpConfig config = choose_config();
    stack_.emplace(config, TcpDeps{pool_, timers_, bus_, Rng(1), *this});
    listener_ = stack_->listen({kStack, 80}, 2).id;
    if ((program_.byte() & 1) != 0) id_ = stack_->connect(now_, {kStack, 80}, {kPeer, 99}).id;
  }

  void run() {
    for (std::size_t i = 0; i < kCommandsMax && !program_.empty(); ++i) {
      command();
      drain();
      CHECK(pool_.outstanding() < kBuffersMax);
      CHECK(stack_->connections() <= 4);
    }
    stack_.reset();
    CHECK(pool_.outstanding() == 0);
  }

  void on_tcp_ready(TcpId, std::uint32_t) override {}
  void on_tcp_accept(TcpListenerId listener) override {
    if (auto id = stack_->accept(listener)) id_ = *id;
  }

 private:
  TcpConfig choose_config() {
    TcpConfig config;
    const std::uint8_t habits = program_.byte();
    config.receive_buffer_bytes = 4096 << (habits & 7);
    config.minshall = (habits & 8) != 0;
    config.timestamps_required = (habits & 16) != 0;
    if ((habits & 32) != 0) config.initial_sequence = 0xfffffff0;
    if ((habits & 64) != 0) config.initial_timestamp = 0xfffffff0;
    config.black_hole_detection = (habits & 128) != 0;
    config.send_buffer_bytes = 20000;
    config.connections_max = 4;
    config.ecn = EcnMode::kRequest;
    const std::uint8_t more = program_.byte();
    config.congestion = (more & 1) != 0 ? CongestionKind::kReno : CongestionKind::kCubic;
    if ((more & 2) != 0) config.congestion = CongestionKind::kBbr;
    if ((more & 4) != 0) config.congestion = CongestionKind::kDctcp;
    if ((more & 8) != 0) config.syn_cookies = SynCookies::kAlways;
    config.quick_acks = more >> 4;
    return config;
  }

  void command() {
    const std::uint8_t what = program_.byte();
    if (what < 160) return segment();
    if (what < 190) return pass_time();
    switch (what % 8) {
      case 0:
        write();
        break;
      case 1:
        stack_->receive(now_, id_, program_.word());
        break;
      case 2:
        stack_->shutdown_send(now_, id_);
        break;
      case 3:
        stack_->close(now_, id_);
        break;
      case 4:
        stack_->abort(now_, id_);
        break;
      case 5:
        icmp();
        break;
      case 6:
        stack_->close_listener(now_, listener_);
        break;
      default:
        id_ = stack_->connect(now_, {kStack, 80}, {kPeer, 99}).id;
        break;
    }
  }

  void segment() {
    TcpRepr repr;
    repr.src_port = 99;
    repr.dst_port = 80;
    repr.seq = peer_next_ + program_.offset();
    repr.ack = stack_next_ + program_.offset();
    repr.flags = TcpFlags(program_.word() & 0x1ff);
    repr.window = program_.word();
    if (repr.flags.urg()) repr.urgent_pointer = program_.word();
    const std::uint8_t options = program_.byte();
    if ((options & 1) != 0) repr.options.mss = program_.word();
    if ((options & 2) != 0) repr.options.window_scale = program_.byte();
    if ((options & 4) != 0) repr.options.timestamps = {TsVal(program_.offset()), TsVal(ts_)};
    if ((options & 8) != 0) repr.options.sack_permitted = true;
    if ((options & 16) != 0) {
      repr.options.sack.push_back(
          {stack_next_ + program_.offset(), stack_next_ + program_.offset()});
    }
    BufPtr buf(pool_.take());
    const auto header = static_cast<std::uint32_t>(repr.header_len());
    const std::uint32_t payload = program_.word() % 1500;
    const auto bytes = buf->push_back(header + payload);
    std::fill(bytes.begin() + header, bytes.end(), std::byte{7});
    InetSum sum = pseudo_sum(kPeer.v4(), kStack.v4(), {IpProtocol::kTcp, buf->len});
    repr.emit(bytes, sum.add_bytes(bytes.subspan(header)));
    stack_->on_segment(now_, {kPeer, kStack, static_cast<std::uint8_t>(options >> 6)},
                       std::move(buf));
  }

  void pass_time() {
    now_ += std::chrono::milliseconds(1 << (program_.byte() % 20));
    timers_.expire(now_);
  }

  void write() {
    BufPtr buf(pool_.take());
    const std::uint32_t len = program_.word() % 1500;
    buf->push_back(len);
    stack_->send(now_, id_, Slice{BufRef(std::move(buf)), 0, len});
  }

  void icmp() {
    TcpIcmpError error;
    error.kind = static_cast<TcpIcmpKind>(program_.byte() % 4);
    error.local = {kStack, 80};
    error.remote = {kPeer, 99};
    error.seq = stack_next_ + program_.offset();
    error.mtu_bytes = program_.word();
    stack_->on_icmp_error(now_, error);
  }

  // Reads what the stack sends, so that the next segments are near the truth.
  void drain() {
    TcpDeparture departure;
    while (stack_->next_segment(now_, departure)) {
      const auto sum = pseudo_sum(departure.source.v4(), departure.target.v4(),
                                  {IpProtocol::kTcp, departure.buf->len});
      const auto view = TcpView::parse(departure.buf->bytes(), sum);
      CHECK(view.has_value() && !view->options().malformed);
      fuzz::touch(view->payload());
      stack_next_ = view->seq() + view->segment_len();
      if (view->flags().ack()) peer_next_ = view->ack();
      if (view->options().timestamps) ts_ = view->options().timestamps->value.value();
      departure.buf.reset();
    }
  }

  Program program_;
  HeapPool pool_;
  TimerQueue timers_;
  EventBus bus_;
  Instant now_ = kStart;
  std::optional<TcpStack> stack_;
  TcpListenerId listener_;
  TcpId id_;
  SeqNum peer_next_{100};
  SeqNum stack_next_;
  std::uint32_t ts_ = 0;
};

}  // namespace

FUZZ_TARGET(input) { World(input).run(); }
