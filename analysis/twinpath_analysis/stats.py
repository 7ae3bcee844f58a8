"""Medians with intervals that hold for any distribution. `n` travels with every number."""

from __future__ import annotations

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


def summarize(values: Sequence[float]) -> Summary:
    """Median and the narrowest symmetric order-statistic interval of at least 95 %. Below six
    values none reaches 95 %: the whole range is given, with the coverage it has."""
    ordered = sorted(values)
    n = len(ordered)
    if n == 0:
        return Summary(math.nan, math.nan, math.nan, 0, 0.0)
    rank = 1
    while rank + 1 <= n // 2 and coverage_of(n, rank + 1) >= CONFIDENCE:
        rank += 1
    coverage = coverage_of(n, rank) if n > 1 else 0.0
    return Summary(median(ordered), ordered[rank - 1], ordered[n - rank], n, coverage)


def relative(value: float, reference: float) -> float:
    """(value - reference) / reference; 0 when both are 0, NaN when only the reference is."""
    if reference == 0:
        return 0.0 if value == 0 else math.nan
    return (value - reference) / reference
