"""A finished run, read from its database."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from twinpath_analysis.database import DatabaseError
from twinpath_analysis.queries import TABLES, Results, RunRow
from twinpath_analysis.units import NOT_ADDITIVE, show

from .arguments import path_of, written_path
from .errors import ConfigError, Problem, UnknownName, unknown
from .plan import plan_ports
from .quantities import Metric, quantity

if TYPE_CHECKING:
    import pandas as pd


FAILURES = {"failures": "failed", "verify_errors": "received wrong bytes"}
HINTS = {"bad_checksums": "; a peer leaves sums to its device: run `ethtool -K INTERFACE tx off` "
                          "there"}


def combined(rows: "pd.DataFrame") -> float:
    """One metric's value over several entities: the sum, of times and fractions the median."""
    values = rows["value"]
    return float(values.median() if rows["unit"].iloc[0] in NOT_ADDITIVE else values.sum())


def opened(db: str) -> Results:
    """A database for reading; ConfigError when it is none."""
    try:
        return Results(path_of(db, "db"))
    except DatabaseError as error:
        raise ConfigError([Problem("db", str(db), str(error))]) from error


class Run:
    """One run. `run["goodput_bps"]` is its value over all entities that have it, as a quantity."""

    def __init__(self, db: str, run_id: int, *, row: RunRow | None = None) -> None:
        self.db, self.run_id = db, run_id
        if row is not None:
            self.row = row

    @functools.cached_property
    def row(self) -> RunRow:
        """The run's row with plan, build and machine."""
        with opened(self.db) as results:
            ids = [row.run_id for row in results.runs()]
            if self.run_id not in ids:
                shown = f"{min(ids)}..{max(ids)}" if ids else "it has none"
                raise UnknownName([Problem("run", str(self.run_id), f"{results.path} has no run "
                                           f"{self.run_id}", shown)])
            return results.run(self.run_id)

    def _repr_html_(self) -> str:
        from twinpath_analysis.html import run_html

        with Results(self.db) as results:
            words = results.param_texts(self.run_id).get(self.run_id, {})
        return run_html(self.row, words, self.df("scalar"), self.problems)

    def __repr__(self) -> str:
        return f"<Run {self.run_id} {self.row.scenario} {self.row.driver} {self.status}>"

    @property
    def status(self) -> str:
        """done, failed, interrupted or timeout."""
        return str(self.row.status)

    @property
    def validity(self) -> str | None:
        """valid, suspect or invalid; None in sim."""
        return self.row.validity

    @property
    def problems(self) -> list[str]:
        """What speaks against this run: its error, applications that failed or received wrong
        bytes, and every broken validity rule."""
        broken = self.df("validity")
        texts = [f"{r.rule}: {show(r.value, r.unit)}, bound {show(r.bound, r.unit)}"
                 f"{HINTS.get(r.rule, '')}"
                 for r in broken.itertuples() if not r.ok] + self._oversize()
        return ([self.row.error] if self.row.error else []) + self.failures + texts

    def _oversize(self) -> list[str]:
        """Who sent frames no wire carries, and what helps."""
        frame = self.df("scalar")
        far = {port: link["a" if host == link["b"] else "b"]
               for link, host, port in plan_ports(self.plan)}
        return [f"{far[r.entity]}: peer answered with TSO frames ({r.value:,.0f} B); run "
                "`ethtool -K INTERFACE tso off gso off gro off tx off` there"
                for r in frame.itertuples() if r.metric == "longest_frame_bytes"]

    @property
    def failures(self) -> list[str]:
        """What applications did not achieve, one text each, with the first reason where one is
        known: the run went well, they did not."""
        frame = self.df("scalar")
        counts = {(r.entity, r.metric): r.value for r in frame.itertuples()
                  if r.metric in FAILURES and r.value > 0}
        reasons = self._reasons()
        texts = []
        for (entity, metric), value in counts.items():
            text = f"{entity}: {value:g} {FAILURES[metric]}"
            reason = reasons.pop(entity, "")
            texts.append(f"{text}: {reason}" if reason else text)
        return texts + [f"{entity}: {reason}" for entity, reason in reasons.items()]

    def _reasons(self) -> dict[str, str]:
        """Per entity what its events `app.problem` say."""
        events = self.df("event")
        chosen = events[events["kind"] == "app.problem"]
        return {r.entity: str(json.loads(r.data_json)["problem"]) for r in chosen.itertuples()}

    @property
    def stderr(self) -> str:
        """The end of what the worker of a failed run said on standard error."""
        events = self.df("event")
        kept = events[events["kind"] == "worker.stderr"]["data_json"]
        return str(json.loads(kept.iloc[-1])["tail"]) if len(kept) else ""

    @property
    def fingerprint(self) -> str | None:
        """16 hex digits over every frame of every port; equal runs have equal ones."""
        return self.row.fingerprint

    @property
    def content_hash(self) -> str | None:
        """16 hex digits over how many bytes each TCP connection of our stack delivered, and over
        the length of each datagram its UDP sockets received, whenever: simulation and emulation of
        one finished transfer have equal ones. None: nothing was, or it was not recorded."""
        return self.row.values.get("content_hash")

    @property
    def seed(self) -> int:
        return self.row.unsigned_seed

    @property
    def driver(self) -> str:
        return str(self.row.driver)

    @property
    def plan(self) -> dict[str, Any]:
        """The Plan as parsed JSON."""
        return dict(json.loads(self.row.plan_json))

    @property
    def artifacts(self) -> list[str]:
        """Files this run left: captures, logs."""
        return list(self.df("artifact")["path"])

    def df(self, table: str = "scalar") -> "pd.DataFrame":
        """A table of this run: scalar series histogram flow event drop_count validity artifact."""
        if table not in TABLES:
            raise UnknownName([unknown("table", table, "table", list(TABLES))])
        with opened(self.db) as results:
            return results.table(table, self.run_id)

    def flows(self) -> "pd.DataFrame":
        """One row per flow."""
        return self.df("flow")

    def series(self, metric: str, entity: str | None = None) -> "pd.DataFrame":
        """Samples of one metric over model time: columns t_s, value, entity."""
        frame = self.df("series")
        self._known("metric", metric, frame["metric"], "net.measure(every='10ms') records series")
        chosen = frame[frame["metric"] == metric]
        if entity is not None:
            self._known("entity", entity, chosen["entity"])
            chosen = chosen[chosen["entity"] == entity]
        return chosen[["t_s", "value", "entity"]].reset_index(drop=True)

    def get(self, metric: str, entity: str | None = None) -> Metric:
        """The value of `metric` on `entity`. With None that over all entities that have it: the
        sum of counts, bytes and rates, the median of times and fractions."""
        frame = self.df("scalar")
        self._known("metric", metric, frame["metric"])
        chosen = frame[frame["metric"] == metric]
        if entity is not None:
            self._known("entity", entity, chosen["entity"])
            chosen = chosen[chosen["entity"] == entity]
        return quantity(combined(chosen), str(chosen["unit"].iloc[0]))

    def __getitem__(self, metric: str) -> Metric:
        """The value of `metric` over all entities that have it: the sum of counts, bytes and rates,
        the median of times and fractions; see get() for one entity. KeyError lists the names."""
        return self.get(metric)

    def report(self, path: str) -> str:
        """Writes a self-contained HTML report of this run; its path."""
        from twinpath_analysis.report import write_report

        return write_report(self.db, [self.run_id], written_path(path, "path"))

    @staticmethod
    def _known(what: str, name: str, valid: Any, hint: str = "") -> None:
        """UnknownName, which is a KeyError too, unless `name` is one of `valid`."""
        names = sorted(set(valid))
        if name not in names:
            problem = unknown(what, name, f"{what} in this run", names)
            raise UnknownName([problem if names else replace(problem, hint=hint)])
