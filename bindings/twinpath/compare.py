"""Prediction beside measurement."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Sequence

from .arguments import list_of, of_type, whole
from .errors import ConfigError, NoVerdict, unknown
from .matrix import REAL_TIME
from .quantities import Ratio
from .run import Run
from .studies import Study

if TYPE_CHECKING:
    import pandas as pd

REPEATS_MAX = 10_000
REPEATS = 5  # emulations behind a comparison: one emu run is an anecdote


class Comparison:
    """sim | emu | error per entity and metric, with the interval of the emulated median."""

    def __init__(self, frame: "pd.DataFrame", note: str, within: float | None = None) -> None:
        self._frame, self._note, self._within = frame, note, within

    def df(self) -> "pd.DataFrame":
        """Columns metric entity unit better sim emu rel_error lo hi n coverage verdict, values in
        SI; before them `case` when there are several. `lo` and `hi` hold the measured median.
        verdict: info, or with a bound pass, fail, no-verdict."""
        return self._frame

    @property
    def exit_code(self) -> int:
        """0; with a bound 1 when a row fails, 4 when none does and one has no verdict."""
        verdicts = set(self._frame["verdict"])
        return 1 if "fail" in verdicts else 4 if "no-verdict" in verdicts else 0

    @property
    def verdict(self) -> str:
        """The result in one sentence: the worst error of goodput, else of any metric."""
        from twinpath_analysis.units import percent, show

        frame = self._frame[self._frame["rel_error"].notna()]
        if frame.empty:
            return f"Nothing to compare. {self._note}".strip()
        goodput = frame[frame["metric"] == "goodput_bps"]
        chosen = goodput if len(goodput) else frame
        row = chosen.loc[chosen["rel_error"].abs().idxmax()]
        case = f" ({row.case})" if "case" in frame else ""
        return (f"{row.metric} of {row.entity}{case}: predicted {show(row.sim, row.unit)}, "
                f"measured {show(row.emu, row.unit)} (n = {row.n}), error "
                f"{percent(row.rel_error)}. {self._bounded()}{self._note}").strip()

    def _bounded(self) -> str:
        if self._within is None:
            return ""
        counts = self._frame["verdict"].value_counts()
        words = {"pass": "within", "fail": "beyond", "no-verdict": "too uncertain for"}
        said = ", ".join(f"{counts[name]} {word}" for name, word in words.items()
                         if name in counts)
        return f"{said} ±{self._within * 100:g} %. "

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
    """`first` and equal emulations, until `repeats` are there; those already recorded count, and
    invalid ones too, so that a busy machine ends."""
    from twinpath_analysis.queries import Results

    from .execute import rerun

    with Results(first.db) as results:
        rows = results.runs(run_key=first.row.run_key)
    runs = [Run(first.db, row.run_id) for row in rows if row.status == "done"]
    return runs + [rerun(first) for _ in range(repeats - len(rows))]


def _by_case(runs: Sequence[Run]) -> dict[str, list[Run]]:
    from twinpath_analysis.compare import case_key

    cases: dict[str, list[Run]] = {}
    for run in runs:
        cases.setdefault(case_key(run.row), []).append(run)
    return cases


def _paired(sim: Run | Study, emu: Run | Study,
            repeats: int) -> tuple[list[tuple[str, list[Run], list[Run]]], str]:
    """Per case its simulations and its valid emulations, and a note on what found no partner."""
    real = emu.driver if isinstance(emu, Run) and emu.driver in REAL_TIME else "emu"
    predicted, measured = _runs_of(sim, "sim"), _runs_of(emu, real)
    if isinstance(emu, Run) and measured:
        measured = _repeat(measured[0], repeats)
    usable = [run for run in measured if run.validity != "invalid"]
    if not predicted or not usable:
        raise NoVerdict("nothing to compare: no finished simulation" if not predicted
                        else "nothing to compare: no valid emulation")
    left, right = _by_case(predicted), _by_case(usable)
    pairs = [(key, runs, right[key]) for key, runs in left.items() if key in right]
    if not pairs:
        raise NoVerdict("nothing to compare: simulations and emulations are of different cases; "
                        "give runs of one scenario with equal parameters")
    alone = len(set(left) ^ set(right))
    note = "CPU time is not modelled."
    suspect = sum(run.validity == "suspect" for _, _, runs in pairs for run in runs)
    if suspect:
        total = sum(len(runs) for _, _, runs in pairs)
        note += f" {suspect} of {total} emulations are suspect."
    if len(usable) < len(measured):
        note += f" {len(measured) - len(usable)} invalid emulations are left out."
    return pairs, note + (f" {alone} cases were run under one driver only." if alone else "")


def compare(sim: Run | Study, emu: Run | Study, *, metrics: Sequence[str] | None = None,
            repeats: int = REPEATS, within: float | str | None = None) -> Comparison:
    """Compares simulation and emulation by case, entity and metric. A single emulation is repeated
    until there are `repeats` of it; a study's are taken as they are. Invalid ones are left out;
    NoVerdict when none is left. `within` bounds the error (0.1 or "10%"): a row fails when its
    whole interval lies beyond, and has no verdict when the bound lies inside."""
    import pandas as pd
    from twinpath_analysis.compare import compare_runs, judge_errors, store_comparison

    for side, field in ((sim, "sim"), (emu, "emu")):
        of_type(side, (Run, Study), field, "a Run or a Study")
    whole(repeats, "repeats", 1, REPEATS_MAX)
    metrics = None if metrics is None else list_of(metrics, "metrics", "['goodput_bps']")
    bound = None if within is None else float(Ratio(within, "within"))
    pairs, note = _paired(sim, emu, repeats)
    titles = _titles([runs[0] for _, runs, _ in pairs])
    frames = []
    for title, (key, predicted, usable) in zip(titles, pairs):
        frame = judge_errors(compare_runs(
            predicted[0].db, [run.run_id for run in predicted], usable[0].db,
            [run.run_id for run in usable], metrics), bound)
        store_comparison(usable[0].db, key, frame, bound)
        if len(pairs) > 1:
            frame.insert(0, "case", title)
        frames.append(frame)
    table = pd.concat(frames, ignore_index=True)
    if metrics is not None:
        _check_metrics(metrics, table, pairs[0][1][0])
    return Comparison(table, note, bound)


def _titles(runs: Sequence[Run]) -> list[str]:
    """What tells the cases apart, in the order of the runs, one of each case."""
    from twinpath_analysis.cases import group
    from twinpath_analysis.queries import Results

    with Results(runs[0].db) as results:
        return [case.title for case in group(results, [run.row for run in runs])]


def _check_metrics(metrics: Sequence[str], frame: "pd.DataFrame", run: Run) -> None:
    """ConfigError for metrics asked for that no case has on both sides."""
    known = sorted(set(run.df("scalar")["metric"]))
    problems = [unknown("metrics", name, "metric of both drivers", known)
                for name in metrics if name not in set(frame["metric"])]
    if problems:
        raise ConfigError(problems)
