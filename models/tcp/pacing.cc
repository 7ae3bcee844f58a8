// When segments may leave, and what controls that model the path are told. Which connections pace
// or measure follows from their control and configuration alone.
#include "models/tcp/pacing.h"

#include "models/tcp/steps.h"

namespace twinpath::tcp {

void prepare_pacing(Connection& connection) {
  const bool models = connection.congestion.is_model_based();
  const bool paces =
      connection.pacing == PacingMode::kOn || (models && connection.pacing == PacingMode::kAuto);
  connection.active->sent.measure_rate(models);
  if (paces != (connection.active->pacer != nullptr)) {
    connection.active->pacer = paces ? std::make_unique<Pacer>() : nullptr;
  }
}

bool wait_for_pacer(Core& core, Connection& connection, Instant now) {
  if (connection.active->pacer->may_send(now)) return false;
  connection.active->pacer->wait();
  arm_by(core, connection, connection.active->pacer->deadline());
  return true;
}

void charge_pacer(Connection& connection, Instant now, std::uint32_t bytes) {
  if (connection.bytes_sent <= std::uint64_t{Pacer::kFreeSegments} * connection.mss_bytes) return;
  Pacer& pacer = *connection.active->pacer;
  if (pacer.is_free(now)) {
    pacer.begin(now, {connection.congestion.pacing_bytes_per_s(connection.rtt.srtt()),
                      connection.mss_bytes});
  }
  pacer.charge(bytes);
}

// draft-cheng-iccrg-delivery-rate-estimation §3.4.
void mark_app_limited(Connection& connection, DeliveryRate& rate) {
  if (connection.active->sent.has_lost()) return;
  if (connection.unsent_bytes() >= connection.mss_bytes) return;
  const std::uint32_t pipe = pipe_bytes(connection);
  if (pipe < connection.congestion.cwnd_bytes()) rate.mark_app_limited(pipe);
}

void steer_by_model(Core& core, Connection& connection, const ModelInput& input) {
  DeliveryRate* rate = connection.active->sent.rate();
  const std::uint32_t before = connection.congestion.cwnd_bytes();
  const std::uint32_t pipe = pipe_bytes(connection);
  if (connection.congestion.is_probing_rtt()) rate->mark_app_limited(pipe);
  const RateSample measured = rate->sample(connection.rtt.min());
  const std::uint64_t lost = connection.active->sent.lost_total() - input.before.lost;
  connection.congestion.on_delivery(
      {.now = input.now,
       .delivered = rate->delivered(),
       .prior_delivered = measured.prior_delivered,
       .bytes_per_s = measured.bytes_per_s,
       .newly_delivered_bytes =
           static_cast<std::uint32_t>(rate->delivered() - input.before.delivered),
       .newly_lost_bytes = static_cast<std::uint32_t>(lost) * connection.mss_bytes,
       .pipe_bytes = pipe,
       .rtt = input.rtt,
       .srtt = connection.rtt.srtt(),
       .acked_to = connection.snd_una,
       .has_arrivals = measured.has_arrivals,
       .is_app_limited = measured.is_app_limited,
       .is_recovering = connection.recovery != Recovery::kOpen,
       .is_after_timeout = connection.recovery == Recovery::kLoss});
  core.report.cwnd(connection, input.now, before);
}

}  // namespace twinpath::tcp
