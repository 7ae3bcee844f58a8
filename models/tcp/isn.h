// Initial sequence numbers an outsider cannot guess. Read RFC 6528 §3.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "models/base/rng.h"
#include "models/base/time.h"
#include "models/tcp/flow_key.h"
#include "models/wire/seq.h"

namespace twinpath::tcp {

// SipHash-2-4 over 64-bit words (Aumasson, Bernstein, INDOCRYPT 2012).
std::uint64_t siphash(const std::array<std::uint64_t, 2>& key,
                      std::span<const std::uint64_t> words);

// A secret of one stack and what is derived from it per connection.
class SecretNumbers {
 public:
  explicit SecretNumbers(Rng rng);

  // What a connection begins with.
  struct Opening {
    SeqNum isn;
    std::uint32_t timestamp_offset = 0;
  };
  // Both in little more time than one.
  [[nodiscard]] Opening opening(const FlowKey& flow, Instant now) const;
  // RFC 6528 §3: M + F(flow, secret), M a clock of 4 us.
  [[nodiscard]] SeqNum isn(const FlowKey& flow, Instant now) const;
  // RFC 7323 §7.1: where a connection's timestamps start.
  [[nodiscard]] std::uint32_t timestamp_offset(const FlowKey& flow) const;
  // RFC 4987 appendix A: what a cookie's number starts from, and its part that ages by the minute.
  // The peer's number is hashed, not only added: with a sum alone, the acknowledgement that ends a
  // connection in which both sides sent as much would open another.
  struct CookiePart {
    std::uint32_t minute;
    std::uint32_t peer_isn;
  };
  [[nodiscard]] std::uint32_t cookie_base(const FlowKey& flow) const;
  [[nodiscard]] std::uint32_t cookie(const FlowKey& flow, CookiePart part) const;
  // RFC 7413 §4.1.2. Requires: no ports in `flow`.
  [[nodiscard]] std::uint64_t fast_open(const FlowKey& flow) const;
  // RFC 6056 §3.3.3: where the search for a local port starts.
  [[nodiscard]] std::uint32_t port_offset(const FlowKey& flow) const;

 private:
  [[nodiscard]] std::uint64_t keyed(const FlowKey& flow, std::uint64_t purpose) const;
  std::array<std::uint64_t, 2> key_;
};

}  // namespace twinpath::tcp
