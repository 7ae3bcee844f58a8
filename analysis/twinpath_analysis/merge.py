"""Moves the runs of a worker's own file into a target database, whose only writer is the parent.

Rows keep their meaning and get new ids; what is shared (build, machine, plan, metric ...) is
matched by its natural key. One transaction: all of a run or nothing of it.
"""

from __future__ import annotations

import os
import sqlite3
from typing import Any

from .database import connect, explain, read_only

# Tables matched by a natural key: table -> (id column, key column).
_SHARED = {
    "build": ("build_id", "sha256"), "machine": ("machine_id", "sha256"),
    "testbed": ("testbed_id", "sha256"), "plan": ("plan_id", "sha256"),
    "metric": ("metric_id", "name"),
}
# Tables that belong to a run, in an order that satisfies references.
_BY_RUN = ("param", "event", "validity", "artifact")
_BY_ENTITY = ("scalar", "histogram", "flow", "drop_count", "chunk")

Ids = dict[str, dict[int, int]]


def merge(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> list[int]:
    """Copies every run of `source` into `target`; their ids in `target`, in order."""
    incoming = read_only(source)
    into = connect(target)
    try:
        into.execute("BEGIN IMMEDIATE")
        ids: Ids = {table: _shared(incoming, into, table) for table in _SHARED}
        runs = [_run(incoming, into, row, ids) for row in incoming.execute("SELECT * FROM run")]
        into.execute("COMMIT")
        return runs
    except sqlite3.Error as error:
        if into.in_transaction:
            into.execute("ROLLBACK")
        raise explain(os.fspath(target), error) from error
    finally:
        incoming.close()
        into.close()


def _insert(into: sqlite3.Connection, table: str, row: dict[str, Any]) -> int:
    columns = ", ".join(row)
    marks = ", ".join("?" * len(row))
    cursor = into.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})", tuple(row.values()))
    return int(cursor.lastrowid or 0)


def _shared(incoming: sqlite3.Connection, into: sqlite3.Connection, table: str) -> dict[int, int]:
    id_column, key = _SHARED[table]
    ids = {}
    for source_row in incoming.execute(f"SELECT * FROM {table}"):
        row = dict(source_row)
        old = row.pop(id_column)
        found = into.execute(f"SELECT {id_column} FROM {table} WHERE {key} = ?",
                             (row[key],)).fetchone()
        ids[old] = found[0] if found else _insert(into, table, row)
    return ids


def _run(incoming: sqlite3.Connection, into: sqlite3.Connection, source_row: sqlite3.Row,
         ids: Ids) -> int:
    row = dict(source_row)
    old = row.pop("run_id")
    for table in ("build", "machine", "plan", "testbed"):
        column = f"{table}_id"
        row[column] = ids[table].get(row[column])
    row["attempt"] = 1 + into.execute(
        "SELECT coalesce(max(attempt), 0) FROM run WHERE run_key = ?", (row["run_key"],)
    ).fetchone()[0]
    run = _insert(into, "run", row)
    entities = _entities(incoming, into, old, run)
    _series(incoming, into, old, entities, ids["metric"])
    for table in _BY_RUN:
        for other in incoming.execute(f"SELECT * FROM {table} WHERE run_id = ?", (old,)):
            _insert(into, table, _renumbered(dict(other), run, entities, ids["metric"]))
    for table in _BY_ENTITY:
        query = f"SELECT t.* FROM {table} t JOIN entity USING (entity_id) WHERE run_id = ?"
        for other in incoming.execute(query, (old,)):
            _insert(into, table, _renumbered(dict(other), run, entities, ids["metric"]))
    return run


def _renumbered(row: dict[str, Any], run: int, entities: dict[int, int],
                metrics: dict[int, int]) -> dict[str, Any]:
    if "run_id" in row:
        row["run_id"] = run
    if row.get("entity_id") is not None:
        row["entity_id"] = entities[row["entity_id"]]
    if "metric_id" in row:
        row["metric_id"] = metrics[row["metric_id"]]
    return row


def _entities(incoming: sqlite3.Connection, into: sqlite3.Connection, old_run: int,
              run: int) -> dict[int, int]:
    query = "SELECT entity_id, path, kind FROM entity WHERE run_id = ? ORDER BY entity_id"
    return {row["entity_id"]: _insert(into, "entity",
                                      {"run_id": run, "path": row["path"], "kind": row["kind"]})
            for row in incoming.execute(query, (old_run,))}


def _series(incoming: sqlite3.Connection, into: sqlite3.Connection, old_run: int,
            entities: dict[int, int], metrics: dict[int, int]) -> None:
    query = "SELECT s.* FROM series s JOIN entity USING (entity_id) WHERE run_id = ?"
    for source_row in incoming.execute(query, (old_run,)).fetchall():
        row = dict(source_row)
        old = row.pop("series_id")
        new = _insert(into, "series", _renumbered(row, 0, entities, metrics))
        samples = incoming.execute("SELECT ?, seq, t_ns, value FROM sample WHERE series_id = ?",
                                   (new, old))
        into.executemany("INSERT INTO sample VALUES (?, ?, ?, ?)", samples)
