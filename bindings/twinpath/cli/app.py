"""The command line's frame: commands by name, exit codes, errors in words.

Exit codes: 0 pass, 1 a check failed, 2 usage or configuration, 3 a run crashed or timed out, 4 no
verdict, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import difflib
import importlib
import os
import sys
from typing import Any, Sequence

import click
import typer

from ..errors import ConfigError, Problem, TwinpathError, unknown
from ..provenance import VERSION
from ..run import Run
from . import output

# Command -> module that defines it; a module is imported when its command is used, so that `list`
# does not wait for pandas.
COMMANDS = {
    "setup": "system", "doctor": "system", "test": "system", "accept": "system",
    "docs": "system", "python": "system", "demo": "demo", "list": "scenarios", "run": "scenarios",
    "compare": "compare", "sweep": "sweep", "check": "check", "show": "results", "rerun": "results",
    "report": "results", "explain": "explain", "export": "export", "notebook": "system",
    "bench": "bench", "impair": "impair", "ports": "testbed", "testbed": "testbed",
    "replay": "traces", "diff": "traces", "script": "script", "plot": "plot",
}
MISTYPED = 0.75  # likeness of an option to what was meant
LATER = ("contract", "calibrate")
HELP = {
    "setup": "Install what is missing and build.",
    "doctor": "Say what this machine has and what helps where something is missing.",
    "demo": "The main job: one transfer in ns-3 and on DPDK, side by side.",
    "test": "Run the test suites.",
    "accept": "Check the project's promises.",
    "list": "Scenarios, and which stack runs which app under which driver.",
    "run": "Run a scenario; `run NAME --help` lists its parameters.",
    "compare": "Simulate and emulate one case, and show the error.",
    "sweep": "Run a grid of cases, seeds and drivers: only what is missing.",
    "show": "Runs of a database, or one run in detail.",
    "check": "Run a suite of checks against its baselines, for continuous integration.",
    "rerun": "Run a recorded run again, and say whether it came out the same.",
    "export": "Write runs as CSV, JSON or Parquet, or one as a trace for Perfetto.",
    "plot": "Draw a metric of a study as SVG, PNG or PDF.",
    "explain": "Say what a metric means.",
    "bench": "Measure ourselves against a peer.",
    "impair": "Our rate, delay and faults as a live box between two ports.",
    "ports": "Network ports of this machine, and why one may not be taken.",
    "testbed": "Check, show or clean up a test-bed: its ports, cables, limits.",
    "replay": "Run an emulation's turn log again: same turns, same bytes.",
    "diff": "The first frame in which two runs differ.",
    "script": "Run protocol scripts in packetdrill's language against a host.",
    "report": "Write the HTML report of a database.",
    "docs": "Build the handbook.",
    "python": "Start the interpreter this is built for.",
    "notebook": "Start Jupyter with the interpreter this is built for.",
}


def _usage(as_json: bool) -> None:
    if as_json:
        output.print_json({"schema": "twinpath.commands/1", "commands": HELP, "problems": []})
        return
    output.console.print("[bold]Usage:[/] ./twinpath COMMAND [OPTIONS]\n")
    for name, text in HELP.items():
        output.console.print(f"  [bold]{name:<9}[/] {text}")
    output.console.print("\nStart with `./twinpath demo`. Every command has --help.")


def main(arguments: Sequence[str]) -> int:
    """Runs one command; its exit code. A reader that has gone away changes nothing about it."""
    with output.only_objects() if "--json" in arguments else contextlib.nullcontext():
        return _run(arguments)


def _run(arguments: Sequence[str]) -> int:
    failure: TwinpathError
    try:
        _require_folder()
        code = _dispatch(list(arguments))
        with output.until_closed():
            sys.stdout.flush()
        return code
    except TwinpathError as error:
        failure = error
    except click.UsageError as error:
        problem = Problem("command line", " ".join(arguments), error.format_message(),
                          hint=_usage_hint(arguments[0], error))
        failure = ConfigError([problem])
    except (KeyboardInterrupt, click.Abort) as stop:
        failure = _Interrupted(stop.__context__ if isinstance(stop, click.Abort) else stop)
    except (BrokenPipeError, SystemExit):  # the latter is how click says it
        output.let_go()
        return 0
    except _database_error() as error:
        failure = TwinpathError(str(error))
    with output.until_closed():
        output.print_failure(failure, "--json" in arguments)
    return failure.exit_code


def _require_folder() -> None:
    try:
        os.getcwd()
    except FileNotFoundError:
        raise ConfigError("the current folder was removed; go to another with cd") from None


def _usage_hint(command: str, error: click.UsageError) -> str:
    """What helps who mistyped an option, or forgot the -p of a parameter."""
    if isinstance(error, click.NoSuchOption) and difflib.get_close_matches(
            error.option_name.lstrip("-"), [name.lstrip("-") for name in error.possibilities or []],
            cutoff=MISTYPED):
        return ""
    scenario = command in ("run", "sweep", "compare")
    if scenario and isinstance(error, click.NoSuchOption):
        name = error.option_name.lstrip("-")
        return f"a parameter of the scenario is given as -p {name}=VALUE"
    if scenario and "extra argument" in error.message:
        return "a parameter of the scenario is given as -p NAME=VALUE"
    return f"see `twinpath {command} --help`"


def _database_error() -> type[Exception]:
    """Asked for only when something was raised: its package imports pandas."""
    from twinpath_analysis.database import DatabaseError

    return DatabaseError


def _help_object(command: click.Command, name: str) -> dict[str, Any]:
    """What a command does and takes; of a group what its commands do."""
    inside = command.commands if isinstance(command, click.Group) else {name: command}
    commands = {word: part.help or HELP[name] for word, part in inside.items()}
    options = [{"name": " ".join(param.opts), "help": getattr(param, "help", None) or "",
                "required": param.required} for param in command.params]
    return {"schema": "twinpath.commands/1", "commands": commands, "options": options,
            "problems": []}


class _Interrupted(TwinpathError):
    exit_code = 130

    def __init__(self, stop: BaseException | None) -> None:
        super().__init__(str(stop or "") or "interrupted; what was recorded is kept")
        self.run: Run | None = getattr(stop, "run", None)


def _dispatch(arguments: list[str]) -> int:
    as_json = "--json" in arguments
    if arguments in ([], ["--json"]) or arguments[0] in ("-h", "--help", "help"):
        _usage(as_json)
        return 0
    name = arguments[0]
    if name in ("-V", "--version", "version"):
        if as_json:
            output.print_json({"schema": "twinpath.version/1", "version": VERSION, "problems": []})
        else:
            output.console.print(f"twinpath {VERSION}")
        return 0
    if name in LATER:
        raise ConfigError([Problem("command", name, f"{name} is not available yet")])
    if name not in COMMANDS:
        raise ConfigError([unknown("command", name, "command", list(COMMANDS))])
    module = importlib.import_module(f".{COMMANDS[name]}", __package__)
    app: typer.Typer = module.app
    command = typer.main.get_command(app)
    assert isinstance(command, click.Group)
    if as_json and "--help" in arguments and name != "run":  # whose help has an object of its own
        output.print_json(_help_object(command.commands[name], name))
        return 0
    result = command.main(arguments, prog_name="twinpath", standalone_mode=False)
    return result if isinstance(result, int) else 0
