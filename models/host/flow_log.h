// Every flow of a host as a row: TCP connections when they end, those alive and UDP's when asked.
// One per host, told by the transports, so that applications need not keep count of their sockets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "models/host/flow_numbers.h"
#include "models/port/fingerprint.h"
#include "models/tcp/flow_key.h"
#include "models/tcp/observer.h"

namespace twinpath {

enum class FlowProtocol : std::uint8_t { kTcp, kUdp };

struct FlowRecord {
  std::uint64_t number = 0;  // in the order flows of this host began
  FlowProtocol protocol = FlowProtocol::kTcp;
  TcpFlow flow{};  // of UDP: `lost_packets` found the socket's queue full; `end` means nothing
};

struct FlowTotals {
  std::vector<FlowRecord> rows;  // by number
  std::uint64_t left_out = 0;    // flows beyond kFlowRowsMax
  ContentHash content;           // of all connections, those without a row too
};

class FlowLog final : public TcpObserver {
 public:
  static constexpr std::size_t kFlowRowsMax = 4096;  // 640 kB

  void on_tcp_open(std::uint64_t flow) override { live_.set({flow, begun_++}); }
  void on_tcp_end(const TcpFlow& flow) override;
  void on_udp_sent(Instant now, const tcp::FlowKey& key, std::size_t len);
  void on_udp_received(Instant now, const tcp::FlowKey& key, std::size_t len);
  void on_udp_lost(const tcp::FlowKey& key);

  // Of a connection that lives, by the number events carry; how far `begun` is tells whether an
  // answer may be kept.
  [[nodiscard]] std::optional<std::uint64_t> number_of(std::uint64_t flow) const {
    return live_.find(flow);
  }
  [[nodiscard]] std::uint64_t begun() const { return begun_; }
  // With `alive`, what TcpStack::flows() says now.
  [[nodiscard]] FlowTotals totals(std::span<const TcpFlow> alive) const;

 private:
  struct KeyHash {
    std::size_t operator()(const tcp::FlowKey& key) const { return tcp::hash_flow(0, key); }
  };
  static void add(FlowTotals& totals, const FlowRecord& record);
  FlowRecord* udp(const tcp::FlowKey& key);

  std::uint64_t begun_ = 0;
  FlowNumbers live_;
  FlowTotals ended_;
  std::unordered_map<tcp::FlowKey, std::size_t, KeyHash> udp_index_;  // looked up, never walked
  std::vector<FlowRecord> udp_;
};

}  // namespace twinpath
