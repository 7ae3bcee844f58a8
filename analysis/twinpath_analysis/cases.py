"""Runs grouped into cases (equal scenario and parameters), each with its comparison."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Sequence

import pandas as pd

from .compare import COLUMNS, case_key, compare_frames
from .queries import Results, RunRow
from .stats import summarize


@dataclass
class Case:
    """Runs of one scenario with equal parameters; `varied` are those that tell it apart."""

    key: str
    scenario: str
    params: dict[str, Any]
    runs: list[RunRow] = field(default_factory=list)
    varied: dict[str, Any] = field(default_factory=dict)
    settings: str = ""

    def of(self, driver: str, *, usable: bool = True) -> list[RunRow]:
        """Runs of one driver; usable ones are done and not invalid."""
        return [r for r in self.runs if r.driver == driver
                and (not usable or (r.status == "done" and r.validity != "invalid"))]

    @property
    def title(self) -> str:
        shown = self.varied or {}
        text = ", ".join(f"{name} {value}" for name, value in shown.items()) or self.scenario
        return f"{text} [{self.settings}]" if self.settings else text


def group(results: Results, runs: Sequence[RunRow]) -> list[Case]:
    """Cases in the order of their first run."""
    cases: dict[str, Case] = {}
    for run in runs:
        key = case_key(run)
        if key not in cases:
            cases[key] = Case(key, run.scenario, _shown_params(results, run))
        cases[key].runs.append(run)
    ordered = list(cases.values())
    counts = {name: Counter(str(case.params.get(name)) for case in ordered)
              for case in ordered for name in case.params}
    varied = sorted((n for n in counts if len(counts[n]) > 1), key=lambda n: -len(counts[n]))
    for case in ordered:
        case.varied = {name: case.params[name] for name in varied if name in case.params
                       and not _goes_without_saying(case, name, counts[name])}
    return ordered


def _goes_without_saying(case: Case, name: str, counts: Counter[str]) -> bool:
    """A word most cases share: it would only lengthen their titles. Numbers are always said."""
    raw = case.runs[0].params.get(name)
    return isinstance(raw, str) and str(case.params[name]) == counts.most_common(1)[0][0]


def _shown_params(results: Results, run: RunRow) -> dict[str, Any]:
    frame = results.table("param", run.run_id)
    texts = dict(zip(frame["name"], frame["text"]))
    return {name: texts.get(name, value) for name, value in run.params.items()}


def comparison(results: Results, case: Case, kinds: Sequence[str] = ("app",)) -> pd.DataFrame:
    """Rows of a case for the table: every scalar of entities of `kinds`, with sim and emu beside
    each other where both exist and one of them where only one does."""
    sim = _scalars(results, case.of("sim"), kinds)
    emu = _scalars(results, case.of("emu"), kinds)
    joined = compare_frames(sim, emu)
    done = set(zip(joined["entity"], joined["metric"]))
    rows = [joined]
    for driver, frame in (("sim", sim), ("emu", emu)):
        rows.append(_alone(frame, driver, done))
    filled = [frame for frame in rows if len(frame)]
    found = pd.concat(filled, ignore_index=True) if filled else joined
    return found.reindex(columns=COLUMNS)


def _scalars(results: Results, runs: Sequence[RunRow], kinds: Sequence[str]) -> pd.DataFrame:
    frame = results.scalars([run.run_id for run in runs])
    return frame[frame["kind"].isin(kinds)] if kinds else frame


def _alone(frame: pd.DataFrame, driver: str, done: set[tuple[str, str]]) -> pd.DataFrame:
    rows = []
    for (entity, metric), values in frame.groupby(["entity", "metric"], sort=False):
        if (entity, metric) in done or values["value"].isna().all():
            continue
        summary = summarize(list(values["value"].dropna()))
        row = {"metric": metric, "entity": entity, "unit": values["unit"].iloc[0],
               "better": values["better"].iloc[0], driver: summary.median, "n": summary.n,
               "coverage": summary.coverage}
        if driver == "emu":
            row |= {"lo": summary.lo, "hi": summary.hi}
        rows.append(row)
    return pd.DataFrame(rows)
