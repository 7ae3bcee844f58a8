"""Fixtures: a result database with known rows, the command line in a folder of its own, and real
workers where the drivers are built."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TWINPATH_BUILD", ROOT / "build" / "release"))
for folder in (ROOT / "analysis", BUILD / "bindings", ROOT / "bindings", ROOT / "scenarios"):
    sys.path.insert(0, str(folder))

from twinpath.errors import TwinpathError  # the path above first
from twinpath.provenance import module_path

# A shell's background job ignores SIGINT, and whatever it starts inherits that: Ctrl-C is tested
# here, so it is taken back.
signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass
class Ran:
    """One command line: its exit code, what it printed, and the JSON of it."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict:
        return json.loads(self.out)


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., Ran]:
    """`cli("run", "web_transfer")` runs the command line in an empty folder."""
    environment = {**os.environ, "TWINPATH_ROOT": str(ROOT), "TWINPATH_BUILD": str(BUILD),
                   "PYTHONPATH": f"{ROOT / 'bindings'}:{BUILD / 'bindings'}:{ROOT / 'analysis'}"}
    environment.pop("TWINPATH_DB", None)

    def run(*arguments: str, **options: object) -> Ran:
        done = subprocess.run(["/usr/bin/python3", "-m", "twinpath", *arguments], cwd=tmp_path,
                              env=environment, capture_output=True, text=True, timeout=240,
                              **options)
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


def _needs(driver: str) -> None:
    try:
        module_path(driver)
    except TwinpathError as error:
        pytest.skip(str(error))


@pytest.fixture
def sim() -> None:
    """This test needs the ns-3 driver."""
    _needs("sim")


@pytest.fixture
def emu() -> None:
    """This test needs the DPDK driver."""
    _needs("emu")


@pytest.fixture
def bridge() -> None:
    """This test needs the bridge driver."""
    _needs("bridge")
