"""What a suite expects of a metric. Nothing is judged here; see judge.py."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..arguments import confidence_of
from ..errors import ConfigError, Problem
from ..quantities import Bytes, PacketRate, Quantity, Rate, Ratio, Time

FINGERPRINT = "fingerprint"
LEAST_REPEATS = 7  # emulations behind a statistical verdict
_KINDS: tuple[type[Quantity], ...] = (Time, Rate, Bytes, PacketRate, Ratio)


@dataclass(frozen=True)
class Limit:
    """A number in SI; `unit` is None for one written without a unit: that of its metric."""

    value: float
    unit: str | None = None

    def fits(self, unit: str) -> bool:
        return self.unit is None or self.unit == ("" if unit == "fraction" else unit)


@dataclass(frozen=True)
class Expectation:
    """One expectation. `entity` None: the metric over all entities, as Run.get() combines it."""

    kind: str  # same no_worse at_most at_least
    metric: str
    entity: str | None = None
    rel: float | None = None
    limit: Limit | None = None  # of at_most and at_least; the absolute tolerance of no_worse
    confidence: float = 0.95

    @property
    def label(self) -> str:
        """The metric as baselines and JUnit name it."""
        return f"{self.entity}:{self.metric}" if self.entity else self.metric

    @property
    def exact(self) -> bool:
        return self.kind == "same"

    @property
    def needs_baseline(self) -> bool:
        return self.kind in ("same", "no_worse")

    @property
    def least_repeats(self) -> int:
        """Emulations without which no interval reaches the confidence."""
        wanted = math.ceil(1 - math.log2(1 - self.confidence))
        return max(LEAST_REPEATS, wanted)


def same(metric: str, *, entity: str | None = None) -> Expectation:
    """Exactly the baseline's value, seed by seed. `same("fingerprint")`: every frame of a
    simulation."""
    return Expectation("same", _name(metric), entity)


def no_worse(metric: str, rel: float | str | None = None, abs: float | str | None = None,
             confidence: float = 0.95, *, entity: str | None = None) -> Expectation:
    """Worse than the baseline's median by at most `rel` (0.02 or "2%") or `abs` (in the metric's
    unit). In emu: fails only if the interval of `confidence` lies wholly beyond that bound."""
    if rel is not None and abs is not None:
        raise _refused(metric, f"{rel}, {abs}", "no_worse takes rel or abs, not both")
    confidence_of(confidence, "confidence")
    share = None if rel is None else _share(metric, rel)
    if share is None and abs is None:
        share = 0.0
    limit = None if abs is None else _limit(metric, abs)
    if limit is not None and not 0 <= limit.value < math.inf:
        raise _refused(metric, abs, "abs must be 0 or more")
    return Expectation("no_worse", _name(metric), entity, share, limit, confidence)


def at_most(metric: str, x: float | str, *, entity: str | None = None) -> Expectation:
    """`metric` <= x, without a baseline. `x`: "5ms" or a number in the metric's unit."""
    return Expectation("at_most", _name(metric), entity, limit=_limit(metric, x))


def at_least(metric: str, x: float | str, *, entity: str | None = None) -> Expectation:
    """`metric` >= x, without a baseline. `x`: "90Mbps" or a number in the metric's unit."""
    return Expectation("at_least", _name(metric), entity, limit=_limit(metric, x))


def _name(metric: Any) -> str:
    if not isinstance(metric, str) or not metric:
        raise _refused("metric", metric, f"{metric!r} is not a metric", "a name: 'goodput_bps'")
    return metric


def _refused(metric: str, value: Any, message: str, allowed: str = "") -> ConfigError:
    return ConfigError([Problem(metric, str(value), message, allowed)])


def _share(metric: str, value: float | str) -> float:
    text = str(value).strip()
    try:
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise _refused(metric, value, f"rel {value!r} is not a fraction",
                       "0.02 or '2%'") from None
    if not 0 <= share < math.inf:
        raise _refused(metric, value, f"rel {value!r} is not a fraction", "0 or more")
    if share >= 1 and not text.endswith("%"):
        raise _refused(metric, value, f"rel {value!r} has no unit",
                       f"'{share:g}%' or '{share * 100:g}%'")
    return share


def _limit(metric: str, value: float | str) -> Limit:
    if isinstance(value, Quantity):
        return Limit(float(value), value.unit)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not abs(value) < 1e300:
            raise _refused(metric, value, f"{value!r} is no limit", "a finite number")
        return Limit(float(value))
    for kind in _KINDS:
        try:
            found = kind(value, metric)
        except ConfigError:
            continue
        return Limit(float(found), None if _bare(value) else kind.unit)
    raise _refused(metric, value, f"{value!r} is not a number with a unit", "5ms 90Mbps 64KiB 1%")


def _bare(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
