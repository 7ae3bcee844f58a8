"""Figures of a result database. Each carries the query it was drawn from and a command that shows
the numbers. Colours are those of Okabe and Ito, told apart by colour-blind readers; lines also
differ by dash and marker."""

from __future__ import annotations

import io
import os
import re
from dataclasses import dataclass, field
from html import escape
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import EngFormatter, PercentFormatter

from .asking import WrongName
from .queries import TABLES, Results, RunRow

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":")
DASH_OF = {"sim": "-", "emu": "--"}
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
STYLE = {
    "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9, "axes.grid": True,
    "grid.alpha": 0.3, "axes.spines.top": False, "axes.spines.right": False,
    "figure.figsize": (7.2, 3.0), "legend.frameon": False, "legend.fontsize": 8,
}
MAX_POINTS = 4000  # of one line; more are thinned, the database keeps them all


# What files of each kind are written with: nothing that changes from one time to the next.
FORMATS: dict[str, dict[str, Any]] = {
    "svg": {}, "png": {"dpi": 200, "metadata": {"Software": None}},
    "pdf": {"metadata": {"CreationDate": None, "Creator": None, "Producer": None}},
}


def format_of(path: str) -> str:
    """svg, png or pdf, by the end of a file's name; WrongName for another."""
    kind = os.path.splitext(path)[1].lower().removeprefix(".")
    if kind not in FORMATS:
        raise WrongName("path", path, "kind of figure", [f"*.{name}" for name in FORMATS])
    return kind


@dataclass(frozen=True)
class Figure:
    """One drawn figure as inline SVG, and as drawn for files of other kinds."""

    title: str
    svg: str
    query: str
    command: str
    canvas: Canvas | None = field(default=None, repr=False, compare=False)

    def _repr_html_(self) -> str:
        return f"<figure>{self.svg}<figcaption>{escape(self.title)}</figcaption></figure>"

    def save(self, path: str | os.PathLike[str]) -> str:
        """Writes the figure as a file whose name ends in .svg, .png or .pdf; its path. The same
        figure gives the same bytes. WrongName for another ending."""
        path = os.fspath(path)
        kind = format_of(path)
        if kind == "svg":
            head = ('<svg xmlns="http://www.w3.org/2000/svg" '
                    'xmlns:xlink="http://www.w3.org/1999/xlink"')
            with open(path, "w", encoding="utf-8") as file:
                file.write(self.svg.replace("<svg", head, 1))
            return path
        assert self.canvas is not None
        with matplotlib.rc_context(STYLE):
            self.canvas.savefig(path, format=kind, bbox_inches="tight", **FORMATS[kind])
        return path


def inline_svg(figure: Any, salt: str) -> str:
    """The figure as an SVG element for HTML: no prolog, metadata or address of any kind."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": salt}):
        figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg"):]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", text)
    # Two figures of one page must not share ids of clip paths and glyphs.
    return re.sub(r'(id="|href="#|url\(#)', lambda m: m[1] + salt + "-", text)


def label(axes: Axes, x: str, y: str, unit: str) -> None:
    """Axis names, SI prefixes on the value axis, the value axis from 0, the legend beside."""
    axes.set(xlabel=x, ylabel=f"{y} ({unit})" if unit else y)
    axes.yaxis.set_major_formatter(EngFormatter() if unit else PercentFormatter(1.0))
    axes.set_ylim(0, max(axes.get_ylim()[1] * 1.05, 1e-9))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))


def series_figure(results: Results, runs: list[RunRow], metric: str, salt: str) -> Figure | None:
    """One metric over model time, a line per run and entity; None when nothing was sampled."""
    with matplotlib.rc_context(STYLE):
        figure = Canvas()
        axes = figure.subplots()
        count, unit = 0, ""
        for run in runs:
            frame = results.table("series", run.run_id)
            for entity, line in frame[frame["metric"] == metric].groupby("entity"):
                step = max(1, len(line) // MAX_POINTS)
                axes.plot(line["t_s"][::step], line["value"][::step],
                          color=COLOURS[count % len(COLOURS)],
                          linestyle=DASH_OF.get(run.driver, ":"), linewidth=1.3,
                          drawstyle="steps-post", label=f"{run.driver} run {run.run_id} {entity}")
                unit, count = str(line["unit"].iloc[0]), count + 1
        if count == 0:
            return None
        label(axes, "model time (s)", metric, unit)
        svg = inline_svg(figure, salt)
    first = runs[0].run_id
    return Figure(f"{metric} over time", svg, f"{TABLES['series']}  -- run_id = {first}, ...",
                  f"./twinpath show {first} --table series --db {results.path}", figure)


def lines_figure(frame: pd.DataFrame, *, x: str, y: str, hue: str, unit: str, title: str,
                 command: str, query: str, salt: str) -> Figure:
    """`y` over `x`, a line with markers per value of `hue`; repeated x values become a median with
    a bar from the smallest to the largest."""
    with matplotlib.rc_context(STYLE):
        figure = Canvas()
        axes = figure.subplots()
        for index, (name, group) in enumerate(frame.groupby(hue, sort=False)):
            points = group.groupby(x)[y].agg(["median", "min", "max"])
            errors = [points["median"] - points["min"], points["max"] - points["median"]]
            axes.errorbar(points.index, points["median"], yerr=errors, label=str(name), capsize=2,
                          color=COLOURS[index % len(COLOURS)], linewidth=1.2, markersize=4,
                          linestyle=DASHES[index % len(DASHES)],
                          marker=MARKERS[index % len(MARKERS)])
        values = frame[x][frame[x] > 0]
        if len(values) and values.max() >= 100 * values.min():
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(EngFormatter())
        label(axes, x, y, unit)
        svg = inline_svg(figure, salt)
    return Figure(title, svg, query, command, figure)


def histogram_figure(results: Results, runs: list[RunRow], metric: str, salt: str) -> Figure | None:
    """The distribution of one metric as a cumulative curve per run and entity."""
    with matplotlib.rc_context(STYLE):
        figure = Canvas()
        axes = figure.subplots()
        count, unit = 0, ""
        for run in runs:
            frame = results.table("histogram", run.run_id)
            for entity, buckets in frame[frame["metric"] == metric].groupby("entity"):
                share = buckets["count"].cumsum() / buckets["count"].sum()
                axes.plot(buckets["hi"], share, color=COLOURS[count % len(COLOURS)],
                          linestyle=DASH_OF.get(run.driver, ":"), linewidth=1.3,
                          label=f"{run.driver} run {run.run_id} {entity}")
                unit, count = str(buckets["unit"].iloc[0]), count + 1
        if count == 0:
            return None
        label(axes, f"{metric} ({unit})", "share of observations", "")
        axes.xaxis.set_major_formatter(EngFormatter())
        svg = inline_svg(figure, salt)
    first = runs[0].run_id
    return Figure(f"distribution of {metric}", svg, f"{TABLES['histogram']}  -- run_id = {first}",
                  f"./twinpath show {first} --table histogram --db {results.path}", figure)
