"""Tables for a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Iterable

from rich import box
from rich.markup import escape
from rich.table import Table

from .units import percent, show

if TYPE_CHECKING:
    import pandas as pd


def comparison_table(frame: pd.DataFrame, title: str = "") -> Table:
    """sim | emu | error with interval and n."""
    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left")
    cases, judged = "case" in frame, "verdict" in frame and (frame["verdict"] != "info").any()
    priced = frame["calibrated"].notna().any()
    if cases:
        table.add_column("case")
    table.add_column("entity")
    table.add_column("metric", no_wrap=True)
    coverages = {coverage_text(row) for row in frame.itertuples() if row.n > 1}
    interval = f"interval of emu\n{min(coverages)}" if len(coverages) == 1 else "interval of emu"
    names = ["sim", *(["sim with\ncosts"] if priced else []), "emu", "error",
             *(["error with\ncosts"] if priced else []), interval, "n",
             *(["verdict"] if judged else [])]
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    for row in frame.itertuples():
        price = [show(row.calibrated, row.unit)] if priced else []
        errors = [percent(row.calibrated_error)] if priced else []
        table.add_row(*([escape(row.case)] if cases else []), row.entity, row.metric,
                      show(row.sim, row.unit), *price, show(row.emu, row.unit),
                      percent(row.rel_error), *errors,
                      interval_text(row, coverage=len(coverages) > 1),
                      str(int(row.n)), *([row.verdict] if judged else []))
    return table


def interval_text(row: Any, *, coverage: bool = True) -> str:
    """The interval of the emulated median and how surely it holds it; of one run there is none."""
    if row.n < 2 or math.isnan(row.lo):
        return "–"
    ends = f"{show(row.lo, row.unit)} … {show(row.hi, row.unit)}"
    return f"{ends} {coverage_text(row)}" if coverage else ends


def coverage_text(row: Any) -> str:
    """(96.8 %): rounded down, for 95 % is a promise."""
    return f"({math.floor(row.coverage * 1000) / 10:g} %)"


def plain_table(columns: Iterable[str], rows: Iterable[Iterable[Any]], title: str = "") -> Table:
    """A table of texts; columns whose name ends in `>` are right-justified."""
    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left")
    for column in columns:
        right = column.endswith(">")
        table.add_column(column.rstrip(">"), justify="right" if right else "left")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    return table


def summary_table(frame: pd.DataFrame, title: str) -> Table:
    """One row per point of a study; see wide.summary()."""
    return plain_table(list(frame.columns), frame.itertuples(index=False), title)
