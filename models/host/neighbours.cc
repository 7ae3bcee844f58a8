// The neighbour cache's state machine. Timers run only while a question is open, so an idle host
// with a full cache has no deadline.
#include "models/host/neighbours.h"

#include "models/base/rng.h"

namespace twinpath {

namespace {

// RFC 4861 §6.3.2: MIN_RANDOM_FACTOR to MAX_RANDOM_FACTOR, so that hosts do not ask in step.
// Deviates from RFC 4861 §6.3.4: drawn once, not again every few hours.
Duration spread(Duration base, Rng rng) {
  return base / 2 + Duration(static_cast<std::int64_t>(
                        rng.below(static_cast<std::uint64_t>(base.count()) + 1)));
}

}  // namespace

NeighbourTable::Entry::Entry(NeighbourTable& owner, const Hop& hop_of, NeighbourState initial)
    : table(owner),
      hop(hop_of),
      state(initial),
      timer(this,
            [](void* self, Instant now) {
              auto& entry = *static_cast<Entry*>(self);
              entry.table.on_timer(now, entry);
            }),
      held(owner.context_.config.arp_queue_frames) {}

NeighbourTable::NeighbourTable(HostContext& context, NeighbourUser& user)
    : context_(context),
      user_(user),
      nd_reachable_(spread(context.config.nd_reachable, Rng(context.config.seed).fork("nd"))) {
  for (const NeighbourConfig& known : context.config.neighbours) {
    const Hop hop{known.interface, known.address, {}};
    fixed_.emplace_front(*this, hop, NeighbourState::kFixed);
    fixed_.front().mac = known.mac;
    index_.insert_or_assign(Key{known.address, known.interface}, fixed_.begin());
  }
}

NeighbourTable::Times NeighbourTable::times_of(const IpAddress& address) const {
  const HostConfig& config = context_.config;
  if (address.is_v4()) {
    return {config.arp_attempts, config.arp_interval, config.arp_reachable, Duration(0)};
  }
  return {config.nd_attempts, config.nd_interval, nd_reachable_, config.nd_delay};
}

NeighbourTable::Entry* NeighbourTable::find(InterfaceId interface, const IpAddress& address) {
  const auto found = index_.find(Key{address, interface});
  return found == index_.end() ? nullptr : &*found->second;
}

std::optional<NeighbourState> NeighbourTable::state(InterfaceId interface,
                                                    const IpAddress& address) const {
  const auto found = index_.find(Key{address, interface});
  if (found == index_.end()) return std::nullopt;
  return found->second->state;
}

Resolution NeighbourTable::resolve(Instant now, const Hop& hop) {
  using Outcome = Resolution::Outcome;
  Entry* entry = find(hop.interface, hop.next);
  if (entry == nullptr) return {};
  switch (entry->state) {
    case NeighbourState::kFixed:
      return {Outcome::kKnown, entry->mac, kNever};
    case NeighbourState::kReachable:
      if (now < entry->until) return {Outcome::kKnown, entry->mac, entry->until};
      return use_stale(now, *entry, hop);
    case NeighbourState::kStale:
      return use_stale(now, *entry, hop);
    case NeighbourState::kDelay:
      return {Outcome::kKnown, entry->mac, entry->timer.deadline()};
    case NeighbourState::kProbe:
      return {Outcome::kKnown, entry->mac, now};
    case NeighbourState::kFailed:
      return {now < entry->until ? Outcome::kUnreachable : Outcome::kUnknown, {}, {}};
    case NeighbourState::kIncomplete:
      break;
  }
  return {};
}

// RFC 4861 §7.3.3: the first packet to a stale neighbour goes out and starts the wait for a hint
// that it arrived. Deviates from RFC 4861 §7.3.1: transports give no such hints.
Resolution NeighbourTable::use_stale(Instant now, Entry& entry, const Hop& hop) {
  entry.hop.source = hop.source;
  const Duration delay = times_of(hop.next).delay;
  if (delay == Duration(0)) {
    start_asking(now, entry, NeighbourState::kProbe);
    return {Resolution::Outcome::kKnown, entry.mac, now};
  }
  entry.state = NeighbourState::kDelay;
  context_.timers.arm(entry.timer, after(now, delay));
  return {Resolution::Outcome::kKnown, entry.mac, after(now, delay)};
}

void NeighbourTable::hold(Instant now, const Hop& hop, BufPtr frame) {
  Entry* entry = find(hop.interface, hop.next);
  if (entry == nullptr) entry = &insert(now, hop, NeighbourState::kFailed);
  if (entry->state == NeighbourState::kFailed) {
    start_asking(now, *entry, NeighbourState::kIncomplete);
  }
  if (entry->held.full()) {
    const BufPtr oldest = entry->held.pop();
    context_.drop(now, {DropReason::kNoNeighbour, Way::kOut,
                        context_.interfaces.port_of(hop.interface), oldest->len});
  }
  entry->held.push(std::move(frame));
}

NeighbourTable::Entry& NeighbourTable::insert(Instant now, const Hop& hop, NeighbourState state) {
  if (recent_.size() >= context_.config.arp_entries_max) evict_one(now);
  recent_.emplace_front(*this, hop, state);
  index_.insert_or_assign(Key{hop.next, hop.interface}, recent_.begin());
  return recent_.front();
}

void NeighbourTable::evict_one(Instant now) {
  Entry& oldest = recent_.back();
  const PortId port = context_.interfaces.port_of(oldest.hop.interface);
  while (!oldest.held.empty()) {
    const BufPtr frame = oldest.held.pop();
    context_.drop(now, {DropReason::kNoNeighbour, Way::kOut, port, frame->len});
  }
  erase(std::prev(recent_.end()));
}

void NeighbourTable::erase(Entries::iterator entry) {
  index_.erase(Key{entry->hop.next, entry->hop.interface});
  recent_.erase(entry);
  user_.on_neighbour_changed();
}

void NeighbourTable::start_asking(Instant now, Entry& entry, NeighbourState state) {
  entry.state = state;
  entry.asked = 0;
  ask(now, entry);
}

void NeighbourTable::ask(Instant now, Entry& entry) {
  ++entry.asked;
  const bool known = entry.state == NeighbourState::kProbe;
  user_.ask_neighbour(now, entry.hop, known ? &entry.mac : nullptr);
  context_.timers.arm(entry.timer, after(now, times_of(entry.hop.next).interval));
}

void NeighbourTable::on_timer(Instant now, Entry& entry) {
  if (entry.state == NeighbourState::kDelay) {
    user_.on_neighbour_changed();  // from now on every packet asks how it stands
    start_asking(now, entry, NeighbourState::kProbe);
  } else if (entry.asked < times_of(entry.hop.next).attempts) {
    ask(now, entry);
  } else if (entry.state == NeighbourState::kProbe) {
    // The next packet starts over with a question to everybody.
    erase(index_.at(Key{entry.hop.next, entry.hop.interface}));
  } else {
    give_up(now, entry);
  }
}

void NeighbourTable::give_up(Instant now, Entry& entry) {
  entry.state = NeighbourState::kFailed;
  entry.until = after(now, context_.config.arp_hold_down);
  const InterfaceId interface = entry.hop.interface;
  // The user may answer by sending, which may evict this entry: take the frames out first.
  FrameQueue held = std::exchange(entry.held, FrameQueue(context_.config.arp_queue_frames));
  while (!held.empty()) user_.on_unresolved(now, interface, held.pop());
}

void NeighbourTable::on_arp(Instant now, const Hop& hop, MacAddress mac, bool asks_us) {
  if (hop.next.is_any()) return;  // RFC 5227 §2.1.1: a probe claims nothing
  Entry* entry = find(hop.interface, hop.next);
  if (entry == nullptr) {
    if (!asks_us) return;
    entry = &insert(now, hop, NeighbourState::kReachable);
  }
  if (entry->state != NeighbourState::kFixed) confirm(now, *entry, mac);
}

void NeighbourTable::on_solicitation(Instant now, const Hop& hop, MacAddress mac) {
  Entry* entry = find(hop.interface, hop.next);
  if (entry == nullptr) entry = &insert(now, hop, NeighbourState::kFailed);
  if (entry->state == NeighbourState::kFixed) return;
  const bool unknown =
      entry->state == NeighbourState::kIncomplete || entry->state == NeighbourState::kFailed;
  if (unknown || entry->mac != mac) become_stale(now, *entry, mac);
}

void NeighbourTable::on_advertisement(Instant now, InterfaceId interface,
                                      const NdMessage& message) {
  Entry* entry = find(interface, message.target);
  if (entry == nullptr || entry->state == NeighbourState::kFixed) return;
  if (entry->state == NeighbourState::kFailed) return;  // RFC 4861 §7.2.5: nobody asks any more
  if (entry->state == NeighbourState::kIncomplete) {
    if (!message.link_address) return;
    if (message.solicited) return confirm(now, *entry, *message.link_address);
    return become_stale(now, *entry, *message.link_address);
  }
  const MacAddress mac = message.link_address.value_or(entry->mac);
  const bool moves = mac != entry->mac;
  if (moves && !message.overrides) {
    // It may be a proxy's: what is known is used on, but no longer believed.
    if (entry->state == NeighbourState::kReachable) become_stale(now, *entry, entry->mac);
  } else if (message.solicited) {
    confirm(now, *entry, mac);
  } else if (moves) {
    become_stale(now, *entry, mac);
  }
}

void NeighbourTable::confirm(Instant now, Entry& entry, MacAddress mac) {
  entry.state = NeighbourState::kReachable;
  entry.until = after(now, times_of(entry.hop.next).reachable);
  settle(now, entry, mac);
}

void NeighbourTable::become_stale(Instant now, Entry& entry, MacAddress mac) {
  if (entry.state == NeighbourState::kReachable) user_.on_neighbour_changed();
  entry.state = NeighbourState::kStale;
  settle(now, entry, mac);
}

// The neighbour is known: no question is open, and what waited goes.
void NeighbourTable::settle(Instant now, Entry& entry, MacAddress mac) {
  context_.timers.cancel(entry.timer);
  if (entry.mac != mac) user_.on_neighbour_changed();
  entry.mac = mac;
  entry.asked = 0;
  recent_.splice(recent_.begin(), recent_, index_.at(Key{entry.hop.next, entry.hop.interface}));
  const InterfaceId interface = entry.hop.interface;
  while (!entry.held.empty()) user_.on_resolved(now, interface, mac, entry.held.pop());
}

}  // namespace twinpath
