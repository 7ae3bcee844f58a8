"""IP around TCP: both versions, neighbours, errors, fragments, path MTU, VLANs, loopback."""

from __future__ import annotations

import re
from pathlib import Path

from promise import PYTHON, ROOT, Answer, Promise, Ran, modules, run, scratch

UNIT = ("IpHostTest", "Ipv6HostTest", "DadTest", "ReassemblyTest", "DualStackTest", "VlanTest",
        "VlansTest", "SocketsTest", "HostConfigTest", "RoutesTest", "ArpOffTest")
INTEROP = "tests/interop/test_ipv6.py"
FUZZERS = ("reassembly", "neighbours", "icmp_errors", "host_input")
RUNS = 10_000_000


def failed(ran: Ran, what: str) -> list[str]:
    return [] if ran.code == 0 else [f"{what} ended {ran.code}: {ran.tail}"]


def ip(quick: bool) -> Answer:
    """Every table and rule by itself, then live Linux at the other end."""
    built = run(["ninja", "-C", ROOT / "build" / "release", "unit_tests"])
    tests = ROOT / "build" / "release" / "tests" / "unit_tests"
    unit = run([tests, "--gtest_filter=" + ":".join(f"{name}.*" for name in UNIT)])
    counted = re.search(r"\[  PASSED  \] (\d+) tests", unit.output)
    live = run([PYTHON, "-m", "pytest", "-q", INTEROP], env=modules())
    closing = (live.output.strip().splitlines() or ["nothing"])[-1]
    answer = Answer(f"unit: {counted.group(1) if counted else 'no'} tests pass; Linux: {closing}")
    answer.complaints += failed(built, "the build") or failed(unit, "unit_tests")
    answer.complaints += failed(live, "pytest")
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
    with scratch("fuzz") as folder:
        for name in FUZZERS:
            answer.complaints += fuzz_one(name, Path(folder), answer)
    return answer


def fuzz_one(name: str, folder: Path, answer: Answer) -> list[str]:
    found = folder / name
    found.mkdir()
    ran = run([ROOT / "build" / "fuzz" / "tests" / f"fuzz_{name}", f"-runs={RUNS}",
               "-print_final_stats=1", found, ROOT / "tests" / "fuzz" / "corpus" / name],
              cwd=folder, timeout_s=86400)
    done = re.search(r"number_of_executed_units: (\d+)", ran.errors)
    answer.measured += f"{name}: {done.group(1) if done else '?'} executions; "
    return failed(ran, f"fuzz_{name}")


PROMISES = (
    Promise(
        "ip",
        f"unit_tests of models/host; pytest {INTEROP}",
        "IPv4 and IPv6 alike: neighbours, errors, fragments, path MTU, VLANs, loopback, sockets; "
        "live Linux both ways; an idle host within 2 kB",
        ip,
    ),
    Promise(
        "fuzz-ip",
        "fuzz_" + " fuzz_".join(FUZZERS) + f" -runs={RUNS}",
        "ten million executions each without a finding",
        fuzz,
        long=True,
    ),
)
