"""Prediction beside measurement."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Sequence

from .errors import NoVerdict
from .run import Run
from .studies import Study

if TYPE_CHECKING:
    import pandas as pd

REPEATS = 5  # emulations behind a comparison: one emu run is an anecdote


class Comparison:
    """sim | emu | error per entity and metric, with the interval of the emulated median."""

    def __init__(self, frame: "pd.DataFrame", note: str) -> None:
        self._frame, self._note = frame, note

    def df(self) -> "pd.DataFrame":
        """Columns metric entity unit better sim emu rel_error lo hi n coverage; values in SI."""
        return self._frame

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        from twinpath_analysis.units import percent, show

        frame = self._frame[self._frame["rel_error"].notna()]
        if frame.empty:
            return f"Nothing to compare. {self._note}".strip()
        goodput = frame[frame["metric"] == "goodput_bps"]
        chosen = goodput if len(goodput) else frame
        row = chosen.loc[chosen["rel_error"].abs().idxmax()]
        return (f"{row.metric} of {row.entity}: predicted {show(row.sim, row.unit)}, measured "
                f"{show(row.emu, row.unit)} (n = {row.n}), error {percent(row.rel_error)}. "
                f"{self._note}").strip()

    def table(self) -> str:
        """The comparison as text, the verdict below."""
        from rich.console import Console
        from twinpath_analysis.tables import comparison_table

        text = io.StringIO()
        console = Console(file=text, width=120)
        console.print(comparison_table(self._frame))
        return f"{text.getvalue().rstrip()}\n{self.verdict}"

    def __repr__(self) -> str:
        return self.table()

    def _repr_html_(self) -> str:
        from twinpath_analysis.html import comparison_html

        return comparison_html(self._frame, self.verdict)


def _runs_of(side: Run | Study, driver: str) -> list[Run]:
    runs = [side] if isinstance(side, Run) else side.runs
    return [run for run in runs if run.driver == driver and run.status == "done"]


def _repeat(first: Run, repeats: int) -> list[Run]:
    """`first` and equal emulations, until `repeats` are there; those already recorded count."""
    from twinpath_analysis.queries import Results

    from .execute import rerun

    with Results(first.db) as results:
        rows = results.runs(run_key=first.row.run_key)
    runs = [Run(first.db, row.run_id) for row in rows
            if row.status == "done" and row.validity != "invalid"]
    for _ in range(repeats - len(rows)):
        again = rerun(first)
        if again.validity != "invalid":
            runs.append(again)
    return runs


def compare(sim: Run | Study, emu: Run | Study, *, metrics: Sequence[str] | None = None,
            repeats: int = REPEATS) -> Comparison:
    """Compares simulation and emulation of one case. A single emulation is repeated until there
    are `repeats` of it; invalid ones are left out; NoVerdict when none is left."""
    from twinpath_analysis.compare import case_key, compare_runs, store_comparison

    predicted, measured = _runs_of(sim, "sim"), _runs_of(emu, "emu")
    if isinstance(emu, Run) and measured:
        measured = _repeat(measured[0], repeats)
    usable = [run for run in measured if run.validity != "invalid"]
    if not predicted or not usable:
        raise NoVerdict("nothing to compare: no finished simulation" if not predicted
                        else "nothing to compare: no valid emulation")
    cases = sorted({case_key(run.row) for run in (*predicted, *usable)})
    if len(cases) > 1:
        raise NoVerdict(f"nothing to compare: these runs are of {len(cases)} cases, a median over "
                        "them says nothing; give runs of one scenario and one set of parameters")
    frame = compare_runs(predicted[0].db, [run.run_id for run in predicted], usable[0].db,
                         [run.run_id for run in usable], metrics)
    store_comparison(usable[0].db, case_key(usable[0].row), frame)
    suspect = sum(run.validity == "suspect" for run in usable)
    note = "CPU time is not modelled."
    if suspect:
        note += f" {suspect} of {len(usable)} emulations are suspect."
    return Comparison(frame, note)
