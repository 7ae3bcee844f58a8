// Hosts by index, as ns-3's containers hold nodes and devices.
#pragma once

#include <cstddef>
#include <vector>

#include "sim/twinpath_host.h"

namespace twinpath::sim {

class HostContainer {
 public:
  void add(ns3::Ptr<TwinpathHost> host) { hosts_.push_back(host); }
  [[nodiscard]] std::size_t size() const { return hosts_.size(); }
  [[nodiscard]] ns3::Ptr<TwinpathHost> get(std::size_t index) const { return hosts_.at(index); }
  [[nodiscard]] auto begin() const { return hosts_.begin(); }
  [[nodiscard]] auto end() const { return hosts_.end(); }

 private:
  std::vector<ns3::Ptr<TwinpathHost>> hosts_;
};

}  // namespace twinpath::sim
