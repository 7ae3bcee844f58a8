"""Reading results into pandas. Every frame comes with the query that made it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Sequence

from .database import read_only

if TYPE_CHECKING:
    import pandas as pd

TABLES = {
    "scalar": "SELECT e.path AS entity, e.kind, m.name AS metric, m.unit, m.better, s.value, s.n "
              "FROM scalar s JOIN entity e USING (entity_id) JOIN metric m USING (metric_id) "
              "WHERE e.run_id = ? ORDER BY e.entity_id, m.name",
    "series": "SELECT e.path AS entity, m.name AS metric, m.unit, p.t_ns, p.value FROM sample p "
              "JOIN series s USING (series_id) JOIN entity e USING (entity_id) "
              "JOIN metric m USING (metric_id) WHERE e.run_id = ? ORDER BY e.path, m.name, p.seq",
    "histogram": "SELECT e.path AS entity, e.kind, m.name AS metric, m.unit, h.lo, h.hi, h.count "
                 "FROM histogram h JOIN entity e USING (entity_id) JOIN metric m USING (metric_id) "
                 "WHERE e.run_id = ? ORDER BY e.path, m.name, h.lo",
    "flow": "SELECT e.path AS entity, f.* FROM flow f JOIN entity e USING (entity_id) "
            "WHERE e.run_id = ? ORDER BY e.entity_id",
    "event": "SELECT v.t_ns, e.path AS entity, v.kind, v.data_json FROM event v "
             "LEFT JOIN entity e USING (entity_id) WHERE v.run_id = ? ORDER BY v.seq",
    "drop_count": "SELECT e.path AS entity, d.cause, d.reason, d.packets FROM drop_count d "
                  "JOIN entity e USING (entity_id) WHERE e.run_id = ? "
                  "ORDER BY d.cause, e.path, d.reason",
    "validity": "SELECT rule, value, bound, unit, ok FROM validity WHERE run_id = ? ORDER BY rule",
    "artifact": "SELECT path, kind, sha256, bytes FROM artifact WHERE run_id = ? ORDER BY path",
    "param": "SELECT name, num, text, unit FROM param WHERE run_id = ? ORDER BY name",
    "chunk": "SELECT e.path AS entity, c.seq, c.t_ns, c.hash FROM chunk c "
             "JOIN entity e USING (entity_id) WHERE e.run_id = ? ORDER BY e.path, c.seq",
}


@dataclass(frozen=True)
class RunRow:
    """The row of one run with its plan, build and machine."""

    values: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def params(self) -> dict[str, Any]:
        return dict(json.loads(self.values["params_json"]))

    @property
    def unsigned_seed(self) -> int:
        return int(self.values["seed"]) % 2**64


class Results:
    """A result database, opened for reading."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self.connection = read_only(path)

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> "Results":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, run_id: int) -> RunRow:
        """One run; KeyError when there is none."""
        rows = self._runs("WHERE run_id = ?", (run_id,))
        if not rows:
            raise KeyError(f"{self.path} has no run {run_id}")
        return rows[0]

    def runs(self, **where: Any) -> list[RunRow]:
        """All runs, oldest first; keyword arguments are columns that must be equal."""
        condition = " AND ".join(f"run.{name} = ?" for name in where)
        return self._runs(f"WHERE {condition}" if where else "", tuple(where.values()))

    def _runs(self, where: str, values: tuple[Any, ...]) -> list[RunRow]:
        profile = ("profile.name AS profile, profile.sha256 AS profile_sha256",
                   "LEFT JOIN profile USING (profile_id)")
        columns, joined = profile if self._has("profile") else (
            "NULL AS profile, NULL AS profile_sha256", "")
        query = (
            "SELECT run.*, plan.sha256 AS plan_sha256, plan.json AS plan_json, build.version, "
            "build.git_commit, build.git_dirty, build.compiler, build.flags, build.libs_json, "
            "build.sha256 AS build_sha256, machine.hostname, machine.cpu, machine.cores, "
            f"machine.kernel, machine.detail_json, testbed.name AS testbed, {columns} FROM run "
            "JOIN plan USING (plan_id) JOIN build USING (build_id) JOIN machine USING (machine_id) "
            f"LEFT JOIN testbed USING (testbed_id) {joined} {where} ORDER BY run_id")
        return [RunRow(dict(row)) for row in self.connection.execute(query, values)]

    def _has(self, table: str) -> bool:
        """Whether this file has a table: one of an older format lacks some."""
        found = self.connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,))
        return found.fetchone() is not None

    def _read(self, query: str, values: tuple[Any, ...] = ()) -> pd.DataFrame:
        import pandas as pd  # half a second, which commands that show no table do not wait for

        return pd.read_sql_query(query, self.connection, params=values)

    def table(self, name: str, run_id: int) -> pd.DataFrame:
        """One of TABLES for one run. `series` gets `t_s`, seconds of model time."""
        if name not in TABLES:
            raise KeyError(f"no table {name!r}; there are {' '.join(sorted(TABLES))}")
        frame = self._read(TABLES[name], (run_id,))
        if "t_ns" in frame:
            frame["t_s"] = frame["t_ns"] / 1e9
        return frame

    def scalars(self, run_ids: Sequence[int]) -> pd.DataFrame:
        """Scalars of several runs in long form, with run_id, driver and seed."""
        query = (
            "SELECT run.run_id, run.driver, run.seed, run.validity, run.plan_id, "
            "e.path AS entity, e.kind, m.name AS metric, m.unit, m.better, m.clock, m.metric_id, "
            "s.value, s.n FROM run JOIN entity e USING (run_id) JOIN scalar s USING (entity_id) "
            "JOIN metric m USING (metric_id) "
            "WHERE run.run_id IN (SELECT value FROM json_each(?)) "
            "ORDER BY run.run_id, e.entity_id, m.name")
        return self._read(query, (json.dumps(list(run_ids)),))

    def studies(self) -> dict[str, dict[str, Any]]:
        """What each study asked for, by its name; none in a file older than studies."""
        if not self._has("study"):
            return {}
        rows = self.connection.execute("SELECT name, spec_json FROM study ORDER BY study_id")
        return {row["name"]: json.loads(row["spec_json"]) for row in rows}

    def param_texts(self, run_id: int | None = None) -> dict[int, dict[str, str]]:
        """Per run its parameters as words with units, by name; of one run or of all."""
        query = "SELECT run_id, name, text FROM param WHERE text IS NOT NULL"
        values = () if run_id is None else (run_id,)
        rows = self.connection.execute(query + " AND run_id = ?" * len(values), values)
        found: dict[int, dict[str, str]] = {}
        for row in rows:
            found.setdefault(row["run_id"], {})[row["name"]] = row["text"]
        return found

    def param_units(self) -> dict[str, str | None]:
        """Unit by parameter; None for words and plain numbers."""
        return dict(self.connection.execute("SELECT DISTINCT name, unit FROM param").fetchall())

    def metrics(self) -> pd.DataFrame:
        """The glossary of metrics in this database."""
        query = "SELECT name, unit, kind, better, clock, help FROM metric ORDER BY name"
        return self._read(query)
