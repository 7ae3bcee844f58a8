// Who has which link address: the neighbour cache of ARP and of Neighbour Discovery, one state
// machine for both. Bounded, resolved on demand, checked again when an answer has aged. Read
// RFC 4861 §7.3, RFC 826 and RFC 1122 §2.3.2.
#pragma once

#include <cstdint>
#include <list>
#include <unordered_map>

#include "models/base/hash.h"
#include "models/base/timer.h"
#include "models/host/bounded_queue.h"
#include "models/host/context.h"
#include "models/host/routes.h"
#include "models/wire/neighbour_discovery.h"

namespace twinpath {

// Who carries out what the cache decides.
class NeighbourUser {
 public:
  virtual ~NeighbourUser() = default;
  // Asks for the link address of `hop.next`: everybody, or `unicast` alone when it is given.
  virtual void ask_neighbour(Instant now, const Hop& hop, const MacAddress* unicast) = 0;
  // A frame that waited: `mac` is whom it goes to.
  virtual void on_resolved(Instant now, InterfaceId interface, MacAddress mac, BufPtr frame) = 0;
  // A frame whose neighbour did not answer.
  virtual void on_unresolved(Instant now, InterfaceId interface, BufPtr frame) = 0;
  // Cached paths may be wrong from now on.
  virtual void on_neighbour_changed() = 0;
};

// RFC 4861 §7.3.2. With ARP an aged answer is asked about as soon as it is used: DELAY takes no
// time there.
enum class NeighbourState : std::uint8_t {
  kIncomplete,  // asked for, frames held
  kReachable,   // answered less than its reachable time ago
  kStale,       // aged, or told unasked; asked about when it is used next
  kDelay,       // used since, not yet asked about
  kProbe,       // still used while it is asked by unicast (RFC 1122 §2.3.2.1 (2))
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

  // What is known about the neighbour `hop` leads to; goes on to ask it when it has aged.
  Resolution resolve(Instant now, const Hop& hop);
  // Keeps `frame` until the neighbour answers or is given up, and asks. When the queue of this
  // neighbour is full its oldest frame goes: the newest is the likeliest to matter.
  void hold(Instant now, const Hop& hop, BufPtr frame);
  // An ARP packet of `hop.next`. RFC 826: refreshes what is known; is learnt when it `asks_us`, at
  // `hop.source`.
  void on_arp(Instant now, const Hop& hop, MacAddress mac, bool asks_us);
  // RFC 4861 §7.2.3: `hop.next` asked for `hop.source` and said where it is.
  void on_solicitation(Instant now, const Hop& hop, MacAddress mac);
  // RFC 4861 §7.2.5.
  void on_advertisement(Instant now, InterfaceId interface, const NdMessage& message);

  [[nodiscard]] std::size_t size() const { return recent_.size() + fixed_.size(); }
  // Nothing when it is not known at all.
  [[nodiscard]] std::optional<NeighbourState> state(InterfaceId interface,
                                                    const IpAddress& address) const;

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
  struct Key {
    IpAddress address;
    InterfaceId interface = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      return hash_pair({key.address.high() ^ key.interface, key.address.low()});
    }
  };
  // What the two protocols do at different times.
  struct Times {
    std::uint32_t attempts;
    Duration interval;
    Duration reachable;
    Duration delay;
  };

  [[nodiscard]] Times times_of(const IpAddress& address) const;
  Entry* find(InterfaceId interface, const IpAddress& address);
  Entry& insert(Instant now, const Hop& hop, NeighbourState state);
  void evict_one(Instant now);
  void erase(Entries::iterator entry);
  void ask(Instant now, Entry& entry);
  void start_asking(Instant now, Entry& entry, NeighbourState state);
  Resolution use_stale(Instant now, Entry& entry, const Hop& hop);
  void on_timer(Instant now, Entry& entry);
  void give_up(Instant now, Entry& entry);
  void confirm(Instant now, Entry& entry, MacAddress mac);
  void become_stale(Instant now, Entry& entry, MacAddress mac);
  void settle(Instant now, Entry& entry, MacAddress mac);

  HostContext& context_;
  NeighbourUser& user_;
  Duration nd_reachable_;
  Entries recent_;  // most recently confirmed first
  Entries fixed_;
  std::unordered_map<Key, Entries::iterator, KeyHash> index_;  // looked up, never walked
};

}  // namespace twinpath
