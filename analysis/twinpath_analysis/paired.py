"""Is b better than a? Runs equal in everything else make pairs; their differences decide."""

from __future__ import annotations

import html
import math
from dataclasses import dataclass, field
from typing import Any, Mapping

import pandas as pd

from .stats import CONFIDENCE, deviation, mean_of, t_quantile, t_test
from .units import percent, show
from .wide import parameters

Conditions = Mapping[str, Any]
Side = tuple[Conditions, Conditions]  # as written, for texts, and as the frame has it


@dataclass(frozen=True)
class Paired:
    """The mean difference b − a over `n` pairs with its t-interval and the p of a paired t-test.
    Values are SI; NaN where one pair says nothing of spread."""

    metric: str
    unit: str
    better: str
    a: str
    b: str
    mean_a: float
    mean_b: float
    difference: float
    lo: float
    hi: float
    n: int
    p: float
    confidence: float
    unpaired: int  # runs of a or b without an equal on the other side
    needed: float  # pairs that would tell a difference of this size; inf when it is 0
    pairs: pd.DataFrame = field(repr=False, compare=False)

    def df(self) -> pd.DataFrame:
        """One row per pair: what they share, a, b and b − a."""
        return self.pairs

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
        """The result in one sentence."""
        if not self.decided:
            return f"no difference shown{self._more()}"
        if self.better == "neither":
            return f"{self.b} has {'more' if self.difference > 0 else 'less'} than {self.a}"
        b_wins = (self.difference > 0) == (self.better == "higher")
        return f"{self.b} is better" if b_wins else f"{self.a} is better"

    def _more(self) -> str:
        if not math.isfinite(self.needed) or self.needed <= self.n:
            return ""
        return f"; one of this size would need about {math.ceil(self.needed)} pairs"

    def __str__(self) -> str:
        interval = "no interval from one pair" if math.isnan(self.lo) else (
            f"{self.confidence * 100:g} % interval {show(self.lo, self.unit)} … "
            f"{show(self.hi, self.unit)}, p = {self.p:.2g}")
        left = f", {self.unpaired} runs without a pair" if self.unpaired else ""
        return (f"{self.metric}: {self.b} − {self.a} = {show(self.difference, self.unit)} "
                f"({percent(self.relative)}), {interval}, n = {self.n} pairs{left}: {self.verdict}")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(str(self))}</p>"


def paired(frame: pd.DataFrame, metrics: pd.DataFrame, metric: str,
           sides: tuple[Side, Side], *, confidence: float = CONFIDENCE) -> Paired:
    """Pairs rows of a wide frame; KeyError and ValueError say what does not exist."""
    about = metrics.set_index("name")
    if metric not in frame or metric not in about.index:
        raise KeyError(f"no metric {metric!r}; there are: "
                       f"{' '.join(n for n in about.index if n in frame)}")
    asked = {name for _, side in sides for name in side}
    shared = [name for name in ["driver", *parameters(frame, list(about.index)), "seed"]
              if name not in asked]
    left, right = (_select(frame, side, shared, metric) for _, side in sides)
    a, b = (", ".join(f"{name} {value}" for name, value in said.items()) for said, _ in sides)
    both = left.join(right, how="inner", lsuffix="_a", rsuffix="_b").reset_index()
    if both.empty:
        raise ValueError(f"no run with {a} has an equal with {b}")
    pairs = both.rename(columns={f"{metric}_a": "a", f"{metric}_b": "b"})
    pairs["difference"] = pairs["b"] - pairs["a"]
    unpaired = len(left) + len(right) - 2 * len(pairs)
    return _judge(pairs, about.loc[metric], (metric, a, b), (confidence, unpaired))


def _select(frame: pd.DataFrame, side: Conditions, shared: list[str], metric: str) -> pd.DataFrame:
    """The metric of rows that meet the conditions, by what pairs have in common; repeats of one
    run are their mean."""
    chosen = frame
    for name, value in side.items():
        if name not in frame:
            raise KeyError(f"no column {name!r}; there are: {' '.join(map(str, frame.columns))}")
        chosen = chosen[chosen[name] == value]
        if chosen.empty:
            there = " ".join(str(v) for v in frame[name].unique())
            raise ValueError(f"no run has {name} = {value}; there are: {there}")
    found = chosen[[*shared, metric]].dropna(subset=[metric])
    return found.groupby(shared, dropna=False)[[metric]].mean()


def _judge(pairs: pd.DataFrame, about: Any, names: tuple[str, str, str],
           rest: tuple[float, int]) -> Paired:
    differences = list(pairs["difference"])
    confidence, unpaired = rest
    found = mean_of(differences, confidence)
    p, needed = math.nan, math.inf
    if found.n > 1:
        spread = deviation(differences, found.mean)
        p = t_test(found.mean, spread / math.sqrt(found.n), found.n - 1)
        if found.mean:
            needed = (t_quantile(confidence, found.n - 1) * spread / found.mean) ** 2
    metric, a, b = names
    return Paired(metric, about["unit"], about["better"], a, b, pairs["a"].mean(),
                  pairs["b"].mean(), found.mean, found.lo, found.hi, found.n, p, confidence,
                  unpaired, needed, pairs)
