"""Lines about the bridge: ns-3 in real time among real ports, beside ns-3's own way."""

from __future__ import annotations

from promise import PYTHON, Answer, Promise, modules, run, twinpath

SUITE = "tests/python/test_bridge.py"
TIMES_FASTER = 5.0
NO_VERDICT_CODE = 4


def bridge(quick: bool) -> Answer:
    """Frames leave the simulation and come back, Linux talks to ns-3, lag is accounted."""
    ran = run([PYTHON, "-m", "pytest", "-q", SUITE], env=modules())
    closing = (ran.output.strip().splitlines() or ["nothing"])[-1]
    answer = Answer(closing, [] if ran.code == 0 else [f"pytest ended {ran.code}: {ran.tail}"])
    answer.undecided = "not all of it can run here" if "skipped" in closing else None
    return answer


def rate(quick: bool) -> Answer:
    """Packets a second without a loss, ours against FdNetDevice on the same veth."""
    ran = twinpath("bench", "bridge", "--json")
    answer = Answer("")
    if ran.code == NO_VERDICT_CODE:
        answer.undecided = "the machine is too busy"
    elif ran.code != 0 or not ran.json:
        answer.complaints.append(f"bench bridge ended {ran.code}: {ran.tail}")
    if ran.json.get("ratio"):
        answer.measured = ", ".join(
            f"{label}: {p['ours']:.0f} against {p['peer']:.0f} packets/s, {p['ratio']:.2f} times "
            f"(the sender alone: {p['load']:.0f}; ours ended by {p['ended_by']['ours']})"
            for label, p in ran.json["points"].items()
        )
        if ran.json["ratio"] < TIMES_FASTER and not answer.undecided:
            answer.complaints.append(f"{ran.json['ratio']:.2f} is below {TIMES_FASTER}")
    return answer


PROMISES = (
    Promise(
        "bridge",
        f"pytest {SUITE}",
        "ns-3 in real time with real ports, on net_ring and against Linux on veth; lag is "
        "reported, a process stopped for 50 ms makes the run invalid",
        bridge,
    ),
    Promise(
        "bridge-rate",
        "./twinpath bench bridge --json",
        f"at least {TIMES_FASTER:g} times the packets/s of ns-3's FdNetDevice without a loss",
        rate,
        long=True,
    ),
)
