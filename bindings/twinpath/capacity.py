"""The highest load without loss, found by bisection over runs (RFC 2544 §26.1).

A trial counts every frame that a host sent and no host received, apart from those the links' delay
explains: a queue that was still growing at the end of a short trial is loss too.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from .arguments import seed_of
from .errors import ConfigError, NoVerdict, Problem, unknown
from .plan import Plan
from .prepare import RunRequest
from .quantities import PacketRate, Rate, Ratio, Time
from .run import Run

if TYPE_CHECKING:
    from .scenario import Case

LOADS = (PacketRate, Rate)
LOSSES = ("asked", "queue", "resource", "environment")  # causes of drops that are loss
MAX_DOUBLINGS = 24  # from the first load tried, up or down
MAX_BISECTIONS = 24
REPEATS_IF_INVALID = 3


@dataclass(frozen=True)
class Trial:
    """One load and how it went."""

    load: PacketRate | Rate
    lost: float  # fraction of the frames sent
    run_id: int
    passed: bool


@dataclass(frozen=True)
class Search:
    """What is searched; every quantity validated."""

    case: "Case"
    driver: str
    parameter: str
    loss: float
    trial_s: float
    resolution: float
    seed: int
    testbed: str | None
    db: str | None
    on_trial: Callable[[Trial], None] | None


def find_capacity(search: Search) -> tuple[PacketRate | Rate, list[Trial]]:
    """The highest load that passed, and every trial in order. NoVerdict when none passes, none
    fails, or an emulation stays invalid."""
    trials: list[Trial] = []

    def passes(load: float) -> bool:
        trials.append(_trial(search, load))
        if search.on_trial:
            search.on_trial(trials[-1])
        return trials[-1].passed

    low, high = _bracket(float(search.case.params[search.parameter]), passes)
    for _ in range(MAX_BISECTIONS):
        if (high - low) / high <= search.resolution:
            break
        middle = (low + high) / 2
        low, high = (middle, high) if passes(middle) else (low, middle)
    return _of(search, low), trials


def _of(search: Search, load: float) -> PacketRate | Rate:
    """`load` in the type of the parameter."""
    first = search.case.params[search.parameter]
    return first * (load / float(first))


def _bracket(first: float, passes: Callable[[float], bool]) -> tuple[float, float]:
    """A load that passes and twice that, which does not."""
    if passes(first):
        low = first
        for _ in range(MAX_DOUBLINGS):
            if not passes(2 * low):
                return low, 2 * low
            low *= 2
        raise NoVerdict(f"no load up to {low:g} was too much; is the load the scenario's limit?")
    high = first
    for _ in range(MAX_DOUBLINGS):
        high /= 2
        if passes(high):
            return high, 2 * high
    raise NoVerdict(f"even a load of {high:g} lost frames")


def _trial(search: Search, load: float) -> Trial:
    quantity = _of(search, load)
    case = search.case.with_params({search.parameter: quantity})
    plan = _timed(case.plan(search.driver), search.trial_s)
    _only_ours(plan)
    for _ in range(REPEATS_IF_INVALID):
        run = _run(search, case, plan)
        if run.validity != "invalid":
            lost, dropped = _lost(run, plan)
            passed = lost <= search.loss + search.resolution / 2 and dropped <= search.loss
            return Trial(quantity, max(lost, dropped), run.run_id, passed)
    raise NoVerdict(f"the emulation at {quantity} stayed invalid: {'; '.join(run.problems)}")


def _only_ours(plan: Plan) -> None:
    """Frames are counted on hosts of our stack only: with another one every frame to it is lost."""
    others = [host["name"] for host in plan.data["hosts"] if host["stack"] != "twinpath"]
    if others:
        raise ConfigError([Problem("capacity", ", ".join(others), "counts no frames of this host",
                                   "hosts on the stack twinpath")])


def _timed(plan: Plan, trial_s: float) -> Plan:
    """The plan, stopped after the warm-up and one trial."""
    data = copy.deepcopy(plan.data)
    warmup_ns = data["measure"].get("warmup_ns") or 0
    data["stop"] = {"when": [], "at_most_ns": warmup_ns + round(trial_s * 1e9)}
    return Plan(data)


def _run(search: Search, case: "Case", plan: Plan) -> Run:
    from .execute import check_testbed, execute_plan

    if search.testbed is not None:
        check_testbed(plan, search.testbed)
    request = RunRequest(plan, case.params, search.seed, search.testbed, case.scenario.source)
    return execute_plan(request, db=search.db, timeout=None)


def _lost(run: Run, plan: Plan) -> tuple[float, float]:
    """Frames sent and not received, and frames counted as dropped, as fractions of those sent.
    What is on the wire at the end is not lost; how much that is can only be estimated."""
    frame = run.df("scalar")
    sent = float(frame.loc[frame["metric"] == "tx_frames", "value"].sum())
    received = float(frame.loc[frame["metric"] == "rx_frames", "value"].sum())
    if sent == 0:
        raise NoVerdict("nothing was sent in a trial; make it longer")
    model_s = run.row.model_s or 1.0
    delay_s = sum(link["delay_ns"] for link in plan.data["links"]) / 1e9
    on_the_wire = sent / model_s * delay_s + len(plan.data["links"])
    drops = run.df("drop_count")
    dropped = float(drops.loc[drops["cause"].isin(LOSSES), "packets"].sum())
    return max(0.0, (sent - received - on_the_wire) / sent), dropped / sent


def checked(case: "Case", driver: str, **asked: Any) -> Search:
    """The search asked for; ConfigError names every problem at once."""
    from .execute import chosen_testbed

    problems: list[Problem] = []

    def parse(kind: type, field: str) -> float:
        try:
            return float(kind(asked[field], field))
        except ConfigError as error:
            problems.extend(error.problems)
            return 0.0

    parameter = asked["parameter"]
    if driver not in ("sim", "emu"):
        problems.append(unknown("driver", driver, "driver", ["sim", "emu"]))
    if parameter not in case.params:
        problems.append(unknown("parameter", parameter, "parameter", list(case.params)))
    elif not isinstance(case.params[parameter], LOADS):
        problems.append(Problem("parameter", parameter, "is no load",
                                "a parameter of type PacketRate or Rate"))
    elif float(case.params[parameter]) in (0.0, float("inf")):
        problems.append(Problem(parameter, str(case.params[parameter]),
                                "the search starts at this load", "more than 0, not unlimited"))
    loss, resolution = parse(Ratio, "loss"), parse(Ratio, "resolution")
    trial_s = parse(Time, "trial")
    if not problems and not 0 < resolution < 1:
        problems.append(Problem("resolution", str(asked["resolution"]), "must be above 0",
                                "0.01%..50%"))
    if not problems and trial_s == 0:
        problems.append(Problem("trial", str(asked["trial"]), "must be above 0", "1ms or more"))
    bed, seed = None, 0
    try:
        seed = seed_of(asked["seed"])
        bed = chosen_testbed((driver,), asked["testbed"])
    except ConfigError as error:
        problems.extend(error.problems)
    if asked["on_trial"] is not None and not callable(asked["on_trial"]):
        problems.append(Problem("on_trial", str(asked["on_trial"]), "cannot be called",
                                "on_trial(trial)"))
    if problems:
        raise ConfigError(problems)
    return Search(case, driver, parameter, loss, trial_s, resolution, seed, bed,
                  asked["db"], asked["on_trial"])
