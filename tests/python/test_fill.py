"""One function fills the file of every run, and Ctrl-C never costs what has been run."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

import twinpath as tp
from twinpath import discover, execute, fill, interrupts
from twinpath.builds import Build
from twinpath.sides import side_of_run
from twinpath.studies import launch


@pytest.fixture
def db(tmp_path: Path) -> str:
    return str(tmp_path / "results.db")


@pytest.fixture
def case(sim) -> tp.Case:
    return discover.find("udp_echo")(count=3)


def statuses(db: str) -> list[str]:
    with contextlib.closing(sqlite3.connect(db)) as connection:
        return [row[0] for row in connection.execute("SELECT status FROM run ORDER BY run_id")]


def test_every_way_to_run_a_plan_fills_its_file_by_one_function(case, emu, db: str,
                                                                monkeypatch) -> None:
    filled: list[str] = []
    real = fill.fill_prepared

    def counted(job: dict[str, Any], *rest: Any) -> Any:
        filled.append(job["plan"]["scenario"])
        return real(job, *rest)

    monkeypatch.setattr(fill, "fill_prepared", counted)
    run = case.simulate(db=db)
    execute.rerun(run)
    tp.study(db, case.scenario, fixed={"count": 4}, progress=False)
    with case.session(db=db) as session:
        session.step("1ms")
    assert len(filled) == 4
    ports = side_of_run(run, [Build.current()]).frames({"client/eth0/tx": (0, 3)})
    assert len(filled) == 5 and ports["client/eth0/tx"]
    execute.rerun(case.emulate(testbed="net_ring", db=db))
    tp.study(db, case.scenario, fixed={"count": 4}, drivers="emu", testbed="net_ring",
             progress=False)
    assert filled == ["udp_echo"] * 8
    assert statuses(db) == ["done"] * 7  # frames() keeps no run


def test_a_run_in_real_time_ends_by_its_plan_whoever_asks(monkeypatch) -> None:
    plan = {"driver": "bridge", "stop": {"at_most_ns": 2 * 10**9}}
    limits: list[float | None] = []

    def started(driver: str, job: dict[str, Any], **options: Any) -> None:
        limits.append(options["timeout"])
        raise tp.RunFailed("far enough")

    monkeypatch.setattr(fill, "run_worker", started)
    for timeout in (None, 5.0):
        with pytest.raises(tp.RunFailed):
            fill.fill_prepared({"plan": plan, "db": "none", "run_id": 1}, fill.Watch(timeout))
    assert limits == [2.0 + fill.REAL_TIME_GRACE_S, 5.0]


def interrupted_before(real: Any) -> Any:
    """`real`, with a Ctrl-C at its begin."""
    def call(*args: Any, **options: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return real(*args, **options)

    return call


def test_ctrl_c_while_a_run_is_recorded_keeps_it(case, db: str, monkeypatch) -> None:
    run = case.simulate(db=db)
    monkeypatch.setattr(execute, "merge", interrupted_before(execute.merge))
    for again in (lambda: case.simulate(db=db), lambda: execute.rerun(run)):
        with pytest.raises(KeyboardInterrupt):
            again()
    assert statuses(db) == ["done"] * 3


def test_ctrl_c_before_a_worker_runs_interrupts_it(sim, db: str, monkeypatch) -> None:
    monkeypatch.setattr(fill, "run_worker", interrupted_before(fill.run_worker))
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        discover.find("bulk_transfer")(size="100GB", rate="10Gbps", every=0).simulate(db=db)
    assert statuses(db) == ["interrupted"] and time.monotonic() - started < 15


def test_ctrl_c_while_a_study_merges_keeps_every_run_that_ended(case, db: str,
                                                               monkeypatch) -> None:
    merger = launch.Merger
    monkeypatch.setattr(merger, "_copy", interrupted_before(merger._copy))
    with pytest.raises(KeyboardInterrupt):
        tp.study(db, case.scenario, seeds=(1, 2), progress=False)
    assert statuses(db)[0] == "done"
    monkeypatch.undo()
    assert tp.study(db, case.scenario, seeds=(1, 2), progress=False).missing() == []
    assert statuses(db) == ["done", "done"]


def test_a_second_ctrl_c_does_not_wait() -> None:
    reached = []
    with pytest.raises(KeyboardInterrupt):
        with interrupts.caught() as fd:
            signal.raise_signal(signal.SIGINT)
            assert os.read(fd, 9) == b"."
            reached.append(1)
            signal.raise_signal(signal.SIGINT)
            reached.append(2)
    assert reached == [1]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_failed_because_of_ctrl_c_is_an_interruption() -> None:
    with pytest.raises(KeyboardInterrupt) as caught, interrupts.caught():
        signal.raise_signal(signal.SIGINT)
        raise tp.TwinpathError("a child process heard it as well")
    assert isinstance(caught.value.__cause__, tp.TwinpathError)


@contextlib.contextmanager
def stays(_: Any) -> Any:
    """A test-bed that cannot be removed."""
    yield None
    raise tp.TwinpathError("the namespace is busy")


def test_a_test_bed_that_stays_costs_no_run(sim, emu, db: str, monkeypatch) -> None:
    monkeypatch.setattr(fill, "network", stays)
    with pytest.raises(fill.BedRemains, match=r"is busy; run 1 \(done\) is recorded in "):
        discover.find("udp_echo")(count=3).emulate(testbed="net_ring", db=db)
    assert statuses(db) == ["done"] and not list(Path(db).parent.glob("*.unmerged-*"))


def test_a_test_bed_that_stays_costs_no_run_of_a_study(sim, emu, db: str, monkeypatch,
                                                       capsys) -> None:
    monkeypatch.setattr(fill, "network", stays)
    tp.study(db, discover.find("udp_echo"), fixed={"count": 3}, drivers="emu", progress=False,
             testbed="net_ring")
    assert statuses(db) == ["done"] and "the namespace is busy" in capsys.readouterr().err


def test_a_second_ctrl_c_while_a_run_is_merged_leaves_its_file(case, db: str, monkeypatch) -> None:
    monkeypatch.setattr(execute, "merge", interrupted_before(interrupted_before(execute.merge)))
    with pytest.raises(KeyboardInterrupt, match="this run is kept in "):
        case.simulate(db=db)
    kept, = Path(db).parent.glob("results.db.unmerged-*")
    assert statuses(str(kept)) == ["done"]
    assert not list(Path(db).parent.glob(".twinpath-*"))


def test_ctrl_c_between_a_run_of_a_study_and_its_merge_keeps_it(case, db: str,
                                                                monkeypatch) -> None:
    real, first = launch._Writer._take, [True]

    def pressed(*arguments: Any) -> None:
        if first.pop() if first else False:
            signal.raise_signal(signal.SIGINT)
        real(*arguments)

    monkeypatch.setattr(launch._Writer, "_take", pressed)
    with pytest.raises(KeyboardInterrupt):
        tp.study(db, case.scenario, progress=False)
    assert statuses(db) == ["done"]
