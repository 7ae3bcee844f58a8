// Who holds which buffer of a shared region. The lender's own memory, which no peer can write: a
// peer that dies or lies cannot make a buffer disappear or come back twice.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "models/base/descriptor.h"

namespace twinpath::emu {

struct LenderOptions {
  std::uint32_t region = 0;        // the number peers know it by
  std::uint32_t first_offset = 0;  // where buffers begin
  std::uint32_t buf_bytes = 2048;
  std::uint32_t bufs = 1024;
};

using PeerId = std::uint32_t;
inline constexpr PeerId kNobody = 0;  // peers are numbered from 1

class Lender {
 public:
  explicit Lender(const LenderOptions& options);

  // A whole buffer for `peer`; nothing when all are lent. Requires: peer != kNobody.
  std::optional<Descriptor> lend(PeerId peer);
  // A buffer passed on, from one peer to another. False as take_back().
  bool pass_on(const Descriptor& descriptor, PeerId from, PeerId to);
  // False, and nothing changes, when this peer does not hold that buffer in that generation.
  bool take_back(const Descriptor& descriptor, PeerId peer);
  // Everything a dead or cut off peer holds; how many. Its descriptors are stale from now on.
  std::uint32_t reclaim(PeerId peer);

  [[nodiscard]] std::uint32_t held_by(PeerId peer) const;
  [[nodiscard]] std::uint32_t free_bufs() const { return static_cast<std::uint32_t>(free_.size()); }

 private:
  struct Loan {
    PeerId holder = kNobody;
    std::uint32_t generation = 0;
  };
  // The loan a descriptor names, if `peer` holds it.
  Loan* find(const Descriptor& descriptor, PeerId peer);
  void free_loan(std::uint32_t index);

  LenderOptions options_;
  std::vector<Loan> loans_;
  std::vector<std::uint32_t> free_;
};

}  // namespace twinpath::emu
