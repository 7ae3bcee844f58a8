// What no user holds leaves a stack and comes back: half-open and waiting connections with their
// listener's place, connections that close by themselves, TIME-WAIT.
#include <utility>

#include "models/tcp/image.h"
#include "models/tcp/image_io.h"
#include "models/tcp/stack.h"
#include "models/tcp/steps.h"

namespace twinpath {
namespace tcp {
namespace {

TcbImage image_of(Connection& connection) {
  ImageWriter writer;
  writer(TcbImage::kVersion), writer(ImageKind::kUnheld), writer(connection.in_accept_queue);
  write_connection(writer, connection);
  return TcbImage(writer.take());
}

TcbImage image_of(TimeWait& old) {
  ImageWriter writer;
  writer(TcbImage::kVersion), writer(ImageKind::kTimeWait);
  write_key(writer, old.key);
  visit_time_wait(old, writer);
  return TcbImage(writer.take());
}

// Out of the queue of its listener, which has all its connections leave.
void leave_queue(Core& core, Connection& connection) {
  if (!std::exchange(connection.in_accept_queue, false)) return;
  connection.accept_ready = false;
  Listener* listener = core.listeners.get(connection.listener);
  if (listener != nullptr) listener->accept_queue.clear();
}

void join(Core& core, Listener& listener, Connection& connection, bool waits) {
  connection.listener = listener.id;
  ++listener.connections;
  if (connection.state == TcpState::kSynReceived) ++listener.half_open;
  if (connection.is_fast_open_child()) ++listener.fast_open_pending;
  if (waits) wait_for_accept(listener, connection);
  arm_timer(core, connection);
}

bool import_connection(Core& core, Instant now, ImageReader& reader) {
  bool waits = false;
  reader(waits);
  Connection* connection = read_connection(reader, core, now);
  if (connection == nullptr) return false;
  const bool is_pending =
      connection->opened_passively && (waits || connection->state == TcpState::kSynReceived);
  Listener* listener = is_pending ? core.listeners.find(connection->key()) : nullptr;
  if (is_pending && listener == nullptr) {
    forget(core, *connection);
    return false;
  }
  if (listener != nullptr) {
    join(core, *listener, *connection, waits);
  } else {
    connection->receive_shut = true;
    arm_timer(core, *connection);
  }
  settle(core, *connection);
  return true;
}

bool import_time_wait(Core& core, ImageReader& reader) {
  const auto key = read_free_key(reader, core);
  TimeWait old;
  visit_time_wait(old, reader);
  if (!key || !reader.at_end() || core.time_waits.size() >= core.config.time_wait_max) return false;
  old.key = *key;
  old.flow = flow_id(*key);
  if (core.observer != nullptr) core.observer->on_tcp_open(old.flow);
  core.time_waits.add(old);
  arm_time_wait_timer(core);
  return true;
}

}  // namespace
}  // namespace tcp

std::vector<TcbImage> TcpStack::export_unheld(Instant) {
  std::vector<TcbImage> images;
  tcp::Core& core = *core_;
  for (std::uint32_t index = 0; index < core.connections.slots(); ++index) {
    tcp::Connection* connection = core.connections.at(index);
    if (connection == nullptr || connection->has_handle) continue;
    wake(core, *connection);
    if (connection->state != TcpState::kClosed) images.push_back(tcp::image_of(*connection));
    tcp::leave_queue(core, *connection);
    forget(core, *connection);
  }
  while (tcp::TimeWait* old = core.time_waits.oldest()) {
    images.push_back(tcp::image_of(*old));
    if (core.observer != nullptr) core.observer->on_tcp_end(flow_of(*old, TcpEnd::kMoved));
    core.time_waits.remove(tcp::FlowKey(old->key));
  }
  return images;
}

bool TcpStack::import_unheld(Instant now, const TcbImage& image) {
  tcp::ImageReader reader(image.bytes());
  std::uint32_t version = 0;
  tcp::ImageKind kind{};
  reader(version), reader(kind);
  if (version != TcbImage::kVersion) return false;
  if (kind == tcp::ImageKind::kTimeWait) return tcp::import_time_wait(*core_, reader);
  return kind == tcp::ImageKind::kUnheld && tcp::import_connection(*core_, now, reader);
}

}  // namespace twinpath
