"""What an acceptance line is: a command, what it measured, the bound, a verdict."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"
# The package itself, for what it already checks.
sys.path[:0] = [str(ROOT / "bindings"), str(ROOT / "analysis")]
PASS, FAIL, NO_VERDICT = "pass", "fail", "no-verdict"
SHOWN_LINES = 15


@dataclass
class Ran:
    """A finished command."""

    code: int
    output: str
    errors: str
    seconds: float

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object on standard output, {} if there is none."""
        try:
            parsed = json.loads(self.output)
        except json.JSONDecodeError:
            return {}
        return parsed if isinstance(parsed, dict) else {}

    @property
    def tail(self) -> str:
        """The end of the output, then of what it complained about."""
        shown = []
        for text in (self.output, self.errors):
            lines = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.rstrip().split("\n")]
            shown += [line.strip() for line in lines[-SHOWN_LINES:] if line.strip()]
        return " | ".join(shown)


@dataclass
class Answer:
    """What a check found. `complaints` are the reasons for a fail, empty for a pass."""

    measured: str
    complaints: list[str] = field(default_factory=list)
    undecided: str | None = None  # why there is no verdict

    @property
    def verdict(self) -> str:
        if self.complaints:
            return FAIL
        return NO_VERDICT if self.undecided else PASS

    @property
    def text(self) -> str:
        return "; ".join([self.measured, *self.complaints, *filter(None, [self.undecided])])


@dataclass(frozen=True)
class Promise:
    """One line. `command` is what a reader types to see it; `long` ones --quick leaves out."""

    id: str
    command: str
    bound: str
    check: Callable[[bool], Answer]  # handed `quick`
    long: bool = False


def run(
    command: list[str | Path],
    *,
    cwd: Path = ROOT,
    timeout_s: int = 3600,
    env: dict[str, str] | None = None,
) -> Ran:
    """Runs a real command; what it says is kept, a timeout is exit 124."""
    started = time.monotonic()
    words = [str(word) for word in command]
    print(f"  $ {' '.join(words)}", file=sys.stderr, flush=True)
    try:
        done = subprocess.run(
            words,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            text=True,
            capture_output=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
            errors="replace",
        )
        code, output, errors = done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        code, output, errors = 124, "", f"stopped after {timeout_s} s"
    return Ran(code, output, errors, time.monotonic() - started)


def twinpath(
    *arguments: str | Path, cwd: Path = ROOT, root: Path = ROOT, timeout_s: int = 3600
) -> Ran:
    """The launcher of a checkout, run in a folder."""
    return run([root / "twinpath", *arguments], cwd=cwd, timeout_s=timeout_s)


def modules(preset: str = "release") -> dict[str, str]:
    """The environment in which a build's Python modules are found."""
    build = ROOT / "build" / preset
    return {
        "PYTHONPATH": f"{ROOT / 'bindings'}:{build / 'bindings'}:{ROOT / 'analysis'}",
        "TWINPATH_ROOT": str(ROOT),
        "TWINPATH_BUILD": str(build),
    }


def build(*targets: str) -> list[str]:
    """Builds targets of the release build, tests among them; what went wrong."""
    for step in (["cmake", "--preset", "release", "-DTWINPATH_BUILD_TESTS=ON"],
                 ["ninja", "-C", "build/release", *targets]):
        built = run(step, timeout_s=7200)
        if built.code != 0:
            return [f"{step[0]} ended {built.code}: {built.tail}"]
    return []


def gtest(program: str, tests: str) -> tuple[Ran, int]:
    """Named tests of a release build's program, built first, and how many ran; a skip fails."""
    if wrong := build(program):
        return Ran(1, "", wrong[0], 0), 0
    ran = run([ROOT / "build" / "release" / "tests" / program, f"--gtest_filter={tests}"])
    found = re.search(r"(\d+) tests? from \d+ test suites? ran", ran.output)
    if ran.code == 0 and "[  SKIPPED ]" in ran.output:
        ran.code = 1
    return ran, int(found.group(1)) if found else 0


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A folder outside the tree, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=f"tp-{os.getpid()}-{name}-") as folder:
        yield Path(folder)
