// swarm --seed N [--count M] [--verbose]: random worlds under random faults (README.md).
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "tests/swarm/world.h"

namespace twinpath::swarm {
namespace {

struct Arguments {
  std::uint64_t seed = 1;
  std::uint64_t count = 1;
  bool verbose = false;
};

bool read_number(const char* text, std::uint64_t& value) {
  const char* end = text + std::strlen(text);
  const auto read = std::from_chars(text, end, value);
  return read.ec == std::errc() && read.ptr == end;
}

bool parse(int argc, char** argv, Arguments& arguments) {
  for (int i = 1; i < argc; ++i) {
    const bool has_value = i + 1 < argc;
    if (std::strcmp(argv[i], "--verbose") == 0) {
      arguments.verbose = true;
    } else if (std::strcmp(argv[i], "--seed") == 0 && has_value) {
      if (!read_number(argv[++i], arguments.seed)) return false;
    } else if (has_value &&
               (std::strcmp(argv[i], "--count") == 0 || std::strcmp(argv[i], "--seeds") == 0)) {
      if (!read_number(argv[++i], arguments.count)) return false;
    } else {
      return false;
    }
  }
  return true;
}

std::string commit() {
  std::string text = "unknown";
  if (FILE* git = popen("git rev-parse --short HEAD 2>/dev/null", "r")) {
    char line[64] = "";
    if (std::fgets(line, sizeof line, git) != nullptr) text.assign(line, std::strcspn(line, "\n"));
    pclose(git);
  }
  return text;
}

// A move changes nothing on the wire.
void check_moves(const Scenario& scenario, Verdict& verdict) {
  const Scenario roomy = with_room(scenario);
  const Verdict still = run(roomy);
  const Verdict moved = run(with_moves(roomy));
  verdict.moves = moved.moves;
  for (const std::string& text : moved.violations) {
    verdict.violations.push_back("with moves: " + text);
  }
  if (moved.fingerprint != still.fingerprint) {
    verdict.violations.push_back("moving connections changed what was sent");
  }
}

void check_attacks(const Scenario& scenario, Verdict& verdict) {
  const Verdict attacked = run(with_adversary(scenario));
  verdict.attacks = attacked.attacks;
  verdict.challenges = attacked.challenges;
  for (const std::string& text : attacked.violations) {
    verdict.violations.push_back("under attack: " + text);
  }
}

Verdict run_seed(std::uint64_t seed) {
  constexpr std::uint64_t kTwiceEvery = 16;
  constexpr std::uint64_t kMovedEvery = 4;
  constexpr std::uint64_t kAttackedEvery = 2;
  const Scenario scenario = make_scenario(seed);
  Verdict verdict;
  try {
    verdict = run(scenario);
  } catch (const std::exception& error) {
    verdict.violations.push_back(error.what());
    return verdict;
  }
  if (seed % kTwiceEvery == 0 && run(scenario).fingerprint != verdict.fingerprint) {
    verdict.violations.push_back("the same seed gave another fingerprint");
  }
  if (seed % kMovedEvery == 0) check_moves(scenario, verdict);
  if (seed % kAttackedEvery == 1) check_attacks(scenario, verdict);
  return verdict;
}

void explain(std::uint64_t seed, const Verdict& verdict) {
  std::printf("seed %llu: violation\n", static_cast<unsigned long long>(seed));
  for (const std::string& text : verdict.violations) std::printf("  %s\n", text.c_str());
  std::printf("%s", describe(make_scenario(seed)).c_str());
  std::printf("replay: swarm --seed %llu\n", static_cast<unsigned long long>(seed));
}

int run_all(const Arguments& arguments) {
  std::printf("swarm: seed %llu, count %llu, commit %s\n",
              static_cast<unsigned long long>(arguments.seed),
              static_cast<unsigned long long>(arguments.count), commit().c_str());
  std::uint64_t bad = 0;
  std::uint64_t frames = 0;
  std::uint64_t retransmits = 0;
  std::uint64_t moves = 0;
  std::uint64_t attacks = 0;
  std::uint64_t challenges = 0;
  for (std::uint64_t seed = arguments.seed; seed < arguments.seed + arguments.count; ++seed) {
    std::fflush(stdout);  // a CHECK that fails must leave the last word here
    if (arguments.verbose) std::printf("%s", describe(make_scenario(seed)).c_str());
    if (arguments.count > 1)
      std::fprintf(stderr, "\rseed %llu", static_cast<unsigned long long>(seed));
    const Verdict verdict = run_seed(seed);
    frames += verdict.frames;
    retransmits += verdict.retransmits;
    moves += verdict.moves;
    attacks += verdict.attacks;
    challenges += verdict.challenges;
    if (!verdict.violations.empty()) {
      ++bad;
      explain(seed, verdict);
    }
    if (arguments.count == 1) {
      std::printf("fingerprint %016llx, finished at %lld ns\n",
                  static_cast<unsigned long long>(verdict.fingerprint),
                  static_cast<long long>(to_ns(verdict.finished)));
    }
  }
  std::printf("%llu attacks, %llu challenges\n", static_cast<unsigned long long>(attacks),
              static_cast<unsigned long long>(challenges));
  std::printf("%llu seeds, %llu violations, %llu frames, %llu retransmissions, %llu moves\n",
              static_cast<unsigned long long>(arguments.count),
              static_cast<unsigned long long>(bad), static_cast<unsigned long long>(frames),
              static_cast<unsigned long long>(retransmits), static_cast<unsigned long long>(moves));
  return bad == 0 ? 0 : 1;
}

}  // namespace
}  // namespace twinpath::swarm

int main(int argc, char** argv) {
  twinpath::swarm::Arguments arguments;
  if (!twinpath::swarm::parse(argc, argv, arguments)) {
    std::fprintf(stderr, "usage: swarm --seed N [--count M] [--verbose]\n");
    return 2;
  }
  return twinpath::swarm::run_all(arguments);
}
