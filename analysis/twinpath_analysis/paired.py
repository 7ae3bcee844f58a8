"""Is b better than a? Runs equal in everything else make pairs; within each cell of the grid the
differences of its pairs decide. Seeds that change nothing are one observation, however many."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field
from typing import Any, Collection, Mapping

import pandas as pd

from .asking import WrongName
from .stats import CONFIDENCE, deviation, holm, mean_of, t_quantile, t_test
from .units import percent, show, word
from .wide import COSTS, groups, parameters

Conditions = Mapping[str, Any]
Side = tuple[Conditions, Conditions]  # as written, for texts, and as the frame has it
TIMED = ("model", "none")  # clocks of metrics that equal runs share; wall and CPU time never repeat


@dataclass(frozen=True)
class Question:
    """What is asked: the metric and the names of both sides."""

    metric: str
    unit: str
    better: str
    a: str
    b: str
    confidence: float


@dataclass(frozen=True)
class Cell:
    """One cell of the grid: the mean difference b − a over `n` pairs with its t-interval and the p
    of a paired t-test. Values are SI; NaN where one pair says nothing of spread."""

    about: Question
    where: dict[str, Any]  # the values that tell this cell from the others, as texts
    mean_a: float
    mean_b: float
    difference: float
    lo: float
    hi: float
    n: int
    p: float
    seeds: int  # pairs there are; more than n where their seeds change nothing
    needed: float  # pairs that would tell a difference of this size; inf when it is 0

    @property
    def relative(self) -> float:
        """difference / mean of a."""
        return self.difference / self.mean_a if self.mean_a else math.nan

    @property
    def decided(self) -> bool:
        """The interval leaves out 0."""
        return self.lo > 0 or self.hi < 0

    @property
    def verdict(self) -> str:
        """The result in words."""
        if self.seeds > self.n:
            return self._certain()
        if self.n == 1:
            return "one pair decides nothing"
        if not self.decided:
            return f"no difference shown{self._more()}"
        return self._which()

    def _certain(self) -> str:
        """Chance has no part here: any difference is one, and no interval belongs to it."""
        size = show(abs(self.difference), self.about.unit)
        said = f"differs by {size}" if self.difference else "no difference"
        return f"{said}; {self.seeds} seeds gave equal runs, which are one observation"

    def _which(self) -> str:
        about = self.about
        if about.better == "neither":
            return f"{about.b} has {'more' if self.difference > 0 else 'less'} than {about.a}"
        b_wins = (self.difference > 0) == (about.better == "higher")
        return f"{about.b if b_wins else about.a} is better"

    def _more(self) -> str:
        if not math.isfinite(self.needed) or self.needed <= self.n:
            return ""
        return f"; one of this size would need about {math.ceil(self.needed)} pairs"

    @property
    def title(self) -> str:
        """`loss 1%`; empty when there is one cell only."""
        return ", ".join(f"{name} {value}" for name, value in self.where.items())

    def __str__(self) -> str:
        unit = self.about.unit
        interval = "no interval from one pair" if math.isnan(self.lo) else (
            f"{self.about.confidence * 100:g} % interval {show(self.lo, unit)} … "
            f"{show(self.hi, unit)}, p = {self.p:.2g}")
        return (f"{show(self.difference, unit)} ({percent(self.relative)}), {interval}, "
                f"n = {self.n} pair{'s' * (self.n != 1)}: {self.verdict}")


@dataclass(frozen=True)
class Paired:
    """b − a in one metric, a Cell per cell of the grid. `pairs` has one row per pair."""

    about: Question
    cells: tuple[Cell, ...]
    unpaired: int  # runs of a or b without an equal on the other side
    pairs: pd.DataFrame = field(repr=False, compare=False)

    @property
    def only(self) -> Cell:
        """The one cell of a grid without other parameters; ValueError when there are more."""
        if len(self.cells) != 1:
            raise ValueError(f"there are {len(self.cells)} cells, see cells or df()")
        return self.cells[0]

    def df(self) -> pd.DataFrame:
        """One row per cell: what tells it apart, a and b (means), difference, lo, hi, n, p, p_holm,
        seeds, verdict, in SI units. lo, hi and p are of the cell alone; p_holm holds for all of
        them together."""
        together = holm([cell.p for cell in self.cells])
        return pd.DataFrame([
            {**cell.where, "a": cell.mean_a, "b": cell.mean_b, "difference": cell.difference,
             "relative": cell.relative, "lo": cell.lo, "hi": cell.hi, "n": cell.n, "p": cell.p,
             "p_holm": both, "seeds": cell.seeds, "verdict": cell.verdict}
            for cell, both in zip(self.cells, together)])

    def __str__(self) -> str:
        head = f"{self.about.metric}: {self.about.b} − {self.about.a}"
        left = f"{self.unpaired} runs have no pair" if self.unpaired else ""
        if len(self.cells) == 1 and not self.cells[0].where:
            return f"{head} = {self.cells[0]}" + (f"; {left}" if left else "")
        lines = [head, *(f"  {cell.title}: {cell}" for cell in self.cells)]
        notes = [f"each interval stands alone: of 20 cells without a difference about "
                 f"{20 * (1 - self.about.confidence):.2g} would show one; p_holm of df() is of all "
                 "cells together"] \
            if len(self.cells) > 1 else []
        return "\n".join(lines + [f"  {text}" for text in [left, *notes] if text])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        first, *lines = str(self).splitlines()
        rest = "".join(f"<li>{html.escape(line.strip())}</li>" for line in lines)
        return f"<p>{html.escape(first)}</p>" + (f"<ul>{rest}</ul>" if rest else "")


def paired(frame: pd.DataFrame, metrics: pd.DataFrame, metric: str, sides: tuple[Side, Side], *,
           confidence: float = CONFIDENCE,
           units: Mapping[str, str | None] | None = None) -> Paired:
    """Pairs rows of a wide frame; WrongName and ValueError say what does not exist. `units`: of
    the parameters, for the names of cells."""
    about = metrics.set_index("name")
    if metric not in frame or metric not in about.index:
        raise WrongName("metric", metric, "metric", [n for n in about.index if n in frame])
    asked = {name for _, side in sides for name in side}
    grid = [name for name in ["scenario", "driver", *parameters(frame, list(about.index))]
            if name not in asked and name in frame and not _by_driver(name, asked)]
    left, right = (_select(frame, side, [*grid, "seed"], list(about.index)) for _, side in sides)
    a, b = (", ".join(f"{name} {value}" for name, value in said.items()) for said, _ in sides)
    both = left.join(right, how="inner", lsuffix="_a", rsuffix="_b").reset_index()
    both = both[both[f"{metric}_a"].notna() & both[f"{metric}_b"].notna()]
    if both.empty:
        raise ValueError(f"no run with {a} has an equal with {b}")
    have = sum(int(side[metric].notna().sum()) for side in (left, right))
    question = Question(metric, about.loc[metric]["unit"], about.loc[metric]["better"], a, b,
                        confidence)
    told = [name for name in grid if both[name].astype(str).nunique() > 1]
    timed = [name for name in about.index if f"{name}_a" in both and _repeats(about, name)]
    cells = tuple(_cell(part, question, _where(told, key, units or {}),
                        timed if _simulated(part, sides) else [])
                  for key, part in groups(both, told))
    return Paired(question, cells, have - 2 * len(both), _pairs(both, metric, [*grid, "seed"]))


def _by_driver(name: str, asked: Collection[str]) -> bool:
    """An emulation has no costs: between drivers they tell no runs apart."""
    return name == COSTS and "driver" in asked


def _simulated(part: pd.DataFrame, sides: tuple[Side, Side]) -> bool:
    """Both runs of every pair are simulations: real time never repeats a run."""
    if any("driver" in side for _, side in sides):
        return all(side.get("driver") == "sim" for _, side in sides)
    return "driver" not in part or set(part["driver"]) == {"sim"}


def _repeats(about: pd.DataFrame, name: str) -> bool:
    return "clock" not in about.columns or about.loc[name]["clock"] in TIMED


def _where(names: list[str], key: tuple[Any, ...],
           units: Mapping[str, str | None]) -> dict[str, Any]:
    return {name: word(value, units.get(name)) for name, value in zip(names, key)}


def _pairs(both: pd.DataFrame, metric: str, shared: list[str]) -> pd.DataFrame:
    """One row per pair: what it shares, a, b and b − a."""
    pairs = both[[*shared, f"{metric}_a", f"{metric}_b"]].rename(
        columns={f"{metric}_a": "a", f"{metric}_b": "b"})
    return pairs.assign(difference=pairs["b"] - pairs["a"]).reset_index(drop=True)


def _select(frame: pd.DataFrame, side: Conditions, shared: list[str],
            metrics: list[str]) -> pd.DataFrame:
    """The metrics of rows that meet the conditions, by what pairs have in common; repeats of one
    run are their mean."""
    chosen = frame
    for name, value in side.items():
        if name not in frame:
            raise WrongName("column", name, "column", [str(column) for column in frame.columns])
        chosen = chosen[chosen[name] == value]
        if chosen.empty:
            there = " ".join(str(v) for v in frame[name].unique())
            raise ValueError(f"no run has {name} = {value}; there are: {there}")
    if COSTS in frame and COSTS not in {*side, *shared} and chosen[COSTS].nunique() > 1:
        there = " or ".join(f"'costs': {text!r}" for text in chosen[COSTS].unique())
        raise ValueError(f"runs with {dict(side)} differ in what CPU time costs; add {there}")
    known = [name for name in metrics if name in frame]
    return chosen.groupby(shared, dropna=False, sort=False)[known].mean()


def _cell(part: pd.DataFrame, about: Question, where: dict[str, Any], timed: list[str]) -> Cell:
    seeds = len(part)
    if seeds > 1 and _seeds_change_nothing(part, timed):
        part = part.iloc[:1]
    a, b = part[f"{about.metric}_a"], part[f"{about.metric}_b"]
    differences = list(b - a)
    found = mean_of(differences, about.confidence)
    p, needed = math.nan, math.inf
    if found.n > 1:
        spread = deviation(differences, found.mean)
        p = t_test(found.mean, spread / math.sqrt(found.n), found.n - 1)
        if found.mean:
            needed = (t_quantile(about.confidence, found.n - 1) * spread / found.mean) ** 2
    return Cell(about, where, a.mean(), b.mean(), found.mean, found.lo, found.hi, found.n, p,
                seeds, needed)


def _seeds_change_nothing(part: pd.DataFrame, timed: list[str]) -> bool:
    """Every pair is the same in everything that time on the wall has no part in. Fingerprints do
    not tell: a seed draws ports and sequence numbers, so that no two of them give equal bytes."""
    if not timed:
        return False
    columns = [f"{name}_{side}" for name in timed for side in "ab"]
    return len(part[columns].astype(str).drop_duplicates()) == 1
