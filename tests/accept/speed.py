"""Benches of the stack against Linux, each against its bound."""

from __future__ import annotations

from promise import Answer, Promise, twinpath
from twinpath.cli.bench_entries import BENCHES  # on the path since promise

NO_VERDICT_CODE = 4
# How many times the peer's value, the better way round, at each point.
BOUNDS = {
    "rps-short": {"linux": 5.0, "lwip": 1.5},
    "ping-pong": {"p50": 1.0, "p99": 1.0},
    "msgs-per-conn": {},
    "batching": {},
    # Of the first acceptance, kept.
    "sim-bulk": {"10G": 20.0, "1G": 10.0},
    # At 8k: at most 1.3 times Linux's time.
    # With loss or reordering the luck of a window counts for more.
    "bdp-loss": {f"{driver}{path}": 0.95 if path == "loss0" else 0.85
                 for driver in ("", "sim-") for path in ("loss0", "loss0.1", "loss1", "reorder")},
    "bulk-cpu": {"64": 1.0, "256": 1.0, "1k": 1.0, "8k": 1 / 1.3},
    # The time per transaction among a million connections is at most twice that among 10,000.
    "conn-scale": {"1M": 0.5},
}


IDLE_BYTES = "idle_bytes_per_connection"
IDLE_BYTES_MAX = {"conn-scale": 512}


def bench(name: str) -> Answer:
    """One bench, every point printed."""
    ran = twinpath("bench", name, "--json")
    undecided = f"no verdict: {ran.tail[-200:]}" if ran.code == NO_VERDICT_CODE else None
    points = ran.json.get("points", {})
    if not points:
        complaints = [] if undecided else [f"ended {ran.code}: {ran.tail}"]
        return Answer("", complaints, undecided)
    answer = Answer("; ".join(
        f"{label} {p['ours']:.3g} against {p['peer']:.3g} {p['unit']}, {p['ratio']:.2f} times"
        for label, p in points.items()), undecided=undecided)
    declared = [point.label for point in BENCHES[name].points]
    answer.complaints += [f"no point {label}" for label in declared if label not in points]
    for label, bound in BOUNDS[name].items():
        if label in points and points[label]["ratio"] < bound:
            answer.complaints.append(f"{label} {points[label]['ratio']:.2f} is below {bound}")
    if name in IDLE_BYTES_MAX:
        weigh(points, IDLE_BYTES_MAX[name], answer)
    return answer


def weigh(points: dict, bytes_max: int, answer: Answer) -> None:
    """What an idle connection costs at every point."""
    for label, point in points.items():
        idle = point.get(IDLE_BYTES)
        answer.measured += f"; {label} {idle} bytes per idle connection"
        if idle is None or idle > bytes_max:
            answer.complaints.append(f"{label} {IDLE_BYTES} {idle} is above {bytes_max}")


def bound_text(name: str) -> str:
    """What a reader sees as the bound."""
    bounds = [f"{at} >= {bound:.2g}" for at, bound in BOUNDS[name].items()]
    if name in IDLE_BYTES_MAX:
        bounds.append(f"{IDLE_BYTES} <= {IDLE_BYTES_MAX[name]} at each")
    return ", ".join(bounds) or "printed"


PROMISES = tuple(
    Promise(name, f"./twinpath bench {name} --json", bound_text(name),
            lambda quick, name=name: bench(name), long=True)
    for name in BOUNDS
)
