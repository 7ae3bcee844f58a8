// What a network card does for the stack above it, done for ns-3's: checks the Internet checksums
// of arriving packets and fills in those that ns-3 left at zero. ns-3 sums two bytes at a time and
// copies a datagram's pseudo-header for each, a sixth of a datagram's way to its socket; here the
// sums of models/wire do it. Sums that only reassembly could check are not checked.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "models/base/packet_buf.h"
#include "models/wire/ethernet.h"
#include "models/wire/ip.h"
#include "models/wire/parsed.h"

namespace twinpath::sim {

class ChecksumOffload {
 public:
  // Datagrams whose first fragments wait for the rest; the oldest makes room.
  static constexpr std::size_t kHeldMax = 8;

  // `packet` begins at the network header. kNone: whole, and every sum it carries is right.
  [[nodiscard]] static DropReason check(EtherType type, std::span<const std::byte> packet);

  // Fills in what is zero and appends to `ready` what may go now. The sum of a datagram stands in
  // its first fragment, so fragments wait until the last one has come; ns-3 sends them in order.
  void fill(BufPtr frame, std::vector<BufPtr>& ready);

  // Fragments that never became whole.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  struct Datagram {  // what its fragments have in common
    IpAddress src;
    IpAddress dst;
    std::uint32_t identification = 0;
    IpProtocol protocol = IpProtocol::kUdp;
    bool operator==(const Datagram&) const = default;
  };
  struct Piece {  // of a datagram, within a frame
    Datagram of;
    std::size_t offset_bytes = 0;
    bool more = false;
    std::span<std::byte> bytes;
  };
  struct Held {
    Datagram of;
    std::vector<BufPtr> frames;
    std::byte* field = nullptr;  // where the sum belongs
    std::size_t len = 0;
    InetSum sum;
  };

  void fill_ipv4(BufPtr frame, std::span<std::byte> packet, std::vector<BufPtr>& ready);
  void fill_ipv6(BufPtr frame, std::span<std::byte> packet, std::vector<BufPtr>& ready);
  void hold(BufPtr frame, const Piece& piece, std::vector<BufPtr>& ready);
  void extend(std::deque<Held>::iterator held, BufPtr frame, const Piece& piece,
              std::vector<BufPtr>& ready);
  void give_up(std::deque<Held>::iterator held);

  std::deque<Held> held_;
  std::uint64_t dropped_ = 0;
};

}  // namespace twinpath::sim
