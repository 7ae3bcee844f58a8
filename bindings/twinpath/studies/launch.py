"""`study()`: what is missing of a grid of cases, run longest first, merged by one writer."""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, Mapping, Protocol

from twinpath_analysis.database import DatabaseError, explain
from twinpath_analysis.merge import Merger

from ..arguments import database_of, mapping_of, of_type, seconds_of
from ..errors import ConfigError, Problem, TwinpathError
from ..execute import chosen_testbed, require_checked, require_target
from ..interrupts import NOT_HEARD, caught, is_pressed
from ..matrix import REAL_TIME
from ..plan import canonical
from ..scenario import Scenario
from .estimate import estimates
from .local import Finished, Limits, LocalPool, work_folder
from .spec import Spec, Values, expand, several
from .study import Study
from .tasks import Ledger, Stale, Task, make_tasks
from .where import Where

if TYPE_CHECKING:
    from .progress import Quiet

MAX_JOBS = 256


class Pool(Protocol):
    """Where tasks run: threads with local workers, or a cluster."""

    def __enter__(self) -> "Pool":
        """Begins."""

    def __exit__(self, *_: object) -> None:
        """Stops what still runs."""

    def finished(self) -> Iterator[Finished | None]:
        """Tasks as they end; None while none does, so that whoever takes them can look up."""

    def stop(self) -> None:
        """Starts nothing more; what runs is interrupted."""


@dataclass(frozen=True)
class Way:
    """How a study's runs are made; none of it changes what comes out."""

    jobs: int = 1
    timeout: float | None = None
    retry_failed: bool = False
    scheduler: str | None = None
    progress: bool = True


def study(db: str, scenario: Scenario, *, grid: Values | None = None, zip: Values | None = None,
          fixed: Mapping[str, Any] | None = None, seeds: Iterable[int] = (1,),
          drivers: Iterable[str] = ("sim",), costs: str = "zero", testbed: str | None = None,
          jobs: int = 1, where: str | Where | None = None, retry_failed: bool = False,
          settings: Mapping[str, Any] | None = None, timeout: float | None = None,
          scheduler: str | None = None, progress: bool = True) -> Study:
    """Runs what is missing in `db` of every combination of `grid`, seed and driver.

    grid: parameter -> values, all combined. zip: parameter -> values that go together, one by one.
    fixed: parameter -> value. where: an expression or a function of the parameters that keeps a
    combination. Seeds are the same at every point, so that differences are paired. jobs: workers
    of simulations at a time; emulations always run alone. timeout: seconds of wall time per run.
    retry_failed: once more what failed, timed out or was invalid. testbed: of what runs in real
    time, veth by default. scheduler: address of a dask
    scheduler whose workers simulate. Interrupted, it goes on where it was when called again.
    """
    way = Way(jobs, timeout, retry_failed, scheduler, progress)
    problems: list[Problem] = []
    try:
        drivers = several(drivers, "drivers")  # once: it may be an iterator
        problems = _problems_of(db, way, drivers, testbed)
        spec = Spec(of_type(scenario, Scenario, "scenario", "what @tp.scenario made"),
                    _lists(grid, "grid"), _lists(zip, "zip"), mapping_of(fixed, "fixed"),
                    mapping_of(settings, "settings"), several(seeds, "seeds"),
                    drivers, costs, testbed or "veth", where)
        tasks = make_tasks(spec, expand(spec))
    except ConfigError as error:
        raise ConfigError([*problems, *error.problems]) from None
    if problems:
        raise ConfigError(problems)
    if any(task.plan.wishes for task in tasks):
        warnings.warn("net.on hears nothing in a study: its runs are made side by side and may be "
                      "here already; run one case by simulate() to hear it", stacklevel=2)
    target = os.path.abspath(db)
    try:
        with Merger(target, wal=True) as merger:
            stale = _run_missing(merger, spec, tasks, way)
    except DatabaseError as error:
        raise TwinpathError(str(error)) from error
    except sqlite3.Error as error:
        raise TwinpathError(str(explain(target, error))) from error
    return Study(target, spec.name, stale=stale)


def _lists(values: Values | None, field: str) -> dict[str, list[Any]]:
    return {name: several(given, f"{field}.{name}")
            for name, given in mapping_of(values, field, "{'PARAMETER': [values]}").items()}


def _problems_of(db: str, way: Way, drivers: list[Any], testbed: str | None) -> list[Problem]:
    problems: list[Problem] = []
    if isinstance(way.jobs, bool) or not isinstance(way.jobs, int) or not (
            1 <= way.jobs <= MAX_JOBS):
        problems.append(Problem("jobs", str(way.jobs), f"{way.jobs!r} is no number of workers",
                                f"1..{MAX_JOBS}"))
    checks: list[Callable[[], Any]] = [
        lambda: seconds_of(way.timeout), lambda: require_target(database_of(db)),
        lambda: chosen_testbed(drivers, testbed)]
    for check in checks:
        try:
            check()
        except ConfigError as error:
            problems += error.problems
    return problems


