// See events.h.
#include "bindings/plan/events.h"

#include <utility>

#include "bindings/plan/event_text.h"
#include "models/base/check.h"

namespace twinpath::bind {
EventRecorder::EventRecorder(store::SqliteSink& sink, IpHost& host, std::string parent)
    : sink_(sink),
      host_(host),
      parent_(std::move(parent)),
      host_entity_(sink.define_entity({host.config().name, "host"})) {}

EventRecorder::~EventRecorder() { host_.bus().unsubscribe(*this); }

void EventRecorder::listen(const std::vector<std::string>& kinds) {
  for (const std::string& kind : kinds) {
    host_.bus().subscribe(host_.bus().types().define(kind), *this);
  }
}

// A listener may not throw into a model: what a failed sink refuses is told when the run ends.
void EventRecorder::on_event(const EventHeader& header) {
  if (sink_.failed()) return;
  const std::string& kind = host_.bus().types().path(header.type);
  try {
    sink_.offer_event({entity_of(header.flow), header.at, kind, event_data(kind, header)});
  } catch (const std::exception&) {
    CHECK(sink_.failed());
  }
}

EntityId EventRecorder::entity_of(std::uint64_t flow) {
  const auto number = host_.flow_log().number_of(flow);
  if (!number || *number >= kEntitiesMax) return host_entity_;
  if (*number >= entities_.size()) entities_.resize(*number + 1, 0);
  EntityId& entity = entities_[*number];
  if (entity == 0) {
    entity = sink_.define_entity({parent_ + "/flow" + std::to_string(*number), "flow"});
  }
  return entity;
}

}  // namespace twinpath::bind
