"""One run from Case to Run: prepare a file, supervise a worker, record its end, merge, answer."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING, Iterable, Iterator

from twinpath_analysis.database import DatabaseError, check_target, explain, read_only
from twinpath_analysis.merge import merge
from twinpath_analysis.queries import Results

from . import interrupts, matrix, testbed_file
from .arguments import database_of, path_of, refused, seconds_of, seed_of
from .costs import FREE, with_costs
from .errors import (FULL, ConfigError, Interrupted, Problem, RunFailed, RunTimeout, TwinpathError,
                     raise_for_result, told)
from .fill import BedRemains, Watch, WorkerCall, fill, status_of
from .plan import Plan
from .prepare import RunRequest
from .quantities import Time, quantity
from .run import Run
from .supervise import ProgressListener, WorkerEnd
from .traces import Traces

if TYPE_CHECKING:
    from .scenario import Case

DEFAULT_DB = "results.db"
RING_LINKS_MAX = 16  # DPDK as Debian builds it has 32 ports; a link takes two


def execute(case: "Case", driver: str, seed: int, *, testbed: str | None = None,
            costs: str = FREE, db: str | None = None, pcap: str | None = None,
            log: bool | str = False, timeout: float | None = None,
            on_progress: ProgressListener | None = None, stop_fd: int = -1) -> Run:
    """Runs `case` once; see Case.simulate and Case.emulate. `stop_fd`: see Watch."""
    plan = with_costs(case.plan(driver), costs)
    seed = seed_of(seed)
    timeout = seconds_of(timeout)
    bed = chosen_testbed((driver,), testbed)
    if bed is not None:
        check_testbed(plan, bed)
    request = RunRequest(plan, case.params, seed, bed, case.scenario.source)
    return execute_plan(request, db=db, traces=Traces(pcap, log), timeout=timeout,
                        on_progress=on_progress, stop_fd=stop_fd)


def execute_plan(request: RunRequest, *, db: str | None,
                 timeout: float | None, traces: Traces = Traces(),
                 on_progress: ProgressListener | None = None,
                 call: WorkerCall = WorkerCall(), stop_fd: int = -1) -> Run:
    """Runs a Plan once. The worker's own file is merged into `db` whatever its end, Ctrl-C too.
    `stop_fd`: see Watch; else Ctrl-C interrupts."""
    target = database_of(db or os.environ.get("TWINPATH_DB") or DEFAULT_DB)
    require_checked(request.testbed, target)
    call = replace(call, job=traces.job(request, target) | call.job)
    merged = 0
    try:
        with interrupts.caught() as interrupted:
            watch = Watch(timeout, stop_fd if stop_fd >= 0 else interrupted, on_progress,
                          tuple(request.plan.wishes))
            merged, end = _fill_and_merge(request, target, watch, call)
    except KeyboardInterrupt as stop:
        if not merged:
            raise
        raise Interrupted(Run(target, merged)) from stop
    run = Run(target, merged)
    raise_for(run, end)
    return run


def _fill_and_merge(request: RunRequest, target: str, watch: Watch,
                    call: WorkerCall) -> tuple[int, WorkerEnd]:
    """The run's id in `target`, and how its worker ended. BedRemains once it is merged."""
    folder = _work_folder(target)
    own = os.path.join(folder, "run.db")
    remains: BedRemains | None = None
    try:
        try:
            _, end = fill(own, request, watch, call)
        except BedRemains as error:
            remains, end = error, error.end
        merged = _merged(own, target)
    except DatabaseError as error:
        raise TwinpathError(_kept(str(error), own, target)) from error
    except sqlite3.Error as error:
        raise TwinpathError(_kept(str(explain(target, error)), own, target)) from error
    except OSError as error:
        raise TwinpathError(f"cannot run: {told(error)}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if remains is not None:
        raise BedRemains(f"{remains}; run {merged} ({status_of(end)[0]}) is recorded in {target}",
                         merged, end) from remains
    return merged, end


def _merged(own: str, target: str) -> int:
    """The id in `target` of the run that has ended in `own`. Who does not wait for that any more
    finds the file beside `target`."""
    try:
        return merge(own, target)[0]
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_kept("interrupted", own, target)) from None


def require_checked(testbed: str | None, db: str) -> None:
    """PortRefused or NoVerdict when a laboratory's ports have no valid check in `db`."""
    if testbed is None or testbed in testbed_file.BUILT_IN:
        return
    from . import testbed_check

    testbed_check.require(testbed_file.load(testbed), db)


def _work_folder(target: str) -> str:
    parent = os.path.dirname(target)
    require_target(target)
    try:
        return tempfile.mkdtemp(prefix=".twinpath-", dir=parent)
    except OSError as error:
        if error.errno in FULL:
            raise TwinpathError(f"cannot run: {told(error)}") from error
        raise ConfigError([Problem("db", target, f"cannot write to {parent}: {error.strerror}")])


def require_target(target: str) -> None:
    """ConfigError when no run can be recorded in `target`."""
    try:
        check_target(target)
    except DatabaseError as error:
        raise ConfigError([Problem("db", target, str(error), "another name")]) from error


def _kept(message: str, own: str, target: str) -> str:
    if not os.path.exists(own):
        return message
    kept = f"{target}.unmerged-{os.path.basename(os.path.dirname(own)).removeprefix('.twinpath-')}"
    try:
        os.replace(own, kept)
    except OSError:
        return message
    return f"{message}; this run is kept in {kept}"


