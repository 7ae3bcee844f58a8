// `_emu`: what a worker process calls. Nothing here throws into Python: failures are in the answer.
#include <pybind11/pybind11.h>

#include <thread>

#include "bindings/emu/bed.h"
#include "bindings/emu/emulation.h"
#include "bindings/emu/failure.h"
#include "bindings/emu/impair.h"
#include "bindings/emu/probe.h"

namespace {

namespace bind = twinpath::bind;

std::string run(const std::string& job_json) {
  const pybind11::gil_scoped_release unlocked;
  return bind::answer([&] {
    bind::die_with_parent();
    const bind::Job job = bind::parse_job(job_json);
    const bind::Bed bed = bind::parse_bed(job_json);
    return bind::setup_as_result([&] { return bind::Emulation(job, bed).run(); });
  });
}

std::string impair(const std::string& job_json) {
  const pybind11::gil_scoped_release unlocked;
  bind::die_with_parent();
  return bind::impair(job_json);
}

std::string probe(const std::string& job_json) {
  const pybind11::gil_scoped_release unlocked;
  bind::die_with_parent();
  return bind::probe(job_json);
}

}  // namespace

PYBIND11_MODULE(_emu, module) {
  module.doc() = "The DPDK driver; one EAL per process";
  module.def("run", &run, pybind11::arg("job_json"));
  module.def("impair", &impair, pybind11::arg("job_json"));
  module.def("probe", &probe, pybind11::arg("job_json"));
}
