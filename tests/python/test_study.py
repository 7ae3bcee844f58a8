"""Studies on real workers: what is missing is run, once; what goes wrong costs its own run."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import twinpath as tp
from conftest import BUILD, ROOT
from twinpath import discover
from twinpath.studies.local import PREFIX
from twinpath_analysis.database import connect, create

COLUMNS = ["driver", "seed", "status", "validity", "loss", "size", "goodput_bps", "fct_s"]
GRID = {"loss": ["0%", "1%"], "size": ["10kB", "20kB"]}


@pytest.fixture
def db(tmp_path: Path) -> str:
    return str(tmp_path / "results.db")


@pytest.fixture
def transfer(sim) -> tp.Scenario:
    return discover.find("web_transfer")


def ask(db: str, query: str) -> list:
    with contextlib.closing(sqlite3.connect(db)) as connection:
        return connection.execute(query).fetchall()


def rows(db: str) -> int:
    return ask(db, "SELECT count(*) FROM run")[0][0]


def test_a_study_runs_what_is_missing_and_only_that(transfer, db: str) -> None:
    first = tp.study(db, transfer, grid=GRID, seeds=(1, 2), jobs=2)
    frame = first.df()
    assert len(frame) == 8 == rows(db) and first.missing() == [] and first.stale == []
    assert list(frame["loss"]) == [0, 0, 0, 0, 0.01, 0.01, 0.01, 0.01]
    assert list(frame["seed"][:4]) == [1, 2, 1, 2]
    assert list(frame["size"][:4]) == [1e4] * 2 + [2e4] * 2
    tp.study(db, transfer, grid=GRID, seeds=(1, 2), jobs=2)
    assert rows(db) == 8
    more = tp.study(db, transfer, grid=GRID, seeds=(1, 2, 3))
    assert rows(db) == 12 == len(more.df()) and len(first.df()) == 8
    studies = ask(db, "SELECT name, count(*) FROM run JOIN study USING (study_id) GROUP BY 1")
    assert sorted(studies) == sorted([(first.name, 8), (more.name, 4)])
    assert len(tp.open(db).df()) == 12 and len(tp.open(db, first.name).df()) == 8
    assert not list(Path(db).parent.glob(".twinpath-*"))


def test_runs_made_one_by_one_count(transfer, db: str) -> None:
    transfer(size="10kB").simulate(seed=1, db=db)
    study = tp.study(db, transfer, fixed={"size": "10kB"}, seeds=(1, 2))
    assert rows(db) == 2 == len(study.runs)
    assert {run.row.study_id for run in study.runs} == {1}


def test_values_that_go_together_and_a_filter(transfer, db: str) -> None:
    study = tp.study(db, transfer, grid={"loss": ["0%", "1%", "2%"]},
                     zip={"size": ["10kB", "20kB"], "rate": ["10Mbps", "20Mbps"]},
                     where="loss < '2%' and (size > '10kB' or loss == 0)")
    frame = study.df()
    assert {(r.loss, r.size, r.rate) for r in frame.itertuples()} == {
        (0, 10000, 10e6), (0, 20000, 20e6), (0.01, 20000, 20e6)}
    again = tp.study(db, transfer, grid={"loss": ["0%", "1%", "2%"]},
                     zip={"size": ["10kB", "20kB"], "rate": ["10Mbps", "20Mbps"]},
                     where=lambda p: p["loss"] < 0.02 and (p["size"] > 10000 or p["loss"] == 0))
    assert rows(db) == 3 and len(again.df()) == 3


@pytest.mark.parametrize("asked, pieces", [
    ({"grid": {"los": ["1%"]}, "seeds": [-1]}, ["did you mean 'loss'", "-1 is not a seed"]),
    ({"grid": {"loss": ["1"]}, "zip": {"loss": ["0"]}}, ["more than one of grid, zip and fixed"]),
    ({"zip": {"loss": [0, 0.1], "size": ["1kB"]}}, ["loss has 2, size has 1"]),
    ({"grid": {"loss": []}}, ["has no values"]),
    ({"grid": {"size": ["10", "1kB"]}}, ["has no unit; write"]),
    ({"drivers": ["smi"], "jobs": 0}, ["did you mean 'sim'", "0 is no number of workers"]),
    ({"where": "loss > 2"}, ["no point of the grid satisfies it"]),
    ({"where": "los > 2"}, ["did you mean 'loss'"]),
    ({"where": "__import__('os')"}, ["is not allowed here"]),
    ({"where": "loss.real > 0"}, ["'loss.real' is not allowed here"]),
    ({"where": "loss >"}, ["is no expression"]),
    ({"where": "loss > 'x'"}, ["where: "]),
    ({"seeds": range(200_000)}, ["more than one study may have"]),
    ({"grid": {"client_stack": ["linux"]}}, ["it exists under emu and bridge only"]),
    ({"drivers": ["emu"], "testbed": "vet"}, ["did you mean 'veth'"]),
    ({"timeout": 0}, ["must be more than 0 s"]),
])
def test_what_cannot_be_is_refused_before_anything_is_written(transfer, db: str, asked: dict,
                                                              pieces: list[str]) -> None:
    with pytest.raises(tp.ConfigError) as caught:
        tp.study(db, transfer, **asked)
    for piece in pieces:
        assert piece in str(caught.value)
    assert not Path(db).exists()


def workers() -> list[int]:
    """Worker processes of this one."""
    task = Path(f"/proc/{os.getpid()}/task")
    found = []
    for thread in os.listdir(task):
        for pid in (task / thread / "children").read_text().split():
            with contextlib.suppress(OSError):
                if b"_worker.py" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(int(pid))
    return found


def killed_soon(after: float) -> threading.Thread:
    """Kills the first worker of this process once it has run for a while."""
    def work() -> None:
        deadline = time.monotonic() + 20
        while not (found := workers()) and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(after)
        os.kill(found[0], signal.SIGKILL)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_worker_that_dies_or_hangs_costs_its_own_run(sim, db: str) -> None:
    bulk = discover.find("bulk_transfer")
    asked = {"zip": {"size": ["100GB", "10kB", "20kB"], "rate": ["10Gbps", "10Mbps", "10Mbps"]},
             "fixed": {"every": 0, "delay": "1ms"}, "timeout": 3.0}
    killer = killed_soon(after=0.5)
    study = tp.study(db, bulk, **asked)
    killer.join()
    assert list(study.df()["size"]) == [10000, 20000]
    assert [m["status"] for m in study.missing()] == ["missing"]  # it was killed: no failure
    broken = [run for run in study.runs if run.status != "done"]
    assert len(broken) == 1 and broken[0].status == "failed" and "SIGKILL" in broken[0].row.error
    resumed = tp.study(db, bulk, **asked)
    assert [run.status for run in resumed.runs] == ["failed", "timeout", "done", "done"]
    tp.study(db, bulk, **asked)
    assert rows(db) == 4  # what hung is left alone
    again = tp.study(db, bulk, **asked, retry_failed=True)
    assert rows(db) == 5 and len(again.df(valid_only=False)) == 5


def test_equal_rows_of_zip_are_one_run(sim, db: str) -> None:
    bulk = discover.find("bulk_transfer")
    study = tp.study(db, bulk, zip={"size": ["10kB", "10kB"]}, fixed={"delay": "1ms"})
    assert rows(db) == 1 and study.missing() == []


def test_failed_runs_keep_the_end_of_standard_error(sim, db: str, monkeypatch, tmp_path) -> None:
    noisy = tmp_path / "_worker.py"
    noisy.write_text("import sys\nsys.stderr.write('out of luck\\n')\nsys.exit(9)\n")
    monkeypatch.setattr("twinpath.supervise.WORKER", str(noisy))
    study = tp.study(db, discover.find("udp_echo"))
    assert study.df().empty and study.runs[0].stderr == "out of luck"
    assert "exit code 9" in study.runs[0].row.error


def test_a_driver_that_vanishes_meanwhile_ends_the_study_with_words(sim, db: str,
                                                                     monkeypatch) -> None:
    def gone(path: str, request: object) -> None:
        raise tp.TwinpathError("the driver sim is not built; run `./twinpath setup`")

    monkeypatch.setattr("twinpath.fill.prepare", gone)
    with pytest.raises(tp.TwinpathError, match="the driver sim is not built"):
        tp.study(db, discover.find("udp_echo"), seeds=(1, 2))
    assert rows(db) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
def test_a_full_disk_costs_its_own_run(sim, tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1200k", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        study = tp.study(str(small / "results.db"), discover.find("bulk_transfer"),
                         zip={"size": ["100MB", "10kB"], "every": ["100us", "10ms"]})
        assert [run.status for run in study.runs] == ["failed", "done"]
        assert "disk full" in study.runs[0].row.error
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_a_changed_scenario_says_which_runs_no_longer_match(sim, db: str, capsys) -> None:
    def build(port: int) -> tp.Scenario:
        def mine(net: tp.Net, *, loss: tp.Ratio = 0):
            a, b = net.host("a"), net.host("b")
            net.link(a, b, rate="10Mbps", delay="2ms", loss=loss)
            net.stop(when=a.run(tp.Bulk(b, size="20kB", port=port)).done, at_most="20s")
        mine.__annotations__ = {"net": tp.Net, "loss": tp.Ratio}
        return tp.scenario(mine)

    asked = {"grid": {"loss": [0, 0.01]}}
    before = tp.study(db, build(5001), **asked)
    assert len(before.df()) == 2
    after = tp.study(db, build(5002), **asked)
    assert [(item.run_id, item.reason) for item in after.stale] == [(1, "scenario"),
                                                                   (2, "scenario")]
    said = capsys.readouterr().err
    assert "2 runs no longer match (the scenario or its settings changed): 1 2" in said
    assert rows(db) == 4 and len(after.df()) == 2 and not set(after.df()["run_id"]) & {1, 2}


def start(db: str, *more: str) -> subprocess.Popen:
    environment = {**os.environ, "TWINPATH_ROOT": str(ROOT), "TWINPATH_BUILD": str(BUILD),
                   "PYTHONPATH": f"{ROOT / 'bindings'}:{BUILD / 'bindings'}:{ROOT / 'analysis'}"}
    command = ["/usr/bin/python3", "-m", "twinpath", "sweep", "web_transfer", "-g", "loss=0%,1%",
               "-g", "size=10kB,20kB", "--seeds", "1..5", "--jobs", "2", "--db", db, *more]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def wait_for_rows(db: str, count: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if Path(db).exists() and rows(db) >= count:
                return
        except sqlite3.Error:
            pass
        time.sleep(0.005)
    pytest.fail(f"no {count} rows in a minute")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_study_goes_on_where_it_was(transfer, tmp_path: Path, number: int) -> None:
    whole = tp.study(str(tmp_path / "whole.db"), transfer, grid=GRID, seeds=range(1, 6)).df()
    db = str(tmp_path / "cut.db")
    process = start(db)
    wait_for_rows(db, 3)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    cut = rows(db)
    assert 3 <= cut < 20
    ended = start(db, "--json")
    assert ended.wait(timeout=120) == 0, ended.communicate()[1]
    study = tp.open(db)
    assert rows(db) == 20 and study.missing() == []
    assert study.df()[COLUMNS].sort_values(COLUMNS[:2] + COLUMNS[4:6]).values.tolist() == \
        whole[COLUMNS].sort_values(COLUMNS[:2] + COLUMNS[4:6]).values.tolist()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(PREFIX) or "-wal" in p.name]


def test_two_studies_share_a_database(transfer, tmp_path: Path) -> None:
    db = str(tmp_path / "shared.db")
    both = [start(db), start(db)]
    for process in both:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, out + err
    assert rows(db) == 20 and len(tp.open(db).df()) == 20


def test_a_database_of_the_first_format_takes_studies(transfer, db: str) -> None:
    old = connect(db)
    transfer(size="10kB").simulate(db=db)
    old.executescript("DROP VIEW result; CREATE TABLE older AS SELECT * FROM run; "
                      "PRAGMA foreign_keys = OFF; PRAGMA user_version = 1; "
                      "ALTER TABLE run DROP COLUMN study_id; DROP TABLE study; DROP TABLE older;")
    old.close()
    assert len(tp.open(db).df()) == 1
    study = tp.study(db, transfer, fixed={"size": "10kB"}, seeds=(1, 2))
    assert len(study.df()) == 2 == rows(db)


def test_simulations_and_emulations_of_one_study(sim, emu, db: str) -> None:
    study = tp.study(db, discover.find("udp_echo"), fixed={"count": 3}, seeds=(1, 2),
                     drivers=("sim", "emu"), testbed="net_ring", jobs=2)
    found = study.df(valid_only=False)
    assert sorted(found["driver"]) == ["emu", "emu", "sim", "sim"]
    times = ask(db, "SELECT driver, started_utc, ended_utc FROM run ORDER BY run_id")
    assert [t[0] for t in times] == ["sim", "sim", "emu", "emu"]
    assert times[2][2] <= times[3][1] and max(t[2] for t in times[:2]) <= times[2][1]


def test_the_command_line_answers_in_json_and_counts_failures(cli, sim) -> None:
    ran = cli("sweep", "udp_echo", "-g", "loss=0%,50%", "-p", "count=3", "--seeds", "1..2",
              "--json")
    assert ran.code == 0, ran.err
    assert ran.json["schema"] == "twinpath.study/1" and ran.json["done"] == 4
    assert ran.json["missing"] == [] == ran.json["problems"] and len(ran.json["runs"]) == 4
    slow = cli("sweep", "bulk_transfer", "-z", "size=100GB,1kB,rate=10Gbps,10Mbps", "-p",
               "every=0", "--timeout", "2", "--json")
    assert slow.code == 3 and slow.json["done"] == 1
    assert [f["status"] for f in slow.json["failed"]] == ["timeout"]


def test_a_column_varies_though_all_runs_of_a_value_failed(cli, sim) -> None:
    ran = cli("sweep", "bulk_transfer", "-g", "size=100GB,1kB", "-p", "rate=10Gbps", "-p",
              "every=0", "--timeout", "2")
    assert ran.code == 3
    header, *rows = [line.split() for line in ran.out.splitlines() if line.strip()][1:]
    assert header[0] == "size" and ["1", "kB"] in [row[:2] for row in rows], ran.out


@pytest.mark.parametrize("arguments, piece", [
    (("-g", "loss"), "is not NAME=VALUES"), (("-z", "loss=1%,loss=2%"), "stands twice"),
    (("--seeds", "3..1"), "is no seed"), (("--drivers", "smi"), "did you mean 'sim'"),
    (("-g", "los=1%"), "did you mean 'loss'"), (("--db", "no/such/x.db"), "no folder"),
])
def test_bad_sweeps_end_2_with_words(cli, sim, arguments: tuple[str, ...], piece: str) -> None:
    ran = cli("sweep", "web_transfer", *arguments)
    assert ran.code == 2 and piece in ran.err and "Traceback" not in ran.err


def test_importing_the_package_loads_no_cluster() -> None:
    code = "import twinpath, sys; print([m for m in ('dask', 'distributed') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                         env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
    assert ran.stdout.strip() == "[]"


def test_equal_seeds_draw_equal_numbers_at_every_point(sim, db: str) -> None:
    study = tp.study(db, discover.find("udp_echo"), grid={"rate": ["10Mbps", "100Mbps"]},
                     fixed={"loss": "20%", "count": 60}, seeds=range(1, 6))
    lost = {(run.row.params["rate"], run.seed): int(run.df("drop_count")["packets"].sum())
            for run in study.runs}
    slow, fast = ([lost[rate, seed] for seed in range(1, 6)] for rate in (10**7, 10**8))
    assert slow == fast and len(set(slow)) > 1


def test_a_simulation_repeated_is_one_observation(sim, db: str) -> None:
    from twinpath_analysis.wide import observations

    bulk = discover.find("bulk_transfer")(size="10kB")
    tp.study(db, bulk.scenario, fixed={"size": "10kB"}, seeds=[1, 2])
    bulk.simulate(1, db=db)
    frame = tp.open(db).df()
    assert len(frame) == 3 and list(observations(frame)["seed"]) == [2, 1]


def test_drivers_and_seeds_are_any_iterables(sim, db: str) -> None:
    study = tp.study(db, discover.find("udp_echo"), fixed={"count": 3}, drivers=iter(["sim"]),
                     seeds=np.arange(1, 3), progress=False)
    assert list(study.df()["seed"]) == [1, 2] == [run.seed for run in study.runs]


def test_a_database_another_process_upgrades_meanwhile(sim, db: str) -> None:
    """Whoever waits for the upgrade of another finds nothing left to do."""
    connect(db).close()
    first, second = (sqlite3.connect(db, isolation_level=None, check_same_thread=False)
                     for _ in range(2))
    first.execute("ALTER TABLE run DROP COLUMN content_hash")
    first.execute("BEGIN IMMEDIATE")
    first.execute("ALTER TABLE run ADD COLUMN content_hash TEXT")
    begins = threading.Event()
    second.set_trace_callback(lambda text: begins.set() if "BEGIN" in text else None)
    waiting = ThreadPoolExecutor(1).submit(create, second)
    assert begins.wait(20)
    first.execute("COMMIT")
    waiting.result(timeout=20)
    assert ask(db, "SELECT count(*) FROM pragma_table_info('run') WHERE name = 'content_hash'") \
        == [(1,)]
    first.close()
    second.close()
