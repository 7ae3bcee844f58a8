// Where connections and listeners are found. Hash order is never observable: tables are only asked
// for one key; whatever walks everything walks by index.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "models/base/dense_slots.h"
#include "models/base/slab.h"
#include "models/tcp/connection.h"
#include "models/tcp/ring_deque.h"

namespace twinpath::tcp {

// Connections by handle. Indices are reused last in, first out.
class ConnectionSlab {
 public:
  [[nodiscard]] Connection* get(TcpId id) const {
    Connection* connection = at(id.index);
    return connection != nullptr && connection->id == id ? connection : nullptr;
  }
  // Nothing in a free slot.
  [[nodiscard]] Connection* at(std::uint32_t index) const {
    return slab_.is_taken(index) ? &slab_[index] : nullptr;
  }
  // Requires: one is there.
  [[nodiscard]] Connection& operator[](std::uint32_t index) const { return slab_[index]; }
  [[nodiscard]] std::uint32_t slots() const { return slab_.slots(); }
  [[nodiscard]] std::uint32_t size() const { return slab_.size(); }
  Connection& add(const FlowKey& key, Activity* activity);
  void remove(Connection& connection) { slab_.remove(connection.id.index); }

 private:
  Slab<Connection> slab_;
  std::uint32_t generation_ = 0;
};

// Open addressing with linear probing and backward-shift deletion: no tombstones, so lookups stay
// short for ever. The hash stands beside the index; a mismatch touches no connection.
class FlowTable {
 public:
  FlowTable(std::uint64_t seed, const ConnectionSlab& connections)
      : connections_(connections), seed_(seed), slots_(kSlotsMin) {}
  [[nodiscard]] Connection* find(const FlowKey& key) const;
  // A place to begin at, on its way to the cache; and then the block of the connection there.
  [[nodiscard]] std::size_t expect_place(const FlowKey& key) const {
    const std::size_t place = places().home(hash(key));
    __builtin_prefetch(&slots_[place]);
    return place;
  }
  void expect_connection(std::size_t place) const {
    constexpr std::size_t kLine = 64;
    if (slots_[place].index_plus_1 == 0) return;
    const auto* block =
        reinterpret_cast<const std::byte*>(&connections_[slots_[place].index_plus_1 - 1]);
    for (std::size_t at = 0; at < sizeof(Connection); at += kLine) __builtin_prefetch(block + at);
  }
  // Requires: find(connection.key()) is nothing.
  void insert(Connection& connection);
  void erase(Connection& connection);
  [[nodiscard]] std::uint32_t size() const { return size_; }

 private:
  static constexpr std::size_t kSlotsMin = 16;
  struct Slot {
    std::uint32_t index_plus_1 = 0;  // 0: free
    std::uint32_t hash = 0;
  };
  [[nodiscard]] std::uint32_t hash(const FlowKey& key) const {
    return static_cast<std::uint32_t>(hash_flow(seed_, key));
  }
  [[nodiscard]] DenseSlots places() const { return DenseSlots(slots_.size()); }
  void place(const Slot& slot);
  void grow();

  const ConnectionSlab& connections_;
  std::uint64_t seed_;
  std::vector<Slot> slots_;
  std::uint32_t size_ = 0;
};

// RFC 9293 §3.10.7.2's LISTEN is an object of its own: it has no sequence numbers and no peer.
struct Listener {
  TcpListenerId id;
  TcpEndpointAddress local;
  std::uint32_t backlog = 0;
  std::uint32_t half_open = 0;          // connections in SYN-RECEIVED
  std::uint32_t connections = 0;        // those, and what became of them until TIME-WAIT
  std::uint32_t fast_open_pending = 0;  // given to the user before their handshake was complete
  RingDeque<TcpId> accept_queue;
  TcpListenOptions options;
  bool open = false;

  [[nodiscard]] bool accept_queue_full() const { return accept_queue.size() >= backlog; }
};

class ListenerTable {
 public:
  explicit ListenerTable(std::uint64_t seed) : seed_(seed) {}
  [[nodiscard]] Listener* get(TcpListenerId id);
  // A definite address before "any"; of several that share it, the one this flow hashes to.
  [[nodiscard]] Listener* find(const FlowKey& key);
  [[nodiscard]] bool is_taken(const TcpEndpointAddress& local,
                              const TcpListenOptions& options = {}) const;
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(by_port_.size()); }
  Listener& add(const TcpEndpointAddress& local, std::uint32_t backlog);
  void remove(Listener& listener);

 private:
  struct Entry {
    std::uint16_t port;
    std::uint32_t index;
  };
  [[nodiscard]] Listener* pick(const FlowKey& key, bool any);

  std::uint64_t seed_;
  std::vector<std::unique_ptr<Listener>> slots_;
  std::vector<Entry> by_port_;  // sorted by port
  std::uint32_t generation_ = 0;
};

}  // namespace twinpath::tcp
