// Who has which link address: the ARP cache. Bounded, resolved on demand, checked again when an
// answer has aged. Read RFC 826 and RFC 1122 §2.3.2.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>

#include "models/base/timer.h"
#include "models/host/bounded_queue.h"
#include "models/host/context.h"
#include "models/host/routes.h"
#include "models/wire/arp.h"

namespace twinpath {

// Who carries out what the cache decides.
class NeighbourUser {
 public:
  virtual ~NeighbourUser() = default;
  virtual void send_arp(Instant now, PortId port, const ArpPacket& packet, MacAddress to) = 0;
  // A frame that waited: `mac` is whom it goes to.
  virtual void on_resolved(Instant now, PortId port, MacAddress mac, BufPtr frame) = 0;
  // A frame whose neighbour did not answer.
  virtual void on_unresolved(Instant now, PortId port, BufPtr frame) = 0;
  // Cached paths may be wrong from now on.
  virtual void on_neighbour_changed() = 0;
};

enum class NeighbourState : std::uint8_t {
  kIncomplete,  // asked for, frames held
  kReachable,   // answered less than arp_reachable ago
  kPolled,      // aged: still used while it is asked by unicast (RFC 1122 §2.3.2.1 (2))
  kFailed,      // did not answer; not asked again for arp_hold_down
  kFixed,       // configured
};

struct Resolution {
  enum class Outcome : std::uint8_t { kKnown, kUnknown, kUnreachable };
  Outcome outcome = Outcome::kUnknown;
  MacAddress mac;
  Instant until{};  // kKnown: may be used without asking again before this instant
};

class NeighbourTable {
 public:
  NeighbourTable(HostContext& context, NeighbourUser& user);

  // What is known about the neighbour `hop` leads to; polls it when it has aged.
  Resolution resolve(Instant now, const Hop& hop);
  // Keeps `frame` until the neighbour answers or is given up, and asks. When the queue of this
  // neighbour is full its oldest frame goes: the newest is the likeliest to matter.
  void hold(Instant now, const Hop& hop, BufPtr frame);
  // RFC 826: refreshes what is known; learns the sender when it `asks_us`.
  void learn(Instant now, PortId port, const ArpPacket& packet, bool asks_us);

  [[nodiscard]] std::size_t size() const { return recent_.size() + fixed_.size(); }

 private:
  struct Entry {
    Entry(NeighbourTable& owner, const Hop& hop_of, NeighbourState initial);
    NeighbourTable& table;
    Hop hop;
    NeighbourState state;
    MacAddress mac;
    std::uint32_t asked = 0;
    Instant until{};  // kReachable: believed; kFailed: not asked again
    Timer timer;
    FrameQueue held;
  };
  using Entries = std::list<Entry>;

  Entry* find(PortId port, Ipv4Address address);
  Entry& insert(Instant now, const Hop& hop, NeighbourState state);
  void evict_one(Instant now);
  void erase(Entries::iterator entry);
  void ask(Instant now, Entry& entry);
  void on_silence(Instant now, Entry& entry);
  void give_up(Instant now, Entry& entry);
  void confirm(Instant now, Entry& entry, MacAddress mac);

  HostContext& context_;
  NeighbourUser& user_;
  Entries recent_;  // most recently resolved first
  Entries fixed_;
  std::unordered_map<std::uint64_t, Entries::iterator> index_;
};

}  // namespace twinpath
