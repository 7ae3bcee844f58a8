// Connections fall asleep and wake up.
#include "models/tcp/activity.h"

#include <utility>

#include "models/base/sparse_vector.h"
#include "models/tcp/steps.h"

namespace twinpath::tcp {
namespace {

bool has_nothing_queued(const Activity& active) {
  return active.send_queue.empty() && active.receive_queue.empty() && active.sent.empty() &&
         active.reassembly.empty();
}

// Nothing is waited for, and nothing that its Activity says matters to what comes next. Those that
// pace or measure stay awake.
bool is_quiet(const Connection& connection) {
  const Activity& active = *connection.active;
  return has_nothing_queued(active) && connection.due == 0 && connection.dup_acks_due == 0 &&
         connection.recovery == Recovery::kOpen && active.unacked_bytes == 0 &&
         active.dup_acks == 0 && active.expiries == 0 && active.duplicate.is_empty() &&
         active.rtx_purpose == RtxPurpose::kNone && active.loss_timer == LossTimer::kNone &&
         !active.probing && !active.force_retransmit && active.pacer == nullptr &&
         active.sent.rate() == nullptr;
}

}  // namespace

Activity* ActivityPool::take(Connection& connection) {
  // Whoever writes without waking first writes there.
  CHECK(has_nothing_queued(*none_) && !none_->timer.armed() && none_->expiries == 0);
  if (free_.empty()) free_.push_back(std::make_unique<Activity>(core_, fire_));
  Activity* activity = free_.back().release();
  free_.pop_back();
  ++in_use_;
  activity->connection = &connection;
  return activity;
}

void ActivityPool::give_back(Activity* activity) {
  CHECK(!activity->timer.armed());
  --in_use_;
  std::unique_ptr<Activity> owned(activity);
  static_cast<ActivityValues&>(*activity) = ActivityValues();
  activity->send_queue.clear();
  activity->receive_queue.clear();
  activity->sent.clear();
  activity->sent.measure_rate(false);
  activity->reassembly.clear();
  activity->pacer.reset();
  activity->connection = nullptr;
  free_.push_back(std::move(owned));
  while (free_.size() > in_use_ + kSpareMax) free_.pop_back();
  shrink_if_sparse(free_);
}

void wake_up(Core& core, Connection& connection) {
  connection.active = core.activities.take(connection);
  connection.active->sent.remember(connection.sent_memory);
}

void rest_if_quiet(Core& core, Connection& connection) {
  if (connection.active->timer.armed() || connection.active->connection == nullptr) return;
  if (connection.in_ready_list || !is_quiet(connection)) return;
  connection.sent_memory = connection.active->sent.memory();
  core.activities.give_back(std::exchange(connection.active, core.activities.none()));
}

}  // namespace twinpath::tcp
