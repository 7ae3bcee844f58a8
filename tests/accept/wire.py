"""The protocol under pressure and its sockets: what others complained about, what Linux answers."""

from __future__ import annotations

from promise import PYTHON, Answer, Promise, build, gtest, modules, run

COMPLAINTS = "MtcpComplaints.*:MtcpSockets.*"
COMPLAINTS_MIN = 14
FLOODS = ("SynQueue.*:SynCookies.*:SynFlood.*:ConnectionFlood.*:AcceptQueue.*:TimeWait*.*:"
          "TcpFastOpen.*:UserTimeout.*:Urgent.*:BlackHole.*:DeferAccept.*:ReusePort.*:HalfOpen.*")
FLOODS_MIN = 50
RECOVERY = ("TcpRetransmit.*:TcpSack.*:TcpRack.*:TcpEifel.*:Faults/TcpPairTest.*:SentList.*:Rtt.*:"
            "HyStart.*:SlowStart.*:CustomCongestion.*")
RECOVERY_MIN = 50
SOCKETS = "PollerTest.*:SocketsTest.*:OpeningSockets.*:StackSocketsTest.*:FdSetTest.*"
SOCKETS_MIN = 40
IMAGES = "TcbImage.*"
IMAGES_MIN = 9
SWARM_SEEDS = 10_000
BESIDE_LINUX = "tests/python/test_script_linux.py"
ALL_MIN = 630
ERRORS = "tests/interop/test_socket_errors.py"


def unit(tests: str, least: int) -> Answer:
    """Named unit tests; so many must have run."""
    ran, count = gtest("unit_tests", tests)
    complaints = [] if ran.code == 0 else [f"ended {ran.code}: {ran.tail}"]
    if count < least:
        complaints.append(f"{count} tests ran, not {least}")
    return Answer(f"{count} tests, exit {ran.code}", complaints)


def complaints(quick: bool) -> Answer:
    return unit(COMPLAINTS, COMPLAINTS_MIN)


def pressure(quick: bool) -> Answer:
    return unit(FLOODS, FLOODS_MIN)


def recovery(quick: bool) -> Answer:
    return unit(RECOVERY, RECOVERY_MIN)


def sockets(quick: bool) -> Answer:
    return unit(SOCKETS, SOCKETS_MIN)


def images(quick: bool) -> Answer:
    return unit(IMAGES, IMAGES_MIN)


def swarm(quick: bool) -> Answer:
    """Random worlds with an attacker on the path; what they hold is bounded throughout."""
    seeds = SWARM_SEEDS // 10 if quick else SWARM_SEEDS
    complaints = build("swarm")
    ran = run(["build/release/tests/swarm", "--count", str(seeds)], timeout_s=4 * 3600)
    complaints += [] if ran.code == 0 else [f"ended {ran.code}: {ran.tail}"]
    return Answer(f"{seeds} seeds in {ran.seconds:.0f} s", complaints)


def beside_linux(quick: bool) -> Answer:
    """Every script against the kernel too; where it differs, the reason is written down."""
    ran = run([PYTHON, "-m", "pytest", "-q", BESIDE_LINUX], env=modules())
    closing = (ran.output.strip().splitlines() or ["nothing"])[-1]
    problems = [] if ran.code == 0 else [f"pytest ended {ran.code}: {ran.tail}"]
    return Answer(closing, problems, "skipped" in closing and "it cannot run here" or None)


def errors(quick: bool) -> Answer:
    """The same sequences of calls on the kernel's sockets and on ours."""
    ran = run([PYTHON, "-m", "pytest", "-q", ERRORS], env=modules())
    closing = (ran.output.strip().splitlines() or ["nothing"])[-1]
    problems = [] if ran.code == 0 else [f"pytest ended {ran.code}: {ran.tail}"]
    if "skipped" in closing:
        problems.append("something was left out")
    return Answer(closing, problems)


def whole(quick: bool) -> Answer:
    return unit("*", ALL_MIN)


PROMISES = (
    Promise(
        "unit",
        "unit_tests",
        "every test of models, whatever the tables of RFCs and features name among them",
        whole,
    ),
    Promise(
        "recovery",
        f"unit_tests --gtest_filter='{RECOVERY}'",
        "SACK, D-SACK, RACK-TLP, PRR, NewReno without SACK, undo of what was spurious, limited "
        "transmit, restart after idling: every byte under every fault, each rule by its example",
        recovery,
    ),
    Promise(
        "sockets",
        f"unit_tests --gtest_filter='{SOCKETS}'",
        "streams and datagrams; level, edge and one-shot, several pollers, one socket in two; "
        "vectored and zero-copy calls beside the copying ones; options as set and got",
        sockets,
    ),
    Promise(
        "images",
        f"unit_tests --gtest_filter='{IMAGES}'",
        "a connection taken out and put in elsewhere in each of its states sends the same frames",
        images,
    ),
    Promise(
        "swarm",
        f"swarm --count {SWARM_SEEDS}",
        "blind resets, SYNs and data, overlaps with other bytes, shrunk windows, garbage options, "
        "numbers and clocks near their wrap: no violation, memory bounded",
        swarm,
        long=True,
    ),
    Promise(
        "beside-linux",
        f"pytest {BESIDE_LINUX}",
        "the scripts played against the kernel: it agrees, or the difference is listed with why",
        beside_linux,
    ),
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
