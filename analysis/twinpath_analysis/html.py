"""What a notebook shows of a study, a run and a comparison. Plain tables, everything escaped."""

from __future__ import annotations

from html import escape
from typing import Any, Sequence

import pandas as pd

from .queries import RunRow
from .units import percent, show
from .wide import summary

MAX_ROWS = 60  # of one table; df() has them all


def table(frame: pd.DataFrame) -> str:
    """A frame as a table of texts."""
    more = f"<p>{len(frame) - MAX_ROWS} more rows</p>" if len(frame) > MAX_ROWS else ""
    return frame.head(MAX_ROWS).to_html(index=False, border=0, na_rep="–", escape=True) + more


def study_html(name: str, frame: pd.DataFrame, units: dict[str, str], missing: int,
               points: Sequence[str]) -> str:
    """One row per point of the grid, told apart by the columns `points`: means with t-intervals
    and n."""
    head = f"<b>{escape(name)}</b>: {len(frame)} finished runs"
    if missing:
        head += f", {missing} missing or failed"
    rows = table(summary(frame, units, points=points))
    return f"<p>{head}; mean ± 95 % t-interval over seeds</p>{rows}"


def run_html(row: RunRow, scalars: pd.DataFrame, problems: Sequence[str]) -> str:
    """The metrics of a run, its parameters and what speaks against it."""
    params = ", ".join(f"{name} {value}" for name, value in row.params.items())
    validity = f", {row.validity}" if row.validity else ""
    head = (f"<p><b>run {row.run_id}</b> {escape(row.scenario)} ({escape(params)}), {row.driver}, "
            f"seed {row.unsigned_seed}: {row.status}{validity}, fingerprint {row.fingerprint}</p>")
    wrong = "".join(f"<p>{escape(text)}</p>" for text in problems)
    apps = scalars[scalars["kind"] == "app"]
    rows = apps if len(apps) else scalars
    return head + wrong + table(pd.DataFrame(
        [{"entity": r.entity, "metric": r.metric, "value": show(r.value, r.unit)}
         for r in rows.itertuples()]))


def comparison_html(frame: pd.DataFrame, verdict: str) -> str:
    """sim, emu, error, interval and n per entity and metric."""
    return f"<p>{escape(verdict)}</p>" + table(pd.DataFrame(
        [_compared(row) for row in frame.itertuples()]))


def _compared(row: Any) -> dict[str, Any]:
    interval = "–" if pd.isna(row.lo) else (
        f"{show(row.lo, row.unit)} … {show(row.hi, row.unit)}")
    error = "–" if pd.isna(row.rel_error) else percent(row.rel_error)
    cells = {"entity": row.entity, "metric": row.metric, "sim": show(row.sim, row.unit),
             "emu": show(row.emu, row.unit), "error": error, "interval of emu": interval,
             "n": int(row.n)}
    if getattr(row, "verdict", "info") != "info":
        cells["verdict"] = row.verdict
    return ({"case": row.case} if hasattr(row, "case") else {}) | cells
