// Time series of a host's TCP connections, taken from its events: congestion window, smoothed
// round-trip time, bytes delivered per interval. Event-driven instead of by a timer, so recording
// adds no wake-up and cannot change a run.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bindings/plan/plan.h"
#include "models/base/event_bus.h"
#include "models/base/result_sink.h"
#include "models/host/flow_log.h"
#include "models/tcp/events.h"

namespace twinpath::bind {

// Where the flows of a host stand: its only app, else the host. "client/app0" or "client".
std::string flow_parent(const Plan& plan, std::string_view host);

class SeriesRecorder final : public EventListener {
 public:
  static constexpr std::size_t kFlowsMax = 4096;       // later connections have no series
  static constexpr std::uint64_t kSilentSteps = 1000;  // a longer silence is drawn by its ends

  // Samples every `every` of model time for flows `parent`/flowN, N in the order of appearance.
  // Requires: every > 0.
  // With `log`, N is the number the host's flows have there; it outlives the recorder.
  SeriesRecorder(ResultSink& sink, std::string parent, Duration every,
                 const FlowLog* log = nullptr);
  SeriesRecorder(const SeriesRecorder&) = delete;
  SeriesRecorder& operator=(const SeriesRecorder&) = delete;
  ~SeriesRecorder() override;
  // Subscribes to what it needs. Requires: the bus outlives the recorder.
  void listen(EventBus& bus);
  // Called once when the sink has failed, from within the event; the sink itself tells why when the
  // run is ended. Nothing is recorded any more: a listener may not throw into a model.
  void set_on_failure(std::function<void()> stop) { on_failure_ = std::move(stop); }
  void on_event(const EventHeader& header) override;
  // Samples up to `now`, the end of the run, the last step as short as it is.
  void finish(Instant now);

 private:
  struct Flow {
    EntityId entity = 0;
    std::uint32_t cwnd_bytes = 0;
    Duration srtt{};
    std::uint64_t delivered_bytes = 0;  // since the last step
    bool delivers = false;
  };
  void take(const EventHeader& header);
  Flow* flow(std::uint64_t id);
  void advance(Instant now);
  void sample_all(Instant at, Duration interval);

  ResultSink& sink_;
  EventBus* bus_ = nullptr;
  std::function<void()> on_failure_;
  bool failed_ = false;
  std::string parent_;
  Duration every_;
  Instant next_;
  MetricId cwnd_;
  MetricId srtt_;
  MetricId rate_;
  EventTypeId cwnd_event_ = kAnyEvent;
  EventTypeId rtt_event_ = kAnyEvent;
  EventTypeId delivered_event_ = kAnyEvent;
  const FlowLog* log_;
  std::unordered_map<std::uint64_t, std::size_t> index_;  // looked up, never walked
  std::vector<Flow> flows_;
  std::uint64_t last_id_ = 0;
  std::uint64_t last_begun_ = 0;  // an id may have come back since
  std::size_t last_ = 0;
};

}  // namespace twinpath::bind
