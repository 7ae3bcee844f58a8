// See capture.h.
#include "bindings/plan/capture.h"

#include <algorithm>

#include "models/base/check.h"

namespace twinpath::bind {
namespace {

std::vector<std::string> with_drops(const CaptureJob& job, const Plan& plan,
                                    std::vector<std::string> names) {
  if (!job.windows.empty()) return names;
  for (const LinkPlan& link : plan.links) names.push_back(link.name);
  for (const HostPlan& host : plan.hosts) names.push_back(host.name);
  return names;
}

}  // namespace

PcapngCapture::PcapngCapture(const CaptureJob& job, const Plan& plan,
                             std::vector<std::string> ports, ByteSink& sink)
    : job_(job), names_(with_drops(job, plan, std::move(ports))), writer_(sink, names_) {}

std::uint32_t PcapngCapture::interface(const std::string& path) const {
  const auto found = std::find(names_.begin(), names_.end(), path);
  CHECK(found != names_.end());
  return static_cast<std::uint32_t>(found - names_.begin());
}

FrameWindow PcapngCapture::window(const std::string& port_and_direction) const {
  if (job_.windows.empty()) return {};
  const auto found = job_.windows.find(port_and_direction);
  if (found == job_.windows.end()) return {.from = 0, .to = 0};
  return {.from = static_cast<std::uint64_t>(found->second.from),
          .to = static_cast<std::uint64_t>(found->second.to)};
}

PcapngPort::Options PcapngCapture::port(const std::string& path) const {
  return {.interface = interface(path),
          .receive = window(path + "/rx"),
          .transmit = window(path + "/tx"),
          .comments = job_.windows.empty()};
}

LinkDropListener& PcapngCapture::link_drops(const LinkPlan& link, bool from_a) {
  const std::string& from = from_a ? link.a : link.b;
  const std::string& to = from_a ? link.b : link.a;
  return link_drops_.emplace_back(writer_, interface(link.name), from + " to " + to);
}

EventListener& PcapngCapture::host_drops(const std::string& host) {
  return host_drops_.emplace_back(writer_, interface(host), host);
}

}  // namespace twinpath::bind
