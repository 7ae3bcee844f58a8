"""Two clocks, one code: the house, the boundary and the first real run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import matrix
from fresh import fresh_machine
from promise import PYTHON, ROOT, Answer, Promise, Ran, modules, run, scratch, twinpath
from twinpath.captures import check_all

FIRST_DEMO_S, AGAIN_DEMO_S = 15 * 60, 90
SWARM_SEEDS = 10_000
RUNS_PER_BUILD = 5
BENCH_BOUNDS = {
    ("sim-bulk", "10G"): 20.0,
    ("sim-bulk", "1G"): 10.0,
    ("sim-flows", None): 5.0,
    ("forward", "net_null"): 0.8,
}
STORE_SHARE = 0.05
NO_VERDICT_CODE = 4
TSAN_CASES = "Ring|Outbox|Sink|Recorder|Worker|CoreThreads"


def refuse(ran: Ran, what: str) -> list[str]:
    return [] if ran.code == 0 else [f"{what} ended {ran.code}: {ran.tail}"]


def demo(quick: bool) -> Answer:
    """A clean clone on a fresh system: its first and second demo, what they leave, its tests."""
    with fresh_machine() as machine:
        first = machine.run("twinpath", "demo")
        again = machine.run("twinpath", "demo")
        answer = Answer(f"{machine.name}: first {first.seconds:.0f} s, again {again.seconds:.0f} s")
        if not machine.fresh:
            answer.undecided = "shown on this machine only, not on a fresh system"
        answer.complaints += refuse(first, "demo") + refuse(again, "second demo")
        if first.seconds > FIRST_DEMO_S or again.seconds > AGAIN_DEMO_S:
            answer.complaints.append("too slow")
        answer.complaints += missing_results(machine.here)
        tested = machine.run(".ci/run")
        closing = (tested.output.strip().splitlines() or ["nothing"])[-1]
        answer.measured += f", .ci/run: {closing} in {tested.seconds:.0f} s"
        answer.complaints += refuse(tested, ".ci/run")
        if "./twinpath test" not in (machine.clone / ".ci" / "run").read_text():
            answer.complaints.append(".ci/run does not call ./twinpath test")
        return answer


def missing_results(here: Path) -> list[str]:
    """What the demo promised to write and did not, and what tshark finds wrong."""
    wrong = [f"no {name}" for name in ("results.db", "report.html") if not (here / name).is_file()]
    captures = check_all(str(here))
    wrong += [] if captures else ["no pcap"]
    wrong += [f"{c.path}: {c.error} {c.bad[:3]}" for c in captures if not c.clean]
    report = here / "report.html"
    if report.is_file() and ('src="http' in (text := report.read_text()) or 'href="http' in text):
        wrong.append("report.html reaches for the network")
    return wrong


def transfer(quick: bool) -> Answer:
    """100 MB each way against Linux under every fault profile."""
    command = [PYTHON, "-m", "pytest", "-q", "tests/interop", *([] if quick else ["--whole"])]
    ran = twinpath("test", "interop") if quick else run(command, env=modules(), timeout_s=4 * 3600)
    closing = (ran.output.strip().splitlines() or ["nothing"])[-1]
    skipped = re.search(r"\b[1-9]\d* skipped", closing)
    return Answer(closing, refuse(ran, "interop"), skipped and "not all of it can run here")


def swarm(quick: bool) -> Answer:
    """Ten thousand random worlds, optimised build."""
    built = run(["ninja", "-C", "build/release", "swarm"])
    seeds = SWARM_SEEDS // 10 if quick else SWARM_SEEDS
    ran = run(["build/release/tests/swarm", "--count", str(seeds)], timeout_s=4 * 3600)
    return Answer(
        f"{seeds} seeds in {ran.seconds:.0f} s", refuse(built, "build") + refuse(ran, "swarm")
    )


def determinism(quick: bool) -> Answer:
    """One seed in four builds: one fingerprint, one set of rows; another seed, another."""
    presets = matrix.PRESETS[:1] if quick else matrix.PRESETS
    complaints: list[str] = []
    prints, rows, builders = set(), set(), set()
    with scratch("determinism") as folder:
        for preset in presets:
            complaints += refuse(matrix.build(preset), f"build {preset}")
            for repeat in range(RUNS_PER_BUILD):
                database = folder / f"{preset}-{repeat}.db"
                ran = matrix.simulate(preset, 7, database)
                complaints += refuse(ran, f"{preset} run {repeat}")
                prints.add(str(ran.json.get("fingerprint")))
                rows.add(matrix.rows_hash(database) if ran.code == 0 else "none")
                builders.add(matrix.builder(database) if ran.code == 0 else "none")
        other = matrix.simulate(presets[0], 8, folder / "other.db").json.get("fingerprint")
    if len(prints) != 1 or len(rows) != 1 or prints == {"None"}:
        complaints.append(f"fingerprints {sorted(prints)}, row sets {len(rows)}")
    if len(builders) != len(presets):
        complaints.append(f"the runs used {len(builders)} builds: {sorted(builders)}")
    if other in prints:
        complaints.append("another seed gave the same fingerprint")
    runs = RUNS_PER_BUILD * len(presets)
    measured = f"{runs} runs in {len(presets)} builds: {sorted(prints)}, seed 8: {other}"
    return Answer(measured, complaints)


def bench(quick: bool) -> Answer:
    """The four benches against their bounds."""
    answer = Answer("")
    said = {}
    for name in ("sim-bulk", "sim-flows", "forward", "store"):
        ran = twinpath("bench", name, "--json")
        if ran.code == NO_VERDICT_CODE:
            answer.undecided = f"{name}: the machine is too busy"
        elif ran.code != 0 or not ran.json:
            answer.complaints.append(f"{name} ended {ran.code}: {ran.tail}")
        else:
            said[name] = ran.json
    for (name, point), bound in BENCH_BOUNDS.items():
        if name in said:
            found = said[name]["points"][point]["ratio"] if point else said[name]["ratio"]
            answer.measured += f"{name} {point or ''} {found:.2f} "
            if found < bound:
                answer.complaints.append(f"{name} {point or ''} {found:.2f} is below {bound}")
    answer.complaints += memory_and_store(said, answer)
    return answer


def memory_and_store(said: dict[str, dict], answer: Answer) -> list[str]:
    """Memory per flow no greater than ns-3's; recording under 5 % of CPU time."""
    wrong = []
    memory = said.get("sim-flows", {}).get("points", {}).get("memory")
    if memory is not None:
        answer.measured += (
            f"memory {memory['ours']:.0f} {memory['unit']} against {memory['peer']:.0f} "
        )
        wrong += ["more memory per flow than ns-3"] if memory["ratio"] < 1 else []
    share = said.get("store", {}).get("points", {}).get("share")
    if share is not None:
        answer.measured += f"store {share['ours']:.3f}"
        wrong += [f"recording takes {share['ours']:.3f}"] if share["ours"] >= STORE_SHARE else []
    missing = [
        f"{name} has no point {point}"
        for name, point, found in (("sim-flows", "memory", memory), ("store", "share", share))
        if name in said and found is None
    ]
    return wrong + missing


