"""`show`, `rerun`, `report`: what is recorded."""

from __future__ import annotations

from typing import Any, Optional

import typer

from twinpath_analysis.database import DatabaseError
from twinpath_analysis.queries import TABLES, Results

from ..errors import ConfigError, Problem, unknown
from ..execute import DEFAULT_DB, rerun
from ..run import Run
from .output import cannot_write, console, print_json, run_object, until_closed
from .scenarios import DB, JSON, PCAP, print_run

app = typer.Typer(add_completion=False)
RUN_ID = typer.Argument(None, metavar="RUN", help="its number, see `show`")


def open_results(db: str | None) -> Results:
    """The database of a command line; ConfigError when there is none."""
    try:
        return Results(db or DEFAULT_DB)
    except DatabaseError as error:
        raise ConfigError([Problem("--db", db or DEFAULT_DB, str(error))]) from error


def known_run(results: Results, run_id: int) -> Run:
    """A run of the database; ConfigError with the numbers there are."""
    ids = [str(row.run_id) for row in results.runs()]
    if str(run_id) not in ids:
        allowed = spans([int(number) for number in ids]) or "it has no runs"
        raise ConfigError([Problem("run", str(run_id), f"no run {run_id} in {results.path}",
                                   allowed)])
    return Run(results.path, run_id)


def spans(numbers: list[int]) -> str:
    """1 2 3 7 as "1..3 7"."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and number == found[-1][-1] + 1:
            found[-1][1:] = [number]
        else:
            found.append([number])
    return " ".join("..".join(map(str, span)) for span in found)


@app.command("show", help="Runs of a database, or one run in detail.")
def show_command(run_id: Optional[int] = RUN_ID, db: Optional[str] = DB,
                 table: str = typer.Option("scalar", help=" ".join(sorted(TABLES))),
                 as_json: bool = JSON) -> None:
    from twinpath_analysis.tables import plain_table
    from twinpath_analysis.units import show

    if table not in TABLES:
        raise ConfigError([unknown("--table", table, "table", list(TABLES))])
    with open_results(db) as results:
        if run_id is not None:
            _show_run(results, run_id, table, as_json)
            return
        rows, words = results.runs(), results.param_texts()
    if as_json:
        print_json({"schema": "twinpath.runs/1", "db": results.path, "problems": [],
                    "runs": [run_object(Run(results.path, row.run_id)) for row in rows]})
        return
    cells = [(r.run_id, r.scenario, _words(r.params, words.get(r.run_id, {})), r.driver,
              r.unsigned_seed, r.attempt, r.status, r.validity or "–", show(r.model_s, "s"))
             for r in rows]
    console.print(plain_table(["run>", "scenario", "parameters", "driver", "seed>", "attempt>",
                               "status", "validity", "model time>"], cells))


def _words(params: dict[str, Any], words: dict[str, str]) -> str:
    """`delay=10ms loss=1%`: as `-p` takes them."""
    return " ".join(f"{name}={words.get(name, value)}" for name, value in params.items())


def _show_run(results: Results, run_id: int, table: str, as_json: bool) -> None:
    from twinpath_analysis.tables import plain_table

    run = known_run(results, run_id)
    if as_json:
        print_json(run_object(run) | {"table": run.df(table).to_dict("records")})
    elif table == "scalar":
        print_run(run)
    else:
        frame = run.df(table)
        console.print(plain_table(list(frame.columns), frame.itertuples(index=False)))


@app.command("rerun", help="The same Plan, seed and test-bed once more.")
def rerun_command(run_id: int = typer.Argument(..., metavar="RUN"), db: Optional[str] = DB,
                  pcap: Optional[str] = PCAP, as_json: bool = JSON) -> int:
    with open_results(db) as results:
        before = known_run(results, run_id)
    again = rerun(before, pcap=pcap)
    same = again.fingerprint == before.fingerprint
    with until_closed():
        if as_json:
            print_json(run_object(again) | {"rerun_of": run_id, "same_fingerprint": same})
        else:
            print_run(again)
            console.print(likeness(before, again))
    changed = again.driver == "sim" and not same
    return 1 if changed and again.row.build_id == before.row.build_id else 0


def likeness(before: Run, again: Run) -> str:
    """Whether a run repeated gave the same frames at the same times, and what follows from it."""
    if again.driver != "sim":
        return (f"run {before.run_id} again: an emulation's fingerprint holds real times and never "
                "repeats; compare metrics")
    if again.fingerprint == before.fingerprint:
        return f"fingerprint equal to that of run {before.run_id}"
    if again.row.build_id == before.row.build_id:
        why = "the same plan, seed and build: this is nondeterminism, please report it"
    else:
        why = "the same plan and seed, another build: the change shows"
    return f"fingerprint differs from that of run {before.run_id} ({before.fingerprint}): {why}"


@app.command("report", help="Write the self-contained HTML report of a database.")
def report_command(run_id: list[int] = typer.Argument(None, metavar="[RUN]...", help="all"),
                   db: Optional[str] = DB,
                   out: str = typer.Option("report.html", "--out", "-o", metavar="FILE"),
                   as_json: bool = JSON) -> None:
    from twinpath_analysis.report import write_report

    with open_results(db) as results:
        for number in run_id or []:
            known_run(results, number)
    try:
        path = write_report(db or DEFAULT_DB, run_id or None, out)
    except OSError as error:
        raise cannot_write("--out", out, error) from error
    if as_json:
        print_json({"schema": "twinpath.report/1", "path": path, "problems": []})
    else:
        console.print(f"wrote {path}")
