"""`bench`: interleaved pairs of trials, ours and a peer's, and the median of their ratios."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

import typer

from ..errors import ConfigError, NoVerdict, Problem, TwinpathError, unknown
from ..machine_lock import one_at_a_time
from ..provenance import ROOT, machine_row
from .bench_entries import BENCHES, Bench, Point
from .output import console, errors, print_json
from .scenarios import JSON

app = typer.Typer(add_completion=False)

SCHEMA = "twinpath.bench/1"
MIN_PAIRS = 7
TRIAL_S = 300.0
BUSY_SPARE = 0.05  # of a core: others may use all cores but the one a trial needs, less this
STEAL_BOUND = 0.05  # share of CPU time taken by other guests
IDLE_BYTES = "idle_bytes_per_connection"


@dataclass
class Load:
    """CPU seconds of the whole machine: busy ones and those stolen by other guests."""

    wall: float
    busy: float
    steal: float
    own: float

    @classmethod
    def now(cls) -> "Load":
        with open("/proc/stat", encoding="ascii") as file:
            ticks = [int(text) / os.sysconf("SC_CLK_TCK") for text in file.readline().split()[1:]]
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        mine = resource.getrusage(resource.RUSAGE_SELF)
        own = sum(u.ru_utime + u.ru_stime for u in (children, mine))
        busy = sum(ticks[:3]) + sum(ticks[5:7])
        return cls(time.monotonic(), busy, ticks[7] if len(ticks) > 7 else 0.0, own)


@dataclass
class Pairs:
    """Values of one point, trial by trial."""

    point: Point
    ours: list[float] = field(default_factory=list)
    peer: list[float] = field(default_factory=list)
    offloads: set[str] = field(default_factory=set)
    load: list[float] = field(default_factory=list)
    idle_bytes: list[float] = field(default_factory=list)
    ended_by: dict[str, Counter[str]] = field(
        default_factory=lambda: {"ours": Counter(), "peer": Counter()})

    def add(self, side: str, answer: dict[str, Any]) -> None:
        """One trial's answer: its value, and what limits that where the program says so."""
        (self.ours if side == "ours" else self.peer).append(_value(answer, self.point))
        if answer.get("offloads"):
            self.offloads.add(str(answer["offloads"]))
        if side == "ours" and IDLE_BYTES in answer:
            self.idle_bytes.append(float(answer[IDLE_BYTES]))
        if "load" in answer:
            self.load.append(float(answer["load"]))
            self.ended_by[side][str(answer["ended_by"])] += 1

    @property
    def ratios(self) -> list[float]:
        """How many times better ours is, per pair."""
        if self.point.kind == "rate":
            return [ours / peer for ours, peer in zip(self.ours, self.peer)]
        return [peer / ours for ours, peer in zip(self.ours, self.peer)]

    def as_dict(self) -> dict[str, Any]:
        ours, peer = _median(self.ours), _median(self.peer)
        if self.point.kind == "share":
            shares = [1 - ratio for ratio in self.ratios]
            return {"ours": _median(shares), "peer": 0.0, "ratio": _median(self.ratios),
                    "unit": self.point.unit, "spread": [min(shares), max(shares)]}
        limits = {"load": _median(self.load), "ended_by": self.ended_by} if self.load else {}
        if self.idle_bytes:
            limits[IDLE_BYTES] = _median(self.idle_bytes)
        return {"ours": ours, "peer": peer, "ratio": _median(self.ratios),
                "unit": self.point.unit, "spread": [min(self.ratios), max(self.ratios)], **limits}


def _median(values: list[float]) -> float:
    from twinpath_analysis.stats import median

    return median(values)


def _program(bench: Bench) -> str:
    build = Path(os.environ.get("TWINPATH_BUILD") or ROOT / "build" / "release")
    path = build / "tests" / bench.program
    if not path.is_file():
        raise NoVerdict(f"{bench.program} is not built; run `ninja -C {build} benches`")
    return str(path)


def _command(bench: Bench, side: str, label: str, number: int) -> list[str]:
    """What does a trial of the pair of that number, from 0."""
    if side == "peer" and bench.peer_script:
        program = [sys.executable, str(ROOT / "tests" / "bench" / bench.peer_script)]
    else:
        program = [_program(bench)]
    seed = ["--seed", str(number + 1)] if bench.seeded else []
    return [*program, "--side", side, "--point", label, *seed]


def trial(command: list[str], label: str) -> dict[str, Any]:
    """One trial's JSON line."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TRIAL_S,
                              env=environment)
    except subprocess.TimeoutExpired as error:
        raise TwinpathError(f"{' '.join(command)} did not end within {TRIAL_S:g} s") from error
    if done.returncode == NoVerdict.exit_code:
        raise NoVerdict(f"{label}: {done.stderr.strip()[-500:]}")
    lines = done.stdout.strip().splitlines()
    try:
        answer = dict(json.loads(lines[-1]))
    except (IndexError, ValueError) as error:
        raise TwinpathError(f"{' '.join(command)} ended with {done.returncode}: "
                            f"{done.stderr.strip()[-500:]}") from error
    if done.returncode != 0:
        raise TwinpathError(f"{' '.join(command)} ended with {done.returncode}")
    return answer


def _value(answer: dict[str, Any], point: Point) -> float:
    if "value" in answer:
        return float(answer["value"])
    work, cpu = float(answer["work"]), float(answer["cpu_s"])
    return cpu / work if point.kind in ("cost", "share") else work / cpu


def measure(bench: Bench, point: Point, pairs: int, known: Optional[Pairs] = None) -> Pairs:
    """At least `pairs` interleaved pairs; who begins alternates. `known`: a measured point whose
    peer's values are taken instead of trials."""
    result = Pairs(point)
    orders = [("ours", "peer") if number % 2 == 0 else ("peer", "ours")
              for number in range(min(pairs, point.pairs_max or pairs))]

    def one(number: int, side: str) -> dict[str, Any]:
        if side == "peer" and known is not None:
            return {"value": known.peer[number]}
        return trial(_command(bench, side, point.label, number), point.label)

    with ThreadPoolExecutor(point.together) as pool:
        trials = [(side, pool.submit(one, number, side)) for number, order in enumerate(orders)
                  for side in order]
        try:
            for done, (side, answer) in enumerate(trials, start=1):
                result.add(side, answer.result())
                if errors.is_terminal and done % 2 == 0:
                    errors.print(f"{bench.name} {point.label}: pair {done // 2} of {len(orders)}, "
                                 f"ratio {result.ratios[-1]:.2f}")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return result


