"""`replay`, `diff`, `export --perfetto`: what happened, run again, compared, or as a trace."""

from __future__ import annotations

from typing import Optional

import typer
from rich.markup import escape

from twinpath_analysis.queries import Results

from ..diff import Difference, diff
from ..errors import ConfigError, Problem
from ..frames import Frame, decode
from ..replay import replay
from .output import cannot_write, console, print_json
from .results import known_run, open_results
from .scenarios import DB, JSON

app = typer.Typer(add_completion=False)
SIDE = "RUN | FILE.db:RUN | FILE.turnlog"
BUILD = typer.Option([], "--build", metavar="DIR",
                     help="folder of another build that made one of the runs")


@app.command("replay", help="Run an emulation's turn log again, without ports and without a clock: "
                            "the same turns must give the same bytes.")
def replay_command(log: str = typer.Argument(..., metavar="LOG", help="what --turn-log left"),
                   as_json: bool = JSON) -> int:
    done = replay(log)
    if as_json:
        print_json({"schema": "twinpath.replay/1", "log": log, "equal": done.equal,
                    "verdict": done.verdict, "fingerprint": done.fingerprint,
                    "recorded": done.log.fingerprint, "turns": done.turns, "frames": done.frames,
                    "wall_s": done.wall_s, "difference": done.difference, "problems": []})
    else:
        console.print(escape(done.verdict))
    return 0 if done.equal else 1


@app.command("diff", help="The first frame in which two runs differ; exit 0 when none does.")
def diff_command(a: str = typer.Argument(..., metavar="A", help=SIDE),
                 b: str = typer.Argument(..., metavar="B", help=SIDE),
                 db: Optional[str] = DB, build: list[str] = BUILD, as_json: bool = JSON) -> int:
    for what in (a, b):
        if what.isdigit():
            with open_results(db) as results:
                known_run(results, int(what))
    found = diff(a, b, db=db, build=build)
    if as_json:
        print_json(found.as_dict())
    else:
        _print(found)
    return 0 if found.equal else 1


def _print(found: Difference) -> None:
    console.print(escape(found.verdict))
    if found.port:
        for side, frame in ((found.a, found.frame_a), (found.b, found.frame_b)):
            console.print(f"[bold]{escape(side.label)}[/]{escape(_frame(frame, found.differs))}")
    for path in found.slices:
        console.print(f"[dim]{escape(path)}[/]")
    for note in found.notes:
        console.print(f"[yellow]{escape(note)}[/]")


def _frame(frame: Frame | None, differs: list[str]) -> str:
    if frame is None:
        return " has no such frame"
    shown = {"time": f"{frame.t_ns / 1e9:.9f} s", "length": f"{len(frame.data)} bytes"}
    return "".join(f"\n  {'*' if name in differs else ' '} {name:<14}{value}"
                   for name, value in (shown | decode(frame.data)).items())


def export_trace(results: Results, run_ids: list[int], path: str, as_json: bool) -> None:
    """`export RUN --perfetto FILE`: one run as a trace."""
    from twinpath_analysis.perfetto import write_trace

    if len(run_ids) != 1:
        raise ConfigError([Problem("export", " ".join(map(str, run_ids)),
                                   "a trace is of one run", "its number, see `show`")])
    try:
        events = write_trace(results.path, run_ids[0], path)
    except OSError as error:
        raise cannot_write("--perfetto", path, error) from error
    if as_json:
        print_json({"schema": "twinpath.export/1", "path": path, "events": events, "problems": []})
    else:
        console.print(f"wrote {path}: {events} events; open it in ui.perfetto.dev or "
                      "chrome://tracing")
