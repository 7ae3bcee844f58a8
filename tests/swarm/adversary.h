// Somebody on the path who reads everything and forges what must do no harm: resets, SYNs, FINs and
// text that RFC 5961 and RFC 7323 tell to refuse, copies with other bytes of what arrived before,
// lies about windows and selective acknowledgements, broken options, ICMP errors, fragments,
// floods.
//
// What a TCP cannot defend itself against is left out: right numbers with wrong text, and, unless
// the world allows it, the reset with the exact number.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "models/base/heap_pool.h"
#include "models/wire/ethernet.h"
#include "models/wire/ipv4.h"
#include "models/wire/tcp.h"
#include "tests/fakes/fake_network.h"
#include "tests/swarm/dice.h"

namespace twinpath::swarm {

struct AdversaryConfig {
  unsigned percent = 0;  // of the segments that arrive provoke one attack
  bool may_reset = false;
};

class Adversary {
 public:
  // Requires: `pool` outlives the hosts, who keep what they were given.
  Adversary(FakeNetwork& network, HeapPool& pool, const AdversaryConfig& config, Dice dice)
      : network_(network), pool_(pool), config_(config), dice_(dice) {}

  // In the order of the network's identifiers.
  void add(Host& host) { hosts_.push_back(&host); }
  void see(const SeenFrame& frame);
  void stop() { config_.percent = 0; }
  [[nodiscard]] std::uint64_t attacks() const { return attacks_; }
  // Frames put into hosts beside the network.
  [[nodiscard]] std::uint64_t frames() const { return frames_; }

 private:
  struct Key {
    std::uint64_t addresses = 0;
    std::uint32_t ports = 0;
    auto operator<=>(const Key&) const = default;
  };
  struct Kept {
    SeqNum first;
    std::vector<std::byte> bytes;
  };
  // What one end said to the other.
  struct Way {
    MacAddress from_mac;
    MacAddress to_mac;
    Ipv4Address from;
    Ipv4Address to;
    std::uint16_t from_port = 0;
    std::uint16_t to_port = 0;
    SeqNum isn;
    SeqNum sent_end;  // behind everything it sent
    SeqNum ack;       // what it acknowledged last
    std::uint16_t window = 0;
    bool is_established = false;  // it has acknowledged, or sent, more than a SYN
    std::optional<TcpTimestamps> first_stamps;
    std::optional<TcpTimestamps> stamps;
    SackBlocks sacks;
    std::deque<Kept> kept;
  };
  // One end that is lied to: `forward` is what it hears, `back` what it said.
  struct Victim {
    FakeEnd end;
    Key forward;
    Key back;
  };

  void note(const Ipv4View& ip, const EthernetView& frame);
  void provoke(const SeenFrame& frame, const Ipv4View& ip);
  void attack(const Victim& victim);
  TcpRepr plausible(const Way& forward, const Way& back) const;
  SeqNum harmless_seq(const Way& forward, const Way& back);
  std::vector<std::byte> wrong_bytes(std::size_t count);

  void forge_control(const Victim& victim);
  void forge_text(const Victim& victim);
  void forge_old_text(const Victim& victim);
  void forge_copy(const Victim& victim);
  void forge_held_copy(const Victim& victim);
  void forge_window(const Victim& victim);
  void forge_sacks(const Victim& victim);
  void forge_options(const Victim& victim);
  void forge_duplicates(const Victim& victim);
  void forge_error(const Victim& victim);
  void forge_fragments(const Victim& victim);
  void cut_in_fragments(const Victim& victim);
  void forge_urgent(const Victim& victim);
  void flood(const Victim& victim);
  void reset_exactly(const Victim& victim);

  void send(const Victim& victim, const TcpRepr& repr, std::span<const std::byte> payload);
  std::vector<std::byte> segment(const Way& way, const TcpRepr& repr,
                                 std::span<const std::byte> payload);
  struct IpPart {
    IpProtocol protocol = IpProtocol::kTcp;
    std::uint16_t identification = 0;
    std::size_t offset_bytes = 0;
    bool more = false;
  };
  void deliver(const Victim& victim, const IpPart& part, std::span<const std::byte> bytes);

  FakeNetwork& network_;
  HeapPool& pool_;
  AdversaryConfig config_;
  Dice dice_;
  std::vector<Host*> hosts_;
  std::map<Key, Way> ways_;
  std::uint64_t attacks_ = 0;
  std::uint64_t frames_ = 0;
};

}  // namespace twinpath::swarm
