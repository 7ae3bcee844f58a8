"""The protocol under pressure and its sockets: what others complained about, what Linux answers."""

from __future__ import annotations

import re

from promise import PYTHON, ROOT, Answer, Promise, modules, run

COMPLAINTS = "MtcpComplaints.*:MtcpSockets.*"
COMPLAINTS_MIN = 14
FLOODS = ("SynQueue.*:SynCookies.*:SynFlood.*:ConnectionFlood.*:AcceptQueue.*:TimeWait*.*:"
          "TcpFastOpen.*:UserTimeout.*:Urgent.*:BlackHole.*:DeferAccept.*:ReusePort.*:HalfOpen.*")
FLOODS_MIN = 50
ERRORS = "tests/interop/test_socket_errors.py"
UNIT = ROOT / "build" / "release" / "tests" / "unit_tests"


def unit(tests: str, least: int) -> Answer:
    """Named unit tests; so many must have run."""
    ran = run([UNIT, f"--gtest_filter={tests}"])
    found = re.search(r"(\d+) tests? from \d+ test suites? ran", ran.output)
    count = int(found.group(1)) if found else 0
    complaints = [] if ran.code == 0 else [f"ended {ran.code}: {ran.tail}"]
    if count < least:
        complaints.append(f"{count} tests ran, not {least}")
    return Answer(f"{count} tests, exit {ran.code}", complaints)


def complaints(quick: bool) -> Answer:
    return unit(COMPLAINTS, COMPLAINTS_MIN)


def pressure(quick: bool) -> Answer:
    return unit(FLOODS, FLOODS_MIN)


def errors(quick: bool) -> Answer:
    """The same sequences of calls on the kernel's sockets and on ours."""
    ran = run([PYTHON, "-m", "pytest", "-q", ERRORS], env=modules())
    closing = (ran.output.strip().splitlines() or ["nothing"])[-1]
    problems = [] if ran.code == 0 else [f"pytest ended {ran.code}: {ran.tail}"]
    if "skipped" in closing:
        problems.append("something was left out")
    return Answer(closing, problems)


PROMISES = (
    Promise(
        "complaints",
        f"unit_tests --gtest_filter='{COMPLAINTS}'",
        "every complaint of mTCP's users that concerns the stack is a test by its number",
        complaints,
    ),
    Promise(
        "pressure",
        f"unit_tests --gtest_filter='{FLOODS}'",
        "SYN and connection floods cost what their queues hold; SYN cookies, TIME-WAIT, Fast Open, "
        "user time-out, urgent data, black holes and half-open connections as their RFCs say",
        pressure,
    ),
    Promise(
        "errors",
        f"pytest {ERRORS}",
        "over 400 socket calls in sequences give on our stack what Linux gives, call by call",
        errors,
    ),
)
