// Where connections and listeners are found.
#include "models/tcp/tables.h"

#include <algorithm>
#include <utility>

#include "models/base/check.h"
#include "models/wire/ip_scope.h"

namespace twinpath::tcp {

Connection& ConnectionSlab::add(const FlowKey& key, Activity* activity) {
  const std::uint32_t index = slab_.next();
  Connection& connection = slab_.add(key, activity);
  if (++generation_ == 0) generation_ = 1;
  connection.id = {index, generation_};
  return connection;
}

Connection* FlowTable::find(const FlowKey& key) const {
  const std::uint32_t wanted = hash(key);
  const DenseSlots way = places();
  for (std::size_t at = way.home(wanted); slots_[at].index_plus_1 != 0; at = way.next(at)) {
    if (slots_[at].hash != wanted) continue;
    Connection& connection = connections_[slots_[at].index_plus_1 - 1];
    if (connection.names == key) return &connection;
  }
  return nullptr;
}

void FlowTable::insert(Connection& connection) {
  if (!places().holds(size_ + 1)) grow();
  place({connection.id.index + 1, hash(connection.key())});
  ++size_;
}

void FlowTable::erase(Connection& connection) {
  const DenseSlots way = places();
  std::size_t hole = way.home(hash(connection.key()));
  while (slots_[hole].index_plus_1 != connection.id.index + 1) {
    CHECK(slots_[hole].index_plus_1 != 0);
    hole = way.next(hole);
  }
  // What follows moves back unless that would put it before its own place.
  for (std::size_t at = way.next(hole); slots_[at].index_plus_1 != 0; at = way.next(at)) {
    if (!way.may_move({way.home(slots_[at].hash), hole, at})) continue;
    slots_[hole] = slots_[at];
    hole = at;
  }
  slots_[hole] = Slot();
  --size_;
}

void FlowTable::place(const Slot& slot) {
  const DenseSlots way = places();
  std::size_t at = way.home(slot.hash);
  while (slots_[at].index_plus_1 != 0) at = way.next(at);
  slots_[at] = slot;
}

void FlowTable::grow() {
  std::vector<Slot> before(places().larger());
  before.swap(slots_);
  for (const Slot& slot : before) {
    if (slot.index_plus_1 != 0) place(slot);
  }
}

Listener* ListenerTable::get(TcpListenerId id) {
  if (id.index >= slots_.size() || slots_[id.index] == nullptr) return nullptr;
  Listener& listener = *slots_[id.index];
  return listener.open && listener.id == id ? &listener : nullptr;
}

// Among the listeners of the flow's port at its very address, or at any.
Listener* ListenerTable::pick(const FlowKey& key, bool any) {
  const auto matches = [&](const Entry& entry) {
    const Listener& listener = *slots_[entry.index];
    const BoundAddress bound{listener.local.address, listener.options.v6_only};
    return bound.address.is_any() == any && bound.covers(key.local);
  };
  const auto first =
      std::lower_bound(by_port_.begin(), by_port_.end(), key.local_port,
                       [](const Entry& e, std::uint16_t port) { return e.port < port; });
  const auto end =
      std::find_if(first, by_port_.end(), [&](const Entry& e) { return e.port != key.local_port; });
  const auto count = std::count_if(first, end, matches);
  if (count == 0) return nullptr;
  auto wanted = count == 1 ? 0 : hash_flow(seed_, key) % static_cast<std::uint64_t>(count);
  auto at = std::find_if(first, end, matches);
  for (; wanted > 0; --wanted) at = std::find_if(at + 1, end, matches);
  return slots_[at->index].get();
}

Listener* ListenerTable::find(const FlowKey& key) {
  if (by_port_.empty()) return nullptr;
  Listener* definite = pick(key, false);
  return definite != nullptr ? definite : pick(key, true);
}

bool ListenerTable::is_taken(const TcpEndpointAddress& local,
                             const TcpListenOptions& options) const {
  const BoundAddress wanted{local.address, options.v6_only};
  return std::any_of(by_port_.begin(), by_port_.end(), [&](const Entry& entry) {
    const Listener& listener = *slots_[entry.index];
    if (entry.port != local.port || (options.shared && listener.options.shared)) return false;
    return wanted.overlaps({listener.local.address, listener.options.v6_only});
  });
}

Listener& ListenerTable::add(const TcpEndpointAddress& local, std::uint32_t backlog) {
  std::uint32_t index = 0;
  while (index < slots_.size() && slots_[index] != nullptr) ++index;
  if (index == slots_.size()) slots_.emplace_back();
  slots_[index] = std::make_unique<Listener>();
  Listener& listener = *slots_[index];
  if (++generation_ == 0) generation_ = 1;
  listener.id = {index, generation_};
  listener.local = local;
  listener.backlog = backlog;
  listener.open = true;
  const auto place =
      std::upper_bound(by_port_.begin(), by_port_.end(), local.port,
                       [](std::uint16_t port, const Entry& entry) { return port < entry.port; });
  by_port_.insert(place, {local.port, index});
  return listener;
}

void ListenerTable::remove(Listener& listener) {
  const std::uint32_t index = listener.id.index;
  std::erase_if(by_port_, [index](const Entry& entry) { return entry.index == index; });
  slots_[index].reset();
}

}  // namespace twinpath::tcp
