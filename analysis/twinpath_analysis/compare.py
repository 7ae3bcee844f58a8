"""Prediction beside measurement: per entity and metric, sim, emu, error, interval and n."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Sequence

import pandas as pd

from .database import connect
from .queries import Results, RunRow
from .stats import relative, summarize

COLUMNS = ["metric", "entity", "unit", "better", "sim", "emu", "rel_error", "lo", "hi", "n",
           "coverage"]


def case_key(run: RunRow) -> str:
    """What sim and emu runs of one case share: scenario and parameters."""
    text = json.dumps([run.scenario, run.params], sort_keys=True, separators=(",", ":"),
                      ensure_ascii=False)
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


def store_comparison(path: str, key: str, frame: pd.DataFrame) -> None:
    """Writes the rows into the `comparison` table, replacing those of the same case."""
    connection = connect(path)
    try:
        connection.execute("BEGIN IMMEDIATE")
        ids = {row["name"]: row["metric_id"]
               for row in connection.execute("SELECT metric_id, name FROM metric")}
        for row in frame.itertuples():
            if row.metric not in ids:
                continue
            values = [None if isinstance(v, float) and math.isnan(v) else v
                      for v in (row.sim, row.emu, row.rel_error, row.lo, row.hi)]
            connection.execute(
                "INSERT OR REPLACE INTO comparison (kind, metric_id, entity_path, case_key, a, b, "
                "rel, lo, hi, n, verdict) VALUES ('sim-emu', ?, ?, ?, ?, ?, ?, ?, ?, ?, 'info')",
                (ids[row.metric], row.entity, key, *values, int(row.n)))
        connection.execute("COMMIT")
    finally:
        connection.close()


def compare_runs(sim_db: str, sim_ids: Sequence[int], emu_db: str, emu_ids: Sequence[int],
                 metrics: Sequence[str] | None = None) -> pd.DataFrame:
    """The comparison of two groups of runs of one case."""
    with Results(sim_db) as sim, Results(emu_db) as emu:
        return compare_frames(sim.scalars(sim_ids), emu.scalars(emu_ids), metrics)
