"""Fills the file of one run: a worker is started, supervised, and its end recorded.

The one way a Plan is run, whoever asks: a run alone, a study here or on a cluster, a check, `diff`.
What a worker does wrong is its end, never an exception.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field, replace
from typing import Any

from twinpath_analysis.database import connect

from . import matrix, testbed_file
from .errors import TwinpathError
from .events import EventTap, Wish
from .machine_lock import one_at_a_time
from .native import objects_of
from .prepare import RunRequest, prepare, utc_now
from .supervise import ProgressListener, WorkerEnd, run_worker

STDERR_EVENT = "worker.stderr"  # kind of the event that keeps the end of a worker's standard error
STOPPED = "stopped by the parent"  # how the error of a run begins that did not end by itself
REAL_TIME_GRACE_S = 60.0  # wall time of a run in real time beyond the model time it may take
BESIDE = ("", "-wal", "-shm", "-journal")  # a database and what SQLite puts beside it


@dataclass(frozen=True)
class WorkerCall:
    """What a worker is asked beside the Plan: the module's function, another build's module,
    additions to the job, descriptors handed over, and those it holds open as we do."""

    function: str = "run"
    job: dict[str, Any] = field(default_factory=dict)
    handed: tuple[int, ...] = ()
    kept: tuple[int, ...] = ()
    module: str | None = None


@dataclass(frozen=True)
class Watch:
    """How a worker is watched. `timeout`: seconds of wall time, None: runs in real time end by
    their Plan. Once `stop_fd` is readable or closed at its other end, the run is interrupted.
    `wishes` hear its events."""

    timeout: float | None = None
    stop_fd: int = -1
    on_progress: ProgressListener | None = None
    wishes: tuple[Wish, ...] = ()


class BedRemains(TwinpathError):
    """The run `run_id` is over and recorded, as `end` says; its test-bed could not be taken
    down."""

    def __init__(self, message: str, run_id: int, end: WorkerEnd) -> None:
        super().__init__(message)
        self.run_id, self.end = run_id, end


def fill(path: str, request: RunRequest, watch: Watch = Watch(),
         call: WorkerCall = WorkerCall()) -> tuple[int, WorkerEnd]:
    """Runs `request` into the new file `path`; the run's id there and how the worker ended.
    BedRemains when that is recorded and only its test-bed is left."""
    if request.plan.driver not in matrix.REAL_TIME:
        run_id, _ = prepare(path, request)
        return run_id, fill_prepared(worker_job(request, path, run_id) | call.job, watch, call)
    _require_rights(request)
    with one_at_a_time(watch.stop_fd) as held:
        run_id, _ = prepare(path, request)
        if held.fd is None:
            end = WorkerEnd(stopped="interrupted")
            record_end(path, run_id, end)
        else:
            job = worker_job(request, path, run_id) | call.job
            end = _fill_on_bed(request, job, watch, replace(call, kept=held.fds))
        return run_id, end


def _require_rights(request: RunRequest) -> None:
    """Before waiting for others: MissingPrivilege needs no turn."""
    from .testbed import require_rights

    if request.testbed:
        require_rights(testbed_file.load(request.testbed).kind)


def _fill_on_bed(request: RunRequest, job: dict[str, Any], watch: Watch,
                 call: WorkerCall) -> WorkerEnd:
    end: WorkerEnd | None = None
    try:
        with network(request) as companion:
            end = fill_prepared(job, watch, call, companion)
        return end
    except TwinpathError as error:
        if end is None:
            raise
        raise BedRemains(str(error), int(job["run_id"]), end) from error


def fill_prepared(job: dict[str, Any], watch: Watch, call: WorkerCall = WorkerCall(),
                  companion: Any = None) -> WorkerEnd:
    """The job of a prepared file, from the worker's start to the run's recorded end."""
    driver, path, run_id = str(job["plan"]["driver"]), str(job["db"]), int(job["run_id"])
    end = run_worker(driver, job, function=call.function, module=call.module,
                     timeout=_wall_limit(job["plan"], watch.timeout), stop_fd=watch.stop_fd,
                     on_progress=watch.on_progress, companion=companion, handed=call.handed,
                     kept=call.kept, tap=EventTap(list(watch.wishes)) if watch.wishes else None)
    record_end(path, run_id, end)
    if companion is not None:
        companion.record(path, run_id)
    return end


def give_up(path: str, request: RunRequest, error: str) -> None:
    """What a worker wrote into `path` is given up; a failed run with the reason takes its place."""
    for suffix in BESIDE:
        with contextlib.suppress(OSError):
            os.remove(path + suffix)
    run_id, _ = prepare(path, request)
    record_failure(path, run_id, error)


def _wall_limit(plan: dict[str, Any], timeout: float | None) -> float | None:
    if timeout is None and plan["driver"] in matrix.REAL_TIME:
        return float(plan["stop"]["at_most_ns"] / 1e9 + REAL_TIME_GRACE_S)
    return timeout


def worker_job(request: RunRequest, path: str, run_id: int) -> dict[str, Any]:
    """What a worker is told: its Plan, its seed, and the file and run it writes."""
    return {"plan": request.plan.data, "plan_sha256": request.plan.sha256, "seed": request.seed,
            "db": path, "run_id": run_id,
            "testbed": testbed_file.load(request.testbed or "veth").kind,
            "objects": objects_of(request.plan.data)}


def network(request: RunRequest) -> contextlib.AbstractContextManager[Any]:
    """The test-bed of an emulation with its Linux peers, as a context; nothing else needs one."""
    bed = testbed_file.load(request.testbed) if request.testbed else None
    if bed is None or bed.kind == "net_ring":
        return contextlib.nullcontext(None)
    from .peers import PeeredBed

    if bed.kind == "veth":
        return PeeredBed(request.plan.data)
    from . import lab_bed

    return PeeredBed(request.plan.data, lab_bed.LabBed(request.plan.data, bed))


def record_end(path: str, run_id: int, end: WorkerEnd) -> None:
    """Completes the run's row with what only the parent knows."""
    status, error = status_of(end)
    connection = connect(path)
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute(
            "UPDATE run SET status = ?, error = coalesce(error, ?), wall_s = ?, cpu_s = ?, "
            "max_rss_bytes = ?, model_s = coalesce(model_s, ?), ended_utc = coalesce(ended_utc, ?) "
            "WHERE run_id = ?",
            (status, error, end.wall_s, end.cpu_s, end.max_rss_bytes, end.model_s, utc_now(),
             run_id))
        if status != "done" and end.stderr:
            connection.execute(
                "INSERT INTO event (run_id, seq, t_ns, kind, data_json) SELECT ?1, "
                "coalesce(max(seq), 0) + 1, ?2, ?3, ?4 FROM event WHERE run_id = ?1",
                (run_id, int((end.model_s or 0) * 1e9), STDERR_EVENT,
                 json.dumps({"tail": end.stderr})))
    finally:
        connection.close()


def record_failure(path: str, run_id: int, error: str) -> None:
    """Ends a run that has nothing but the reason why."""
    connection = connect(path, durable=False)
    try:
        connection.execute("UPDATE run SET status = 'failed', error = ?, ended_utc = ? "
                           "WHERE run_id = ?", (error, utc_now(), run_id))
    finally:
        connection.close()


def status_of(end: WorkerEnd) -> tuple[str, str | None]:
    """The status of a run and its error, by how its worker ended."""
    if end.stopped:
        reached = "" if end.model_s is None else f" at {end.model_s:.3f} s of model time"
        if end.error is not None:
            return end.stopped, f"{end.error}"
        return end.stopped, f"{STOPPED} ({end.stopped}){reached}"
    if end.result is None:
        return "failed", crash_text(end)
    return end.result["status"], end.result.get("error") or None


def crash_text(end: WorkerEnd) -> str:
    """How a worker died, in one sentence."""
    how = f"was killed by {end.signal}" if end.signal else f"ended with exit code {end.exit_code}"
    when = "" if end.model_s is None else f" at {end.model_s:.3f} s of model time"
    return f"the worker {how}{when}"
