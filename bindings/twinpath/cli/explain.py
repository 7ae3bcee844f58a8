"""`explain`: what a metric means."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Optional

import typer
from rich.markup import escape

from twinpath_analysis.glossary import CLOCKS, METRICS
from twinpath_analysis.units import NOT_ADDITIVE

from ..errors import ConfigError, unknown
from .output import console, print_json
from .results import open_results
from .scenarios import DB, JSON

app = typer.Typer(add_completion=False)


@app.callback()
def _frame() -> None:
    """Keeps `explain` a sub-command."""


def entries(db: str | None) -> dict[str, dict[str, Any]]:
    """Every metric there is a word on: the glossary's, and those a database has besides."""
    found = {name: {"name": name, **asdict(metric)} for name, metric in METRICS.items()}
    if db is None:
        return found
    with open_results(db) as results:
        frame = results.metrics()
    for row in frame.itertuples():
        found.setdefault(row.name, {"name": row.name, "unit": row.unit, "layer": "",
                                    "point": row.help or "", "better": row.better,
                                    "clock": row.clock, "kind": row.kind})
    return found


@app.command("explain", help="What a metric means: unit, layer, measuring point, clock, which way "
                             "is better. Without a name, all of them.")
def explain_command(metric: Optional[str] = typer.Argument(None, metavar="METRIC"),
                    db: Optional[str] = DB, as_json: bool = JSON) -> None:
    from twinpath_analysis.tables import plain_table

    known = entries(db)
    if metric is None:
        if as_json:
            print_json({"schema": "twinpath.glossary/1", "metrics": list(known.values()),
                        "problems": []})
        else:
            console.print(plain_table(
                ["metric", "unit", "layer", "measured", "clock", "better"],
                [(m["name"], m["unit"], m["layer"], m["point"], m["clock"], m["better"])
                 for m in known.values()]))
        return
    if metric not in known:
        raise ConfigError([unknown("metric", metric, "metric", list(known))])
    entry = known[metric]
    if as_json:
        print_json({"schema": "twinpath.metric/1", **entry, "problems": []})
        return
    kinds = {"scalar": "one value per entity", "series": "values over model time; needs "
             "measure(every=...)", "histogram": "a distribution"}
    console.print(f"[bold]{escape(metric)}[/]: {escape(entry['point'])}")
    several = "" if entry["kind"] != "scalar" else \
        "their median" if entry["unit"] in NOT_ADDITIVE else "their sum"
    for name, text in (("unit", entry["unit"] or "a plain number"), ("layer", entry["layer"]),
                       ("kind", kinds[entry["kind"]]), ("clock", CLOCKS[entry["clock"]]),
                       ("better", entry["better"]), ("of several entities", several)):
        if text:
            console.print(f"  {name:<20}{escape(text)}")
