// Two TCP stacks back to back.
#include "tests/fakes/tcp_pair.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "models/base/check.h"
#include "models/base/hash.h"
#include "models/tcp/image.h"
#include "models/wire/tcp.h"

namespace twinpath::test {
namespace {

constexpr std::size_t kClient = 0;
constexpr std::size_t kServer = 1;
constexpr std::uint32_t kWireOverheadBytes = 14 + 20 + 24;  // Ethernet, IP, gap and preamble

const std::array<IpAddress, 2> kAddresses = {IpAddress(Ipv4Address(0xc6120001)),
                                             IpAddress(Ipv4Address(0xc6120002))};

// Both streams, at any offset, from one table: checking must not cost more than TCP does.
constexpr std::size_t kPeriod = 65521;  // prime, so a segment at a wrong place shows
const std::vector<std::byte>& pattern() {
  static const std::vector<std::byte> table = [] {
    std::vector<std::byte> bytes(2 * kPeriod);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<std::byte>(mix64(i % kPeriod));
    }
    return bytes;
  }();
  return table;
}

}  // namespace

TcpPair::TcpPair(const Settings& settings)
    : settings_(settings), faults_(Rng(settings.seed).fork("faults")) {
  for (std::size_t side = 0; side < 2; ++side) {
    Side& at = sides_[side];
    at.pool = std::make_unique<HeapPool>();
    at.timers = std::make_unique<TimerQueue>();
    at.bus = std::make_unique<EventBus>();
    at.user.pair = this;
    at.user.side = side;
    const TcpConfig& config = side == kClient ? settings.client : settings.server;
    at.stack = std::make_unique<TcpStack>(
        config, TcpDeps{*at.pool, *at.timers, *at.bus, Rng(settings.seed).fork(side), at.user});
  }
  CHECK(server().listen({kAddresses[kServer], kServerPort}, 4096).error == Errno::kNone);
}

TcpPair::~TcpPair() {
  while (!in_flight_.empty()) in_flight_.pop();
  for (Side& side : sides_) side.stack.reset();
}

void TcpPair::start(const TransferOptions& options) {
  transfer_ = options;
  const auto opened =
      client().connect(now_, {kAddresses[kClient], 0}, {kAddresses[kServer], kServerPort});
  CHECK(opened.error == Errno::kNone);
  Stream stream;
  stream.id = opened.id;
  stream.to_write = options.client_bytes;
  stream.open = true;
  sides_[kClient].streams.push_back(stream);
  send_all(kClient);
}

bool TcpPair::run(Duration at_most) {
  const Instant until = now_ + at_most;
  while (!finished() && next_event() <= until) step();
  if (!finished()) now_ = until;
  return finished();
}

bool TcpPair::finished() const {
  const auto over = [](const Stream& stream) { return stream.ended; };
  const auto& clients = sides_[kClient].streams;
  const auto& servers = sides_[kServer].streams;
  return clients.size() == servers.size() && std::all_of(clients.begin(), clients.end(), over) &&
         std::all_of(servers.begin(), servers.end(), over);
}

TcpInfo TcpPair::client_info(std::size_t transfer) const {
  return sides_[kClient].stack->info(sides_[kClient].streams[transfer].id);
}

void TcpPair::serve(std::size_t side, TcpId id) {
  for (Stream& stream : sides_[side].streams) {
    if (stream.open && stream.id == id) {
      read(sides_[side], stream);
      write(sides_[side], stream);
      return;
    }
  }
}

void TcpPair::accept(TcpListenerId listener) {
  while (const auto id = server().accept(listener)) {
    Stream stream;
    stream.id = *id;
    stream.to_write = transfer_.server_bytes;
    stream.open = true;
    sides_[kServer].streams.push_back(stream);
    serve(kServer, *id);
  }
}

void TcpPair::write(Side& side, Stream& stream) {
  while (stream.written < stream.to_write) {
    const auto room = side.stack->status(stream.id).writable_bytes;
    BufPtr buf(room == 0 ? nullptr : side.pool->take());
    if (buf == nullptr) return;
    const auto piece = static_cast<std::uint32_t>(std::min<std::uint64_t>(
        {stream.to_write - stream.written, buf->tailroom(), transfer_.write_bytes, room}));
    std::memcpy(buf->push_back(piece).data(), pattern().data() + stream.written % kPeriod, piece);
    const Slice slice{BufRef(std::move(buf)), 0, piece};
    stream.written += side.stack->send(now_, stream.id, slice);
  }
  if (!stream.shut) side.stack->shutdown_send(now_, stream.id);
  stream.shut = true;
}

