"""A turn log: what an emulation did, turn by turn, with all that a replay needs.

One file: eight bytes `TWPTLOG1`, the length of a header, the header (JSON: Plan, seed, builds),
records, a footer (JSON: what must come out, and the SHA-256 of everything before it), its length,
eight bytes `TWPTEND1`. Lengths are 4 bytes, little-endian. The records are those of
models/base/turn_log.h.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from . import provenance
from .arguments import path_of
from .errors import ConfigError, Problem, TwinpathError
from .prepare import RunRequest

BEGIN, END = b"TWPTLOG1", b"TWPTEND1"
SCHEMA = "twinpath.turnlog/1"
PIECE = 1 << 20  # bytes read at once
HEADER_MOST = 64 << 20  # bytes; a Plan is no larger


@dataclass(frozen=True)
class TurnLog:
    """A log as its header and footer describe it. `begin` and `end` are the records' offsets."""

    path: str
    header: dict[str, Any]
    footer: dict[str, Any]
    begin: int
    end: int

    @property
    def plan(self) -> dict[str, Any]:
        return dict(self.header["plan"])

    @property
    def seed(self) -> int:
        return int(self.header["seed"])

    @property
    def sim_build(self) -> str:
        """SHA-256 of the replaying module that belongs to the emulation's build."""
        return str(self.header["build"]["sim"])

    @property
    def fingerprint(self) -> str:
        """Of the emulation."""
        return str(self.footer["fingerprint"])


def header_json(request: RunRequest) -> str:
    """The header of a log to be written."""
    row = provenance.build_row("emu")
    try:
        sim = provenance.build_row("sim")["sha256"]
    except TwinpathError:
        sim = ""
    return json.dumps({
        "schema": SCHEMA, "plan": request.plan.data, "plan_sha256": request.plan.sha256,
        "seed": request.seed, "testbed": request.testbed,
        "build": {"emu": row["sha256"], "sim": sim, "version": row["version"],
                  "git_commit": row["git_commit"], "git_dirty": row["git_dirty"]}})


def path_beside(database: str, request: RunRequest) -> str:
    """A new log's path: below the folder of the database, named after the run."""
    folder = os.path.join(os.path.dirname(os.path.abspath(database)), "turnlogs")
    os.makedirs(folder, exist_ok=True)
    when = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%f")[:-3]
    name = f"{request.plan.scenario}-seed{request.seed}-{when}-{os.getpid()}.turnlog"
    return os.path.join(folder, name)


def _damaged(path: str, why: str) -> ConfigError:
    return ConfigError([Problem("log", path, f"is damaged: {why}",
                                "a whole turn log, as `run --turn-log` leaves it")])


def read(path: str) -> TurnLog:
    """Opens a log and checks all of it; ConfigError says what is wrong."""
    path = path_of(path, "log")
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            return _read(path, file, size)
    except OSError as error:
        raise ConfigError([Problem("log", path, f"cannot be read: {error.strerror}")]) from error


def _read(path: str, file: Any, size: int) -> TurnLog:
    if file.read(len(BEGIN)) != BEGIN:
        raise ConfigError([Problem("log", path, "is no turn log", "what `run --turn-log` leaves")])
    if size < 2 * len(BEGIN) + 8:
        raise _damaged(path, "it ends within its header")
    header, begin = _part(path, file, len(BEGIN), size), file.tell()
    file.seek(size - len(END) - 4)
    length, mark = struct.unpack("<I8s", file.read(12))
    if mark != END:
        raise _damaged(path, "it has no end; the emulation or the copy was cut off")
    end = size - len(END) - 4 - length
    if end < begin:
        raise _damaged(path, "its footer is longer than the file")
    file.seek(end)
    footer = _json(path, file.read(length), "footer")
    if header.get("schema") != SCHEMA:
        raise ConfigError([Problem("log", path, f"has the format {header.get('schema')}", SCHEMA)])
    if _digest(file, end) != footer.get("sha256"):
        raise _damaged(path, "its SHA-256 is not the one it carries")
    _check_fields(path, header, footer)
    return TurnLog(path, header, footer, begin, end)


def _check_fields(path: str, header: dict[str, Any], footer: dict[str, Any]) -> None:
    """What is read here, in the type it must have; the worker checks the Plan itself."""
    plan, build = header.get("plan"), header.get("build")
    right = {"plan": isinstance(plan, dict) and _is_plan(plan),
             "seed": isinstance(header.get("seed"), int),
             "build": isinstance(build, dict) and isinstance(build.get("sim"), str),
             "fingerprint": isinstance(footer.get("fingerprint"), str)}
    wrong = [name for name, is_right in right.items() if not is_right]
    if wrong:
        raise _damaged(path, f"it has no usable {', '.join(wrong)}")


def _is_plan(plan: dict[str, Any]) -> bool:
    """Whether hosts and apps, which name objects to load, have their form."""
    lists = [plan.get("hosts"), plan.get("apps")]
    if not all(isinstance(items, list) for items in lists):
        return False
    items = [item for found in lists for item in found or []]
    if not all(isinstance(item, dict) for item in items):
        return False
    natives = [item[key] for item in items for key in ("congestion", "native") if item.get(key)]
    return all(isinstance(use, dict) and {"object", "class", "source"} <= use.keys()
               and re.fullmatch("[0-9a-f]{64}", str(use["object"])) for use in natives)


def _part(path: str, file: Any, at: int, size: int) -> dict[str, Any]:
    file.seek(at)
    (length,) = struct.unpack("<I", file.read(4))
    if length > min(HEADER_MOST, size):
        raise _damaged(path, "its header is longer than the file")
    return _json(path, file.read(length), "header")


def _json(path: str, text: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"its {what} is no JSON") from error
    if not isinstance(found, dict):
        raise _damaged(path, f"its {what} is no JSON object")
    return found


def _digest(file: Any, end: int) -> str:
    digest, left = hashlib.sha256(), end
    file.seek(0)
    while left > 0 and (piece := file.read(min(PIECE, left))):
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest()
