"""The promises about studies: resumed after any kill, the same on a cluster, cheap per run."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from promise import PYTHON, ROOT, Answer, run, scratch

MOMENTS = 20
KEYS = ["driver", "loss", "congestion", "seed"]
ASKED = {"grid": {"loss": ["0%", "1%", "2%"], "congestion": ["cubic", "reno"]},
         "fixed": {"size": "100kB"}, "seeds": range(1, 11)}
SWEEP = [
    *("sweep", "web_transfer", "-g", "loss=0%,1%,2%", "-g", "congestion=cubic,reno"),
    *("-p", "size=100kB", "--seeds", "1..10", "--jobs", "2", "--db"),
]
OVERHEAD_RUNS, RUN_S, OVERHEAD_BOUND_S = 200, 0.010, 0.100
FILES, SAMPLES, MERGE_BOUND_S = 100, 10_000, 10.0
REPORT_RUNS, REPORT_BOUND_S = 1000, 20.0


def modules() -> dict[str, str]:
    build = ROOT / "build" / "release"
    paths = [ROOT / "bindings", build / "bindings", ROOT / "analysis"]
    return {
        "PYTHONPATH": ":".join(map(str, paths)),
        "TWINPATH_ROOT": str(ROOT),
        "TWINPATH_BUILD": str(build),
    }


def web_transfer() -> Any:
    """The scenario, with the drivers of the release build found."""
    sys.path.insert(0, str(ROOT / "build" / "release" / "bindings"))
    from twinpath import discover

    return discover.find("web_transfer")


def table(study: Any) -> list[list[Any]]:
    """Every value of a study's table but the numbers rows happened to get."""
    frame = study.df().drop(columns=["run_id", "attempt"]).sort_values(KEYS)
    return frame.astype(object).where(frame.notna(), None).values.tolist()


def rows(db: Path) -> int:
    with contextlib.closing(sqlite3.connect(db)) as connection:
        return connection.execute("SELECT count(*) FROM run").fetchone()[0]


def descendants(pid: int) -> list[int]:
    """The workers of a process, those of its threads included."""
    found = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):
            text = Path(f"/proc/{pid}/task/{thread}/children").read_text(encoding="ascii")
            found += [int(word) for word in text.split()]
    return found


