"""Numbers of results as people read them. Values stay SI; only the text changes."""

from __future__ import annotations

import math
from typing import Any

NOT_ADDITIVE = ("s", "fraction")  # units whose values over several entities have no sum
_SCALED = {"bit/s": "bit/s", "bps": "bit/s", "byte": "B", "bytes": "B", "packet/s": "packet/s"}
_STEPS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def show(value: float | None, unit: str) -> str:
    """`94_300_000, "bit/s"` as `94.3 Mbit/s`; four significant digits."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if unit == "s":
        return _seconds(value)
    if unit == "ns":
        return _seconds(value / 1e9)
    if unit in ("fraction", "ratio"):
        return f"{value * 100:.3g} %"
    base = _SCALED.get(unit)
    if unit == "1/s":
        return f"{value:,.0f} 1/s" if abs(value) >= 1e4 else f"{value:.4g} 1/s"
    if base is None:
        return f"{value:,.10g} {unit}".strip()
    for scale, prefix in _STEPS:
        if abs(value) >= scale:
            return f"{value / scale:.4g} {prefix}{base}"
    return f"{value:.4g} {base}"


def _seconds(value: float) -> str:
    for scale, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(value) >= scale:
            return f"{value / scale:.4g} {unit}"
    return "0 s" if value == 0 else f"{value * 1e9:.4g} ns"


def plain(value: float) -> str:
    """A number whose unit stands elsewhere: four digits, more before the point, no powers of ten
    unless it is tiny."""
    return f"{value:,.0f}" if abs(value) >= 1e3 else f"{value:.4g}"


def percent(value: float) -> str:
    """A relative error with its sign."""
    if math.isnan(value):
        return "–"
    text = f"{value * 100:+.1f} %"
    return "+0.0 %" if text == "-0.0 %" else text


def word(value: Any, unit: str | None) -> str:
    """A parameter's value with its unit: "10 ms". `unit`: "" is a fraction, None has none."""
    if unit is None or isinstance(value, str) or value is None:
        return str(value)
    return show(value, unit or "fraction")
