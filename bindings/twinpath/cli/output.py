"""What every command prints: tables for people, one JSON object for programs, problems for both."""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import sys
from contextvars import ContextVar
from typing import Any, Iterable, Iterator, TextIO

from rich.console import Console
from rich.markup import escape

from ..errors import ConfigError, Problem, TwinpathError
from ..run import Run, combined

RUN_SCHEMA = "twinpath.run/1"

NO_PATH = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EROFS, errno.ENAMETOOLONG)
PIPED_WIDTH = 120  # columns of a table that goes to a file


def _console(stderr: bool) -> Console:
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    return Console(stderr=stderr, highlight=False, soft_wrap=True,
                   width=None if terminal else PIPED_WIDTH)


console = _console(False)
errors = _console(True)


_objects: ContextVar[TextIO | None] = ContextVar("objects", default=None)  # where they go


@contextlib.contextmanager
def only_objects() -> Iterator[None]:
    """Standard output for print_json() alone: what a scenario or a callback prints goes to standard
    error."""
    before = _objects.set(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _objects.reset(before)


def let_go() -> None:
    """Nobody reads any more: what is still buffered goes nowhere, without a traceback at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (_objects.get() or sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(null, stream.fileno())
    os.close(null)


@contextlib.contextmanager
def until_closed() -> Iterator[None]:
    """Output whose reader may go away, as `head` does; what follows is done all the same."""
    try:
        yield
    except BrokenPipeError:
        let_go()


def print_json(value: Any) -> None:
    """One object on standard output; NaN becomes null."""
    put(json.dumps(finite(value), ensure_ascii=False, indent=1) + "\n")


def put(text: str) -> None:
    """What a command is called for, on standard output, at once."""
    stream = _objects.get() or sys.stdout
    stream.write(text)
    stream.flush()


def finite(value: Any) -> Any:
    """The value with NaN and infinity as null, as JSON wants it."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def metrics_of(run: Run) -> dict[str, dict[str, Any]]:
    """Per metric its value, unit, entity and which way is better; several entities are combined as
    by Run.get() and called `*`."""
    metrics: dict[str, dict[str, Any]] = {}
    for name, group in run.df("scalar").groupby("metric"):
        entity = str(group["entity"].iloc[0]) if len(group) == 1 else "*"
        metrics[str(name)] = {"value": combined(group), "unit": group["unit"].iloc[0],
                              "entity": entity, "better": group["better"].iloc[0]}
    return metrics


def run_object(run: Run, problems: Iterable[Problem] = ()) -> dict[str, Any]:
    """The JSON object of a run, schema twinpath.run/1."""
    row = run.row
    found = list(problems) or [Problem("run", "", text) for text in run.problems]
    return {"schema": RUN_SCHEMA, "run_id": run.run_id, "run_key": row.run_key,
            "scenario": row.scenario, "driver": row.driver, "seed": run.seed,
            "status": row.status, "validity": row.validity, "fingerprint": row.fingerprint,
            "content_hash": run.content_hash,
            "db": run.db, "metrics": metrics_of(run), "artifacts": run.artifacts,
            "problems": [problem.as_dict() for problem in found]}


def failure_object(error: TwinpathError) -> dict[str, Any]:
    """The JSON object when there is no run to show."""
    run = getattr(error, "run", None)
    if run is not None:
        also = [Problem("run", "", text) for text in run.problems if text not in str(error)]
        return run_object(run, [*error.problems, *also])
    status = {2: "refused", 130: "interrupted"}.get(error.exit_code, "failed")
    empty = dict.fromkeys(("run_id", "run_key", "scenario", "driver", "seed", "validity",
                           "fingerprint", "content_hash", "db"))
    return {"schema": RUN_SCHEMA, **empty, "status": status, "metrics": {}, "artifacts": [],
            "problems": [p.as_dict() for p in error.problems or [Problem("", "", str(error))]]}


def cannot_write(option: str, path: str, error: OSError) -> TwinpathError:
    """Why a file the user named was not written: 2 for a path that cannot be one, else 3."""
    text = f"cannot write {path}: {error.strerror or error}"
    if error.errno in NO_PATH:
        return ConfigError([Problem(option, path, text, "a file in a folder that exists")])
    return TwinpathError(text)


def print_failure(error: TwinpathError, as_json: bool) -> None:
    """Every problem on standard error; with --json an object on standard output too."""
    if as_json:
        with until_closed():
            print_json(failure_object(error))
    for line in str(error).splitlines():
        errors.print(f"[bold red]error:[/] {escape(line)}")
    run = getattr(error, "run", None)
    for text in run.problems if run is not None else []:
        if text not in str(error):
            errors.print(f"[yellow]{escape(text)}[/]")
    stderr = getattr(error, "stderr", "")
    if stderr:
        errors.print(f"[dim]end of the worker's standard error:[/]\n{escape(stderr)}")
    sys.stdout.flush()
