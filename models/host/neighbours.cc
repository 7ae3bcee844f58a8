// The ARP cache's state machine. Timers run only while a question is open, so an idle host with a
// full cache has no deadline.
#include "models/host/neighbours.h"

namespace twinpath {

namespace {

std::uint64_t key_of(PortId port, Ipv4Address address) {
  return std::uint64_t{port} << 32 | address.value();
}

}  // namespace

NeighbourTable::Entry::Entry(NeighbourTable& owner, const Hop& hop_of, NeighbourState initial)
    : table(owner),
      hop(hop_of),
      state(initial),
      timer(this,
            [](void* self, Instant now) {
              auto& entry = *static_cast<Entry*>(self);
              entry.table.on_silence(now, entry);
            }),
      held(owner.context_.config.arp_queue_frames) {}

NeighbourTable::NeighbourTable(HostContext& context, NeighbourUser& user)
    : context_(context), user_(user) {
  for (const NeighbourConfig& known : context.config.neighbours) {
    fixed_.emplace_front(*this, Hop{known.port, known.address, {}}, NeighbourState::kFixed);
    fixed_.front().mac = known.mac;
    index_.insert_or_assign(key_of(known.port, known.address), fixed_.begin());
  }
}

NeighbourTable::Entry* NeighbourTable::find(PortId port, Ipv4Address address) {
  const auto found = index_.find(key_of(port, address));
  return found == index_.end() ? nullptr : &*found->second;
}

Resolution NeighbourTable::resolve(Instant now, const Hop& hop) {
  using Outcome = Resolution::Outcome;
  Entry* entry = find(hop.port, hop.next);
  if (entry == nullptr) return {};
  switch (entry->state) {
    case NeighbourState::kFixed:
      return {Outcome::kKnown, entry->mac, kNever};
    case NeighbourState::kReachable:
      if (now < entry->until) return {Outcome::kKnown, entry->mac, entry->until};
      entry->state = NeighbourState::kPolled;
      entry->hop.source = hop.source;
      entry->asked = 0;
      ask(now, *entry);
      return {Outcome::kKnown, entry->mac, now};
    case NeighbourState::kPolled:
      return {Outcome::kKnown, entry->mac, now};
    case NeighbourState::kFailed:
      return {now < entry->until ? Outcome::kUnreachable : Outcome::kUnknown, {}, {}};
    case NeighbourState::kIncomplete:
      break;
  }
  return {};
}

void NeighbourTable::hold(Instant now, const Hop& hop, BufPtr frame) {
  Entry* entry = find(hop.port, hop.next);
  if (entry == nullptr) entry = &insert(now, hop, NeighbourState::kFailed);
  if (entry->state == NeighbourState::kFailed) {
    entry->state = NeighbourState::kIncomplete;
    entry->asked = 0;
    ask(now, *entry);
  }
  if (entry->held.full()) {
    const BufPtr oldest = entry->held.pop();
    context_.drop(now, {DropReason::kNoNeighbour, Way::kOut, hop.port, oldest->len});
  }
  entry->held.push(std::move(frame));
}

NeighbourTable::Entry& NeighbourTable::insert(Instant now, const Hop& hop, NeighbourState state) {
  if (recent_.size() >= context_.config.arp_entries_max) evict_one(now);
  recent_.emplace_front(*this, hop, state);
  index_.insert_or_assign(key_of(hop.port, hop.next), recent_.begin());
  return recent_.front();
}

void NeighbourTable::evict_one(Instant now) {
  Entry& oldest = recent_.back();
  while (!oldest.held.empty()) {
    const BufPtr frame = oldest.held.pop();
    context_.drop(now, {DropReason::kNoNeighbour, Way::kOut, oldest.hop.port, frame->len});
  }
  erase(std::prev(recent_.end()));
}

void NeighbourTable::erase(Entries::iterator entry) {
  index_.erase(key_of(entry->hop.port, entry->hop.next));
  recent_.erase(entry);
  user_.on_neighbour_changed();
}

void NeighbourTable::ask(Instant now, Entry& entry) {
  ++entry.asked;
  const bool poll = entry.state == NeighbourState::kPolled;
  const InterfaceConfig& interface = context_.config.interfaces[entry.hop.port];
  const ArpPacket question{.operation = ArpOperation::kRequest,
                           .sender_mac = interface.mac,
                           .sender_ip = entry.hop.source,
                           .target_mac = MacAddress(),
                           .target_ip = entry.hop.next};
  user_.send_arp(now, entry.hop.port, question, poll ? entry.mac : MacAddress::broadcast());
  context_.timers.arm(entry.timer, after(now, context_.config.arp_interval));
}

void NeighbourTable::on_silence(Instant now, Entry& entry) {
  if (entry.asked < context_.config.arp_attempts) {
    ask(now, entry);
  } else if (entry.state == NeighbourState::kPolled) {
    // The next packet starts over with a broadcast question.
    erase(index_.at(key_of(entry.hop.port, entry.hop.next)));
  } else {
    give_up(now, entry);
  }
}

void NeighbourTable::give_up(Instant now, Entry& entry) {
  entry.state = NeighbourState::kFailed;
  entry.until = after(now, context_.config.arp_hold_down);
  const PortId port = entry.hop.port;
  // The user may answer by sending, which may evict this entry: take the frames out first.
  FrameQueue held = std::exchange(entry.held, FrameQueue(context_.config.arp_queue_frames));
  while (!held.empty()) user_.on_unresolved(now, port, held.pop());
}

void NeighbourTable::learn(Instant now, PortId port, const ArpPacket& packet, bool asks_us) {
  if (packet.sender_ip.is_any()) return;  // RFC 5227 §2.1.1: a probe claims nothing
  Entry* entry = find(port, packet.sender_ip);
  if (entry == nullptr) {
    if (!asks_us) return;
    const Hop hop{port, packet.sender_ip, packet.target_ip};
    entry = &insert(now, hop, NeighbourState::kReachable);
  }
  if (entry->state != NeighbourState::kFixed) confirm(now, *entry, packet.sender_mac);
}

void NeighbourTable::confirm(Instant now, Entry& entry, MacAddress mac) {
  context_.timers.cancel(entry.timer);
  if (entry.mac != mac) user_.on_neighbour_changed();
  entry.mac = mac;
  entry.state = NeighbourState::kReachable;
  entry.until = after(now, context_.config.arp_reachable);
  entry.asked = 0;
  recent_.splice(recent_.begin(), recent_, index_.at(key_of(entry.hop.port, entry.hop.next)));
  while (!entry.held.empty()) user_.on_resolved(now, entry.hop.port, mac, entry.held.pop());
}

}  // namespace twinpath
