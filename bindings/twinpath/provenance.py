"""What a run row needs to be understood years later: build, machine, testbed, as table rows."""

from __future__ import annotations

import functools
import hashlib
import importlib.machinery
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from .errors import TwinpathError
from .testbed_file import TestbedFile

ROOT = Path(__file__).resolve().parent.parent.parent
VERSION = "0.1.0"
Row = dict[str, Any]


def module_path(driver: str) -> str:
    """The file of the extension module of a driver, found on sys.path without loading it."""
    name = f"_{driver}"
    for folder in sys.path:
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            path = os.path.join(folder or ".", name + suffix)
            if os.path.isfile(path):
                return os.path.abspath(path)
    raise TwinpathError(f"the driver {driver} is not built; run `./twinpath setup`")


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@functools.cache
def _file_digest(path: str, mtime_ns: int, size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def _git() -> tuple[str | None, int | None]:
    def ask(*command: str) -> str:
        return subprocess.run(["git", "-C", str(ROOT), *command], capture_output=True, text=True,
                              check=True, timeout=10).stdout.strip()

    try:
        return ask("rev-parse", "HEAD"), int(bool(ask("status", "--porcelain", "-uno")))
    except (OSError, subprocess.SubprocessError):
        return None, None


@functools.cache
def _build_info(folder: str) -> dict[str, Any]:
    """What CMake knew: compiler, flags, versions of libraries."""
    try:
        with open(os.path.join(folder, "build_info.json"), encoding="utf-8") as file:
            return dict(json.load(file))
    except (OSError, ValueError):
        return {}


def build_row(driver: str) -> Row:
    """The `build` row; its sha256 is the extension module's, so it names the code that ran."""
    path = module_path(driver)
    stat = os.stat(path)
    info = _build_info(os.path.dirname(path))
    commit, dirty = _git()
    return {"sha256": _file_digest(path, stat.st_mtime_ns, stat.st_size), "version": VERSION,
            "git_commit": commit, "git_dirty": dirty, "compiler": info.get("compiler"),
            "flags": info.get("flags"), "libs_json": json.dumps(info.get("libs", {}))}


def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()


@functools.cache
def machine_row(preload: str | None = None) -> Row:
    """The `machine` row. `preload`: what a worker that must keep up with a clock loads before all
    else, "" is nothing; None where that makes no difference."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    detail = {"memory_bytes": memory, "python": sys.version.split()[0]}
    detail |= {} if preload is None else {"preload": preload}
    row: Row = {"hostname": platform.node(), "cpu": _cpu_name(), "cores": os.cpu_count(),
                "kernel": platform.release(), "detail_json": json.dumps(detail)}
    return {"sha256": _digest(row), **row}


def testbed_row(bed: TestbedFile) -> Row:
    """The `testbed` row; the digest is the file's, so an edited file is another test-bed."""
    return {"sha256": bed.sha256, "name": bed.name, "toml": bed.text}
