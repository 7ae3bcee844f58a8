// Connections leave as bytes and come back.
#include "models/tcp/image.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "models/tcp/image_io.h"
#include "models/tcp/stack.h"
#include "models/tcp/steps.h"

namespace twinpath {
namespace {

using tcp::Connection;
using tcp::ImageReader;
using tcp::ImageWriter;

// No queue of a connection can be longer than half the sequence space.
constexpr std::uint32_t kQueueBytesMax = 1U << 30;

void write_address(ImageWriter& writer, const IpAddress& address) {
  writer(address.high());
  writer(address.low());
}

IpAddress read_address(ImageReader& reader) {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  reader(high);
  reader(low);
  return IpAddress::from_words({high, low});
}

void write_queue(ImageWriter& writer, const tcp::SliceQueue& queue) {
  writer(queue.bytes());
  queue.copy(0, writer.extend(queue.bytes()));
}

void write_sent(ImageWriter& writer, tcp::SentList& sent) {
  writer(sent.size());
  for (std::uint32_t index = 0; index < sent.size(); ++index) {
    const tcp::SentRange& range = sent[index];
    writer(range.first), writer(range.end), writer(range.sent_at), writer(range.transmissions);
    writer(range.lost), writer(range.resent), writer(range.sacked);
  }
  sent.visit_marks(writer);
  if (sent.rate() != nullptr) sent.rate()->visit(writer);
}

void write_held(ImageWriter& writer, tcp::Reassembly& held) {
  writer(held.pieces());
  for (std::uint32_t index = 0; index < held.pieces(); ++index) {
    writer(held.piece_first(index));
    writer(held.piece(index).len), writer(tcp::room_behind(held.piece(index)));
    writer.append(held.piece(index).bytes());
  }
  held.visit_recent(writer);
}

// `room_max` is left behind a piece at most: what can be gathered there decides how many buffers
// later pieces take, and so what fits.
struct Stored {
  std::uint32_t bytes = 0;
  std::uint32_t room_max = ~std::uint32_t{0};
};

// In pieces of the pool's buffers; nothing when the pool is exhausted.
template <typename Sink>
bool read_bytes(ImageReader& reader, BufPool& pool, const Stored& stored, Sink sink) {
  auto bytes = reader.take(stored.bytes);
  while (!bytes.empty()) {
    BufPtr buf(pool.take());
    if (buf == nullptr) return false;
    const auto piece =
        static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), buf->tailroom()));
    if (piece == 0) return false;
    const std::uint32_t room = buf->tailroom() - piece;
    buf->data_off += room - std::min(room, stored.room_max);
    std::memcpy(buf->push_back(piece).data(), bytes.data(), piece);
    sink(Slice{BufRef(std::move(buf)), 0, piece});
    bytes = bytes.subspan(piece);
  }
  return !reader.failed();
}

bool read_queue(ImageReader& reader, BufPool& pool, tcp::SliceQueue& queue) {
  std::uint32_t count = 0;
  reader(count);
  if (count > kQueueBytesMax) return false;
  return read_bytes(reader, pool, {count}, [&](Slice slice) { queue.append(std::move(slice)); });
}

bool read_sent(ImageReader& reader, Connection& connection) {
  std::uint32_t count = 0;
  reader(count);
  SeqNum expected = connection.snd_una;
  for (std::uint32_t index = 0; index < count && !reader.failed(); ++index) {
    tcp::SentRange range;
    reader(range.first), reader(range.end), reader(range.sent_at), reader(range.transmissions);
    reader(range.lost), reader(range.resent), reader(range.sacked);
    if (range.first != expected || !(range.first < range.end)) return false;
    if (range.end > connection.snd_nxt) return false;
    connection.active->sent.push(range);
    expected = range.end;
  }
  connection.active->sent.visit_marks(reader);
  if (connection.active->sent.rate() != nullptr) connection.active->sent.rate()->visit(reader);
  return !reader.failed();
}

bool read_held(ImageReader& reader, BufPool& pool, Connection& connection) {
  std::uint32_t count = 0;
  reader(count);
  SeqNum behind = connection.rcv_nxt + 1;
  for (std::uint32_t index = 0; index < count && !reader.failed(); ++index) {
    SeqNum first;
    std::uint32_t bytes = 0;
    std::uint32_t room = 0;
    reader(first), reader(bytes), reader(room);
    if (bytes == 0 || bytes > kQueueBytesMax || first < behind) return false;
    if (first + bytes > connection.rcv_adv) return false;
    const bool held = read_bytes(reader, pool, {bytes, room}, [&](Slice slice) {
      const SeqNum at = std::exchange(first, first + slice.len);
      connection.active->reassembly.restore(at, std::move(slice));
    });
    if (!held) return false;
    behind = first;
  }
  connection.active->reassembly.visit_recent(reader);
  return !reader.failed();
}

// What no connection of ours can look like.
bool is_consistent(const Connection& connection) {
  const bool state =
      connection.state > TcpState::kListen && connection.state <= TcpState::kTimeWait;
  return state && connection.snd_una <= connection.snd_nxt && connection.mss_bytes > 0 &&
         connection.rcv_scale <= kWindowScaleMax && connection.snd_scale <= kWindowScaleMax &&
         connection.snd_nxt <= connection.snd_end + 1 && connection.rcv_nxt <= connection.rcv_adv;
}

