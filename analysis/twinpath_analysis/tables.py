"""Tables for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable

from rich import box
from rich.table import Table

from .units import percent, show

if TYPE_CHECKING:
    import pandas as pd


def comparison_table(frame: pd.DataFrame, title: str = "") -> Table:
    """sim | emu | error with interval and n."""
    import pandas as pd

    table = Table(title=title or None, box=box.SIMPLE_HEAD, title_justify="left")
    cases, judged = "case" in frame, "verdict" in frame and (frame["verdict"] != "info").any()
    if cases:
        table.add_column("case")
    table.add_column("entity")
    table.add_column("metric", no_wrap=True)
    for name in ("sim", "emu", "error", "interval of emu", "n", *(["verdict"] if judged else [])):
        table.add_column(name, justify="right", no_wrap=True)
    for row in frame.itertuples():
        ends = f"{show(row.lo, row.unit)} … {show(row.hi, row.unit)}"
        interval = "–" if pd.isna(row.lo) else ends
        error = "–" if pd.isna(row.rel_error) else percent(row.rel_error)
        table.add_row(*([row.case] if cases else []), row.entity, row.metric,
                      show(row.sim, row.unit), show(row.emu, row.unit), error, interval,
                      str(int(row.n)), *([row.verdict] if judged else []))
    return table


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
