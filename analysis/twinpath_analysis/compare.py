"""Prediction beside measurement: per entity and metric, sim, emu, error, interval and n."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any, Iterable, Sequence

import pandas as pd

from .database import connect
from .queries import Results, RunRow
from .stats import relative, summarize

COLUMNS = ["metric", "entity", "unit", "better", "sim", "emu", "rel_error", "lo", "hi", "n",
           "coverage"]


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


def compare_frames(sim: pd.DataFrame, emu: pd.DataFrame,
                   metrics: Sequence[str] | None = None) -> pd.DataFrame:
    """Joins scalars of sim and emu runs by entity path and metric."""
    rows = []
    emu_groups = dict(list(comparable(emu).groupby(["entity", "metric"])))
    for (entity, metric), group in comparable(sim).groupby(["entity", "metric"], sort=False):
        other = emu_groups.get((entity, metric))
        if other is None or (metrics is not None and metric not in metrics):
            continue
        predicted = summarize(list(group["value"]))
        measured = summarize(list(other["value"]))
        rows.append([metric, entity, group["unit"].iloc[0], group["better"].iloc[0],
                     predicted.median, measured.median,
                     relative(predicted.median, measured.median), measured.lo, measured.hi,
                     measured.n, measured.coverage])
    return pd.DataFrame(rows, columns=COLUMNS)


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
        ComparisonRow(row.metric, row.entity, row.sim, row.emu, row.lo, row.hi, int(row.n),
                      math.nan if bound is None else bound, row.verdict, row.rel_error)
        for row in frame.itertuples()])


def judge_errors(frame: pd.DataFrame, bound: float | None) -> pd.DataFrame:
    """The frame with the column `verdict`: the error against ±bound at both ends of the measured
    interval. Wholly beyond fails, the bound inside decides nothing; without a bound all is info."""
    verdicts = ["info" if bound is None else _judge_error(row, bound)
                for row in frame.itertuples()]
    return frame.assign(verdict=pd.Series(verdicts, index=frame.index, dtype=object))


def _judge_error(row: Any, bound: float) -> str:
    ends = [relative(row.sim, end) for end in (row.lo, row.hi)]
    if any(math.isnan(end) for end in ends):
        return "no-verdict"
    if all(abs(end) <= bound for end in ends):
        return "pass"
    same_side = min(ends) > bound or max(ends) < -bound
    return "fail" if same_side else "no-verdict"


def compare_runs(sim_db: str, sim_ids: Sequence[int], emu_db: str, emu_ids: Sequence[int],
                 metrics: Sequence[str] | None = None) -> pd.DataFrame:
    """The comparison of two groups of runs of one case."""
    with Results(sim_db) as sim, Results(emu_db) as emu:
        return compare_frames(sim.scalars(sim_ids), emu.scalars(emu_ids), metrics)
