// `_sim`: one job in, one result out. Loaded by worker processes only.
#include <pybind11/pybind11.h>

#include "bindings/plan/worker.h"
#include "bindings/sim/replay.h"
#include "bindings/sim/sim_run.h"

PYBIND11_MODULE(_sim, module) {
  module.doc() = "The ns-3 driver, loaded by worker processes only.";
  module.def(
      "run",
      [](const std::string& job_json) {
        twinpath::bind::die_with_parent();
        return twinpath::bind::answer([&] { return twinpath::bind::run_sim(job_json); });
      },
      pybind11::arg("job_json"), pybind11::call_guard<pybind11::gil_scoped_release>(),
      "Runs one job in model time and writes its results; see bindings/README.md.");
  module.def(
      "replay",
      [](const std::string& job_json) {
        twinpath::bind::die_with_parent();
        return twinpath::bind::answer_text([&] { return twinpath::bind::replay(job_json); });
      },
      pybind11::arg("job_json"), pybind11::call_guard<pybind11::gil_scoped_release>(),
      "Runs an emulation's turn log again; see bindings/README.md.");
  module.def(
      "session",
      [](const std::string& job_json) {
        twinpath::bind::die_with_parent();
        return twinpath::bind::answer([&] { return twinpath::bind::run_session(job_json); });
      },
      pybind11::arg("job_json"), pybind11::call_guard<pybind11::gil_scoped_release>(),
      "The same in steps that the parent asks for by JSON lines.");
}
