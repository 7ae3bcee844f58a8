"""A result database with known rows: two cases, each simulated once and emulated several times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twinpath_analysis.database import connect

PLAN: dict[str, Any] = {"hosts": [], "links": [], "apps": []}
EMU_GOODPUT = (90e6, 91e6, 92e6, 92e6, 93e6, 94e6)


def insert(connection: Any, table: str, **row: Any) -> int:
    marks = ", ".join("?" * len(row))
    sql = f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"
    return connection.execute(sql, tuple(row.values())).lastrowid


def add_run(connection: Any, driver: str, loss: float, goodput: float, attempt: int, *,
            more: dict[str, Any] | None = None) -> int:
    """A run with all its rows; `more` stands in its Plan besides."""
    body = json.dumps(PLAN | (more or {}))
    params = json.dumps({"loss": loss, "size": 1000000})
    plan = insert(connection, "plan", sha256=f"{driver}{loss}{attempt}{body}", json=body)
    run = insert(connection, "run", run_key=f"{driver}{loss}", attempt=attempt,
                 scenario="web_transfer", params_json=params, plan_id=plan, driver=driver, seed=7,
                 build_id=1, machine_id=1, status="done", fingerprint="00000000000000ff",
                 validity=None if driver == "sim" else "valid", model_s=1.0, wall_s=0.1, cpu_s=0.1,
                 frames=100, started_utc="2026-01-01T00:00:00Z", ended_utc="2026-01-01T00:00:01Z")
    insert(connection, "param", run_id=run, name="loss", num=loss, text=f"{loss * 100:g}%",
           unit="")
    insert(connection, "param", run_id=run, name="size", num=1e6, text="1MB", unit="byte")
    app = insert(connection, "entity", run_id=run, path="client/app0", kind="app")
    insert(connection, "scalar", entity_id=app, metric_id=1, value=goodput, n=1)
    series = insert(connection, "series", entity_id=app, metric_id=2, every_ns=1000000)
    for seq in range(20):
        insert(connection, "sample", series_id=series, seq=seq, t_ns=seq * 1000000,
               value=1460.0 * seq)
    for lo in range(5):
        insert(connection, "histogram", entity_id=app, metric_id=3, lo=lo, hi=lo + 1, count=10 * lo)
    insert(connection, "drop_count", entity_id=app, reason="loss", cause="asked", packets=3)
    if driver == "emu":
        insert(connection, "validity", run_id=run, rule="timer_lag_p999", value=20.0, bound=100.0,
               unit="us", ok=1)
    return run


def make(path: Path) -> Path:
    """Writes the sample database to `path`."""
    connection = connect(path)
    connection.execute("BEGIN")
    insert(connection, "build", sha256="b", version="0.1.0", compiler="GNU 12", flags="-O2")
    insert(connection, "machine", sha256="m", hostname="<b>host</b>", cpu="cpu", cores=2)
    for name, unit, kind in (("goodput_bps", "bit/s", "scalar"), ("cwnd_bytes", "byte", "series"),
                             ("rtt_s", "s", "histogram")):
        insert(connection, "metric", name=name, unit=unit, kind=kind, better="higher",
               clock="model", help="")
    for loss in (0.0, 0.01):
        add_run(connection, "sim", loss, 95e6, 1)
        for attempt, goodput in enumerate(EMU_GOODPUT, start=1):
            add_run(connection, "emu", loss, goodput, attempt)
    connection.execute("COMMIT")
    connection.close()
    return path
