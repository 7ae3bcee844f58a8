"""Results as one row per run: parameters, driver, seed, state and metrics side by side."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

import pandas as pd

from .glossary import METRICS
from .queries import Results, RunRow
from .settings import prices, told_apart
from .stats import mean_of
from .units import NOT_ADDITIVE, show, word

ABOUT = ("run_id", "scenario", "driver", "seed", "attempt", "status", "validity")
SETTINGS, COSTS = "settings", "costs"
NEVER_REPEAT = frozenset(name for name, about in METRICS.items() if about.clock in ("wall", "cpu"))
HEADLINES = ("goodput_bps", "fct_s", "latency_p50_s")  # what a summary shows


def wide(results: Results, runs: Sequence[RunRow]) -> pd.DataFrame:
    """One row per run, in their order. A metric of several entities is their sum, of times and
    fractions their median, as in Run.get(). A parameter named as one of ABOUT or as a metric
    becomes `param.NAME`. Runs that only settings (`-s`) tell apart say so in a column `settings`;
    where a simulation charges CPU time, the column `costs` has how much ("" is free)."""
    metrics = _metrics(results, [run.run_id for run in runs])
    taken = {*ABOUT, SETTINGS, COSTS, *metrics.columns}
    settings, costs = told_apart(runs), prices(runs)
    rows = []
    for run in runs:
        row: dict[str, Any] = {"run_id": run.run_id, "scenario": run.scenario,
                               "driver": run.driver, "seed": run.unsigned_seed,
                               "attempt": run.attempt, "status": run.status,
                               "validity": run.validity}
        row.update({f"param.{name}" if name in taken else name: value
                    for name, value in run.params.items()})
        if settings:
            row[SETTINGS] = settings.get(run.run_id, "")
        if costs:
            row[COSTS] = costs[run.run_id]
        rows.append(row)
    frame = pd.DataFrame(rows, columns=None if rows else list(ABOUT))
    return frame.join(metrics, on="run_id")


def _metrics(results: Results, run_ids: list[int]) -> pd.DataFrame:
    """One row per run_id, one column per scalar metric."""
    frame = results.scalars(run_ids)
    plain = frame["unit"].isin(NOT_ADDITIVE)
    parts = [frame[~plain].groupby(["run_id", "metric"])["value"].sum(),
             frame[plain].groupby(["run_id", "metric"])["value"].median()]
    table = pd.concat([part for part in parts if len(part)] or parts[:1]).unstack("metric")
    table.columns.name = None
    return table.sort_index(axis="columns")


def parameters(frame: pd.DataFrame, metrics: Sequence[str]) -> list[str]:
    """The columns of a wide frame that are parameters."""
    return [name for name in frame.columns if name not in ABOUT and name not in metrics]


def varied(frame: pd.DataFrame, metrics: Sequence[str]) -> list[str]:
    """The driver and parameters that have more than one value."""
    return [name for name in ["driver", *parameters(frame, metrics)]
            if name in frame and frame[name].astype(str).nunique() > 1]


def groups(frame: pd.DataFrame, names: Sequence[str]) -> list[tuple[tuple[Any, ...], pd.DataFrame]]:
    """The parts of a frame with equal values in `names`, in the order they come."""
    if not names:
        return [((), frame)]
    by = list(names) if len(names) > 1 else names[0]
    return [(key if isinstance(key, tuple) else (key,), part)
            for key, part in frame.groupby(by, sort=False, dropna=False)]


def observations(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows statistics count: a simulation repeated with its seed says nothing new, so of equal
    ones the last stands."""
    about = [name for name in frame.columns if name not in ("run_id", "attempt")]
    same = frame[frame["driver"] == "sim"].astype(str).duplicated(about, keep="last")
    return frame.drop(index=same.index[same])


def independent(frame: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """observations() without the seeds that change nothing: where every simulation of a point gave
    the same in everything but time on the wall, they are one observation, not n of no spread."""
    frame = observations(frame)
    measured = [name for name in metrics if name in frame and name not in NEVER_REPEAT]
    about = [name for name in frame.columns
             if name not in metrics and name not in ("run_id", "attempt", "seed")]
    kept = [part.iloc[:1] if set(part["driver"]) == {"sim"} and
            len(part[measured].astype(str).drop_duplicates()) == 1 else part
            for _, part in groups(frame, about)]
    return pd.concat(kept).sort_index() if kept else frame


def summary(frame: pd.DataFrame, units: dict[str, str],
            param_units: Mapping[str, str | None] | None = None, *,
            metrics: Sequence[str] = HEADLINES,
            points: Sequence[str] | None = None) -> pd.DataFrame:
    """Per point of a study the mean of some metrics with its t-interval, as texts, and n.
    Equal simulations are one observation. `units`: of metrics; `param_units`: of parameters, "" is
    a fraction. `points`: the columns that tell points apart, by default those that vary among
    these runs."""
    frame = independent(frame, list(units))
    wanted = varied(frame, list(units)) if points is None else points
    points = [name for name in wanted if name in frame]
    chosen = [name for name in metrics if name in frame] or [n for n in units if n in frame][:3]
    rows = []
    for key, part in groups(frame, points):
        row = {name: word(value, (param_units or {}).get(name))
               for name, value in zip(points, key)}
        for name in chosen:
            found = mean_of(list(part[name].dropna()))
            half = (found.hi - found.lo) / 2
            row[name] = show(found.mean, units[name]) + (
                f" ± {show(half, units[name])}" if half == half else "")
        rows.append(row | {"n": len(part)})
    return pd.DataFrame(rows)
