"""What the interop tests need of the machine, and the option `--whole`."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TWINPATH_BUILD", ROOT / "build" / "release"))
for folder in (ROOT / "analysis", BUILD / "bindings", ROOT / "bindings"):
    sys.path.insert(0, str(folder))

from twinpath.errors import TwinpathError  # the path above first
from twinpath.provenance import module_path

# A shell's background job ignores SIGINT, and whatever it starts inherits that: Ctrl-C is tested
# here, so it is taken back.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--whole", action="store_true",
                     help="100 MB each way instead of 5 MB; every case of the matrices")


def no_namespaces(*more: str) -> str:
    """Why there can be no test-bed of namespaces here; empty when there can."""
    if os.geteuid() != 0:
        return "namespaces need root"
    tools = [tool for tool in ("ip", "ethtool", *more) if shutil.which(tool) is None]
    return f"not installed: {' '.join(tools)}" if tools else ""


def missing() -> str:
    """Why the tests of this folder cannot run here; empty when they can."""
    if reason := no_namespaces("taskset", "nginx", "curl"):
        return reason
    try:
        module_path("emu")
    except TwinpathError as error:
        return str(error)
    return ""


@pytest.fixture(autouse=True)
def machine() -> None:
    """Skips what this machine cannot run, saying why."""
    if reason := missing():
        pytest.skip(reason)


@pytest.fixture
def whole(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--whole"))
