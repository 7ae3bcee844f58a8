"""Runs in real time are alone on a machine, whoever makes them."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

import twinpath as tp
from conftest import BUILD, ROOT
from twinpath import (discover, machine_lock, testbed, testbed_check, testbed_file,
                      testbed_journal)
from twinpath.cli import bench
from twinpath.machine_lock import NAME, one_at_a_time

HOLDER = """
import sys
from twinpath import machine_lock
machine_lock.FOLDERS = (machine_lock.Path(sys.argv[1]),)
if len(sys.argv) > 2:
    import os
    os.setuid(int(sys.argv[2]))
with machine_lock.one_at_a_time() as held:
    print("held" if held.fds else "free", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as /run/lock is; the machine's own lock is not touched."""
    if os.geteuid() != 0:
        pytest.skip("a folder of root's needs root")
    folder = tmp_path / "lock"
    folder.mkdir()
    folder.chmod(0o1777)
    for parent in tmp_path.parents:
        if parent.name.startswith("pytest-"):
            parent.chmod(0o755)
    tmp_path.chmod(0o755)
    monkeypatch.setattr(machine_lock, "FOLDERS", (folder,))
    return folder


def hold(place: Path, *arguments: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(place), *arguments], text=True,
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def test_others_wait_and_hear_for_whom(place: Path, capsys) -> None:
    holder = hold(place)
    threading.Timer(0.5, holder.kill).start()
    started = time.monotonic()
    with one_at_a_time() as held:
        assert held.fd is not None and 0.3 < time.monotonic() - started < 20
    holder.wait()
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and f"waiting for process {holder.pid} (root, since " in said


def test_a_user_and_root_exclude_each_other(place: Path, capsys) -> None:
    nobody = 65534
    holder = hold(place, str(nobody))
    assert (place / f"{NAME}.lock").stat().st_uid == nobody
    holder.communicate("\n", timeout=20)
    with one_at_a_time() as held:
        assert held.fd is not None and "waiting" not in capsys.readouterr().err
    again = hold(place, str(nobody))
    read, write = os.pipe()
    os.close(write)
    with one_at_a_time(read) as held:
        assert held.fd is None, "root waits for a user"
    os.close(read)
    assert "(nobody, since" in capsys.readouterr().err
    again.communicate("\n", timeout=20)


def test_who_runs_again_and_again_lets_others_in_between(place: Path) -> None:
    order: list[str] = []

    def study(name: str, runs: int) -> None:
        for _ in range(runs):
            with one_at_a_time():
                order.append(name)
                time.sleep(0.12)

    first = threading.Thread(target=study, args=("a", 6))
    first.start()
    time.sleep(0.05)
    study("b", 2)
    first.join()
    assert order.count("a") == 6 and order.index("b") <= 2, order


def test_a_worker_whose_maker_was_killed_keeps_the_lock(place: Path) -> None:
    code = HOLDER.replace('sys.stdin.readline()', 'import subprocess; '
                          'print(subprocess.Popen(["sleep", "60"], pass_fds=held.fds).pid, '
                          'flush=True); sys.stdin.readline()')
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
    maker = subprocess.Popen([sys.executable, "-c", code, str(place)], text=True, env=environment,
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert maker.stdout is not None and maker.stdout.readline() == "held\n"
    worker = int(maker.stdout.readline())
    maker.kill()
    maker.wait()
    read, write = os.pipe()
    threading.Timer(0.3, os.close, [write]).start()
    with one_at_a_time(read) as held:
        assert held.fd is None
    os.close(read)
    os.kill(worker, 9)
    with one_at_a_time() as held:
        assert held.fd is not None


@pytest.mark.parametrize("kind", ["link", "fifo", "hard", "folder"])
def test_what_is_no_lock_file_is_refused(place: Path, kind: str) -> None:
    path = place / f"{NAME}.lock"
    other = place / "other"
    other.write_text("")
    if kind == "link":
        path.symlink_to(other)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "hard":
        os.link(other, path)
    else:
        path.mkdir()
    with pytest.raises(tp.NoVerdict, match="cannot be used .*as root: rm"):
        with one_at_a_time():
            pass


def test_a_folder_of_somebody_else_is_no_place_for_the_lock(place: Path) -> None:
    place.chmod(0o777)
    with pytest.raises(tp.NoVerdict, match="belongs to root and is sticky"):
        machine_lock.folder()


def test_words_in_the_file_that_are_none_of_ours_are_not_shown(place: Path) -> None:
    path = place / f"{NAME}.lock"
    path.write_text("process 1 (root, since \x1b[31m now)\n")
    with open(path, encoding="ascii") as file:
        assert machine_lock.holder(file.fileno()) == "another process"


@pytest.mark.parametrize("change", ["owner", "mode", "link"])
def test_a_journal_folder_somebody_else_may_write_is_refused(tmp_path: Path, monkeypatch,
                                                             change: str) -> None:
    monkeypatch.delenv("TWINPATH_RUN", raising=False)
    mine = tmp_path / "mine"
    mine.mkdir(mode=0o700)
    monkeypatch.setattr(testbed_journal, "Path", lambda *_: mine)
    assert testbed_journal.folder() == mine
    if change == "owner":
        if os.geteuid() != 0:
            pytest.skip("giving a folder away needs root")
        os.chown(mine, 65534, 65534)
    elif change == "mode":
        mine.chmod(0o777)
    else:
        mine.rename(tmp_path / "real")
        mine.symlink_to(tmp_path / "real")
    with pytest.raises(tp.TwinpathError, match="is not only yours"):
        testbed_journal.folder()


def test_two_studies_do_not_emulate_at_one_time(sim, emu, tmp_path: Path) -> None:
    environment = {**os.environ, "TWINPATH_ROOT": str(ROOT), "TWINPATH_BUILD": str(BUILD),
                   "PYTHONPATH": f"{ROOT / 'bindings'}:{BUILD / 'bindings'}:{ROOT / 'analysis'}"}
    folders = [tmp_path / name for name in "ab"]
    processes = []
    for folder in folders:
        folder.mkdir()
        processes.append(subprocess.Popen(
            ["/usr/bin/python3", "-m", "twinpath", "sweep", "udp_echo", "-p", "count=40", "-p",
             "interval=50ms", "--drivers", "emu", "--testbed", "net_ring", "--seeds", "1..2",
             "--db", "results.db"], cwd=folder,
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
    told = [process.communicate(timeout=240)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    assert any("one run in real time on a machine at a time" in text for text in told)
    spans = []  # in whole seconds, of runs of 2 s
    for folder in folders:
        with contextlib.closing(sqlite3.connect(folder / "results.db")) as connection:
            spans += connection.execute("SELECT started_utc, ended_utc FROM run").fetchall()
    spans.sort()
    assert len(spans) == 4 and all(ends > starts for starts, ends in spans)
    assert all(ends <= starts for (_, ends), (starts, _) in zip(spans, spans[1:])), spans


def test_ctrl_c_ends_the_wait(place: Path, sim, emu, tmp_path: Path) -> None:
    holder = hold(place)
    pid = os.getpid()
    threading.Timer(1.0, lambda: os.kill(pid, 2)).start()
    db = str(tmp_path / "results.db")
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        discover.find("udp_echo")().emulate(testbed="net_ring", db=db)
    assert time.monotonic() - started < 20
    holder.communicate("\n", timeout=20)
    with contextlib.closing(sqlite3.connect(db)) as connection:
        assert connection.execute("SELECT status FROM run").fetchall() == [("interrupted",)]


def test_a_lock_that_cannot_be_used_fails_no_run_of_a_study(place: Path, sim, emu,
                                                            tmp_path: Path) -> None:
    (place / f"{NAME}.lock").mkdir()
    db = str(tmp_path / "results.db")
    with pytest.raises(tp.NoVerdict, match="cannot be used") as refused:
        tp.study(db, discover.find("udp_echo"), fixed={"count": 3}, drivers="emu", seeds=(1, 2),
                 testbed="net_ring", progress=False)
    assert refused.value.exit_code == 4
    with contextlib.closing(sqlite3.connect(db)) as connection:
        assert connection.execute("SELECT count(*) FROM run").fetchone() == (0,)


def test_a_callback_of_a_run_in_real_time_makes_no_other(place: Path, sim, emu, tmp_path: Path,
                                                         monkeypatch) -> None:
    """A callback runs in the thread that holds the lock, as this block does."""
    monkeypatch.setattr(machine_lock, "WAIT_MAX_S", 1.0)
    db, scenario = str(tmp_path / "results.db"), discover.find("udp_echo")
    with one_at_a_time():
        with pytest.raises(tp.TwinpathError, match="from a callback of one"):
            scenario(count=3).emulate(testbed="net_ring", db=db)
        with pytest.raises(tp.TwinpathError, match="from a callback of one"):
            tp.study(db, scenario, fixed={"count": 3}, drivers="emu", testbed="net_ring",
                     progress=False)
    assert scenario(count=3).emulate(testbed="net_ring", db=db).status == "done"


def test_who_lacks_rights_is_told_before_waiting(place: Path, sim, emu, tmp_path: Path,
                                                 monkeypatch) -> None:
    holder = hold(place)
    monkeypatch.setattr(machine_lock, "WAIT_MAX_S", 1.0)
    monkeypatch.setattr(testbed, "os", SimpleNamespace(geteuid=lambda: 1000))
    scenario = discover.find("udp_echo")
    for act in (lambda: scenario(count=3).emulate(testbed="veth", db=str(tmp_path / "r.db")),
                lambda: testbed_check.check(testbed_file.load("veth"))):
        with pytest.raises(tp.MissingPrivilege, match="needs root"):
            act()
    holder.communicate("\n", timeout=20)


def is_free() -> bool:
    """Whether somebody else would get the lock now."""
    def look() -> bool:
        read, write = os.pipe()
        os.close(write)
        with one_at_a_time(read) as held:
            os.close(read)
            return held.fd is not None

    return ThreadPoolExecutor(1).submit(look).result()


def test_a_bench_that_polls_in_real_time_is_alone(place: Path, monkeypatch) -> None:
    free: dict[str, bool] = {}

    def measured(measured_bench: bench.Bench, *_: object) -> None:
        free[measured_bench.name] = is_free()
        raise tp.NoVerdict("far enough")

    monkeypatch.setattr(bench, "measure", measured)
    for name in ("bridge", "store"):
        with pytest.raises(tp.NoVerdict, match="far enough"):
            bench.run_bench(bench.BENCHES[name], [], 7)
    assert free == {"bridge": False, "store": True} and is_free()


def test_a_check_waits_for_the_machine_before_it_locks_a_port(place: Path, monkeypatch) -> None:
    """As runs do: the other way round a queued run would find its ports taken."""
    free: list[bool] = []

    def ports_asked(*_: object) -> None:
        free.append(is_free())
        raise tp.PortRefused("far enough")

    monkeypatch.setattr(testbed_check, "refuse_used", lambda *_: None)
    monkeypatch.setattr(testbed_check, "lock_all", ports_asked)
    bed = testbed_file.TestbedFile("lab", "", "", ports={"a": testbed_file.BedPort("a", "none")})
    with pytest.raises(tp.PortRefused, match="far enough"):
        testbed_check.check(bed)
    assert free == [False]
