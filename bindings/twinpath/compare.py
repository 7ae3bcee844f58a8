"""Prediction beside measurement."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Sequence

from . import provenance
from .arguments import list_of, of_type, whole
from .errors import ConfigError, NoVerdict, unknown
from .matrix import REAL_TIME
from .quantities import Ratio
from .run import Run
from .studies import Study

if TYPE_CHECKING:
    import pandas as pd

REPEATS_MAX = 10_000
REPEATS = 6  # emulations behind a comparison: the range of fewer holds the median with below 95 %
SPARE = 6  # more of them are tried when some come out invalid, so that a busy machine ends


class Comparison:
    """sim | emu | error per entity and metric, with the interval of the emulated median."""

    def __init__(self, frame: "pd.DataFrame", note: str, within: float | None = None) -> None:
        self._frame, self._note, self._within = frame, note, within

    def df(self) -> "pd.DataFrame":
        """Columns metric entity unit better sim emu rel_error lo hi n coverage calibrated
        calibrated_error costs verdict, values in SI; before them `case` when there are several.
        `lo` and `hi` hold the measured median with the chance `coverage`. `sim` has CPU time free,
        `calibrated` charges it by `costs`. verdict: info, or with a bound pass, fail, no-verdict;
        judged is `sim` where there is one, and nothing below a coverage of 95 %."""
        return self._frame

    @property
    def exit_code(self) -> int:
        """0; with a bound 1 when a row fails, 4 when none does and one has no verdict."""
        verdicts = set(self._frame["verdict"])
        return 1 if "fail" in verdicts else 4 if "no-verdict" in verdicts else 0

    @property
    def verdict(self) -> str:
        """The result in one sentence: the worst error of goodput, else of any metric."""
        from twinpath_analysis.compare import error_of, predicted
        from twinpath_analysis.units import percent, show

        rows = [row for row in self._frame.itertuples() if error_of(row) == error_of(row)]
        if not rows:
            return f"Nothing to compare. {self._note}".strip()
        goodput = [row for row in rows if row.metric == "goodput_bps"]
        row = max(goodput or rows, key=lambda row: abs(error_of(row)))
        case = f" ({row.case})" if "case" in self._frame else ""
        return (f"{row.metric} of {row.entity}{case}: predicted "
                f"{show(predicted(row), row.unit)}, measured {show(row.emu, row.unit)} "
                f"(n = {row.n}), error {percent(error_of(row))}. {self._bounded()}"
                f"{self._note}").strip()

    def _bounded(self) -> str:
        if self._within is None:
            return ""
        counts = self._frame["verdict"].value_counts()
        words = {"pass": "within", "fail": "beyond", "no-verdict": "too uncertain for"}
        said = ", ".join(f"{counts[name]} {word}" for name, word in words.items()
                         if name in counts)
        return f"{said} ±{self._within * 100:g} %. {self._too_few()}"

    def _too_few(self) -> str:
        """Why no bound could be judged: too few emulations."""
        from twinpath_analysis.stats import CONFIDENCE, needed_for

        few = self._frame[self._frame["coverage"] < CONFIDENCE]
        if few.empty:
            return ""
        row = few.loc[few["n"].idxmin()]
        one = "of one emulation there is no interval" if row.n < 2 else (
            f"the interval of {row.n} emulations holds the median with {row.coverage * 100:.4g} %")
        return f"No verdict: {one}; {CONFIDENCE * 100:g} % takes {needed_for()}. "

    def table(self) -> str:
        """The comparison as text, the verdict below."""
        from rich.console import Console
        from twinpath_analysis.tables import comparison_table

        text = io.StringIO()
        width = 140 if self._frame["calibrated"].notna().any() else 120
        console = Console(file=text, width=width)
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
    """`first` and equal emulations, until `repeats` of them are valid; those already recorded
    count. At most SPARE more are tried than are missing, by the build that made `first`: NoVerdict
    when that is not this one."""
    from twinpath_analysis.queries import Results

    from .execute import rerun

    with Results(first.db) as results:
        rows = results.runs(run_key=first.row.run_key)
    runs = [Run(first.db, row.run_id) for row in rows if row.status == "done"]
    missing = repeats - len(_usable(runs))
    if missing > 0:
        _require_build(first, f"{missing} more emulations are missing")
    for _ in range(missing + SPARE if missing > 0 else 0):
        if len(_usable(runs)) >= repeats:
            break
        runs.append(rerun(first))
    return runs


def _require_build(run: Run, why: str) -> None:
    """NoVerdict unless this is the build that made `run`: what another one measures is no more of
    the same."""
    here = provenance.build_row(run.driver)
    made = run.row.values
    if made["build_sha256"] != here["sha256"]:
        raise NoVerdict(
            f"{why} of run {run.run_id}, which another build made: it is of build "
            f"{_build(made['build_sha256'], made['git_commit'])}, this is "
            f"{_build(here['sha256'], here['git_commit'])}; simulate and emulate again by this "
            "build, or ask for no more repeats than are recorded")


def _build(sha256: str, commit: str | None) -> str:
    return f"{sha256[:12]} (commit {commit[:12]})" if commit else sha256[:12]


def _usable(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.validity != "invalid"]


def _broken(runs: Sequence[Run]) -> str:
    """Which validity rules these runs broke, with the values they had."""
    rows: dict[str, list[Any]] = {}
    for run in runs:
        for row in run.df("validity").itertuples():
            if not row.ok:
                rows.setdefault(row.rule, []).append(row)
    return "; ".join(f"{rule} {_span([row.value for row in found], found[0].unit)} beyond its "
                     f"bound {_with_unit(found[0].bound, found[0].unit)} in {len(found)} of "
                     f"{len(runs)}" for rule, found in rows.items())


def _span(values: Sequence[float], unit: str) -> str:
    ends = dict.fromkeys(_with_unit(value, unit) for value in (min(values), max(values)))
    return " … ".join(ends)


def _with_unit(value: float, unit: str) -> str:
    from twinpath_analysis.units import show

    return show(value, unit)


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
    usable = _usable(measured)
    if not predicted or not usable:
        raise NoVerdict(_nothing(predicted, measured))
    left, right = _by_case(predicted), _by_case(usable)
    pairs = [(key, runs, right[key]) for key, runs in left.items() if key in right]
    if not pairs:
        raise NoVerdict("nothing to compare: simulations and emulations are of different cases; "
                        "give runs of one scenario with equal parameters")
    alone = len(set(left) ^ set(right))
    note = _cpu_note([run for _, runs, _ in pairs for run in runs])
    suspect = sum(run.validity == "suspect" for _, _, runs in pairs for run in runs)
    if suspect:
        total = sum(len(runs) for _, _, runs in pairs)
        note += f" {suspect} of {total} emulations are suspect."
    if len(usable) < len(measured):
        invalid = [run for run in measured if run.validity == "invalid"]
        note += (f" {len(usable)} of {len(measured)} emulations are valid, {len(invalid)} invalid "
                 f"emulations are left out: {_broken(invalid)}.")
    if isinstance(emu, Run) and len(usable) < repeats:
        note += f" {repeats} were asked for."
    return pairs, note + (f" {alone} cases were run under one driver only." if alone else "")


def _nothing(predicted: Sequence[Run], measured: Sequence[Run]) -> str:
    """Why there is nothing to compare."""
    if not predicted:
        return "nothing to compare: no finished simulation"
    if not measured:
        return "nothing to compare: no finished emulation"
    return (f"nothing to compare: no valid emulation, 0 of {len(measured)} are; "
            f"{_broken(measured)}").rstrip("; ")


def _cpu_note(sims: Sequence[Run]) -> str:
    from twinpath_analysis.compare import RAW, by_costs

    charged = [costs for costs in by_costs([run.row for run in sims]) if costs != RAW]
    if not charged:
        return "CPU time is not modelled."
    return f"CPU time of hosts with cores is charged where costs are named: {'; '.join(charged)}."


def compare(sim: Run | Study, emu: Run | Study, *, metrics: Sequence[str] | None = None,
            repeats: int = REPEATS, within: float | str | None = None) -> Comparison:
    """Compares simulation and emulation by case, entity and metric. A single emulation is repeated
    until `repeats` are valid, with up to 6 more tries; a study's are taken as they are. Invalid
    ones are left out; NoVerdict, with the rule they broke, when none is left. `within` bounds the
    error (0.1 or "10%"): a row fails when its whole interval lies beyond, and has no verdict when
    the bound lies inside, or when the interval holds the median with less than 95 %: that takes 6
    emulations."""
    import pandas as pd
    from twinpath_analysis.compare import compare_runs, judge_errors, store_comparison

    for side, field in ((sim, "sim"), (emu, "emu")):
        of_type(side, (Run, Study), field, "a Run or a Study")
    repeats = whole(repeats, "repeats", 1, REPEATS_MAX)
    metrics = None if metrics is None else list_of(metrics, "metrics", "['goodput_bps']")
    bound = None if within is None else float(Ratio(within, "within"))
    pairs, note = _paired(sim, emu, repeats)
    titles = _titles([runs[0] for _, runs, _ in pairs])
    frames = []
    for title, (key, predicted, usable) in zip(titles, pairs):
        frame = judge_errors(compare_runs(
            predicted[0].db, [run.row for run in predicted], usable[0].db,
            [run.row for run in usable], metrics), bound)
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