def sanitize(quick: bool) -> Answer:
    """The whole suite under address and undefined, the threaded parts under thread."""
    suite = twinpath("test", *(["--quick"] if quick else []), timeout_s=2 * 3600)
    closing = (suite.output.strip().splitlines() or ["nothing"])[-1]
    complaints = refuse(suite, "./twinpath test")
    for command in (
        ["cmake", "--preset", "tsan"],
        ["ninja", "-C", "build/tsan", "unit_tests", "store_tests", "emu_tests"],
    ):
        complaints += refuse(run(command, timeout_s=7200), command[0])
    threads = run(["ctest", "--test-dir", "build/tsan", "-R", TSAN_CASES, "--no-tests=error"])
    summary = [line for line in threads.output.splitlines() if "tests passed" in line]
    return Answer(
        f"asan+ubsan: {closing}; tsan: {' '.join(summary)}",
        complaints + refuse(threads, "thread sanitizer"),
    )


def tidy(quick: bool) -> Answer:
    ran = run(["tests/tidy/tidy.py", "--compile"])
    return Answer((ran.errors.strip().splitlines() or ["it said nothing"])[-1], refuse(ran, "tidy"))


def outside(quick: bool) -> Answer:
    """A scenario file and an ns-3 program that know the tree only by its name."""
    answer = Answer("mine.py in sim and emu, mine.cc against the installed package")
    with scratch("outside") as folder:
        shutil.copytree(Path(__file__).parent / "outside", folder, dirs_exist_ok=True)
        for driver in ("sim", "emu"):
            ran = twinpath("run", "./mine.py", "--driver", driver, "--json", cwd=folder)
            if driver == "emu" and ran.code == NO_VERDICT_CODE:
                answer.undecided = f"mine.py in emu: {ran.tail}"
                continue
            answer.complaints += refuse(ran, f"mine.py in {driver}")
        prefix = folder / "installed"
        steps = (
            [ROOT, ["ninja", "-C", "build/release", "product"]],
            [ROOT, ["cmake", "--install", "build/release", "--prefix", prefix]],
            [folder, ["cmake", "-G", "Ninja", "-B", "built", f"-DCMAKE_PREFIX_PATH={prefix}"]],
            [folder, ["ninja", "-C", "built"]],
            [folder, [folder / "built" / "mine"]],
        )
        for cwd, command in steps:
            ran = run(command, cwd=cwd)
            answer.complaints += refuse(ran, str(command[0]))
    return answer


PROMISES = (
    Promise(
        "demo",
        "./twinpath demo (clean clone on a fresh Debian 12, twice), then .ci/run",
        f"first under {FIRST_DEMO_S} s, again under {AGAIN_DEMO_S} s, captures clean, tests pass",
        demo,
        long=True,
    ),
    Promise(
        "transfer",
        "pytest tests/interop --whole",
        "100 MB each way byte-exact at loss 0, 0.1, 1, 5 %, reorder, duplicate, corrupt",
        transfer,
        long=True,
    ),
    Promise("swarm", f"swarm --seeds {SWARM_SEEDS}", "no violation", swarm, long=True),
    Promise(
        "determinism",
        "twinpath run web_transfer --driver sim --seed 7 --json (20 times)",
        "one fingerprint and one set of rows in gcc and clang, release and debug",
        determinism,
        long=True,
    ),
    Promise(
        "bench",
        "./twinpath bench NAME --json",
        "sim-bulk 10G >= 20, 1G >= 10; sim-flows >= 5; forward net_null >= 0.8; store < 5 %",
        bench,
        long=True,
    ),
    Promise("sanitize", "./twinpath test; ctest in build/tsan", "clean", sanitize, long=True),
    Promise("tidy", "tests/tidy/tidy.py --compile", "no finding", tidy),
    Promise("outside", "./twinpath run ./mine.py; find_package(Twinpath)", "both work", outside),
)
