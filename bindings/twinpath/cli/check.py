"""`check`: suites of a file against their baselines."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

import typer

from ..checks.judge import ERROR
from ..checks.outcome import RUN, Outcome, Row
from ..checks.runner import Options, check_suites
from ..checks.suite import Suite
from ..discover import load
from ..errors import ConfigError, Problem
from ..studies.launch import MAX_JOBS
from .output import cannot_write, console, print_json, until_closed
from .scenarios import DB, JSON

app = typer.Typer(add_completion=False)


@app.callback()
def _frame() -> None:
    """Keeps `check` a sub-command."""


def suites_of(path: Path) -> list[Suite]:
    """The suites a file makes; ConfigError when it has none."""
    if not path.is_file():
        raise ConfigError([Problem("FILE", str(path), f"no file {path}")])
    found = [value for value in vars(load(path)).values() if isinstance(value, Suite)]
    suites = list({id(suite): suite for suite in found}.values())
    if not suites:
        raise ConfigError([Problem("FILE", str(path), f"{path} has no suite",
                                   hint="write suite = tp.suite('name') and suite.add(...)")])
    names = [suite.name for suite in suites]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError([Problem("suite", name, f"{path} has two suites {name!r}")
                           for name in twice])
    return suites


@app.command("check", help="Run the suites of a file against their baselines. Ends 0 pass, 1 "
                           "failed, 2 no baseline or a mistake in the file, 3 a run crashed, 4 no "
                           "verdict.")
def check_command(file: Path = typer.Argument(..., metavar="FILE.py"),
                  baseline: Optional[Path] = typer.Option(
                      None, metavar="DIR", help="default: baselines beside the file"),
                  junit: Optional[Path] = typer.Option(None, metavar="OUT.xml"),
                  update: bool = typer.Option(False, "--update", help="record new baselines"),
                  reason: Optional[str] = typer.Option(
                      None, metavar="TEXT", help="with --update: why the results are right now"),
                  *, jobs: Optional[int] = typer.Option(
                      None, "--jobs", "-j", min=1, max=MAX_JOBS, help="simulations at a time "
                      "(default: one less than cores); emulations run alone"),
                  retries: int = typer.Option(1, help="more emulations when there is no verdict",
                                                 min=0, max=100),
                  only: Optional[str] = typer.Option(None, metavar="NAME",
                                                     help="an entry, a tag or a suite"),
                  db: Optional[str] = DB, as_json: bool = JSON) -> int:
    if update and not (reason or "").strip():
        raise ConfigError([Problem("--reason", reason or "", "--update needs --reason TEXT: why "
                                                             "the results are right now")])
    if reason is not None and not update:
        raise ConfigError([Problem("--reason", reason, "belongs to --update")])
    if junit is not None and not junit.absolute().parent.is_dir():
        raise ConfigError([Problem("--junit", str(junit), f"no folder {junit.parent}")])
    done, suites = Outcome(), list[Suite]()
    options = Options(baseline, db, retries, only, reason if update else None, done.add, jobs)
    try:
        suites += suites_of(file)
        outcome = check_suites(suites, options)
    except ConfigError as error:
        if junit is not None:
            write_junit(refused(done, error, suites, file.stem), junit)
        raise
    if junit is not None:
        write_junit(outcome, junit)
    with until_closed():
        if as_json:
            print_json(outcome.as_json())
        else:
            outcome.print(console)
    return outcome.exit_code


def refused(done: Outcome, error: ConfigError, suites: list[Suite], name: str) -> Outcome:
    """What was checked before a mistake was found, and every mistake as an error: of its entry's
    suite, else of one called `name`."""
    suite_of = {entry.name: suite.name for suite in suites for entry in suite.entries}
    rows = [Row(suite_of.get(problem.field, name), problem.field or "check", RUN, ERROR,
                str(problem), problem.hint) for problem in error.problems]
    return Outcome(done.rows + rows, done.notes, done.seconds)


def write_junit(outcome: Outcome, path: Path) -> None:
    try:
        outcome.junit(str(path))
    except OSError as error:
        raise cannot_write("--junit", str(path), error) from error
