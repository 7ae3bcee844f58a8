"""The runs a study wants, and what its database already has of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Iterable

from .. import provenance
from ..costs import with_costs
from ..errors import ConfigError, Problem
from ..execute import check_testbed
from ..matrix import REAL_TIME
from ..plan import Plan, canonical
from ..prepare import RunRequest, run_key, signed
from ..scenario import Case
from .spec import Expanded, Spec

SHOWN_PROBLEMS = 20  # of the plans of a study
DONE, FAILED, MISSING = "done", "failed", "missing"
KILLED = ("was killed by SIGKILL", "was killed by SIGTERM")  # as fill.crash_text() says it


@dataclass(frozen=True)
class Task:
    """One run a study wants. `key` is its run_key."""

    case: Case
    plan: Plan
    seed: int
    testbed: str | None
    key: str

    @property
    def driver(self) -> str:
        return self.plan.driver

    @property
    def params_json(self) -> str:
        return canonical(self.plan.data["params"])

    @property
    def identity(self) -> tuple[str, str, int]:
        """What the user asked for, whatever the code makes of it."""
        return self.driver, self.params_json, signed(self.seed)

    def request(self, source: str) -> RunRequest:
        return RunRequest(self.plan, self.case.params, self.seed, self.testbed, source)

    def __str__(self) -> str:
        return f"{self.driver} {self.case} seed {self.seed}"


@dataclass(frozen=True)
class Stale:
    """A run of this database that no longer is what its scenario says. It is left as it is."""

    run_id: int
    reason: str  # "scenario" or "build"


def make_tasks(spec: Spec, expanded: Expanded) -> list[Task]:
    """The wanted runs in the order of the grid, every Plan validated."""
    problems: dict[str, Problem] = {}
    tasks: dict[str, Task] = {}  # equal rows of `zip` are one task
    builds = {driver: provenance.build_row(driver)["sha256"] for driver in expanded.drivers}
    for case in expanded.cases:
        for driver in expanded.drivers:
            try:
                plan, testbed = _plan(case, driver, spec)
            except ConfigError as error:
                problems.update({str(problem): problem for problem in error.problems})
                continue
            for seed in expanded.seeds:
                request = RunRequest(plan, case.params, seed, testbed, "")
                key = run_key(request, builds[driver])
                tasks.setdefault(key, Task(case, plan, seed, testbed, key))
    if problems:
        raise ConfigError(list(problems.values())[:SHOWN_PROBLEMS])
    return list(tasks.values())


def _plan(case: Case, driver: str, spec: Spec) -> tuple[Plan, str | None]:
    plan = case.plan(driver)
    if driver not in REAL_TIME:
        return with_costs(plan, spec.costs), None
    check_testbed(plan, spec.testbed)
    return plan, spec.testbed


def states(rows: Iterable[Any]) -> dict[str, str]:
    """Per run_key of these rows what there is of it: the best of its attempts."""
    found: dict[str, str] = {}
    for row in rows:
        if row["status"] == "done" and row["validity"] != "invalid":
            found[row["run_key"]] = DONE
        elif row["status"] not in ("interrupted", "running") and not _was_killed(row):
            found.setdefault(row["run_key"], FAILED)
    return found


def _was_killed(row: Any) -> bool:
    """Ended from outside, as by a machine that goes down: no result, and no failure either."""
    return any(signal in (row["error"] or "") for signal in KILLED)


class Ledger:
    """What a database has for a study; read once, before anything runs."""

    def __init__(self, connection: Any, spec: Spec) -> None:
        query = ("SELECT r.run_id, r.run_key, r.status, r.error, r.validity, r.params_json, "
                 "r.driver, r.seed, r.wall_s, p.sha256 AS plan, s.name AS study FROM run r "
                 "JOIN plan p USING (plan_id) LEFT JOIN study s USING (study_id) "
                 "WHERE r.scenario = ?")
        self.rows = connection.execute(query, (spec.scenario.name,)).fetchall()
        self._study = spec.name

    def missing(self, tasks: list[Task], retry_failed: bool) -> list[Task]:
        """Tasks to run: those without a run, and with `retry_failed` those whose runs failed."""
        enough = (DONE,) if retry_failed else (DONE, FAILED)
        found = states(self.rows)
        return [task for task in tasks if found.get(task.key) not in enough]

    def walls(self) -> dict[tuple[str, str], list[float]]:
        """Wall times in seconds by driver and parameters."""
        found: dict[tuple[str, str], list[float]] = defaultdict(list)
        for row in self.rows:
            if row["status"] == "done" and row["wall_s"] is not None:
                found[row["driver"], row["params_json"]].append(row["wall_s"])
        return found

    def stale(self, tasks: list[Task]) -> list[Stale]:
        """Runs made for this study, or for what it asks, that are none of its runs any more."""
        wanted = {task.key for task in tasks}
        plans = {task.identity: task.plan.sha256 for task in tasks}
        found = []
        for row in self.rows:
            identity = row["driver"], row["params_json"], row["seed"]
            mine = identity in plans or row["study"] == self._study
            if mine and row["run_key"] not in wanted:
                same_plan = plans.get(identity) == row["plan"]
                found.append(Stale(row["run_id"], "build" if same_plan else "scenario"))
        return found
