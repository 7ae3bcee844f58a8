// What concerns several fields of a TcpConfig together.
#include "models/tcp/config.h"

#include <string>

namespace twinpath {
namespace {

struct Bound {
  const char* name;
  double value;
};

// `lower` must not exceed `upper`.
void check_order(const Bound& lower, const Bound& upper, std::vector<Problem>& problems) {
  if (lower.value <= upper.value) return;
  problems.push_back({lower.name, format_number(lower.value),
                      std::string("must not exceed ") + upper.name,
                      "at most " + format_number(upper.value)});
}

// 0: not tuned.
void check_tuned(const Bound& first, const Bound& most, std::vector<Problem>& problems) {
  if (most.value > 0) check_order(first, most, problems);
}

double number(std::uint32_t count) { return static_cast<double>(count); }
double number(Duration duration) { return static_cast<double>(duration.count()); }

}  // namespace

std::vector<Problem> TcpConfig::validate() const {
  std::vector<Problem> problems = validate_fields(*this);
  check_order({"rto_min", number(rto_min)}, {"rto_max", number(rto_max)}, problems);
  check_tuned({"send_buffer_bytes", number(send_buffer_bytes)},
              {"send_buffer_max_bytes", number(send_buffer_max_bytes)}, problems);
  check_tuned({"receive_buffer_bytes", number(receive_buffer_bytes)},
              {"receive_buffer_max_bytes", number(receive_buffer_max_bytes)}, problems);
  check_order({"rto_initial", number(rto_initial)}, {"rto_max", number(rto_max)}, problems);
  check_order({"ephemeral_port_min", static_cast<double>(ephemeral_port_min)},
              {"ephemeral_port_max", static_cast<double>(ephemeral_port_max)}, problems);
  return problems;
}

}  // namespace twinpath
