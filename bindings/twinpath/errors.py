"""Exceptions of Twinpath. A configuration error carries every problem, not the first one."""

from __future__ import annotations

import difflib
import errno
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Iterable, Sequence

if TYPE_CHECKING:
    from .run import Run


@dataclass(frozen=True)
class Problem:
    """One thing wrong with what was asked: the `problems` entries of `--json`."""

    field: str
    value: str
    message: str
    allowed: str = ""
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.field}: {self.message}" if self.field else self.message
        if self.allowed:
            text += f" ({self.allowed})"
        return f"{text}; {self.hint}" if self.hint else text

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


class TwinpathError(Exception):
    """Base of every exception of this package; `exit_code` is the CLI's."""

    exit_code = 3
    problems: tuple[Problem, ...] = ()


class ConfigError(TwinpathError, ValueError):
    """Something asked for does not exist or is out of range; `problems` lists all of it."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem] | str) -> None:
        if isinstance(problems, str):
            problems = [Problem("", "", problems)]
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UnknownName(ConfigError, KeyError):
    """A run has no such metric, entity or table; `problems` has those there are."""

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class RunFailed(TwinpathError):
    """A worker crashed or reported an error; `run` has the database row, `stderr` the end of it."""

    def __init__(self, message: str, *, run: "Run | None" = None, stderr: str = "") -> None:
        super().__init__(message)
        self.run = run
        self.stderr = stderr
        self.problems = (Problem("run", "", message),)


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM came while `run` went on, which is recorded."""

    def __init__(self, run: "Run") -> None:
        super().__init__(f"interrupted; run {run.run_id} is kept")
        self.run = run


class RunTimeout(RunFailed):
    """A worker was stopped because its wall-clock budget was used up."""


class MissingPrivilege(TwinpathError):
    """The machine lacks a right or a device; `command` is what helps."""

    exit_code = 4

    def __init__(self, message: str, command: str) -> None:
        super().__init__(f"{message}; run `{command}`" if command else message)
        self.command = command
        self.problems = (Problem("machine", "", message, hint=command),)


class PortRefused(TwinpathError):
    """DPDK refused a port, or taking it would cut the machine off."""

    exit_code = 4


class StaleProfile(TwinpathError):
    """A cost profile belongs to another build; set on predictions, never changes a run."""

    exit_code = 4


class NoVerdict(TwinpathError):
    """Nothing can be concluded: invalid emulation, busy machine, missing hardware."""

    exit_code = 4


def raise_for_result(result: dict[str, Any], stderr: str = "") -> None:
    """The exception of a worker's answer that says failed; nothing when it does not."""
    text = result.get("error") or "failed"
    if result.get("status") != "failed":
        return
    if result.get("kind") == "config" and result.get("problems"):
        raise ConfigError([Problem(**problem) for problem in result["problems"]])
    kinds: dict[str, TwinpathError] = {
        "privilege": MissingPrivilege(text, result.get("command", "")), "port": PortRefused(text)}
    raise kinds.get(result.get("kind", ""), RunFailed(text, stderr=stderr))


def nearest(name: str, valid: Sequence[str]) -> str:
    """`did you mean 'x' or 'y'?` for the closest valid names, or an empty text."""
    folded = {v.lower(): v for v in valid}
    close = difflib.get_close_matches(str(name).lower(), list(folded), n=3, cutoff=0.5)
    return f"did you mean {' or '.join(repr(folded[c]) for c in close)}?" if close else ""


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts names by the numbers in them: app2 before app10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part)
            for part in re.split(r"([0-9]+)", name) if part]


def unknown(field: str, name: str, what: str, valid: Sequence[str]) -> Problem:
    """The problem of a name that does not exist, with the nearest ones that do."""
    allowed = " ".join(sorted(valid, key=_natural)) or "there is none"
    return Problem(str(field), str(name), f"no {what} {name!r}", allowed, nearest(name, valid))


FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)  # nothing more can be written


def told(error: OSError) -> str:
    """What the system refused, of which file, and what helps."""
    where = f"{error.filename}: " if error.filename else ""
    hint = "; free some space or choose another --db" if error.errno in FULL else ""
    return f"{where}{error.strerror or error}{hint}"


def not_yet(what: str) -> ConfigError:
    """A thing of the API that is not built yet."""
    return ConfigError([Problem("", what, f"{what} is not available yet")])
