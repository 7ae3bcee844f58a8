"""Prediction beside measurement: per entity and metric, sim, emu, error, interval and n."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any, Iterable, Mapping, Sequence

import pandas as pd

from .database import connect
from .queries import Results, RunRow
from .settings import costs_text
from .stats import CONFIDENCE, relative, summarize

COLUMNS = ["metric", "entity", "unit", "better", "sim", "emu", "rel_error", "lo", "hi", "n",
           "coverage", "calibrated", "calibrated_error", "costs"]
NUMBERS = ("sim", "emu", "rel_error", "calibrated", "calibrated_error")
RAW = ""  # costs of a simulation whose CPU time is free


def case_key(run: RunRow) -> str:
    """What sim and emu runs of one case share: scenario, parameters, and what settings (`-s`) may
    change, links and TCP. Stacks may differ: that is what is compared."""
    plan = json.loads(run.plan_json)
    settings = [plan.get("links"), {h["name"]: h.get("tcp") for h in plan.get("hosts", ())}]
    text = json.dumps([run.scenario, run.params, settings], sort_keys=True,
                      separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def comparable(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows both drivers can mean: model time only, since CPU time is not modelled."""
    return frame[frame["clock"].isin(["model", "none"]) & frame["value"].notna()]


def by_costs(runs: Sequence[RunRow]) -> dict[str, list[RunRow]]:
    """Simulations by what CPU time costs in them; RAW, where it is free, comes first."""
    found: dict[str, list[RunRow]] = {RAW: []}
    for run in runs:
        found.setdefault(costs_text(json.loads(run.plan_json)), []).append(run)
    return {costs: chosen for costs, chosen in found.items() if chosen}


def compare_frames(sim: Mapping[str, pd.DataFrame], emu: pd.DataFrame,
                   metrics: Sequence[str] | None = None) -> pd.DataFrame:
    """Joins scalars of sim, by costs, and of emu by entity path and metric. `sim` and `rel_error`
    are of CPU time free, `calibrated` and `calibrated_error` of the first `costs`; each further
    profile has rows of its own."""
    measured = {key: summarize(list(group["value"]))
                for key, group in comparable(emu).groupby(["entity", "metric"])}
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    first = next((costs for costs in sim if costs != RAW), RAW)
    for costs, frame in sim.items():
        for key, group in comparable(frame).groupby(["entity", "metric"], sort=False):
            if key not in measured or (metrics is not None and key[1] not in metrics):
                continue
            place = (*key, RAW if costs == first else costs)
            row = rows.setdefault(place, {
                "entity": key[0], "metric": key[1], "unit": group["unit"].iloc[0],
                "better": group["better"].iloc[0], "costs": RAW, **_measured(measured[key])})
            row |= predicted_columns(costs, summarize(list(group["value"])).median, row["emu"])
    frame = pd.DataFrame(list(rows.values()), columns=COLUMNS)
    return frame.astype({name: float for name in NUMBERS})


def _measured(summary: Any) -> dict[str, Any]:
    return {"emu": summary.median, "lo": summary.lo, "hi": summary.hi, "n": summary.n,
            "coverage": summary.coverage}


def predicted_columns(costs: str, value: float, measured: float) -> dict[str, Any]:
    """A prediction in the columns it belongs to."""
    error = relative(value, measured)
    if costs == RAW:
        return {"sim": value, "rel_error": error}
    return {"calibrated": value, "calibrated_error": error, "costs": costs}


def predicted(row: Any) -> float:
    """What a row predicts: with CPU time free, else by the costs there are."""
    return float(row.calibrated if pd.isna(row.sim) else row.sim)


def error_of(row: Any) -> float:
    """The error of predicted()."""
    return float(row.calibrated_error if pd.isna(row.sim) else row.rel_error)


@dataclass(frozen=True)
class ComparisonRow:
    """A row of the table `comparison`: `a` against `b`. Numbers may be NaN."""

    metric: str
    entity: str
    a: float
    b: float
    lo: float
    hi: float
    n: int
    bound: float = math.nan
    verdict: str = "info"  # pass fail no-verdict info
    rel: float | None = None  # (a - b) / b when None


def store_rows(path: str, kind: str, key: str, rows: Iterable[ComparisonRow]) -> None:
    """Writes rows into `comparison`, replacing those of the same kind, case, metric and entity."""
    connection = connect(path)
    try:
        connection.execute("BEGIN IMMEDIATE")
        # A fingerprint is compared like a metric, and no model records it as one.
        connection.execute("INSERT OR IGNORE INTO metric (name, unit, kind, better, clock, help) "
                           "VALUES ('fingerprint', '', 'scalar', 'neither', 'none', "
                           "'hash over every frame of every port') ")
        ids = {row["name"]: row["metric_id"]
               for row in connection.execute("SELECT metric_id, name FROM metric")}
        for row in rows:
            if row.metric not in ids:
                continue
            rel = relative(row.a, row.b) if row.rel is None else row.rel
            values = [None if math.isnan(v) else v
                      for v in (row.a, row.b, rel, row.lo, row.hi, row.bound)]
            connection.execute(
                "INSERT OR REPLACE INTO comparison (kind, metric_id, entity_path, case_key, a, b, "
                "rel, lo, hi, bound, n, verdict) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (kind, ids[row.metric], row.entity, key, *values, row.n, row.verdict))
        connection.execute("COMMIT")
    finally:
        connection.close()


def store_comparison(path: str, key: str, frame: pd.DataFrame,
                     bound: float | None = None) -> None:
    """Writes a judged comparison of sim and emu of one case, replacing that of the same case."""
    store_rows(path, "sim-emu", key, [
        ComparisonRow(row.metric, row.entity, predicted(row), row.emu, row.lo, row.hi, int(row.n),
                      math.nan if bound is None else bound, row.verdict, error_of(row))
        for row in frame.drop_duplicates(["entity", "metric"]).itertuples()])


def judge_errors(frame: pd.DataFrame, bound: float | None) -> pd.DataFrame:
    """The frame with the column `verdict`: the error against ±bound at both ends of the measured
    interval. Wholly beyond fails, the bound inside decides nothing, and neither does an interval
    that holds the median with less than 95 %; without a bound all is info."""
    verdicts = ["info" if bound is None else _judge_error(row, bound)
                for row in frame.itertuples()]
    return frame.assign(verdict=pd.Series(verdicts, index=frame.index, dtype=object))


def _judge_error(row: Any, bound: float) -> str:
    if row.coverage < CONFIDENCE:
        return "no-verdict"
    ends = [relative(predicted(row), end) for end in (row.lo, row.hi)]
    if any(math.isnan(end) for end in ends):
        return "no-verdict"
    if all(abs(end) <= bound for end in ends):
        return "pass"
    same_side = min(ends) > bound or max(ends) < -bound
    return "fail" if same_side else "no-verdict"


def compare_runs(sim_db: str, sims: Sequence[RunRow], emu_db: str, emus: Sequence[RunRow],
                 metrics: Sequence[str] | None = None) -> pd.DataFrame:
    """The comparison of two groups of runs of one case."""
    with Results(sim_db) as sim, Results(emu_db) as emu:
        frames = {costs: sim.scalars([run.run_id for run in runs])
                  for costs, runs in by_costs(sims).items()}
        return compare_frames(frames, emu.scalars([run.run_id for run in emus]), metrics)
