"""Verdicts: an expectation, what was measured, what the baseline says. Pure; nothing runs here.

Exact: every value equals the baseline's. Tolerance (sim): the median over the seeds against a
bound. Statistical (emu): the interval of the median by order statistics against that bound; wholly
beyond it fails, wholly within passes, across it there is no verdict.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from twinpath_analysis.stats import Summary, summarize
from twinpath_analysis.units import show

from ..errors import ConfigError, Problem, nearest
from ..fields import metric_names
from .expect import Expectation

PASS, FAIL, NO_VERDICT, NEW, ERROR = "pass", "fail", "no-verdict", "new", "error"
NO_BASELINE = "not in the baseline; record it with --update --reason TEXT"

Value = float | str


@dataclass(frozen=True)
class Sample:
    """One metric over the runs of an entry. `names` say which run ("seed 1"), in their order."""

    values: tuple[Value, ...]
    unit: str = ""
    better: str = "neither"
    names: tuple[str, ...] = ()

    @property
    def numbers(self) -> list[float]:
        return [float(value) for value in self.values]

    def text(self, index: int) -> str:
        value = self.values[index]
        return value if isinstance(value, str) else exact(value, self.unit)

    def name(self, index: int) -> str:
        return self.names[index] if index < len(self.names) else f"run {index + 1}"


@dataclass(frozen=True)
class Judgment:
    """The verdict on one expectation. Numbers in the metric's unit, NaN where there is none."""

    verdict: str
    message: str
    value: float = math.nan
    baseline: float = math.nan
    bound: float = math.nan
    lo: float = math.nan
    hi: float = math.nan
    n: int = 0
    differing: tuple[int, ...] = ()  # runs of an exact expectation that differ


def exact(value: float, unit: str) -> str:
    """A number as it is stored, with a readable one beside it when that says more."""
    plain, shown = repr(value).removesuffix(".0"), show(value, unit)
    return shown if shown.split()[0] == plain else f"{plain} ({shown})"


def judge(expectation: Expectation, found: Sample | None, known: Sample | None,
          statistical: bool) -> Judgment:
    """The verdict. `found` None: the runs do not have this metric; `known` None: the baseline does
    not."""
    if found is None:
        near = nearest(expectation.metric, metric_names())
        known_by = "" if expectation.metric in metric_names() or not near else f"; {near}"
        return Judgment(FAIL, f"missing: no {expectation.label} in these runs{known_by}")
    if expectation.needs_baseline and known is None:
        number = summarize(found.numbers).median if _numeric(found) else math.nan
        return Judgment(NEW, f"new: {found.text(0)}; {NO_BASELINE}", number, n=len(found.values))
    if expectation.exact:
        assert known is not None
        return _same(found, known)
    return _bounded(expectation, found, known, statistical)


def _numeric(sample: Sample) -> bool:
    return not any(isinstance(value, str) for value in sample.values)


def _same(found: Sample, known: Sample) -> Judgment:
    """Runs are paired with the baseline's in order; emulations all equal its one value."""
    wanted = known.values
    if len(set(wanted)) == 1:
        wanted = wanted[:1] * len(found.values)
    if len(wanted) != len(found.values):
        runs = f"{len(wanted)} run{'s' * (len(wanted) != 1)}"
        return Judgment(FAIL, f"the baseline has {runs}, this check {len(found.values)}; use "
                              "--update --reason TEXT")
    differ = tuple(i for i, value in enumerate(found.values) if value != wanted[i])
    numbers = {}
    if _numeric(found):
        numbers = {"value": summarize(found.numbers).median,
                   "baseline": summarize(known.numbers).median}
    if not differ:
        return Judgment(PASS, f"{found.text(0)}, as in the baseline", n=len(found.values),
                        **numbers)
    first = differ[0]
    was = replace(known, values=wanted).text(first)
    others = f" and {len(differ) - 1} more" if len(differ) > 1 else ""
    return Judgment(FAIL, f"{found.text(first)}, baseline {was} ({found.name(first)}{others})",
                    n=len(found.values), differing=differ, **numbers)


@dataclass(frozen=True)
class Bound:
    """What a median may not pass: upwards when `upper`. `words` name it and where it is from."""

    value: float
    upper: bool
    words: str
    reference: float = math.nan

    def passed_by(self, value: float) -> bool:
        return value > self.value if self.upper else value < self.value


def _bounded(expectation: Expectation, found: Sample, known: Sample | None,
             statistical: bool) -> Judgment:
    bound = _bound(expectation, found, known)
    summary = summarize(found.numbers, expectation.confidence)
    decide = _by_interval if statistical else _by_median
    verdict, message = decide(summary, bound, found.unit, expectation)
    return Judgment(verdict, f"{message} {bound.words}", summary.median, bound.reference,
                    bound.value, summary.lo, summary.hi, summary.n)


def _bound(expectation: Expectation, found: Sample, known: Sample | None) -> Bound:
    unit, limit = found.unit, expectation.limit
    if limit is not None and not limit.fits(unit):
        raise _config(expectation, f"the limit is in {limit.unit or 'fractions'}, "
                                   f"{expectation.label} in {unit or 'plain numbers'}")
    if known is None or limit is not None and expectation.kind != "no_worse":
        assert limit is not None
        upper = expectation.kind == "at_most"
        return Bound(limit.value, upper, f"the limit {show(limit.value, unit)}")
    if found.better not in ("lower", "higher"):
        raise _config(expectation, f"{expectation.label} has no better side; use same, at_most or "
                                   "at_least")
    upper = found.better == "lower"
    reference = summarize(known.numbers).median
    if limit is not None:
        slack, tolerance = limit.value, show(limit.value, unit)
    else:
        slack = abs(reference) * (expectation.rel or 0.0)
        tolerance = f"{(expectation.rel or 0.0) * 100:g} %"
    value = reference + slack if upper else reference - slack
    words = (f"{show(value, unit)} = baseline {show(reference, unit)} {'+' if upper else '-'} "
             f"{tolerance}")
    return Bound(value, upper, words, reference)


def _config(expectation: Expectation, message: str) -> ConfigError:
    return ConfigError([Problem(expectation.metric, expectation.kind, message)])


def _by_median(summary: Summary, bound: Bound, unit: str,
               expectation: Expectation) -> tuple[str, str]:
    over = f" (median of {summary.n})" if summary.n > 1 else ""
    if bound.passed_by(summary.median):
        return FAIL, f"{show(summary.median, unit)}{over} is beyond"
    return PASS, f"{show(summary.median, unit)}{over} is within"


def _by_interval(summary: Summary, bound: Bound, unit: str,
                 expectation: Expectation) -> tuple[str, str]:
    """Order statistics hold for any distribution. A bound inside the interval decides nothing."""
    if summary.n < expectation.least_repeats:
        return NO_VERDICT, (f"{summary.n} valid emulations are too few, "
                            f"{expectation.least_repeats} are needed against")
    ends = (f"{show(summary.lo, unit)} … {show(summary.hi, unit)} "
            f"(median {show(summary.median, unit)}, n = {summary.n}, "
            f"{summary.coverage * 100:.3g} %)")
    beyond = bound.passed_by(summary.lo), bound.passed_by(summary.hi)
    if all(beyond):
        return FAIL, f"the interval {ends} lies wholly beyond"
    if any(beyond):
        return NO_VERDICT, f"the interval {ends} is too wide: it reaches across"
    return PASS, f"the interval {ends} is within"