def busy_reason(before: Load, after: Load) -> str:
    """Why nothing can be concluded from what ran between, or an empty text."""
    cores = os.cpu_count() or 1
    wall = max(after.wall - before.wall, 1e-6)
    others = (after.busy - before.busy - (after.own - before.own)) / wall
    steal = (after.steal - before.steal) / (wall * cores)
    if others > cores - 1 - BUSY_SPARE:
        return f"other programs used {others:.2f} of {cores} cores"
    if steal > STEAL_BOUND:
        return f"other guests took {steal * 100:.0f} % of the CPU time"
    return ""


def run_bench(bench: Bench, labels: list[str], pairs: int) -> tuple[dict[str, Any], str]:
    """The bench's JSON object, and why it gives no verdict ("" when it does)."""
    points = [p for p in bench.points if not labels or p.label in labels]
    with one_at_a_time() if bench.real_time else contextlib.nullcontext():
        before = Load.now()
        measured: list[Pairs] = []
        for point in points:
            known = next((m for m in measured if m.point.label == point.peer_of), None)
            measured.append(measure(bench, point, pairs, known))
        reason = busy_reason(before, Load.now())
    found = {m.point.label: m.as_dict() for m in measured}
    gates = [found[p.label] for p in points if p.gate] or list(found.values())
    worst = min(gates, key=lambda point: point["ratio"])
    problems = [Problem("machine", "", reason).as_dict()] if reason else []
    machine = machine_row()
    idle = {IDLE_BYTES: worst[IDLE_BYTES]} if IDLE_BYTES in worst else {}
    return {"schema": SCHEMA, "name": bench.name, "ratio": worst["ratio"], "ours": worst["ours"],
            "peer": worst["peer"], "unit": worst["unit"], **idle, "pairs": pairs, "points": found,
            "offloads": sorted(set().union(*(m.offloads for m in measured))),
            "machine": {key: machine[key] for key in ("hostname", "cpu", "cores", "kernel")},
            "problems": problems}, reason


@app.callback()
def _frame() -> None:
    """Keeps `bench` a sub-command."""


@app.command("bench", help="Measure ourselves against a peer: " + ", ".join(BENCHES))
def bench_command(name: Optional[str] = typer.Argument(None),
                  point: list[str] = typer.Option([], "--point", help="only these points"),
                  pairs: int = typer.Option(MIN_PAIRS, "--pairs", help="7 or more"),
                  as_json: bool = JSON) -> int:
    if name is None:
        _print_benches(as_json)
        return 0
    if name not in BENCHES:
        raise ConfigError([unknown("bench", name, "bench", list(BENCHES))])
    bench = BENCHES[name]
    labels = [p.label for p in bench.points]
    problems = [unknown("--point", p, f"point of {name}", labels) for p in point if p not in labels]
    if pairs < MIN_PAIRS:
        problems.append(Problem("--pairs", str(pairs), f"must be {MIN_PAIRS} or more"))
    if problems:
        raise ConfigError(problems)
    result, reason = run_bench(bench, point, pairs)
    if as_json:
        print_json(result)
    else:
        _print(bench, result)
    if reason:
        errors.print(f"no verdict: {reason}")
    return 4 if reason else 0


def _print_benches(as_json: bool) -> None:
    if as_json:
        found = [{"name": bench.name, "help": bench.help, "peer": bench.peer,
                  "points": [point.label for point in bench.points]} for bench in BENCHES.values()]
        print_json({"schema": "twinpath.benches/1", "benches": found, "problems": []})
        return
    for bench in BENCHES.values():
        console.print(f"[bold]{bench.name:<10}[/] {bench.help} (peer: {bench.peer})")


def _print(bench: Bench, result: dict[str, Any]) -> None:
    from twinpath_analysis.tables import plain_table

    rows = [(label, f"{p['ours']:.4g}", f"{p['peer']:.4g}", p["unit"], f"{p['ratio']:.2f}",
             f"{p['spread'][0]:.3g} … {p['spread'][1]:.3g}")
            for label, p in result["points"].items()]
    console.print(plain_table(["point", "ours>", f"{bench.peer}>", "unit", "times better>",
                               "spread>"], rows, f"{bench.name}, {result['pairs']} pairs"))
    for label, p in result["points"].items():
        if IDLE_BYTES in p:
            console.print(f"{label}: {p[IDLE_BYTES]:.0f} bytes per idle connection and end")
        if "load" in p:
            ours, peer = (_counted(p["ended_by"][side]) for side in ("ours", "peer"))
            console.print(f"{label}: the sender alone does {p['load']:.4g} {p['unit']}; ended "
                          f"by: ours {ours}; {bench.peer} {peer}")


def _counted(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason} ({times})" for reason, times in reasons.most_common())
