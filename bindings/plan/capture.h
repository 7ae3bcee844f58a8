// One pcapng file of a whole run, the same under both drivers: an interface per port, link and host
// by its entity path.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "bindings/plan/plan.h"
#include "models/host/drop_capture.h"
#include "models/port/pcapng.h"

namespace twinpath::bind {

class PcapngCapture {
 public:
  // `ports` are the entity paths that can be captured. Requires: `job` and `sink` outlive this.
  PcapngCapture(const CaptureJob& job, const Plan& plan, std::vector<std::string> ports,
                ByteSink& sink);
  PcapngCapture(const PcapngCapture&) = delete;
  PcapngCapture& operator=(const PcapngCapture&) = delete;

  [[nodiscard]] PcapngWriter& writer() { return writer_; }
  // How the port of this path is captured.
  [[nodiscard]] PcapngPort::Options port(const std::string& path) const;
  // Drops are left out of a capture of windows.
  [[nodiscard]] bool wants_drops() const { return job_.windows.empty(); }
  // Of the direction away from the link's end a, or of the other.
  LinkDropListener& link_drops(const LinkPlan& link, bool from_a);
  EventListener& host_drops(const std::string& host);

 private:
  [[nodiscard]] std::uint32_t interface(const std::string& path) const;
  [[nodiscard]] FrameWindow window(const std::string& port_and_direction) const;

  const CaptureJob& job_;
  std::vector<std::string> names_;
  PcapngWriter writer_;
  std::deque<PcapngLinkDrops> link_drops_;
  std::deque<PcapngHostDrops> host_drops_;
};

}  // namespace twinpath::bind
