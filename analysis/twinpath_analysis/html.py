"""What a notebook shows of a study, a run and a comparison. Plain tables, everything escaped."""

from __future__ import annotations

from html import escape
from typing import Any, Mapping, Sequence

import pandas as pd

from .glossary import SEVERAL_ENTITIES
from .queries import RunRow
from .tables import interval_text
from .units import percent, show

MAX_ROWS = 60  # of one table; df() has them all


def table(frame: pd.DataFrame) -> str:
    """A frame as a table of texts."""
    more = f"<p>{len(frame) - MAX_ROWS} more rows</p>" if len(frame) > MAX_ROWS else ""
    return frame.head(MAX_ROWS).to_html(index=False, border=0, na_rep="–", escape=True) + more


def study_html(name: str, points: pd.DataFrame, done: int, missing: int) -> str:
    """One row per point of the grid, as wide.summary() has them."""
    head = f"<b>{escape(name)}</b>: {done} finished runs"
    if missing:
        head += f", {missing} missing or failed"
    return (f"<p>{head}; mean ± 95 % t-interval over seeds. {SEVERAL_ENTITIES}</p>"
            f"{table(points)}")


def run_html(row: RunRow, words: Mapping[str, str], scalars: pd.DataFrame,
             problems: Sequence[str]) -> str:
    """The metrics of a run, its parameters (`words`, with units) and what speaks against it."""
    params = ", ".join(f"{name} {words.get(name, value)}" for name, value in row.params.items())
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
    cells = {"entity": row.entity, "metric": row.metric, "sim": show(row.sim, row.unit)}
    if not pd.isna(row.calibrated):
        cells |= {"sim with costs": show(row.calibrated, row.unit)}
    cells |= {"emu": show(row.emu, row.unit), "error": percent(row.rel_error)}
    if not pd.isna(row.calibrated):
        cells |= {"error with costs": percent(row.calibrated_error)}
    cells |= {"interval of emu": interval_text(row), "n": int(row.n)}
    if getattr(row, "verdict", "info") != "info":
        cells["verdict"] = row.verdict
    return ({"case": row.case} if hasattr(row, "case") else {}) | cells
