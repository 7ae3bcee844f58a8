// See tracing.h.
#include "bindings/emu/tracing.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "bindings/plan/build.h"
#include "bindings/plan/record.h"
#include "models/app/sha256.h"
#include "models/host/frame_dropped.h"

namespace twinpath::bind {
namespace {

constexpr std::size_t kReadBytes = 1 << 16;

std::string file_name(std::string path) {
  std::replace(path.begin(), path.end(), '/', '-');
  return path;
}

std::string sha256_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> piece(kReadBytes);
  Sha256 digest;
  while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) || file.gcount() > 0) {
    digest.add(std::as_bytes(std::span(piece).first(static_cast<std::size_t>(file.gcount()))));
  }
  return hex(digest.finish());
}

nlohmann::json to_json(const PortFingerprint& port) {
  return {{"port", port.port},
          {"direction", port.direction == Direction::kReceive ? "rx" : "tx"},
          {"frames", port.frames},
          {"hash", fingerprint_text(port.chain)}};
}

// What the fields of a TurnRecord cannot tell apart.
void refuse_too_wide(const Plan& plan) {
  constexpr std::size_t kStages = std::numeric_limits<std::uint8_t>::max() + std::size_t{1};
  if (plan.hosts.size() > kStages) {
    throw PlanError({{"hosts", std::to_string(plan.hosts.size()), "are too many for a turn log",
                      std::to_string(kStages), ""}});
  }
  for (const HostPlan& host : plan.hosts) {
    const auto at_host = [&](const LinkPlan& link) {
      return link.a == host.name || link.b == host.name;
    };
    const auto links = std::count_if(plan.links.begin(), plan.links.end(), at_host);
    if (links <= static_cast<std::ptrdiff_t>(kLoggedInputs)) continue;
    throw PlanError({{host.name, std::to_string(links) + " links",
                      "has too many links for a turn log", std::to_string(kLoggedInputs), ""}});
  }
}

}  // namespace

Tracing::Tracing(const Job& job, const Bed& bed, emu::Recorder& recorder, const PortStacks& ports,
                 const AppHosts& hosts)
    : job_(job), bed_(bed), recorder_(recorder), ports_(ports) {
  if (job.pcap_dir) open_captures();
  if (job.pcapng) open_pcapng(hosts);
  if (!bed.turn_log.empty()) open_turn_log();
}

void Tracing::open_captures() {
  for (const auto& port : ports_) {
    port->capture(recorder_.open(*job_.pcap_dir + "/" + file_name(port->path()) + ".pcap"));
  }
}

void Tracing::open_pcapng(const AppHosts& hosts) {
  std::vector<std::string> paths;
  for (const auto& port : ports_) paths.push_back(port->path());
  pcapng_file_.emplace(recorder_.open(job_.pcapng->path));
  pcapng_.emplace(*job_.pcapng, job_.plan, std::move(paths), *pcapng_file_);
  for (const auto& port : ports_) port->capture(pcapng_->writer(), pcapng_->port(port->path()));
  if (!pcapng_->wants_drops()) return;
  for (const auto& port : ports_) {
    if (port->link() == nullptr) continue;
    const auto plan =
        std::find_if(job_.plan.links.begin(), job_.plan.links.end(),
                     [&](const LinkPlan& link) { return link.name == port->link_name(); });
    for (const PortId end : {LinkElement::kEndA, LinkElement::kEndB}) {
      const bool from_a = end == LinkElement::kEndA;
      port->link()->set_drop_listener(end, &pcapng_->link_drops(*plan, from_a));
    }
  }
  for (const auto& host : hosts) {
    EventBus& bus = host->ip().bus();
    bus.subscribe(bus.type_of<FrameDropped>(), pcapng_->host_drops(host->ip().config().name));
  }
}

void Tracing::open_turn_log() {
  refuse_too_wide(job_.plan);
  turn_log_ = std::make_unique<emu::TurnLog>(recorder_, bed_.turn_log, bed_.turn_log_header);
  for (std::size_t index = 0; index < ports_.size(); ++index) {
    ports_[index]->log(*turn_log_, static_cast<std::uint16_t>(index));
  }
}

void Tracing::end_turn_log(const std::vector<PortFingerprint>& fingerprints,
                           const RunResult& result) {
  nlohmann::json footer{{"status", result.status},
                        {"turns", turn_log_->turns()},
                        {"model_ns", result.model.count()},
                        {"fingerprint", fingerprint_text(result.fingerprint)},
                        {"sha256", sha256_of(bed_.turn_log)},
                        {"chains", nlohmann::json::array()}};
  for (const PortFingerprint& port : fingerprints) footer["chains"].push_back(to_json(port));
  const std::string text = footer.dump();
  std::array<char, 4> length{};
  for (std::size_t i = 0; i < length.size(); ++i) {
    length[i] = static_cast<char>(text.size() >> 8 * i & 0xff);
  }
  std::ofstream file(bed_.turn_log, std::ios::binary | std::ios::app);
  file << text;
  file.write(length.data(), length.size());
  file << kTurnLogEnd;
}

void Tracing::record(store::SqliteSink& sink, const std::vector<PortFingerprint>& fingerprints,
                     bool written, RunResult& result) {
  const auto keep = [&](const std::string& path, const char* kind, bool is_complete) {
    if (!written || !is_complete) {
      result.status = "failed";
      result.error = path + " could not be written completely: is the disk full, or too slow?";
    }
    record_artifact(sink, path, kind);
  };
  for (const auto& port : ports_) {
    if (port->capture_file() == nullptr) continue;
    keep(*job_.pcap_dir + "/" + file_name(port->path()) + ".pcap", "pcap",
         port->capture_file()->is_complete());
  }
  if (pcapng_) keep(job_.pcapng->path, "pcap", pcapng_file_->is_complete());
  if (!turn_log_) return;
  if (written && turn_log_->is_complete()) end_turn_log(fingerprints, result);
  keep(bed_.turn_log, "log", turn_log_->is_complete());
}

}  // namespace twinpath::bind