// What the other stack was configured to do stays so here.
void read_keepalive(ImageReader& reader, Connection& connection) {
  const TcpConfig& config = connection.active->core->config;
  Duration idle{};
  Duration interval{};
  std::uint32_t probes = 0;
  reader(idle), reader(interval), reader(probes);
  if (idle != config.keepalive_idle) connection.uncommon().keepalive_idle = idle;
  if (interval != config.keepalive_interval) connection.uncommon().keepalive_interval = interval;
  if (probes != config.keepalive_probes) connection.uncommon().keepalive_probes = probes;
}

bool read_values(ImageReader& reader, BufPool& pool, Connection& connection) {
  tcp::visit_tcb(connection, reader);
  tcp::visit_activity(*connection.active, reader);
  connection.congestion.visit(reader);
  connection.rtt.visit(reader);
  if (connection.tunes_receive()) connection.receive_tuner.visit(reader);
  prepare_pacing(connection);
  if (connection.active->pacer != nullptr) connection.active->pacer->visit(reader);
  if (reader.failed() || !is_consistent(connection)) return false;
  if (!read_queue(reader, pool, connection.active->send_queue)) return false;
  if (connection.queue_first() != later(connection.snd_una, connection.iss + 1) &&
      !connection.fin_acked()) {
    return false;
  }
  if (!read_queue(reader, pool, connection.active->receive_queue)) return false;
  if (!read_sent(reader, connection) || !read_held(reader, pool, connection)) return false;
  bool has_rare = false;
  reader(has_rare);
  connection.rare.reset();  // what the configuration here asks for
  if (has_rare) connection.uncommon().visit(reader);
  read_keepalive(reader, connection);
  return !reader.failed();
}

// The timer goes where it stood: among timers of one instant the order of arming is observable.
bool read_timer(ImageReader& reader, tcp::Core& core, Connection& connection) {
  TimerPlace place;
  reader(place.deadline), reader(place.sequence);
  if (!reader.at_end()) return false;
  if (place.deadline != kNever) core.timers.resume(connection.active->timer, place);
  return true;
}

}  // namespace

namespace tcp {

void write_key(ImageWriter& writer, const FlowKey& key) {
  write_address(writer, key.local);
  write_address(writer, key.remote);
  writer(key.local_port), writer(key.remote_port);
}

std::optional<FlowKey> read_free_key(ImageReader& reader, Core& core) {
  FlowKey key;
  key.local = read_address(reader);
  key.remote = read_address(reader);
  reader(key.local_port), reader(key.remote_port);
  if (reader.failed() || is_used(core, key)) return std::nullopt;
  return key;
}

void write_connection(ImageWriter& writer, Connection& connection) {
  const Core& core = *connection.active->core;
  write_key(writer, connection.key());
  visit_tcb(connection, writer);
  visit_activity(*connection.active, writer);
  connection.congestion.visit(writer);
  connection.rtt.visit(writer);
  if (connection.tunes_receive()) connection.receive_tuner.visit(writer);
  if (connection.active->pacer != nullptr) connection.active->pacer->visit(writer);
  write_queue(writer, connection.active->send_queue);
  write_queue(writer, connection.active->receive_queue);
  write_sent(writer, connection.active->sent);
  write_held(writer, connection.active->reassembly);
  writer(connection.rare != nullptr);
  if (connection.rare != nullptr) connection.rare->visit(writer);
  writer(keepalive_idle(core, connection)), writer(keepalive_interval(core, connection));
  writer(keepalive_probes(core, connection));
  const TimerPlace place = connection.active->timer.place();
  writer(place.deadline), writer(place.sequence);
}

Connection* read_connection(ImageReader& reader, Core& core, Instant now) {
  const auto key = read_free_key(reader, core);
  Connection* connection = key ? create(core, *key, now) : nullptr;
  if (connection == nullptr) return nullptr;
  const std::uint64_t flow = connection->flow;
  if (!read_values(reader, core.pool, *connection) || !read_timer(reader, core, *connection)) {
    connection->state = TcpState::kSynSent;  // whatever was read
    connection->flow = flow;
    connection->active->reassembly.clear();  // not in the account yet
    forget(core, *connection, TcpEnd::kAborted);
    return nullptr;
  }
  core.out_of_order_bytes += connection->active->reassembly.pinned_bytes();
  if (connection->opened_passively && connection->state == TcpState::kSynReceived) {
    ++core.half_open;
  }
  return connection;
}

}  // namespace tcp

std::optional<TcbImage> TcpStack::export_image(Instant, TcpId id) {
  Connection* connection = core_->connections.get(id);
  if (connection == nullptr || !connection->has_handle) return std::nullopt;
  if (connection->state == TcpState::kClosed) return std::nullopt;
  ImageWriter writer;
  writer(TcbImage::kVersion), writer(tcp::ImageKind::kHeld);
  wake(*core_, *connection);
  write_connection(writer, *connection);
  forget(*core_, *connection);
  return TcbImage(writer.take());
}

std::optional<TcpId> TcpStack::import_image(Instant now, const TcbImage& image) {
  ImageReader reader(image.bytes());
  std::uint32_t version = 0;
  tcp::ImageKind kind{};
  reader(version), reader(kind);
  if (version != TcbImage::kVersion || kind != tcp::ImageKind::kHeld) return std::nullopt;
  Connection* connection = tcp::read_connection(reader, *core_, now);
  if (connection == nullptr) return std::nullopt;
  connection->has_handle = true;
  const TcpId id = connection->id;
  arm_timer(*core_, *connection);
  settle(*core_, *connection);
  return id;
}

}  // namespace twinpath
