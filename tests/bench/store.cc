// What recording costs: the bulk flow of sim-bulk as a Plan in the simulator's worker, once with
// every row and 1 ms time series written to SQLite, once without a database. Payload, checksums,
// verification and fingerprint are on either way; CPU time counts all threads of the process.
//   bench_store --side ours|peer --point share [--mib N]
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "bindings/sim/sim_run.h"
#include "bindings/sim/world.h"

namespace {

using namespace twinpath;

constexpr const char* kPlan = R"({"schema":"twinpath.plan/1","scenario":"bench_store",
  "params":{},"driver":"sim",
  "hosts":[
    {"name":"a","addresses":["198.18.0.1/24"],"stack":"twinpath","cores":0,"count":1,
     "tcp":{"send_buffer_bytes":1000000,"receive_buffer_bytes":1000000}},
    {"name":"b","addresses":["198.18.0.2/24"],"stack":"twinpath","cores":0,"count":1,
     "tcp":{"send_buffer_bytes":1000000,"receive_buffer_bytes":1000000}}],
  "links":[{"name":"wire","a":"a","b":"b","rate_bps":10000000000,"delay_ns":10000,"loss":0,
    "reorder":0,"duplicate":0,"corrupt":0,"jitter_ns":0,"queue_bytes":6000000}],
  "apps":[
    {"path":"b/app0","host":"b","kind":"bulk_sink","to":null,"start_ns":0,"args":{}},
    {"path":"a/app0","host":"a","kind":"bulk","to":"b","start_ns":0,
     "args":{"size_bytes":BYTES}}],
  "measure":{"warmup_ns":0,"window_ns":null,"every_ns":EVERY,"metrics":null},
  "stop":{"when":["a/app0","b/app0"],"at_most_ns":60000000000}})";

double cpu_s() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void replace(std::string& text, const std::string& word, const std::string& value) {
  text.replace(text.find(word), word.size(), value);
}

std::string job_text(std::uint64_t bytes, bool records, const std::string& db) {
  std::string plan = kPlan;
  replace(plan, "BYTES", std::to_string(bytes));
  replace(plan, "EVERY", records ? "1000000" : "null");
  return R"({"plan":)" + plan + R"(,"driver":"sim","seed":1,"run_id":1,"db":")" + db + R"("})";
}

void run(const std::string& job_json, bool records) {
  const bind::Job job = bind::parse_job(job_json);
  bind::World world(job);
  if (!records) {
    world.run();
    return;
  }
  store::SqliteSink sink({.path = job.db, .series_every = *job.plan.measure.every});
  bind::run_recorded(world, sink);
}

}  // namespace

int main(int argc, char** argv) {
  std::string side = "ours";
  std::uint64_t mib = 4096;
  for (int index = 1; index + 1 < argc; index += 2) {
    if (std::strcmp(argv[index], "--side") == 0) side = argv[index + 1];
    if (std::strcmp(argv[index], "--mib") == 0) mib = std::strtoull(argv[index + 1], nullptr, 10);
  }
  const bool records = side == "ours";
  const auto folder =
      std::filesystem::temp_directory_path() / ("twinpath-bench-store-" + std::to_string(getpid()));
  std::filesystem::create_directory(folder);
  const std::string job = job_text(mib << 20, records, (folder / "run.db").string());
  const double before = cpu_s();
  run(job, records);
  const double used_s = cpu_s() - before;
  std::filesystem::remove_all(folder);
  std::printf("{\"work\":%llu,\"cpu_s\":%.6f,\"offloads\":\"none\"}\n",
              static_cast<unsigned long long>(mib), used_s);
  return 0;
}
