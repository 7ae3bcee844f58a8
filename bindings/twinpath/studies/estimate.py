"""How long runs will take: those that ran before tell, the others by the size of what they move."""

from __future__ import annotations

from typing import Any

from twinpath_analysis.stats import median

from ..matrix import REAL_TIME
from .tasks import Task

START_S = {"sim": 0.05, "emu": 1.0, "bridge": 1.0}
SIM_PACKETS_PER_S = 300_000.0
PACKET_BYTES = 1448
EMPTY_RATE_BPS = 100e6  # of a plan whose links have no rate


def guess(plan: dict[str, Any]) -> float:
    """Seconds of wall time by the plan alone; good enough to tell long runs from short ones."""
    at_most = plan["stop"]["at_most_ns"] / 1e9
    rates = [link["rate_bps"] for link in plan["links"] if link["rate_bps"]]
    slowest = min(rates, default=EMPTY_RATE_BPS)
    volume, longest = 0.0, 0.0
    for app in plan["apps"]:
        size = _bytes_of(app["args"])
        duration = app["args"].get("duration_ns", 0) / 1e9
        if app["to"] is not None and not size:
            size = (duration or at_most) * slowest / 8
        volume += size
        longest = max(longest, app["start_ns"] / 1e9 + (duration or size * 8 / slowest))
    if plan["driver"] in REAL_TIME:
        return START_S[plan["driver"]] + min(longest or at_most, at_most)
    return START_S["sim"] + volume / PACKET_BYTES / SIM_PACKETS_PER_S


def _bytes_of(args: dict[str, Any]) -> float:
    """Bytes an app moves as far as its arguments say."""
    each = args.get("request_bytes", 0) + args.get("response_bytes", 0)
    count = args.get("count") or 1
    return float(args.get("size_bytes", 0) * count + args.get("requests", 0) * each)


def estimates(tasks: list[Task], walls: dict[tuple[str, str], list[float]]) -> dict[str, float]:
    """Seconds per run_key. Guesses are scaled by how wrong they were about what has run."""
    guesses: dict[tuple[str, str], float] = {}
    for task in tasks:
        kind = task.driver, task.params_json
        if kind not in guesses:
            guesses[kind] = guess(task.plan.data)
    known = {kind: median(walls[kind]) for kind in guesses if kind in walls}
    scale = median([known[kind] / guesses[kind] for kind in known]) if known else 1.0
    return {task.key: known.get(kind, guesses[kind] * scale)
            for task in tasks for kind in [(task.driver, task.params_json)]}
