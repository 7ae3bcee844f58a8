// Models report what happened, never what it costs: which contract, which outcome, and the values
// of its performance-critical variables (PCVs; Bolt, NSDI'19 §3). The driver prices the rows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "models/base/check.h"

namespace twinpath {

using ContractId = std::uint32_t;
inline constexpr std::size_t kPcvsMax = 8;

// Filled by production code with ordinary stores, owned by its caller: part of the object and of
// its contract, the same in sim, emu and the distiller.
struct Probe {
  std::uint32_t outcome = 0;
  std::array<std::uint32_t, kPcvsMax> pcv{};

  // Requires: index < kPcvsMax.
  void count(std::size_t index) { ++pcv[index]; }
};

struct CostRow {
  ContractId contract = 0;
  Probe probe;
};

// The rows of one turn. Rows are not merged: a formula may multiply PCVs of one packet.
class CostLedger {
 public:
  static constexpr std::size_t kRowsMax = 65536;  // of one turn; a budget keeps far below

  void add(ContractId contract, const Probe& probe) {
    CHECK(rows_.size() < kRowsMax);
    rows_.push_back({contract, probe});
  }
  [[nodiscard]] std::span<const CostRow> rows() const { return rows_; }
  void clear() { rows_.clear(); }

 private:
  std::vector<CostRow> rows_;
};

}  // namespace twinpath
