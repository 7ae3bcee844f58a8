// A descriptor may name any part of the buffer it was lent with, so it is found by its offset.
#include "emu/lender.h"

#include <algorithm>

#include "models/base/check.h"

namespace twinpath::emu {

Lender::Lender(const LenderOptions& options) : options_(options), loans_(options.bufs) {
  CHECK(options.buf_bytes > 0);
  for (std::uint32_t index = options.bufs; index > 0; --index) free_.push_back(index - 1);
}

std::optional<Descriptor> Lender::lend(PeerId peer) {
  CHECK(peer != kNobody);
  if (free_.empty()) return std::nullopt;
  const std::uint32_t index = free_.back();
  free_.pop_back();
  loans_[index].holder = peer;
  return Descriptor{.region = options_.region,
                    .offset = options_.first_offset + index * options_.buf_bytes,
                    .len = options_.buf_bytes,
                    .generation = loans_[index].generation};
}

Lender::Loan* Lender::find(const Descriptor& descriptor, PeerId peer) {
  if (descriptor.region != options_.region || descriptor.offset < options_.first_offset) {
    return nullptr;
  }
  const std::uint32_t within = descriptor.offset - options_.first_offset;
  const std::uint32_t index = within / options_.buf_bytes;
  if (index >= loans_.size() || peer == kNobody) return nullptr;
  if (descriptor.len > options_.buf_bytes - within % options_.buf_bytes) return nullptr;
  Loan& loan = loans_[index];
  return loan.holder == peer && loan.generation == descriptor.generation ? &loan : nullptr;
}

void Lender::free_loan(std::uint32_t index) {
  loans_[index].holder = kNobody;
  ++loans_[index].generation;
  free_.push_back(index);
}

bool Lender::pass_on(const Descriptor& descriptor, PeerId from, PeerId to) {
  CHECK(to != kNobody);
  Loan* loan = find(descriptor, from);
  if (loan == nullptr) return false;
  loan->holder = to;
  return true;
}

bool Lender::take_back(const Descriptor& descriptor, PeerId peer) {
  const Loan* loan = find(descriptor, peer);
  if (loan == nullptr) return false;
  free_loan(static_cast<std::uint32_t>(loan - loans_.data()));
  return true;
}

std::uint32_t Lender::reclaim(PeerId peer) {
  std::uint32_t count = 0;
  for (std::uint32_t index = 0; index < loans_.size(); ++index) {
    if (peer == kNobody || loans_[index].holder != peer) continue;
    free_loan(index);
    ++count;
  }
  return count;
}

std::uint32_t Lender::held_by(PeerId peer) const {
  return static_cast<std::uint32_t>(
      std::count_if(loans_.begin(), loans_.end(), [&](const Loan& l) { return l.holder == peer; }));
}

}  // namespace twinpath::emu
