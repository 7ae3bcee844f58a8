// What a turn costs on a modelled core: rows of a ledger in, cycles out. Models report what
// happened and never see a price.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>

#include "models/base/cost.h"

namespace twinpath::sim {

class Pricer {
 public:
  virtual ~Pricer() = default;
  // Cycles of one turn of the Stage called `stage`.
  [[nodiscard]] virtual std::uint64_t cycles(std::string_view stage,
                                             std::span<const CostRow> rows) const = 0;
};

// The profile "zero": a turn costs the nanosecond that every turn costs.
class ZeroPricer final : public Pricer {
 public:
  [[nodiscard]] std::uint64_t cycles(std::string_view, std::span<const CostRow>) const override {
    return 0;
  }
};

// A base per row and a weight per PCV, by contract: the shape of most contracts (Bolt, NSDI'19 §3).
// Rows of a contract without a price cost nothing.
class LinearPricer final : public Pricer {
 public:
  struct Price {
    std::uint64_t base_cycles = 0;
    std::array<std::uint64_t, kPcvsMax> pcv_cycles{};
  };
  void set(ContractId contract, const Price& price) { prices_[contract] = price; }

  [[nodiscard]] std::uint64_t cycles(std::string_view,
                                     std::span<const CostRow> rows) const override {
    std::uint64_t total = 0;
    for (const CostRow& row : rows) {
      const auto found = prices_.find(row.contract);
      if (found == prices_.end()) continue;
      total += found->second.base_cycles;
      for (std::size_t index = 0; index < kPcvsMax; ++index) {
        total += found->second.pcv_cycles[index] * row.probe.pcv[index];
      }
    }
    return total;
  }

 private:
  std::map<ContractId, Price> prices_;
};

}  // namespace twinpath::sim
