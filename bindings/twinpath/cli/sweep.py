"""`sweep`: a study on the command line."""

from __future__ import annotations

import os
from typing import Any, Iterable, Optional

import typer
from rich.markup import escape

from .. import discover
from ..errors import ConfigError, Problem
from ..execute import DEFAULT_DB
from ..studies import Study, study
from ..studies.tasks import MISSING
from . import scenarios as s
from .output import console, errors, print_json, until_closed

app = typer.Typer(add_completion=False)
SCHEMA = "twinpath.study/1"
MAX_SEEDS = 100_000
SHOWN_FAILURES = 10

GRID = typer.Option([], "-g", "--grid", metavar="NAME=V1,V2", help="values, all combined")
ZIP = typer.Option([], "-z", "--zip", metavar="A=V1,V2,B=V1,V2",
                   help="values that go together, one by one")
WHERE = typer.Option(None, "--where", metavar="EXPR",
                     help="keeps a combination: \"loss > '0.1%' and congestion == 'cubic'\"")
SEEDS = typer.Option("1", "--seeds", metavar="LIST", help="1..10 or 1,2,7; the same everywhere")
DRIVERS = typer.Option("sim", "--drivers", metavar="LIST", help="sim, emu, bridge")
JOBS = typer.Option(1, "--jobs", "-j", help="simulations at a time; emulations run alone")
RETRY = typer.Option(False, "--retry-failed", help="once more what failed, timed out or is invalid")
SCHEDULER = typer.Option(None, "--scheduler", metavar="ADDRESS",
                         help="simulate on the workers of this dask scheduler: tcp://host:8786")


def values(texts: Iterable[str], option: str) -> dict[str, list[str]]:
    """`a=1,2,b=3,4` as a: 1 2, b: 3 4; ConfigError for what is neither a name nor a value."""
    found: dict[str, list[str]] = {}
    for text in texts:
        name = ""
        for piece in text.split(","):
            head, equals, value = piece.partition("=")
            if equals:
                name = head.strip()
                if name in found or not name:
                    raise ConfigError([Problem(option, text, f"{name or text!r} stands twice"
                                               if name else f"{text!r} is not NAME=VALUES")])
                found[name] = [value]
            elif name:
                found[name].append(piece)
            else:
                raise ConfigError([Problem(option, text, f"{text!r} is not NAME=VALUES")])
    return found


def seeds_of(text: str) -> list[int]:
    """`1..3,7` as 1 2 3 7."""
    seeds: list[int] = []
    for piece in text.split(","):
        first, dots, last = piece.partition("..")
        try:
            low, high = int(first), int(last if dots else first)
        except ValueError:
            low, high = 1, 0
        if not 0 <= low <= high or len(seeds) + high - low >= MAX_SEEDS:
            message = f"{piece!r} is no seed and no range of up to {MAX_SEEDS} seeds"
            raise ConfigError([Problem("--seeds", text, message, "7 or 1..10 or 1,2,7")])
        seeds.extend(range(low, high + 1))
    return seeds


@app.callback()
def _frame() -> None:
    """Keeps `sweep` a sub-command."""


@app.command("sweep", help="Run every combination of parameters, seeds and drivers that is "
                           "missing in the database. Interrupted, it goes on when called again.")
def sweep_command(scenario: str = typer.Argument(..., metavar="SCENARIO"), grid: list[str] = GRID,
                  together: list[str] = ZIP, param: list[str] = s.PARAM, setting: list[str] = s.SET,
                  *, where: Optional[str] = WHERE, seeds: str = SEEDS, drivers: str = DRIVERS,
                  testbed: Optional[str] = s.TESTBED, costs: str = s.COSTS, jobs: int = JOBS,
                  retry_failed: bool = RETRY,
                  timeout: Optional[float] = typer.Option(None, metavar="SECONDS",
                                                          help="of wall time, for each run"),
                  scheduler: Optional[str] = SCHEDULER, db: Optional[str] = s.DB,
                  as_json: bool = s.JSON) -> int:
    fixed, problems = s.pairs(param, "-p")
    settings, more = s.pairs(setting, "-s")
    if problems + more:
        raise ConfigError(problems + more)
    target = db or os.environ.get("TWINPATH_DB") or DEFAULT_DB
    result = study(target, discover.find(scenario), grid=values(grid, "-g"),
                   zip=values(together, "-z"), fixed=fixed, settings=settings, where=where,
                   seeds=seeds_of(seeds), drivers=drivers.split(","), testbed=testbed,
                   costs=costs, jobs=jobs,
                   retry_failed=retry_failed, timeout=timeout, scheduler=scheduler,
                   progress=not as_json)
    failed = _failed(result)
    if as_json:
        with until_closed():
            print_json(study_object(result, failed))
    else:
        with until_closed():
            _print(result, failed)
    return 3 if failed else 0


def _failed(result: Study) -> list[dict[str, Any]]:
    """The last attempt of every planned run that did not finish."""
    last = {run.row.run_key: run for run in result.runs}
    return [{"run_id": run.run_id, "driver": run.driver, "seed": run.seed,
             "params": run.row.params, "status": run.status, "error": run.row.error,
             "stderr": run.stderr} for run in last.values() if run.status != "done"]


def study_object(result: Study, failed: list[dict[str, Any]]) -> dict[str, Any]:
    """The JSON object of a study, schema twinpath.study/1."""
    frame = result.df()
    return {"schema": SCHEMA, "study": result.name, "db": result.db, "done": len(frame),
            "missing": result.missing(), "failed": failed,
            "stale": [{"run_id": item.run_id, "reason": item.reason} for item in result.stale],
            "runs": frame.to_dict("records"),
            "problems": [Problem("run", str(f["run_id"]), str(f["error"])).as_dict()
                         for f in failed]}


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _print(result: Study, failed: list[dict[str, Any]]) -> None:
    from twinpath_analysis.glossary import SEVERAL_ENTITIES
    from twinpath_analysis.tables import summary_table

    points = result.points()
    console.print(summary_table(points, f"{result.name}: mean ± 95 % t-interval over "
                                "seeds"))
    console.print(f"[dim]{SEVERAL_ENTITIES}[/]")
    if len(points) and points["n"].sum() < len(result.df()):
        console.print("[dim]Simulations of a point that came out equal, whatever the seed, are one "
                      "observation: n 1, no interval.[/]")
    invalid = sum(run.validity == "invalid" for run in result.runs)
    done = len(result.df())
    text = f"{_runs(done)} in {result.db}"
    if invalid:
        text += f", {invalid} invalid emulations left out"
    console.print(escape(text))
    for item in failed[:SHOWN_FAILURES]:
        errors.print(f"[red]run {item['run_id']}[/] {item['driver']} seed {item['seed']} "
                     f"{item['status']}: {escape(str(item['error']))}")
        if item["stderr"]:
            errors.print(f"[dim]{escape(item['stderr'].splitlines()[-1])}[/]")
    if failed:
        errors.print(f"{_runs(len(failed))} failed; see `twinpath show RUN`, run again with "
                     "--retry-failed")
    if absent := sum(run["status"] == MISSING for run in result.missing()):
        errors.print(f"{_runs(absent)} missing: twinpath was built anew while the study ran; call "
                     "sweep again")
