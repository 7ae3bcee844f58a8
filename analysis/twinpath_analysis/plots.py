"""Figures of a study: lines with intervals, boxes, distributions. n stands in the legend; colours
are told apart by colour-blind readers, and every line also by its dash and marker."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Mapping

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import EngFormatter, PercentFormatter

from .asking import WrongName
from .figures import COLOURS, DASHES, MARKERS, STYLE, Figure, inline_svg
from .stats import mean_of
from .units import word
from .wide import groups, varied

KINDS = ("line", "box", "cdf")
LOG_SPAN = 100  # an axis whose values span more is logarithmic
QUERY = "SELECT run_id, params_json, driver, seed, value FROM result WHERE metric = '{}'"


@dataclass(frozen=True)
class Wanted:
    """What Study.plot() was asked for."""

    y: str
    x: str | None
    hue: str | None
    style: str | None
    ci: float
    ref: float | None
    kind: str
    units: Mapping[str, str | None] = field(default_factory=dict)  # of parameters; "" is a fraction

    def unit(self, name: str) -> str:
        unit = self.units.get(name)
        return "fraction" if unit == "" else unit or ""

    def text(self, name: str, value: Any) -> str:
        """A value of a parameter as a word on an axis or in a legend."""
        return word(value, self.units.get(name))


@dataclass(frozen=True)
class Line:
    """The runs of one colour and dash."""

    label: str
    rows: pd.DataFrame
    colour: str
    dash: str
    marker: str


def study_figure(frame: pd.DataFrame, metrics: pd.DataFrame, wanted: Wanted,
                 command: str) -> Figure:
    """The figure; WrongName or another ValueError when it cannot be drawn from these runs."""
    units = dict(zip(metrics["name"], metrics["unit"]))
    names = list(units)
    wanted = _completed(frame, names, wanted)
    rows = frame[frame[wanted.y].notna()]
    if rows.empty:
        raise ValueError(f"no finished, valid run has {wanted.y}")
    with matplotlib.rc_context(STYLE):
        canvas = Canvas()
        axes = canvas.subplots()
        lines = _lines(rows, wanted)
        draw = {"line": _draw_lines, "box": _draw_boxes, "cdf": _draw_cdf}[wanted.kind]
        draw(axes, lines, wanted)
        _finish(axes, wanted, units[wanted.y])
        svg = inline_svg(canvas, f"{wanted.kind}-{wanted.y}-{wanted.x}")
    told = {wanted.x, wanted.hue, wanted.style}
    mixed = [name for name in varied(rows, names) if name not in told]
    title = _title(wanted) + (f"; over all {', '.join(mixed)}" if mixed else "")
    return Figure(title, svg, QUERY.format(wanted.y), command, canvas)


def _completed(frame: pd.DataFrame, metrics: list[str], wanted: Wanted) -> Wanted:
    """With x chosen when there is one choice, and every name checked."""
    if wanted.kind not in KINDS:
        raise WrongName("kind", wanted.kind, "kind", KINDS)
    if not 0 < wanted.ci < 1:
        raise ValueError(f"ci is {wanted.ci}; it must be between 0 and 1")
    if wanted.y not in metrics or wanted.y not in frame:
        raise WrongName("y", wanted.y, "metric", [n for n in metrics if n in frame])
    for field in ("x", "hue", "style"):
        name = getattr(wanted, field)
        if name is not None and name not in frame:
            raise WrongName(field, name, "column", [str(column) for column in frame.columns])
    free = [n for n in varied(frame, metrics) if n not in (wanted.hue, wanted.style)]
    x, style = wanted.x, wanted.style
    if x is None and wanted.kind != "cdf":
        numeric = [n for n in free if pd.api.types.is_numeric_dtype(frame[n])] or free
        if len(numeric) != 1:
            raise ValueError(f"x must be named; these vary: {' '.join(free) or 'none'}")
        x = numeric[0]
    if "driver" in free and style is None and x != "driver":
        style = "driver"
    return replace(wanted, x=x, style=style)


def _lines(rows: pd.DataFrame, wanted: Wanted) -> list[Line]:
    names = [name for name in dict.fromkeys((wanted.hue, wanted.style)) if name is not None]
    parts = groups(rows, names)
    hues = list(dict.fromkeys(key[0] for key, _ in parts if key))
    styles = list(dict.fromkeys(key[-1] for key, _ in parts if key))
    found = []
    for key, part in parts:
        colour = hues.index(key[0]) if key else 0
        dash = styles.index(key[-1]) if key else 0
        words = [f"{name} {wanted.text(name, value)}" for name, value in zip(names, key)]
        label = ", ".join(words) or wanted.y
        found.append(Line(label, part, COLOURS[colour % len(COLOURS)], DASHES[dash % len(DASHES)],
                          MARKERS[dash % len(MARKERS)]))
    return found


def _count(counts: list[int]) -> str:
    low, high = min(counts), max(counts)
    return f"n = {low}" if low == high else f"n = {low}–{high}"


def _positions(lines: list[Line], x: str) -> dict[Any, float] | None:
    """Places of words on the axis; None when x is a number."""
    if all(pd.api.types.is_numeric_dtype(line.rows[x]) for line in lines):
        return None
    words = dict.fromkeys(str(v) for line in lines for v in line.rows[x])
    return {word: float(place) for place, word in enumerate(words)}


def _draw_lines(axes: Axes, lines: list[Line], wanted: Wanted) -> None:
    assert wanted.x is not None
    places = _positions(lines, wanted.x)
    for line in lines:
        points = []
        for value, part in line.rows.groupby(wanted.x, sort=places is None):
            found = mean_of(list(part[wanted.y]), wanted.ci)
            points.append((value if places is None else places[str(value)], found))
        errors = [[_half(found.mean - found.lo) for _, found in points],
                  [_half(found.hi - found.mean) for _, found in points]]
        axes.errorbar([place for place, _ in points], [found.mean for _, found in points],
                      yerr=errors, capsize=2, linewidth=1.2, markersize=4, color=line.colour,
                      linestyle=line.dash, marker=line.marker,
                      label=f"{line.label} ({_count([found.n for _, found in points])})")
    _scale_x(axes, lines, wanted, places)


def _half(length: float) -> float:
    return 0.0 if math.isnan(length) else max(0.0, length)


def _scale_x(axes: Axes, lines: list[Line], wanted: Wanted,
             places: dict[Any, float] | None) -> None:
    if places is not None:
        axes.set_xticks(list(places.values()), list(places))
        return
    assert wanted.x is not None
    values = pd.concat([line.rows[wanted.x] for line in lines])
    positive = values[values > 0]
    if len(positive) and positive.max() >= LOG_SPAN * positive.min():
        if (values <= 0).any():
            axes.set_xscale("symlog", linthresh=float(positive.min()))
        else:
            axes.set_xscale("log")
    fraction = wanted.unit(wanted.x) == "fraction"
    axes.xaxis.set_major_formatter(PercentFormatter(1.0) if fraction else EngFormatter())


def _draw_boxes(axes: Axes, lines: list[Line], wanted: Wanted) -> None:
    """Boxes of one x value stand side by side; whiskers reach 1.5 interquartile ranges."""
    assert wanted.x is not None
    values = list(dict.fromkeys(v for line in lines for v in line.rows[wanted.x]))
    if all(isinstance(v, (int, float)) for v in values):
        values.sort()
    width = 0.8 / len(lines)
    for index, line in enumerate(lines):
        at, data = [], []
        for place, value in enumerate(values):
            found = line.rows[line.rows[wanted.x] == value][wanted.y]
            if len(found):
                at.append(place - 0.4 + width * (index + 0.5))
                data.append(list(found))
        boxes = axes.boxplot(data, positions=at, widths=width * 0.9, manage_ticks=False,
                             patch_artist=True, medianprops={"color": "black"})
        for box in boxes["boxes"]:
            box.set(facecolor=line.colour, alpha=0.6, linestyle=line.dash)
        axes.plot([], [], color=line.colour, linestyle=line.dash, linewidth=5, alpha=0.6,
                  label=f"{line.label} ({_count([len(d) for d in data])})")
    axes.set_xticks(range(len(values)), [wanted.text(wanted.x, value) for value in values])


def _draw_cdf(axes: Axes, lines: list[Line], wanted: Wanted) -> None:
    """Empirical distributions with the band of Dvoretzky, Kiefer and Wolfowitz."""
    for line in lines:
        values = sorted(line.rows[wanted.y])
        n = len(values)
        shares = [(rank + 1) / n for rank in range(n)]
        band = math.sqrt(math.log(2 / (1 - wanted.ci)) / (2 * n))
        axes.step([values[0], *values], [0.0, *shares], where="post", color=line.colour,
                  linestyle=line.dash, linewidth=1.3, label=f"{line.label} (n = {n})")
        axes.fill_between(values, [max(0.0, s - band) for s in shares],
                          [min(1.0, s + band) for s in shares], step="post", color=line.colour,
                          alpha=0.12, linewidth=0)


def _finish(axes: Axes, wanted: Wanted, unit: str) -> None:
    """Names, units, the line to compare with, and a value axis from 0."""
    name = f"{wanted.y} ({unit})" if unit else wanted.y
    if wanted.kind == "cdf":
        axes.set(xlabel=name, ylabel="share of runs", ylim=(0, 1.02))
        axes.xaxis.set_major_formatter(EngFormatter())
        if wanted.ref is not None:
            axes.axvline(wanted.ref, color="black", linewidth=0.8, linestyle=":", label="reference")
    else:
        x_unit = wanted.unit(wanted.x or "") if wanted.kind == "line" else ""
        beside = f" ({x_unit})" if x_unit not in ("", "fraction") else ""
        axes.set(xlabel=f"{wanted.x}{beside}", ylabel=name)
        axes.yaxis.set_major_formatter(EngFormatter())
        if wanted.ref is not None:
            axes.axhline(wanted.ref, color="black", linewidth=0.8, linestyle=":", label="reference")
        low, high = axes.get_ylim()
        axes.set_ylim(low if low < 0 else 0, max(high * 1.05, 1e-9))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))


def _title(wanted: Wanted) -> str:
    percent = f"{wanted.ci * 100:g} %"
    if wanted.kind == "line":
        return f"{wanted.y} over {wanted.x}: means, bars are {percent} t-intervals"
    if wanted.kind == "box":
        return f"{wanted.y} by {wanted.x}: quartiles, whiskers within 1.5 interquartile ranges"
    return f"distribution of {wanted.y} over runs, with its {percent} band"
