"""IP around TCP: both versions, neighbours, errors, fragments, path MTU, VLANs, loopback."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from promise import PYTHON, ROOT, Answer, Promise, Ran, gtest, modules, run, scratch

UNIT = ("IpHostTest", "Ipv6HostTest", "DadTest", "ReassemblyTest", "DualStackTest", "VlanTest",
        "VlansTest", "SocketsTest", "HostConfigTest", "RoutesTest", "ArpOffTest")
UNIT_MIN = 74
INTEROP = "tests/interop/test_ipv6.py"
# Executions of each by how long one takes: ten million of the first four, more of the others.
FUZZERS = {"icmp_errors": 500_000, "neighbours": 500_000, "reassembly": 2_500_000,
           "tcp_input": 6_500_000, "host_input": 1_000_000, "tcp": 3_000_000}
RUNS = sum(FUZZERS.values())
AT_ONCE = 2
QUICK_SHARE = 100
LONGEST_S = 4 * 3600


def failed(ran: Ran, what: str) -> list[str]:
    return [] if ran.code == 0 else [f"{what} ended {ran.code}: {ran.tail}"]


def ip(quick: bool) -> Answer:
    """Every table and rule by itself, then live Linux at the other end."""
    unit, count = gtest("unit_tests", ":".join(f"{name}.*" for name in UNIT))
    live = run([PYTHON, "-m", "pytest", "-q", INTEROP], env=modules())
    closing = (live.output.strip().splitlines() or ["nothing"])[-1]
    answer = Answer(f"unit: {count} tests, exit {unit.code}; Linux: {closing}")
    answer.complaints += failed(unit, "unit_tests") + failed(live, "pytest")
    if count < UNIT_MIN:
        answer.complaints.append(f"{count} tests ran, not {UNIT_MIN}")
    answer.undecided = "not all of it can run here" if "skipped" in closing else None
    return answer


def fuzz(quick: bool) -> Answer:
    """Each target from the inputs it keeps, as often as promised."""
    answer = Answer("")
    for step in (["cmake", "--preset", "fuzz"],
                 ["ninja", "-C", "build/fuzz", *(f"fuzz_{name}" for name in FUZZERS)]):
        answer.complaints = answer.complaints or failed(run(step), " ".join(step[:2]))
    if answer.complaints:
        return answer
    with scratch("fuzz") as folder, ThreadPoolExecutor(AT_ONCE) as pool:
        share = QUICK_SHARE if quick else 1
        done = list(pool.map(lambda job: fuzz_one(job[0], job[1] // share, Path(folder)),
                             FUZZERS.items()))
    total = sum(count for count, _ in done)
    answer.measured = f"{total} executions: " + ", ".join(
        f"{name} {count}" for name, (count, _) in zip(FUZZERS, done))
    answer.complaints += [text for _, found in done for text in found]
    if total < RUNS // share:
        answer.complaints.append(f"{total} executions, not {RUNS // share}")
    return answer


def fuzz_one(name: str, runs: int, folder: Path) -> tuple[int, list[str]]:
    """How many executions there were, and what was found."""
    found = folder / name
    found.mkdir()
    ran = run([ROOT / "build" / "fuzz" / "tests" / f"fuzz_{name}", f"-runs={runs}",
               "-print_final_stats=1", "-rss_limit_mb=2048", "-timeout=120", found,
               ROOT / "tests" / "fuzz" / "corpus" / name],
              cwd=folder, timeout_s=LONGEST_S)
    done = re.search(r"number_of_executed_units: (\d+)", ran.errors)
    return int(done.group(1)) if done else 0, failed(ran, f"fuzz_{name}")


PROMISES = (
    Promise(
        "ip",
        f"unit_tests of models/host; pytest {INTEROP}",
        "IPv4 and IPv6 alike: neighbours, errors, fragments, path MTU, VLANs, loopback, sockets; "
        "live Linux both ways; an idle host within 2 kB",
        ip,
    ),
    Promise(
        "fuzz",
        "fuzz_" + " fuzz_".join(FUZZERS) + f" -runs=..., {RUNS} in all",
        "ten million executions without a finding: TCP with a live connection, fragments, ARP and "
        "Neighbour Discovery, ICMP errors, whole frames; under both sanitizers",
        fuzz,
        long=True,
    ),
)