def sweep(db: Path) -> subprocess.Popen[bytes]:
    command = [PYTHON, "-m", "twinpath", *SWEEP, str(db)]
    return subprocess.Popen(
        command, env={**os.environ, **modules()}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def killed(db: Path, after_s: float, worker_too: bool) -> bool:
    """A sweep ended by SIGKILL: of a worker, a moment later of the parent and its other workers.
    Whether it was still running then."""
    process = sweep(db)
    time.sleep(after_s)
    with contextlib.suppress(ProcessLookupError):
        if worker_too:
            for pid in descendants(process.pid)[:1]:
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        workers = descendants(process.pid)
        running = process.poll() is None
        process.kill()
        for pid in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    process.wait()
    return running


def resume(quick: bool) -> Answer:
    """A study killed at a random moment and resumed, again and again."""
    import twinpath as tp

    scenario, dice = web_transfer(), random.Random(3)
    moments = MOMENTS // 5 if quick else MOMENTS
    answer, cut = Answer(""), 0
    with scratch("resume") as folder:
        started = time.monotonic()
        whole = tp.study(str(folder / "whole.db"), scenario, jobs=2, progress=False, **ASKED)
        took_s = time.monotonic() - started
        for moment in range(moments):
            db = folder / f"cut{moment}.db"
            cut += killed(db, dice.uniform(0.3, 1.0 + took_s), worker_too=moment % 2 == 0)
            tp.study(str(db), scenario, jobs=2, progress=False, **ASKED)
            answer.complaints += differences(db, table(whole), scenario)
    answer.measured = f"{moments} kills, {cut} while it ran, a whole study took {took_s:.1f} s"
    if cut < moments // 2:
        answer.undecided = "most studies had ended before they were killed"
    return answer


def differences(db: Path, expected: list[list[Any]], scenario: Any) -> list[str]:
    """How a resumed study, copied alone to another place, differs from the uninterrupted one."""
    import twinpath as tp

    alone = db.with_suffix(".copy")
    shutil.copyfile(db, alone)
    wrong = []
    if table(tp.open(str(alone))) != expected:
        wrong.append(f"{db.name}: another table")
    with contextlib.closing(sqlite3.connect(alone)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchone() != ("ok",):
            wrong.append(f"{db.name}: the copied file is broken")
    before = rows(db)
    tp.study(str(db), scenario, jobs=2, progress=False, **ASKED)
    return wrong if rows(db) == before else [*wrong, f"{db.name}: running again added rows"]


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """The address of a dask scheduler with two workers on this machine."""
    from distributed import LocalCluster

    os.environ.update(modules())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as found:
            yield found.scheduler_address


def dask(quick: bool) -> Answer:
    """One study on local processes and on a cluster of two workers."""
    import twinpath as tp

    scenario = web_transfer()
    with scratch("dask") as folder:
        here = tp.study(str(folder / "here.db"), scenario, jobs=2, progress=False, **ASKED)
        with cluster() as address:
            there = tp.study(
                str(folder / "there.db"), scenario, scheduler=address, progress=False, **ASKED
            )
        same = table(here) == table(there)
        answer = Answer(f"{len(table(here))} runs here, {len(table(there))} on the cluster")
        if not same or len(table(here)) != 60:
            answer.complaints.append("the tables differ")
    return answer


def timed(seconds: float, bound_s: float, text: str, before: Any) -> Answer:
    """A duration against its bound; too long on a busy machine is no verdict."""
    from twinpath.cli.bench import Load, busy_reason

    answer = Answer(f"{text} {seconds:.3f} s")
    if seconds > bound_s:
        busy = busy_reason(before, Load.now())
        if busy:
            answer.undecided = busy
        else:
            answer.complaints.append(f"longer than {bound_s:g} s")
    return answer


def overhead(quick: bool) -> Answer:
    """What a study adds to the 10 ms of each of 200 runs, one at a time."""
    import twinpath as tp
    from twinpath.cli.bench import Load

    scenario, before = web_transfer(), Load.now()
    with scratch("overhead") as folder:
        started = time.monotonic()
        study = tp.study(
            str(folder / "study.db"), scenario, fixed={"size": "200kB"},
            seeds=range(OVERHEAD_RUNS), progress=False,
        )
        each_s = (time.monotonic() - started) / OVERHEAD_RUNS
        done = len(study.df())
    answer = timed(each_s - RUN_S, OVERHEAD_BOUND_S, "per run beyond its 10 ms:", before)
    if done != OVERHEAD_RUNS:
        answer.complaints.append(f"{done} of {OVERHEAD_RUNS} runs are done")
    return answer


def sampled_file(path: Path, seed: int) -> Path:
    """A worker's file as it is before merging, with 10,000 samples."""
    from twinpath.prepare import RunRequest, insert, prepare
    from twinpath_analysis.database import connect

    case = web_transfer()()
    run_id, _ = prepare(str(path), RunRequest(case.plan("sim"), case.params, seed, None, ""))
    into = connect(path, durable=False)
    with contextlib.closing(into):
        into.execute("BEGIN")
        insert(into, "metric", {"name": "cwnd_bytes", "unit": "byte", "kind": "series",
                                "better": "neither", "clock": "model"})
        entity = insert(into, "entity", {"run_id": run_id, "path": "client/app0", "kind": "app"})
        series = insert(into, "series", {"entity_id": entity, "metric_id": 1, "every_ns": 1000})
        into.executemany(
            "INSERT INTO sample VALUES (?, ?, ?, ?)",
            ((series, seq, seq * 1000, 1460.0 * seq + seed) for seq in range(SAMPLES)),
        )
        into.execute("UPDATE run SET status = 'done'")
        into.execute("COMMIT")
    return path


def merge(quick: bool) -> Answer:
    """A million samples from a hundred files into one."""
    from twinpath.cli.bench import Load
    from twinpath_analysis.merge import merge_all

    with scratch("merge") as folder:
        files = [sampled_file(folder / f"{seed}.db", seed) for seed in range(FILES)]
        before, started = Load.now(), time.monotonic()
        merge_all(files, folder / "all.db")
        seconds = time.monotonic() - started
        with contextlib.closing(sqlite3.connect(folder / "all.db")) as merged:
            count = merged.execute("SELECT count(*), count(DISTINCT series_id) FROM sample")
            found = count.fetchone()
    answer = timed(seconds, MERGE_BOUND_S, "1 M samples from 100 files:", before)
    if found != (FILES * SAMPLES, FILES):
        answer.complaints.append(f"the target has {found[0]} samples of {found[1]} series")
    return answer


def report(quick: bool) -> Answer:
    """The HTML report of a study of a thousand runs."""
    import twinpath as tp
    from twinpath.cli.bench import Load

    with scratch("report") as folder:
        study = tp.study(
            str(folder / "study.db"), web_transfer(), jobs=2, progress=False,
            grid={"loss": ["0%", "0.1%", "1%", "2%", "5%"], "congestion": ["cubic", "reno"],
                  "rate": ["10Mbps", "50Mbps", "100Mbps", "1Gbps", "10Gbps"]},
            fixed={"size": "50kB"}, seeds=range(REPORT_RUNS // 50),
        )
        before = Load.now()
        written = folder / "report.html"
        ran = run([PYTHON, "-m", "twinpath", "report", "--db", study.db, "-o", written],
                  env=modules())
        answer = timed(ran.seconds, REPORT_BOUND_S, f"{len(study.df())} runs:", before)
        if ran.code != 0 or not written.is_file():
            answer.complaints.append(f"report ended {ran.code}: {ran.tail}")
        if len(study.runs) != REPORT_RUNS:
            answer.complaints.append(f"the study has {len(study.runs)} runs")
    return answer
