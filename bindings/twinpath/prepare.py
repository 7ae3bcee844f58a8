"""Writes a run's row and its metadata into the file a worker will fill."""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from twinpath_analysis.database import connect, empty_image

from . import provenance
from .costs import profile_row
from .plan import Plan, canonical, sha256
from .quantities import Quantity
from .supervise import preloaded
from .testbed_file import load


@dataclass(frozen=True)
class RunRequest:
    """One run to be made. `params` are typed values; `testbed` is "veth", "net_ring" or a file's
    path, None in sim."""

    plan: Plan
    params: dict[str, Any]
    seed: int
    testbed: str | None
    source: str
    session: str = ""  # a session's own mark: no other run is equal to it


def utc_now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def run_key(request: RunRequest, build_sha256: str) -> str:
    """Equal runs have equal keys: plan, driver, seed, profile, testbed, build."""
    testbed = request.testbed and load(request.testbed).sha256
    profile = (profile_row(request.plan) or {}).get("sha256")
    parts = [request.plan.sha256, request.plan.driver, request.seed, profile, testbed, build_sha256]
    return sha256(canonical([*parts, request.session] if request.session else parts))


def signed(seed: int) -> int:
    """A 64-bit seed as SQLite stores it."""
    return seed - 2**64 if seed >= 2**63 else seed


def prepare(path: str, request: RunRequest) -> tuple[int, str]:
    """Creates `path` with the run in status `running`; the run's id there and its key."""
    build = provenance.build_row(request.plan.driver)
    key = run_key(request, build["sha256"])
    if not os.path.exists(path):
        with open(path, "wb") as file:
            file.write(empty_image())
    connection = connect(path, durable=False)
    try:
        connection.execute("BEGIN")
        build_id = insert(connection, "build", build)
        machine_id = insert(connection, "machine", _machine(request.plan.driver))
        testbed_id = request.testbed and insert(
            connection, "testbed", provenance.testbed_row(load(request.testbed)))
        profile = profile_row(request.plan)
        profile_id = insert(connection, "profile", profile) if profile else None
        plan_id = insert(connection, "plan", {"sha256": request.plan.sha256,
                                               "json": request.plan.json, "source": request.source})
        run_id = insert(connection, "run", {
            "run_key": key, "attempt": 1, "scenario": request.plan.scenario,
            "params_json": canonical(request.plan.data["params"]), "plan_id": plan_id,
            "driver": request.plan.driver, "seed": signed(request.seed),
            "profile_id": profile_id, "testbed_id": testbed_id or None, "build_id": build_id,
            "machine_id": machine_id, "status": "running", "started_utc": utc_now(),
            "command": _command()})
        for name, value in request.params.items():
            insert(connection, "param", {"run_id": run_id, "name": name, **_param(value)})
        connection.execute("COMMIT")
    finally:
        connection.close()
    return run_id, key


def _machine(driver: str) -> dict[str, Any]:
    return provenance.machine_row(preloaded(driver) if driver == "bridge" else None)


def insert(connection: Any, table: str, row: dict[str, Any]) -> int:
    """Adds a row; its id."""
    marks = ", ".join("?" * len(row))
    sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"
    return int(connection.execute(sql, tuple(row.values())).lastrowid)


def _param(value: Any) -> dict[str, Any]:
    if isinstance(value, Quantity):
        number = None if math.isinf(value) else float(value)
        return {"num": number, "text": str(value), "unit": value.unit}
    if isinstance(value, (bool, int, float)):
        return {"num": float(value), "text": str(value), "unit": None}
    return {"num": None, "text": str(value), "unit": None}


def _command() -> str:
    return json.dumps(sys.argv) if sys.argv and sys.argv[0] else ""