void TcpPair::read(Side& side, Stream& stream) {
  for (;;) {
    const Slice slice = side.stack->receive(now_, stream.id, transfer_.read_bytes);
    if (slice.len == 0) break;
    const auto bytes = slice.bytes();
    exact_ = exact_ &&
             std::memcmp(bytes.data(), pattern().data() + stream.read % kPeriod, bytes.size()) == 0;
    stream.read += slice.len;
  }
  const TcpStatus status = side.stack->status(stream.id);
  if (status.error != Errno::kNone) exact_ = false;
  if (status.end_of_stream || status.state == TcpState::kClosed) stream.ended = true;
}

void TcpPair::send_all(std::size_t side) {
  TcpDeparture departure;
  while (sides_[side].stack->next_segment(now_, departure)) send_one(side, std::move(departure));
}

void TcpPair::send_one(std::size_t side, TcpDeparture departure) {
  ++segments_;
  const PipeOptions& pipe = settings_.pipe;
  trace_ = hash_pair({trace_, static_cast<std::uint64_t>(to_ns(now_)) * 2 + side});
  const std::uint32_t wire_bytes = departure.buf->len + kWireOverheadBytes;
  Side& from = sides_[side];
  if (pipe.rate_bps > 0) {
    const auto bits = static_cast<std::int64_t>(wire_bytes) * 8;
    const Duration backlog = std::max(from.line_free - now_, Duration::zero());
    const auto queued =
        static_cast<std::uint64_t>(backlog.count()) * (pipe.rate_bps / 1000) / 8'000'000;
    if (queued > pipe.queue_bytes) return;
    from.line_free = std::max(from.line_free, now_) +
                     Duration(bits * 1'000'000'000 / static_cast<std::int64_t>(pipe.rate_bps));
  }
  const std::uint64_t draw = faults_.next();
  Rng fate(draw);
  if (is_next_to_lose(side, departure)) return;
  if (fate.chance(Probability::of(pipe.loss))) return;
  Instant at = std::max(from.line_free, now_) + pipe.delay;
  if (fate.chance(Probability::of(pipe.reorder))) at += pipe.delay;
  if (fate.chance(Probability::of(pipe.corrupt))) {
    const std::uint64_t bit = fate.below(departure.buf->len * 8ULL);
    departure.buf->bytes()[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
  }
  if (fate.chance(Probability::of(pipe.duplicate)))
    deliver_at(at + pipe.delay / 8, side, departure);
  TcpArrival arrival{departure.source, departure.target, departure.traffic_class};
  in_flight_.push({at, order_++, 1 - side, std::move(departure.buf), arrival});
}

bool TcpPair::is_next_to_lose(std::size_t side, const TcpDeparture& departure) {
  if (settings_.pipe.lose_every == 0 || side != kClient) return false;
  if (departure.buf->len <= kTcpHeaderLenMax) return false;
  return ++data_segments_ % settings_.pipe.lose_every == 0;
}

void TcpPair::deliver_at(Instant at, std::size_t side, const TcpDeparture& departure) {
  BufPtr copy(sides_[side].pool->take());
  std::memcpy(copy->push_back(departure.buf->len).data(), departure.buf->data(),
              departure.buf->len);
  TcpArrival arrival{departure.source, departure.target, departure.traffic_class};
  in_flight_.push({at, order_++, 1 - side, std::move(copy), arrival});
}

void TcpPair::maybe_migrate() {
  if (migrate_every_ == 0 || segments_ % migrate_every_ != 0) return;
  for (Side& side : sides_) {
    for (Stream& stream : side.streams) {
      const auto image = side.stack->export_image(now_, stream.id);
      if (!image) continue;
      const auto id = side.stack->import_image(now_, *image);
      CHECK(id.has_value());
      stream.id = *id;
    }
  }
}

Instant TcpPair::next_event() const {
  Instant next = in_flight_.empty() ? kNever : in_flight_.top().at;
  for (const Side& side : sides_) next = std::min(next, side.timers->next_deadline());
  return next;
}

void TcpPair::step() {
  now_ = std::max(now_, next_event());
  while (!in_flight_.empty() && in_flight_.top().at <= now_) {
    Arrival arrival = std::move(const_cast<Arrival&>(in_flight_.top()));
    in_flight_.pop();
    sides_[arrival.side].stack->on_segment(now_, arrival.arrival, std::move(arrival.buf));
    send_all(arrival.side);
    maybe_migrate();
  }
  for (std::size_t side = 0; side < 2; ++side) {
    sides_[side].timers->expire(now_);
    send_all(side);
  }
}

}  // namespace twinpath::test
