"""Moves the runs of a worker's own file into a target database, whose only writer is the parent.

Rows keep their meaning and get new ids; what is shared (build, machine, plan, metric ...) is
matched by its natural key. One transaction: all of a file or nothing of it. SQLite itself copies
the rows, from the attached file: a million samples take seconds.
"""

from __future__ import annotations

import os
import sqlite3
from typing import Sequence

from .database import connect, explain, read_only

# Tables matched by a natural key: table -> (id column, key column).
_SHARED = {
    "build": ("build_id", "sha256"), "machine": ("machine_id", "sha256"),
    "testbed": ("testbed_id", "sha256"), "plan": ("plan_id", "sha256"),
    "metric": ("metric_id", "name"), "profile": ("profile_id", "sha256"),
}
_KEY_OF = {id_column: (table, key) for table, (id_column, key) in _SHARED.items()}
# Tables whose ids are renumbered by an offset: table -> id column.
_NUMBERED = {"run": "run_id", "entity": "entity_id", "series": "series_id"}
# Tables that belong to a run, in an order that satisfies references.
_OF_A_RUN = ("run", "param", "entity", "validity", "artifact", "event", "scalar", "histogram",
             "flow", "drop_count", "chunk", "series", "sample")
_ATTEMPT = ("row_number() OVER (PARTITION BY t.run_key ORDER BY t.run_id) + (SELECT "
            "coalesce(max(attempt), 0) FROM main.run r WHERE r.run_key = t.run_key)")


class Merger:
    """The one writer of a target database. With `wal` many small merges in a row are cheap; close()
    makes the file whole again."""

    def __init__(self, target: str | os.PathLike[str], *, wal: bool = False) -> None:
        self.target = os.fspath(target)
        self.connection = connect(target)
        self._wal = wal
        if wal:
            # A power cut may lose the last runs, which a study then makes again; a kill does not.
            self._pragma("journal_mode = WAL")
            self._pragma("synchronous = NORMAL")

    def __enter__(self) -> "Merger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pragma(self, text: str) -> None:
        try:
            self.connection.execute(f"PRAGMA {text}").fetchone()
        except sqlite3.OperationalError:
            pass  # another study writes the same file: it stays as it is

    def close(self) -> None:
        """Folds the log into the file unless another process still writes."""
        if self._wal:
            self._pragma("busy_timeout = 0")
            self._pragma("journal_mode = DELETE")
        self.connection.close()

    def add(self, source: str | os.PathLike[str], *, study_id: int | None = None,
            once: bool = False) -> list[int]:
        """Copies every run of `source`; their ids here, in order. With `once` a finished run whose
        equal is here already is not copied: the id is that of the equal one."""
        read_only(source).close()
        into = self.connection
        try:
            into.execute("ATTACH ? AS incoming", (os.fspath(source),))
            try:
                return self._copy(study_id, once)
            finally:
                into.execute("DETACH incoming")
        except sqlite3.Error as error:
            raise explain(self.target, error) from error

    def _copy(self, study_id: int | None, once: bool) -> list[int]:
        into = self.connection
        into.execute("BEGIN IMMEDIATE")
        try:
            known = self._known() if once else []
            runs = known or self._copy_rows(study_id)
            into.execute("COMMIT")
            return runs
        except BaseException:
            if into.in_transaction:
                into.execute("ROLLBACK")
            raise

    def _known(self) -> list[int]:
        query = ("SELECT min(r.run_id) FROM incoming.run t JOIN main.run r USING (run_key) "
                 "WHERE t.status = 'done' AND r.status = 'done' AND r.validity IS NOT 'invalid' "
                 "GROUP BY t.run_key")
        return [row[0] for row in self.connection.execute(query)]

    def _copy_rows(self, study_id: int | None) -> list[int]:
        into = self.connection
        for table, (id_column, key) in _SHARED.items():
            columns = [c for c in self._columns(table) if c != id_column]
            if not columns:
                continue  # a file older than this table
            values = ", ".join(_value(table, column, {}) for column in columns)
            into.execute(f"INSERT INTO main.{table} ({', '.join(columns)}) SELECT {values} "
                         f"FROM incoming.{table} t WHERE true ON CONFLICT ({key}) DO NOTHING")
        last = {column: self._last(table, column) for table, column in _NUMBERED.items()}
        for table in _OF_A_RUN:
            columns = self._columns(table)
            values = ", ".join(_value(table, column, last) for column in columns)
            into.execute(f"INSERT INTO main.{table} ({', '.join(columns)}) "
                         f"SELECT {values} FROM incoming.{table} t")
        first = last["run_id"]
        if study_id is not None:
            into.execute("UPDATE run SET study_id = ? WHERE run_id > ?", (study_id, first))
        rows = into.execute("SELECT run_id FROM run WHERE run_id > ? ORDER BY run_id", (first,))
        return [row[0] for row in rows]

    def _last(self, table: str, column: str) -> int:
        query = f"SELECT coalesce(max({column}), 0) FROM main.{table}"
        return int(self.connection.execute(query).fetchone()[0])

    def _columns(self, table: str) -> list[str]:
        """The columns of a table that the file to be merged has: an older one has fewer."""
        rows = self.connection.execute(f"PRAGMA incoming.table_info({table})")
        return [row[1] for row in rows if row[1] != "study_id"]


def _value(table: str, column: str, last: dict[str, int]) -> str:
    """What stands in `column` of a copied row."""
    if column in last:
        return f"t.{column} + {last[column]}"
    if column in _KEY_OF:
        shared, key = _KEY_OF[column]
        return (f"(SELECT m.{column} FROM incoming.{shared} s JOIN main.{shared} m "
                f"USING ({key}) WHERE s.{column} = t.{column})")
    return _ATTEMPT if (table, column) == ("run", "attempt") else f"t.{column}"


def merge(source: str | os.PathLike[str], target: str | os.PathLike[str]) -> list[int]:
    """Copies every run of `source` into `target`; their ids in `target`, in order."""
    with Merger(target) as merger:
        return merger.add(source)


def merge_all(sources: Sequence[str | os.PathLike[str]],
              target: str | os.PathLike[str]) -> list[int]:
    """Copies every run of every file into `target`; their ids in `target`, in order."""
    with Merger(target, wal=True) as merger:
        return [run for source in sources for run in merger.add(source)]
