"""`script`: protocol scripts in packetdrill's language against our host."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Optional

import typer
from rich.markup import escape

from ..errors import ConfigError, Problem, nearest
from ..script.abi import LIBRARIES, Host, library_path, option_names
from ..script.play import play
from ..script.runner import REAL_TIME, Outcome, Settings
from .output import console, print_json
from .scenarios import JSON

SCHEMA = "twinpath.script/1"
EXIT_BAD = 2
REAL_TIME_S = 20.0
DRIVERS = (*LIBRARIES, "linux")

app = typer.Typer(add_completion=False)


@app.callback()
def _frame() -> None:
    """Keeps `script` a sub-command."""


@app.command("script", help="Run protocol scripts in packetdrill's language against a host. Exit "
                            "code 0: all passed, 1: a script failed, 2: a script is wrong.")
def script_command(files: list[Path] = typer.Argument(..., help="FILE.pkt, or a folder"), *,
                   under: str = typer.Option("fake", help="fake: virtual time; ns3: inside ns-3; "
                                                          "net_ring: over DPDK, in real time; "
                                                          "linux: against this machine's kernel, "
                                                          "as root"),
                   option: list[str] = typer.Option([], "--set", help="an option of the host, as "
                                                                      "tcp.nagle=off"),
                   peer_isn: int = typer.Option(0, help="added to the peer's sequence numbers"),
                   at_most: Optional[float] = typer.Option(
                       None, help="leave out scripts that take more seconds; 20 in real time"),
                   verbose: bool = typer.Option(False, "-v", help="print every event"),
                   as_json: bool = JSON) -> int:
    if under not in DRIVERS:
        raise ConfigError([Problem("--under", under, "no such driver", ", ".join(DRIVERS))])
    if under in LIBRARIES:
        library_path(under)  # before a child process stumbles over it
    if at_most is None:
        at_most = REAL_TIME_S if under in REAL_TIME else 0.0
    settings = Settings(under, _options(option), peer_isn, at_most,
                        _say if verbose else lambda text: None)
    outcomes = []
    for outcome in play([str(path) for path in _scripts(files)], settings):
        outcomes.append(outcome)
        if not as_json:
            _show(outcome, verbose)
    return _report(outcomes, as_json, under)


def _say(text: str) -> None:
    console.print(escape(text))


def _options(given: list[str]) -> tuple[tuple[str, str], ...]:
    """Options of the host; ConfigError names each wrong one and its place among them."""
    split = {place: text.partition("=") for place, text in enumerate(given, 1)}
    problems = [Problem(f"--set {place}", name, f"'{name}' is not OPTION=VALUE, as tcp.nagle=off")
                for place, (name, equals, _) in split.items() if not equals]
    options = {place: (name, value) for place, (name, equals, value) in split.items() if equals}
    problems += _refused(options)
    if problems:
        raise ConfigError(problems)
    return tuple(options.values())


def _refused(options: dict[int, tuple[str, str]]) -> list[Problem]:
    """What a host says against them all: each is a line of its configuration."""
    lines = [f"{name} {value}" for name, value in options.values()]
    try:
        Host("\n".join(["interface eth0 raw", *lines])).close()
    except ConfigError as error:
        return [_placed(problem.message, options) for problem in error.problems]
    return []


def _placed(message: str, options: dict[int, tuple[str, str]]) -> Problem:
    told = re.match(r"line (\d+): (.*)", message)
    if told is None:
        return Problem("--set", "", message)
    place = list(options)[int(told[1]) - 2]
    name, value = options[place]
    known = option_names()
    hint = "" if name in known else nearest(name, known)
    return Problem(f"--set {place}", f"{name}={value}", told[2], hint=hint)


def _scripts(files: list[Path]) -> list[Path]:
    """Every file, folders replaced by the scripts in them."""
    found: list[Path] = []
    for path in files:
        found += sorted(path.rglob("*.pkt")) if path.is_dir() else [path]
    if not found:
        raise ConfigError([Problem("script", " ".join(map(str, files)), "no .pkt file there")])
    return found


def _show(outcome: Outcome, verbose: bool) -> None:
    if outcome.status in ("failed", "bad"):
        console.print(f"[red]{escape(str(outcome))}[/]")
    elif outcome.status == "left_out":
        console.print(f"[yellow]{escape(str(outcome))}[/]")
    elif verbose:
        console.print(f"[green]{escape(str(outcome))}[/]")


def _report(outcomes: list[Outcome], as_json: bool, under: str) -> int:
    counts = {status: sum(outcome.status == status for outcome in outcomes)
              for status in ("passed", "failed", "bad", "left_out")}
    if as_json:
        print_json({"schema": SCHEMA, "under": under, **counts,
                    "scripts": [outcome.as_dict() for outcome in outcomes]})
    else:
        wall_s = sum(outcome.wall_s for outcome in outcomes)
        console.print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['bad']} bad, "
                      f"{counts['left_out']} left out in {wall_s:.2f} s")
    return EXIT_BAD if counts["bad"] else int(counts["failed"] > 0)
