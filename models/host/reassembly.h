// Datagrams that arrive in pieces, of either version of IP. Read RFC 791 §3.2, RFC 1122 §3.3.2,
// RFC 8200 §4.5, RFC 5722 (no overlaps, here for IPv4 too) and RFC 3168 §5.3. Memory is bounded
// over all datagrams; the one begun longest ago makes room.
#pragma once

#include <list>
#include <unordered_map>
#include <vector>

#include "models/base/hash.h"
#include "models/host/context.h"
#include "models/wire/ip.h"

namespace twinpath {

// A fragment as its headers tell it.
struct FragmentArrival {
  InterfaceId interface = 0;
  IpAddress source;
  IpAddress target;
  IpProtocol protocol = IpProtocol::kUdp;  // names the datagram in IPv4 only (RFC 791 §3.2)
  std::uint32_t identification = 0;
  std::uint32_t offset_bytes = 0;
  bool more = false;
  Ecn ecn = Ecn::kNotEct;
  // What the whole will begin with: the Ethernet header and IP's, up to the fragment header.
  std::span<const std::byte> head{};
  // IPv6: what follows the fragment header, and where in `head` the whole says so; 0: nowhere.
  std::size_t named_offset = 0;
  std::uint8_t next_header = 0;
  std::span<const std::byte> bytes{};   // of the part that was cut
  std::span<const std::byte> packet{};  // the fragment itself, from its IP header on
};

class ReassemblyUser {
 public:
  virtual ~ReassemblyUser() = default;
  // The rest did not come in time; `first` is the start of the fragment with offset 0.
  virtual void on_reassembly_timeout(Instant now, InterfaceId interface,
                                     std::span<const std::byte> first) = 0;
};

class Reassembler {
 public:
  Reassembler(HostContext& context, ReassemblyUser& user) : context_(context), user_(user) {}

  // Takes a copy of a fragment. When it was the last one missing, the whole: `head` of its first
  // fragment, whose IP header is the caller's to mend, and all bytes. What is refused is counted.
  // Requires: bytes is not empty, and a multiple of 8 long when `more`.
  BufPtr add(Instant now, const FragmentArrival& fragment);

  [[nodiscard]] std::size_t datagrams() const { return datagrams_.size(); }
  [[nodiscard]] std::uint64_t held_bytes() const { return held_bytes_; }
  // A datagram of 64 kB over a link with the smallest MTU of IPv4, 68.
  static constexpr std::size_t kPiecesMax = 1366;

 private:
  struct Key {
    IpAddress source;
    IpAddress target;
    std::uint32_t identification = 0;
    std::uint8_t protocol = 0;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const;
  };
  struct Piece {
    std::uint32_t offset_bytes;
    std::vector<std::byte> bytes;
    [[nodiscard]] std::uint32_t end() const {
      return offset_bytes + static_cast<std::uint32_t>(bytes.size());
    }
  };
  struct Datagram {
    Datagram(Reassembler& reassembler, const Key& named, InterfaceId arrived_by);
    Reassembler& owner;
    Key key;
    InterfaceId interface;
    bool refused = false;  // its fragments contradict each other: none of them is kept
    bool congested = false;
    bool not_capable = false;
    std::uint32_t end_bytes = 0;  // 0: the last fragment has not come
    std::uint32_t have_bytes = 0;
    std::uint64_t held_bytes = 0;
    std::vector<Piece> pieces;  // by offset, without overlap
    std::vector<std::byte> head;
    std::vector<std::byte> first;  // for the error when the rest does not come
    Timer timer;
  };
  using Datagrams = std::list<Datagram>;
  enum class Fit : std::uint8_t { kNew, kDuplicate, kContradiction };

  Datagram& datagram_of(Instant now, const FragmentArrival& fragment);
  static Fit fit(const Datagram& datagram, const FragmentArrival& fragment);
  void keep(Datagram& datagram, const FragmentArrival& fragment);
  void refuse_all(Datagram& datagram);
  bool make_room(Instant now, const Datagram& keeping, std::uint64_t bytes);
  BufPtr whole(Instant now, Datagram& datagram);
  void on_timeout(Instant now, Datagram& datagram);
  void drop_pieces(Instant now, const Datagram& datagram, DropReason reason);
  void forget(Datagram& datagram);
  void drop(Instant now, DropReason reason, const FragmentArrival& fragment);

  HostContext& context_;
  ReassemblyUser& user_;
  Datagrams datagrams_;                                          // in the order they began
  std::unordered_map<Key, Datagrams::iterator, KeyHash> index_;  // looked up, never walked
  std::uint64_t held_bytes_ = 0;
};

}  // namespace twinpath