def _run_missing(merger: Merger, spec: Spec, tasks: list[Task], way: Way) -> list[Stale]:
    ledger = Ledger(merger.connection, spec)
    stale = ledger.stale(tasks)
    missing = ledger.missing(tasks, way.retry_failed)
    if stale and way.progress:
        print(f"twinpath: {stale_text(stale)}", file=sys.stderr, flush=True)
    study_id = _enter(merger, spec, tasks)
    if not missing:
        return stale
    for testbed in {task.testbed for task in missing}:
        require_checked(testbed, merger.target)
    from .progress import Meter, shown  # its bar is a package that nobody else waits for

    seconds = estimates(missing, ledger.walls())
    missing.sort(key=lambda task: -seconds[task.key])
    writer = _Writer(merger, study_id)
    meter = Meter(seconds, way.jobs)
    progress = shown(meter, way.progress)
    try:
        with work_folder(merger.target) as folder, progress:
            for pool in _pools(folder, spec, missing, way):
                with pool as running:
                    writer.take_all(running, progress)
    except KeyboardInterrupt as stop:
        ended = len(tasks) - len(missing) + meter.ended
        raise KeyboardInterrupt(f"interrupted: {ended} of {len(tasks)} runs are recorded; the same "
                                "command goes on") from stop
    return stale


def stale_text(stale: list[Stale]) -> str:
    """Which runs no longer match, and that nothing happens to them."""
    parts = []
    for reason, text in (("scenario", "the scenario or its settings changed"),
                         ("build", "they were made by another build")):
        ids = [str(item.run_id) for item in stale if item.reason == reason]
        if ids:
            shown_ids = " ".join(ids[:20]) + (" ..." if len(ids) > 20 else "")
            parts.append(f"{len(ids)} run{'s' * (len(ids) > 1)} no longer "
                         f"match{'es' * (len(ids) == 1)} ({text}): {shown_ids}")
    return "; ".join(parts) + "; left as recorded" if parts else ""


def _enter(merger: Merger, spec: Spec, tasks: list[Task]) -> int:
    """The study's row, its planned runs in it, and its id; equal runs that belong to no study
    become its own."""
    planned = [{"key": task.key, "driver": task.driver, "seed": task.seed,
                "params": task.plan.data["params"]} for task in tasks]
    text = canonical(spec.as_json() | {"runs": planned})
    into = merger.connection
    into.execute("BEGIN IMMEDIATE")
    into.execute("INSERT INTO study (name, spec_json) VALUES (?, ?) ON CONFLICT (name) DO UPDATE "
                 "SET spec_json = excluded.spec_json WHERE spec_json <> excluded.spec_json",
                 (spec.name, text))
    found = into.execute("SELECT study_id FROM study WHERE name = ?", (spec.name,)).fetchone()[0]
    into.execute("UPDATE run SET study_id = ? WHERE study_id IS NULL AND run_key IN "
                 "(SELECT value FROM json_each(?))", (found, json.dumps([t.key for t in tasks])))
    into.execute("COMMIT")
    return int(found)


def _pools(folder: Path, spec: Spec, missing: list[Task], way: Way) -> Iterator[Pool]:
    """Simulations first, then what runs in real time, one at a time: its pollers need the cores."""
    sims = [task for task in missing if task.driver == "sim"]
    timed = [task for task in missing if task.driver in REAL_TIME]
    limits = Limits(way.jobs, way.timeout, spec.scenario.source)
    if sims and way.scheduler:
        from .cluster import ClusterPool

        yield ClusterPool(sims, folder, limits, way.scheduler)
    elif sims:
        yield LocalPool(sims, folder, limits)
    if timed:
        yield LocalPool(timed, folder, replace(limits, jobs=1))


class _Writer:
    """The only one that writes the database while a study runs."""

    def __init__(self, merger: Merger, study_id: int) -> None:
        self._merger, self._study_id = merger, study_id

    def take_all(self, pool: Pool, progress: "Quiet") -> None:
        """Merges what ends. Interrupted, what ends meanwhile is still taken: Ctrl-C is looked for
        between items, so that it comes between none and its merge."""
        with caught() as interrupted:
            try:
                self._take_until(pool, progress, interrupted)
            except KeyboardInterrupt:
                if interrupted != NOT_HEARD:
                    raise  # a second one: nobody waits
                pool.stop()
                self._take_until(pool, progress, NOT_HEARD)
                raise
            if is_pressed(interrupted):
                pool.stop()
                self._take_until(pool, progress, NOT_HEARD)

    def _take_until(self, pool: Pool, progress: "Quiet", interrupted: int) -> None:
        """Takes what ends until nothing is left, or until `interrupted` is readable."""
        for item in pool.finished():
            if item is not None:
                self._take(item, progress)
            if is_pressed(interrupted):
                return

    def _take(self, item: Finished, progress: "Quiet") -> None:
        if item.fatal is not None:
            raise item.fatal
        if item.note:
            print(f"twinpath: {item.note}", file=sys.stderr, flush=True)
        if item.stopped:
            return
        ids = self._merger.add(item.path, study_id=self._study_id, once=True)
        os.remove(item.path)
        status = self._merger.connection.execute(
            "SELECT status FROM run WHERE run_id = ?", (ids[-1],)).fetchone()[0]
        progress.ran(item.task, status != "done")
