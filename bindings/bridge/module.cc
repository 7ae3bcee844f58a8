// `_bridge`: what a worker process calls. Nothing here throws into Python: failures are in the
// answer.
#include <pybind11/pybind11.h>

#include "bindings/bridge/bridge.h"
#include "bindings/emu/failure.h"

namespace {

namespace bind = twinpath::bind;

std::string run(const std::string& job_json) {
  const pybind11::gil_scoped_release unlocked;
  return bind::answer([&] {
    bind::die_with_parent();
    const bind::Job job = bind::parse_job(job_json);
    const bind::Bed bed = bind::parse_bed(job_json);
    return bind::setup_as_result([&] { return bind::Bridge(job, bed).run(); });
  });
}

}  // namespace

PYBIND11_MODULE(_bridge, module) {
  module.doc() = "ns-3 in real time among DPDK ports; one run per process";
  module.def("run", &run, pybind11::arg("job_json"),
             "Runs one job in real time and writes its results; see bindings/README.md.");
}