def chosen_testbed(drivers: Iterable[str], testbed: str | None) -> str | None:
    """What runs in real time run on, veth unless said otherwise; None when there are only
    simulations, which must not be given one."""
    if any(driver in matrix.REAL_TIME for driver in drivers):
        return "veth" if testbed is None else path_of(testbed, "testbed")
    if testbed is not None:
        raise refused("testbed", testbed, "a simulation has no test-bed",
                      "with the drivers emu and bridge", "leave it out")
    return None


def check_testbed(plan: Plan, testbed: str) -> None:
    """ConfigError with all that is wrong with the test-bed's file, or with this Plan on it."""
    from . import lab_bed

    bed = testbed_file.load(testbed)
    problems = lab_bed.problems(plan.data, bed) + _too_many(plan, bed.kind)
    linux = [host["name"] for host in plan.data["hosts"] if host["stack"] == "linux"]
    if bed.kind == "net_ring":
        problems += [Problem(f"{name}.stack", "linux", "net_ring has no Linux peer", "twinpath",
                             f"use the testbed veth, or {_own_stack(plan.data['params'], name)}")
                     for name in linux]
    elif plan.driver == "bridge" and not linux:
        problems.append(Problem("hosts", "", "nobody is outside of the simulation: a bridge needs "
                                "a host on the stack linux", "linux",
                                "tp: net.host(NAME, stack={'bridge': 'linux'}); or use the "
                                "testbed net_ring, or the simulator"))
    if problems:
        raise ConfigError(problems)


def _own_stack(params: dict[str, Any], host: str) -> str:
    """How a user puts a host on our stack: by the scenario's parameter for it, or by a setting."""
    name = f"{host}_stack"
    return f"-p {name}=twinpath" if name in params else f"-s {host}.stack=twinpath"


def _too_many(plan: Plan, kind: str) -> list[Problem]:
    """Populations that have no ports of their own, links DPDK has no ports for."""
    counts = {host["name"]: host["count"] for host in plan.data["hosts"]}
    links = sum(max(counts[link["a"]], counts[link["b"]]) for link in plan.data["links"])
    if kind != "net_ring":
        if plan.driver == "bridge":
            counts = {name: count for name, count in counts.items() if _leads_out(plan, name)}
        return [Problem(f"{name}.count", str(count), "a population needs the testbed net_ring or "
                        "the simulator", "1") for name, count in counts.items() if count > 1]
    if links > RING_LINKS_MAX:
        return [Problem("links", str(links), "DPDK has no ports for so many links",
                        f"at most {RING_LINKS_MAX}")]
    return []


def _leads_out(plan: Plan, name: str) -> bool:
    """Whether a host of a bridge run has a link that is a port of the test-bed."""
    stacks = {host["name"]: host["stack"] for host in plan.data["hosts"]}
    return any(name in (link["a"], link["b"]) and "linux" in (stacks[link["a"]], stacks[link["b"]])
               for link in plan.data["links"])


def raise_for(run: Run, end: WorkerEnd) -> None:
    """The exception of a run that is not done; nothing when it is."""
    status, error = status_of(end)
    if status == "interrupted":
        raise Interrupted(run)
    if status == "timeout":
        raise RunTimeout(_out_of_time(run, end) if end.stopped else error or _unfinished(run),
                         run=run, stderr=end.stderr)
    if status == "done":
        return
    if end.error is not None:
        raise RunFailed(error or "failed", run=run, stderr=end.stderr) from end.error
    if (end.result or {}).get("kind") in ("config", "privilege", "port"):
        raise_for_result(end.result or {}, end.stderr)
    raise RunFailed(error or "failed", run=run, stderr=end.stderr)


def _out_of_time(run: Run, end: WorkerEnd) -> str:
    reached = "" if end.model_s is None else f" at {end.model_s:.3f} s of model time"
    return f"its timeout ended it after {end.wall_s:.3g} s{reached}; run {run.run_id} is kept"


def _unfinished(run: Run) -> str:
    """Which apps the run waited for, and how long."""
    stop = run.plan["stop"]
    apps = ", ".join(stop["when"])
    limit = Time("1s") * (stop["at_most_ns"] / 1e9)
    return (f"the end was not reached in time: waited for {apps} until at_most={limit}; "
            f"run {run.run_id} is kept")


def rerun(run: Run, *, db: str | None = None, pcap: str | None = None, log: bool | str = False,
          on_progress: ProgressListener | None = None) -> Run:
    """The same Plan, seed and test-bed once more; a new attempt when the build is the same."""
    plan = Plan(run.plan)
    with Results(run.db) as results:
        frame = results.table("param", run.run_id)
    params = {p.name: quantity(p.num, p.unit) if p.unit and p.num == p.num else p.text
              for p in frame.itertuples()}
    with _recorded_testbed(run) as testbed:
        request = RunRequest(plan, params, run.seed, testbed, source="")
        return execute_plan(request, db=db or run.db, traces=Traces(pcap, log),
                            timeout=None, on_progress=on_progress)


@contextlib.contextmanager
def _recorded_testbed(run: Run) -> Iterator[str | None]:
    """What a run's test-bed is loaded from: its name, or a file with the text it had."""
    name = run.row.testbed
    if name is None or name in testbed_file.BUILT_IN:
        yield name
        return
    connection = read_only(run.db)
    try:
        text = connection.execute("SELECT toml FROM testbed JOIN run USING (testbed_id) "
                                  "WHERE run_id = ?", (run.run_id,)).fetchone()[0]
    finally:
        connection.close()
    with tempfile.NamedTemporaryFile("w", suffix=".toml", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        yield file.name
