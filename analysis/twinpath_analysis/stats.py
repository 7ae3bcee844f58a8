"""Medians with intervals that hold for any distribution. `n` travels with every number."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Sequence

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Summary:
    """A median and the interval that holds the true median with `coverage`."""

    median: float
    lo: float
    hi: float
    n: int
    coverage: float


def median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    half, odd = divmod(len(ordered), 2)
    return ordered[half] if odd else (ordered[half - 1] + ordered[half]) / 2


def coverage_of(n: int, rank: int) -> float:
    """The chance that the true median is between the rank-th smallest and largest of n."""
    tail = sum(math.comb(n, k) for k in range(rank)) / 2**n
    return 1 - 2 * tail


def needed_for(confidence: float = CONFIDENCE) -> int:
    """How many values it takes until their whole range holds the median so surely: 6 for 95 %."""
    n = 2
    while coverage_of(n, 1) < confidence:
        n += 1
    return n


def summarize(values: Sequence[float], confidence: float = CONFIDENCE) -> Summary:
    """Median and the narrowest symmetric order-statistic interval of at least `confidence`. Below
    six values none reaches 95 %: the whole range is given, with the coverage it has."""
    ordered = sorted(values)
    n = len(ordered)
    if n == 0:
        return Summary(math.nan, math.nan, math.nan, 0, 0.0)
    rank = 1
    while rank + 1 <= n // 2 and coverage_of(n, rank + 1) >= confidence:
        rank += 1
    coverage = coverage_of(n, rank) if n > 1 else 0.0
    return Summary(median(ordered), ordered[rank - 1], ordered[n - rank], n, coverage)


def relative(value: float, reference: float) -> float:
    """(value - reference) / reference; 0 when both are 0, NaN when only the reference is."""
    if reference == 0:
        return 0.0 if value == 0 else math.nan
    return (value - reference) / reference


@dataclass(frozen=True)
class Mean:
    """A mean with Student's t-interval; the interval is NaN when one value is all there is."""

    mean: float
    lo: float
    hi: float
    n: int


def mean_of(values: Sequence[float], confidence: float = CONFIDENCE) -> Mean:
    """Mean and t-interval of independent values."""
    n = len(values)
    if n == 0:
        return Mean(math.nan, math.nan, math.nan, 0)
    mean = math.fsum(values) / n
    if n == 1:
        return Mean(mean, math.nan, math.nan, 1)
    half = t_quantile(confidence, n - 1) * deviation(values, mean) / math.sqrt(n)
    return Mean(mean, mean - half, mean + half, n)


def deviation(values: Sequence[float], mean: float) -> float:
    """Standard deviation of a sample (n - 1)."""
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


@functools.cache
def t_quantile(confidence: float, freedom: int) -> float:
    """How many standard errors reach to each side of a mean."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + confidence / 2))


def t_test(mean: float, error: float, freedom: int) -> float:
    """The chance of a mean this far from 0 or farther if the true one is 0 (two-sided)."""
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    from scipy.special import stdtr

    return 2 * float(stdtr(freedom, -abs(mean) / error))


def holm(chances: Sequence[float]) -> list[float]:
    """p-values of many tests, corrected so that the chance of any false one among them is that of
    one test alone (Holm 1979). NaN stays NaN and counts as no test."""
    order = sorted((p, i) for i, p in enumerate(chances) if not math.isnan(p))
    corrected, least = list(chances), 0.0
    for rank, (p, i) in enumerate(order):
        least = max(least, min(1.0, p * (len(order) - rank)))
        corrected[i] = least
    return corrected
