// Events of the kinds a plan asks for, as rows: measure.events. Kinds are the dotted paths events
// have in models; event_text.h has their typed part in words.
#pragma once

#include <string>
#include <vector>

#include "analysis/store/sqlite_sink.h"
#include "models/base/event_bus.h"
#include "models/host/ip_host.h"

namespace twinpath::bind {

class EventRecorder final : public EventListener {
 public:
  // Rows stand under `parent`/flowN where the event belongs to a connection (series.h), else under
  // the host. Requires: `kinds` are of event_kinds().
  EventRecorder(store::SqliteSink& sink, IpHost& host, std::string parent);
  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;
  ~EventRecorder() override;
  void listen(const std::vector<std::string>& kinds);
  void on_event(const EventHeader& header) override;

 private:
  static constexpr std::uint64_t kEntitiesMax = 4096;  // events of later flows: the host's

  EntityId entity_of(std::uint64_t flow);

  store::SqliteSink& sink_;
  IpHost& host_;
  std::string parent_;
  EntityId host_entity_;
  std::vector<EntityId> entities_;  // by number of the flow; 0: none yet
};

}  // namespace twinpath::bind
