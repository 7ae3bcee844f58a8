"""Runs grouped into cases (equal scenario and parameters), each with its comparison."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping, Sequence

import pandas as pd

from .compare import COLUMNS, RAW, by_costs, case_key, compare_frames, predicted_columns
from .queries import Results, RunRow
from .settings import told_apart
from .stats import summarize


@dataclass
class Case:
    """Runs of one scenario with equal parameters and settings; `varied` are the parameters that
    tell it apart, `settings` says which settings do."""

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
    words, settings = results.param_texts(), told_apart(runs)
    for run in runs:
        key = case_key(run)
        if key not in cases:
            shown = {name: words.get(run.run_id, {}).get(name, value)
                     for name, value in run.params.items()}
            cases[key] = Case(key, run.scenario, shown, settings=settings.get(run.run_id, ""))
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


def comparison(results: Results, case: Case, kinds: Sequence[str] = ("app",)) -> pd.DataFrame:
    """Rows of a case for the table: every scalar of entities of `kinds`, with sim and emu beside
    each other where both exist and one of them where only one does."""
    sims = {costs: _scalars(results, runs, kinds)
            for costs, runs in by_costs(case.of("sim")).items()}
    emu = _scalars(results, case.of("emu"), kinds)
    joined = compare_frames(sims, emu)
    done = set(zip(joined["entity"], joined["metric"]))
    filled = [frame for frame in (joined, _predicted(sims, done), _emulated(emu, done))
              if len(frame)]
    found = pd.concat(filled, ignore_index=True) if filled else joined
    return found.reindex(columns=COLUMNS)


def _scalars(results: Results, runs: Sequence[RunRow], kinds: Sequence[str]) -> pd.DataFrame:
    frame = results.scalars([run.run_id for run in runs])
    return frame[frame["kind"].isin(kinds)] if kinds else frame


def _groups(frame: pd.DataFrame,
            done: set[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], dict[str, Any], Any]]:
    """Key, columns and summary of every metric of an entity that is not `done`."""
    for key, values in frame.groupby(["entity", "metric"], sort=False):
        if key not in done and values["value"].notna().any():
            summary = summarize(list(values["value"].dropna()))
            yield key, {"metric": key[1], "entity": key[0], "unit": values["unit"].iloc[0],
                        "better": values["better"].iloc[0], "n": summary.n,
                        "coverage": summary.coverage, "costs": RAW}, summary


def _predicted(sims: Mapping[str, pd.DataFrame], done: set[tuple[str, str]]) -> pd.DataFrame:
    """What only simulations have, with every costs profile beside the free one."""
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    first = next((costs for costs in sims if costs != RAW), RAW)
    for costs, frame in sims.items():
        for key, about, summary in _groups(frame, done):
            row = rows.setdefault((*key, RAW if costs == first else costs), about)
            row |= predicted_columns(costs, summary.median, math.nan)
    return pd.DataFrame(list(rows.values()))


def _emulated(emu: pd.DataFrame, done: set[tuple[str, str]]) -> pd.DataFrame:
    """What only emulations have."""
    return pd.DataFrame([about | {"emu": found.median, "lo": found.lo, "hi": found.hi}
                         for _, about, found in _groups(emu, done)])
