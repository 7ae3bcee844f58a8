// The time-diagram language. Failures name the segment expected and the one sent.
#include "tests/fakes/tcp_dialect.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "models/tcp/image.h"

namespace twinpath::test {
namespace {

const IpAddress kStackAddress = Ipv4Address(0xc6120001);
const IpAddress kPeerAddress = Ipv4Address(0xc6120002);

// Byte `offset` of either stream. Not periodic in any power of two, so a misplaced segment shows.
std::byte stream_byte(std::uint32_t offset) {
  return static_cast<std::byte>((offset * 167 + offset / 251) & 0xff);
}

std::string flag_letters(TcpFlags flags) {
  std::string text;
  if (flags.has(kSyn)) text += 'S';
  if (flags.has(kFin)) text += 'F';
  if (flags.has(kRst)) text += 'R';
  if (flags.has(kPsh)) text += 'P';
  if (flags.has(kEce)) text += 'E';
  if (flags.has(kCwr)) text += 'W';
  if (flags.has(kAck)) text += '.';
  return text;
}

Seg make(TcpFlags flags, std::uint32_t seq, std::optional<std::uint32_t> ack_no) {
  Seg seg;
  seg.flags = flags;
  seg.seq_no = seq;
  seg.ack_no = ack_no;
  return seg;
}

}  // namespace

std::string Seg::text() const {
  std::ostringstream text;
  text << flag_letters(flags) << ' ' << seq_no << ':' << seq_no + len << '(' << len << ')';
  if (ack_no) text << " ack " << *ack_no;
  if (win_field) text << " win " << *win_field;
  if (!options) return text.str();
  if (options->mss) text << " mss " << *options->mss;
  if (options->window_scale) text << " wscale " << int{*options->window_scale};
  if (options->sack_permitted) text << " sackOK";
  if (options->timestamps) {
    text << " TS " << options->timestamps->value.value() << ' '
         << options->timestamps->echo.value();
  }
  for (const SeqRange& block : options->sack) {
    text << " sack " << block.first.value() << ':' << block.end.value();
  }
  return text.str();
}

Seg syn(std::uint32_t seq) { return make(kSyn, seq, std::nullopt); }
Seg syn_ack(Seq seq, Ack ack_no) { return make(kSyn | kAck, seq.number, ack_no.number); }
Seg ack(Seq seq, Ack ack_no) { return make(kAck, seq.number, ack_no.number); }
Seg data(Seq seq, std::uint32_t len, Ack ack_no) {
  return make(kAck, seq.number, ack_no.number).bytes(len);
}
Seg fin(Seq seq, Ack ack_no) { return make(kFin | kAck, seq.number, ack_no.number); }
Seg rst(std::uint32_t seq) { return make(kRst, seq, std::nullopt); }
Seg rst_ack(Seq seq, Ack ack_no) { return make(kRst | kAck, seq.number, ack_no.number); }

TcpDialect::TcpDialect(const TcpConfig& config, const HeapPoolOptions& pool)
    : config_(config), pool_(pool) {
  stack_ = std::make_unique<TcpStack>(config_,
                                      TcpDeps{pool_, timers_, bus_, Rng(1).fork("dialect"), *this});
}

TcpDialect::~TcpDialect() {
  EXPECT_TRUE(sent_.empty()) << "not expected: " << sent_.front().seg.text();
}

TcpDialect& TcpDialect::after(Duration duration) {
  const Instant until = now_ + duration;
  collect();
  while (timers_.next_deadline() <= until) {
    now_ = std::max(now_, timers_.next_deadline());
    timers_.expire(now_);
    collect();
  }
  now_ = until;
  return *this;
}

void TcpDialect::peer_sends(Seg seg) {
  collect();
  TcpRepr repr;
  repr.src_port = peer_port;
  repr.dst_port = stack_port;
  repr.seq = peer_isn + seg.seq_no;
  if (seg.ack_no) repr.ack = stack_isn_.value_or(SeqNum(0)) + *seg.ack_no;
  repr.flags = seg.flags;
  repr.window = static_cast<std::uint16_t>(seg.win_field.value_or(65535));
  repr.urgent_pointer = seg.urgent_pointer.value_or(0);
  if (seg.options) repr.options = *seg.options;
  if (repr.options.timestamps && repr.options.timestamps->echo.value() != 0 && stack_ts_) {
    repr.options.timestamps->echo += stack_ts_->value();
  }
  SackBlocks blocks;
  for (const SeqRange& block : repr.options.sack) {
    const SeqNum base = stack_isn_.value_or(SeqNum(0));
    blocks.push_back({base + block.first.value(), base + block.end.value()});
  }
  repr.options.sack = blocks;
  BufPtr buf(pool_.take());
  const auto header = static_cast<std::uint32_t>(repr.header_len());
  const auto bytes = buf->push_back(header + seg.len);
  const auto text = payload(seg.seq_no + (seg.flags.syn() ? 1 : 0), seg.len);
  std::copy(text.begin(), text.end(), bytes.begin() + header);
  InetSum sum = pseudo_sum(kPeerAddress.v4(), kStackAddress.v4(), {IpProtocol::kTcp, buf->len});
  repr.emit(bytes, sum.add_bytes(bytes.subspan(header)));
  TcpArrival arrival{kPeerAddress, kStackAddress,
                     static_cast<std::uint8_t>(seg.ecn.value_or(Ecn::kNotEct))};
  stack_->on_segment(now_, arrival, std::move(buf));
  collect();
}

void TcpDialect::stack_sends(const Seg& expected) {
  collect();
  ASSERT_FALSE(sent_.empty()) << "expected " << expected.text() << ", nothing was sent";
  const Sent sent = sent_.front();
  sent_.pop_front();
  EXPECT_EQ(to_ns(sent.at), to_ns(now_)) << "sent at another time: " << sent.seg.text();
  check(sent, expected);
}

void TcpDialect::stack_sends_between(Duration from, Duration until, const Seg& expected) {
  collect();
  const Instant start = now_;
  while (sent_.empty() && timers_.next_deadline() <= start + until) {
    now_ = std::max(now_, timers_.next_deadline());
    timers_.expire(now_);
    collect();
  }
  if (sent_.empty()) now_ = start + until;
  ASSERT_FALSE(sent_.empty()) << "expected " << expected.text() << ", nothing was sent";
  const Sent sent = sent_.front();
  sent_.pop_front();
  EXPECT_GE((sent.at - start).count(), from.count()) << "too early: " << sent.seg.text();
  check(sent, expected);
}

void TcpDialect::stack_sends_nothing() {
  collect();
  EXPECT_TRUE(sent_.empty()) << "expected nothing, sent " << sent_.front().seg.text();
}

void TcpDialect::stack_sends_nothing_for(Duration duration) {
  after(duration);
  stack_sends_nothing();
}

std::vector<Seg> TcpDialect::taken() {
  collect();
  std::vector<Seg> segments;
  for (Sent& sent : sent_) segments.push_back(std::move(sent.seg));
  sent_.clear();
  return segments;
}

void TcpDialect::user_listens(std::uint32_t backlog) {
  const auto result = stack_->listen({kStackAddress, stack_port}, backlog);
  ASSERT_EQ(result.error, Errno::kNone);
  listener_ = result.id;
}

void TcpDialect::user_connects(const TcpOpenOptions& options) {
  const auto result =
      stack_->connect(now_, {kStackAddress, stack_port}, {kPeerAddress, peer_port}, options);
  ASSERT_EQ(result.error, Errno::kNone);
  id_ = result.id;
  written_ = received_ = 0;
}

void TcpDialect::user_accepts() {
  const auto id = stack_->accept(listener_);
  ASSERT_TRUE(id.has_value()) << "nothing to accept";
  id_ = *id;
  written_ = received_ = 0;
}

std::uint32_t TcpDialect::user_writes(std::uint32_t bytes) {
  std::uint32_t accepted = 0;
  while (accepted < bytes) {
    BufPtr buf(pool_.take());
    const std::uint32_t piece = std::min(bytes - accepted, buf->tailroom());
    const auto text = payload(1 + written_, piece);
    std::copy(text.begin(), text.end(), buf->push_back(piece).begin());
    const std::uint32_t taken = stack_->send(now_, id_, Slice{BufRef(std::move(buf)), 0, piece});
    accepted += taken;
    written_ += taken;
    if (taken < piece) break;
  }
  collect();
  return accepted;
}

void TcpDialect::user_reads(std::uint32_t bytes) {
  std::vector<std::byte> got;
  for (;;) {
    const Slice slice = stack_->receive(now_, id_, bytes - static_cast<std::uint32_t>(got.size()));
    if (slice.len == 0) break;
    got.insert(got.end(), slice.bytes().begin(), slice.bytes().end());
  }
  ASSERT_EQ(got.size(), bytes) << "readable at once";
  EXPECT_TRUE(got == payload(1 + received_, bytes)) << "wrong bytes at offset " << received_;
  received_ += bytes;
  collect();
}

void TcpDialect::user_reads_end_of_stream() {
  EXPECT_EQ(status().readable_bytes, 0U);
  EXPECT_TRUE(status().end_of_stream);
}

void TcpDialect::user_writes_urgently(std::uint32_t bytes) {
  BufPtr buf(pool_.take());
  const auto text = payload(1 + written_, bytes);
  std::copy(text.begin(), text.end(), buf->push_back(bytes).begin());
  written_ += stack_->send_urgent(now_, id_, Slice{BufRef(std::move(buf)), 0, bytes});
  collect();
}

void TcpDialect::user_shuts_down() { stack_->shutdown_send(now_, id_); }
void TcpDialect::user_closes() { stack_->close(now_, id_); }
void TcpDialect::user_aborts() { stack_->abort(now_, id_); }
void TcpDialect::expect_state(TcpState state) { EXPECT_EQ(name(status().state), name(state)); }
void TcpDialect::expect_error(Errno error) { EXPECT_EQ(symbol(status().error), symbol(error)); }

void TcpDialect::established(std::uint16_t mss, std::uint32_t win) {
  user_listens();
  peer_sends(syn(0).mss(mss));
  stack_sends(syn_ack(0, 1));
  after(std::chrono::milliseconds(100)).peer_sends(ack(1, 1).win(win));
  user_accepts();
}

void TcpDialect::icmp(TcpIcmpKind kind, Errno error, Seq quoted_seq, std::uint32_t mtu_bytes) {
  TcpIcmpError report;
  report.kind = kind;
  report.error = error;
  report.local = {kStackAddress, stack_port};
  report.remote = {kPeerAddress, peer_port};
  report.seq = stack_isn_.value_or(SeqNum(0)) + quoted_seq.number;
  report.mtu_bytes = mtu_bytes;
  stack_->on_icmp_error(now_, report);
}

void TcpDialect::migrate() {
  const auto image = stack_->export_image(now_, id_);
  ASSERT_TRUE(image.has_value());
  stack_ = std::make_unique<TcpStack>(
      config_, TcpDeps{pool_, timers_, bus_, Rng(2).fork("elsewhere"), *this});
  const auto id = stack_->import_image(now_, *image);
  ASSERT_TRUE(id.has_value());
  id_ = *id;
}

void TcpDialect::migrate_unheld() {
  const auto place = stack_->listening_at(listener_);
  const auto images = stack_->export_unheld(now_);
  EXPECT_EQ(stack_->connections(), 0U);
  stack_ = std::make_unique<TcpStack>(
      config_, TcpDeps{pool_, timers_, bus_, Rng(2).fork("elsewhere"), *this});
  if (place) listener_ = stack_->listen(*place, 5).id;
  for (const TcbImage& image : images) EXPECT_TRUE(stack_->import_unheld(now_, image));
}

void TcpDialect::on_tcp_ready(TcpId, std::uint32_t readiness) { readiness_ |= readiness; }
void TcpDialect::on_tcp_accept(TcpListenerId listener) {
  EXPECT_TRUE(hears_all_ || listener == listener_);
}

void TcpDialect::collect() {
  TcpDeparture departure;
  while (stack_->next_segment(now_, departure)) sent_.push_back({now_, read(departure)});
}

Seg TcpDialect::read(const TcpDeparture& departure) {
  const auto bytes = departure.buf->bytes();
  const auto sum = pseudo_sum(departure.source.v4(), departure.target.v4(),
                              {IpProtocol::kTcp, departure.buf->len});
  const auto view = TcpView::parse(bytes, sum);
  EXPECT_TRUE(view.has_value()) << name(view.reason());
  EXPECT_GE(departure.buf->data_off, 64U) << "headroom";
  if (view->flags().syn()) {
    stack_isn_ = view->seq();
    if (view->options().timestamps && !stack_ts_) stack_ts_ = view->options().timestamps->value;
  }
  Seg seg;
  seg.flags = view->flags();
  const bool relative = stack_isn_ && !(seg.flags.rst() && !seg.flags.ack() && !stack_isn_);
  seg.seq_no = view->seq().value() - (relative ? stack_isn_->value() : 0);
  if (seg.flags.ack()) seg.ack_no = view->ack().value() - peer_isn.value();
  seg.len = static_cast<std::uint32_t>(view->payload().size());
  seg.win_field = view->window();
  seg.urgent_pointer = view->urgent_pointer();
  seg.options = view->options();
  if (seg.options->timestamps && stack_ts_) {
    seg.options->timestamps->value -= stack_ts_->value();
  }
  SackBlocks blocks;
  for (const SeqRange& block : seg.options->sack) {
    blocks.push_back({SeqNum(block.first.value() - peer_isn.value()),
                      SeqNum(block.end.value() - peer_isn.value())});
  }
  seg.options->sack = blocks;
  seg.ecn = static_cast<Ecn>(departure.traffic_class & 3);
  const auto text = payload(seg.seq_no + (seg.flags.syn() ? 1 : 0), seg.len);
  EXPECT_TRUE(std::equal(text.begin(), text.end(), view->payload().begin()))
      << "wrong bytes in " << seg.text();
  return seg;
}

void TcpDialect::check(const Sent& sent, const Seg& expected) const {
  const Seg& seg = sent.seg;
  const std::string what = "sent " + seg.text() + ", expected " + expected.text();
  // PSH is compared only where the test says it.
  const TcpFlags mask = expected.flags.has(kPsh) ? TcpFlags(0x1ff) : TcpFlags(0x1ff & ~0x08);
  EXPECT_EQ((seg.flags & mask).bits(), expected.flags.bits()) << what;
  EXPECT_EQ(seg.seq_no, expected.seq_no) << what;
  EXPECT_EQ(seg.len, expected.len) << what;
  if (expected.ack_no) {
    EXPECT_EQ(seg.ack_no, expected.ack_no) << what;
  }
  if (expected.win_field) {
    EXPECT_EQ(seg.win_field, expected.win_field) << what;
  }
  if (expected.options) {
    EXPECT_TRUE(*seg.options == *expected.options) << what;
  }
  if (expected.urgent_pointer) {
    EXPECT_EQ(seg.urgent_pointer, expected.urgent_pointer) << what;
  }
  if (expected.ecn) {
    EXPECT_EQ(seg.ecn, expected.ecn) << what;
  }
}

// Stream offsets are relative sequence numbers less one, for the SYN.
std::vector<std::byte> TcpDialect::payload(Seq first, std::uint32_t len) const {
  std::vector<std::byte> text(len);
  for (std::uint32_t i = 0; i < len; ++i) text[i] = stream_byte(first.number - 1 + i);
  return text;
}

}  // namespace twinpath::test
