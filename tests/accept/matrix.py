"""The determinism matrix: gcc and clang, release and debug, each its own build, ASLR left on.

A run's rows are every result table of its database, less what the wall clock decides: metrics whose
clock is wall or cpu, and the run row's own times.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from pathlib import Path

from promise import PYTHON, ROOT, Ran, run

PRESETS = ("release", "release-clang", "plain-debug", "plain-debug-clang")
ROWS = (
    "select e.path, m.name, s.value, s.n from scalar s join entity e using (entity_id)"
    " join metric m using (metric_id) where m.clock not in ('wall', 'cpu') order by 1, 2",
    "select e.path, m.name, h.lo, h.hi, h.count from histogram h join entity e using (entity_id)"
    " join metric m using (metric_id) where m.clock not in ('wall', 'cpu') order by 1, 2, 3",
    "select e.path, m.name, p.seq, p.t_ns, p.value from sample p join series using (series_id)"
    " join entity e using (entity_id) join metric m using (metric_id)"
    " where m.clock not in ('wall', 'cpu') order by 1, 2, 3",
    "select e.path, f.proto, f.src, f.src_port, f.dst, f.dst_port, f.first_tx_ns, f.last_rx_ns,"
    " f.tx_packets, f.rx_packets, f.tx_bytes, f.rx_bytes, f.lost_packets, f.retransmitted,"
    " f.end_reason from flow f join entity e using (entity_id) order by 1",
    "select e.path, d.reason, d.cause, d.packets from drop_count d join entity e using (entity_id)"
    " order by 1, 2",
    "select seq, t_ns, kind, data_json from event order by 1",
    "select e.path, c.seq, c.t_ns, c.hash from chunk c join entity e using (entity_id)"
    " order by 1, 2",
    "select status, fingerprint, model_s, frames from run",
)


def build(preset: str) -> Ran:
    """The Python modules of one preset."""
    configured = run(["cmake", "--preset", preset, "-DTWINPATH_BUILD_TESTS=OFF"])
    if configured.code != 0:
        return configured
    return run(
        ["ninja", "-C", f"build/{preset}", "-j", str(os.cpu_count()), "product"], timeout_s=7200
    )


def simulate(preset: str, seed: int, database: Path) -> Ran:
    """One lossy transfer in the simulator of one build."""
    modules = ROOT / "build" / preset
    path = f"{ROOT / 'bindings'}:{modules / 'bindings'}:{ROOT / 'analysis'}"
    command = [
        PYTHON,
        "-m",
        "twinpath",
        "run",
        "web_transfer",
        "--driver",
        "sim",
        "--seed",
        str(seed),
        "-p",
        "size=1MB",
        "-p",
        "loss=1%",
        "-p",
        "series=10ms",
        "--db",
        database,
        "--json",
    ]
    return run(command, env={"PYTHONPATH": path, "TWINPATH_BUILD": str(modules)}, timeout_s=600)


def rows_hash(database: Path) -> str:
    """One hash over all result rows."""
    digest = hashlib.sha256()
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        for query in ROWS:
            for row in connection.execute(query):
                digest.update(repr(row).encode())
    return digest.hexdigest()


def builder(database: Path) -> str:
    """The compiler and flags that made the modules a run used."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        return str(connection.execute("select compiler, flags from build").fetchall())
