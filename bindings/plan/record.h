// What both drivers record alike, so that reports can put their rows side by side: hosts with their
// drops, links, the chains of ports, the files a run has left.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "analysis/store/sqlite_sink.h"
#include "models/app/app_host.h"
#include "models/port/fingerprint.h"
#include "models/port/link.h"

namespace twinpath::bind {

// The drops of one entity; a reason that counted nothing has no row.
class DropRows {
 public:
  DropRows(store::SqliteSink& sink, const EntityInfo& entity)
      : sink_(sink), entity_(sink.define_entity(entity)) {}
  void add(std::string_view reason, store::DropCause cause, std::uint64_t packets) const;

 private:
  store::SqliteSink& sink_;
  EntityId entity_;
};

// What the host dropped. What it and its apps report goes through measure.h.
void record_host_drops(store::SqliteSink& sink, AppHost& host);
// Its flows as `parent`/flowN (flow_parent() in series.h). Returns what they brought to it.
ContentHash record_flows(store::SqliteSink& sink, AppHost& host, const std::string& parent);
// Of all hosts; nothing when nothing was delivered, so that no two such runs are called equal.
std::optional<std::uint64_t> content_of(const ContentHash& delivered);
// Both directions together: the entity is the link.
struct LinkDirections {
  const LinkModel& from_a;
  const LinkModel& from_b;
};
void record_link(store::SqliteSink& sink, std::string_view name, const LinkDirections& link);
// One row per 10,000 frames of `port` and direction, one for the rest. Each carries the instant of
// its last frame.
void record_chain(store::SqliteSink& sink, const PortFingerprint& port, const FrameChain& chain);
// One row per rule, `ok` filled in; "valid", "suspect" (beyond half a bound) or "invalid".
std::string record_rules(store::SqliteSink& sink, std::span<const store::ValidityRow> rules);
// The row of a file that is complete.
void record_artifact(store::SqliteSink& sink, const std::string& path, std::string_view kind);

}  // namespace twinpath::bind
