"""Real workers: equal runs, crash, timeout, interruption, a full disk, a locked database."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest

import twinpath as tp
from twinpath import discover
from twinpath_analysis.database import connect

ENDLESS = {"size": "100GB", "rate": "10Gbps", "delay": "1ms", "every": 0}


@pytest.fixture
def db(tmp_path: Path) -> str:
    return str(tmp_path / "results.db")


@pytest.fixture
def transfer() -> tp.Scenario:
    return discover.find("web_transfer")


def children() -> list[int]:
    task = f"/proc/{os.getpid()}/task"
    return [int(pid) for thread in os.listdir(task)
            for pid in Path(task, thread, "children").read_text().split()]


def workers() -> list[int]:
    """Children that are workers, whatever else an earlier test left behind."""
    return [pid for pid in children() if b"_worker.py" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def endless() -> tp.Case:
    return discover.find("bulk_transfer")(**ENDLESS)


def kill_worker_soon(number: int) -> threading.Thread:
    """Sends a signal to the worker of this process once it has run for a while."""
    def work() -> None:
        deadline = time.monotonic() + 20
        while not (found := workers()) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.5)
        for pid in found:
            os.kill(pid, number)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_transfer_that_gives_up_is_no_success(sim, cli, db: str) -> None:
    ran = cli("run", "web_transfer", "-p", "size=1kB", "-p", "loss=100%",
              "-s", "client.tcp.syn_retries=1", "--db", db, "--json")
    assert ran.code == 1 and ran.json["status"] == "done"
    assert [p["message"] for p in ran.json["problems"]] == ["client/app0: 1 failed: ETIMEDOUT"]


def test_times_of_several_entities_are_not_summed(sim, db: str) -> None:
    run = discover.find("request_response")().simulate(db=db)
    frame = run.df("scalar")
    times = frame[(frame["unit"] == "s")].groupby("metric")["value"]
    assert all(low - 1e-12 <= float(run[name]) <= high + 1e-12
               for (name, low), high in zip(times.min().items(), times.max()))


def test_a_transfer_arrives_verified(sim, transfer, db: str) -> None:
    run = transfer(size="100kB").simulate(seed=7, db=db)
    assert run.status == "done" and run.validity is None
    assert run.get("goodput_bps", "client/app0") > 1e6
    assert run.get("fct_s", "client/app0") > 0.04
    assert run["verify_errors"] == 0 and run.get("app_bytes", "client/app0") == 100_000
    assert len(run.fingerprint) == 16 and int(run.fingerprint, 16) != 0
    assert run.row.wall_s > 0 and run.row.cpu_s > 0 and run.row.max_rss_bytes > 1e6
    assert not list(Path(db).parent.glob(".twinpath-*"))


def test_equal_runs_are_equal_and_a_new_attempt(sim, transfer, db: str) -> None:
    case = transfer(size="300kB", loss="1%")
    one, other, third = (case.simulate(seed=s, db=db) for s in (7, 7, 8))
    assert one.fingerprint == other.fingerprint != third.fingerprint
    assert (one.row.attempt, other.row.attempt, third.row.attempt) == (1, 2, 1)
    for table in ("scalar", "series", "histogram", "drop_count", "flow", "chunk", "event"):
        left, right = one.df(table), other.df(table)
        drop = [c for c in ("entity_id",) if c in left]
        assert left.drop(columns=drop).equals(right.drop(columns=drop)), table


def test_chunks_carry_the_time_of_their_last_frame(sim, db: str) -> None:
    run = discover.find("bulk_transfer")(size="20MB", rate="1Gbps").simulate(db=db)
    for path, rows in run.df("chunk").sort_values("seq").groupby("entity"):
        times = list(rows["t_ns"])
        assert times == sorted(set(times)) and times[0] > 0, path
        assert times[-1] <= run.row.model_s * 1e9, path
    assert run.df("chunk")["seq"].max() > 0  # more than 10,000 frames one way


def test_losses_asked_for_are_counted_as_asked(sim, transfer, db: str) -> None:
    run = transfer(size="1MB", loss="1%").simulate(db=db)
    drops = run.df("drop_count")
    assert drops[drops["cause"] == "asked"]["packets"].sum() > 0


def test_series_are_recorded_when_asked(sim, transfer, db: str) -> None:
    run = transfer(size="1MB", series="5ms").simulate(db=db)
    assert len(run.series("cwnd_bytes")) > 10
    assert transfer(size="10kB").simulate(db=db).df("series").empty


def test_captures_are_readable(sim, transfer, db: str, tmp_path: Path) -> None:
    from twinpath.captures import check_all

    transfer(size="100kB").simulate(db=db, pcap=str(tmp_path / "pcap"))
    files = list((tmp_path / "pcap").rglob("*.pcap"))
    assert files
    for capture in check_all(str(tmp_path / "pcap")):
        assert capture.clean, capture


def test_sim_emu_sim_in_one_process(sim, emu, transfer, db: str) -> None:
    case = transfer(size="10kB", server_stack="twinpath", series="5ms")
    first = case.simulate(db=db)
    real = case.emulate(testbed="net_ring", db=db)
    again = case.simulate(db=db)
    assert first.fingerprint == again.fingerprint
    assert real.status == "done" and real.validity in ("valid", "suspect", "invalid")
    assert real.get("app_bytes", "client/app0") == 10_000
    assert len(real.series("delivery_rate_bps", "client/app0/flow0")) > 0
    assert set(first.df()["entity"]) & set(real.df()["entity"]) >= {"client", "client/app0"}


def test_every_scenario_of_the_tree_runs(sim, db: str) -> None:
    for name in discover.names():
        run = discover.find(name)().simulate(db=db)
        assert run.status == "done", name


def test_ns3_is_a_server(sim, transfer, db: str) -> None:
    run = transfer(size="100kB", server_stack="ns3").simulate(db=db)
    assert run.status == "done" and run["verify_errors"] == 0


def test_two_servers_of_one_port_are_named(sim, cli, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import twinpath as tp\n\n@tp.scenario\n"
        "def mine(net: tp.Net, *, other: int = 81):\n"
        "    a, b = net.host('a'), net.host('b')\n"
        "    net.link(a, b)\n"
        "    b.run(tp.HttpServer())\n"
        "    b.run(tp.EchoServer(port=other))\n"
        "    b.run(tp.UdpSink(port=80))\n"
        "    net.stop(when=a.run(tp.HttpGet(b, size='1kB')).done, at_most='20s')\n")
    assert cli("run", "./mine.py", "--json").code == 0
    ran = cli("run", "./mine.py", "-p", "other=80", "--json")
    assert ran.code == 2
    message = ran.json["problems"][0]["message"]
    assert "b/app0 (http_server) and b/app1 (echo_server) both serve TCP port 80" in message


def test_a_closed_pipe_changes_no_exit_code(sim, tmp_path: Path) -> None:
    from conftest import BUILD, ROOT

    environment = {**os.environ, "TWINPATH_ROOT": str(ROOT), "TWINPATH_BUILD": str(BUILD),
                   "PYTHONPATH": f"{ROOT / 'bindings'}:{BUILD / 'bindings'}:{ROOT / 'analysis'}"}
    failing = ["run", "web_transfer", "-p", "size=1kB", "-p", "loss=100%", "-s",
               "client.tcp.syn_retries=1"]
    for words, code in ((["run", "nothing", "--json"], 2), ([*failing, "--json"], 1), (failing, 1),
                        (["list"], 0)):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(["/usr/bin/python3", "-m", "twinpath", *words], cwd=tmp_path,
                              env=environment, stdout=write, stderr=subprocess.PIPE, text=True,
                              check=False)
        os.close(write)
        assert done.returncode == code, (words, done.stderr)
        assert code != 2 or "nothing" in done.stderr
        assert "Traceback" not in done.stderr and "BrokenPipe" not in done.stderr


def test_a_stopped_simulation_keeps_its_rows(sim, db: str) -> None:
    killer = kill_worker_soon(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        endless().simulate(db=db)
    killer.join()
    run = tp.open(db).runs[0]
    assert run.status == "interrupted" and run.row.model_s > 0
    assert run["app_sent_bytes"] > 0 and run.fingerprint and len(run.df("chunk")) > 0


def test_a_killed_worker_is_a_failed_run(sim, db: str) -> None:
    killer = kill_worker_soon(signal.SIGKILL)
    with pytest.raises(tp.RunFailed, match="killed by SIGKILL") as caught:
        endless().simulate(db=db)
    killer.join()
    assert caught.value.run.status == "failed"
    assert "SIGKILL" in caught.value.run.row.error


def test_a_wall_clock_budget_is_kept(sim, db: str) -> None:
    with pytest.raises(tp.RunTimeout) as caught:
        endless().simulate(db=db, timeout=1.0)
    assert caught.value.run.status == "timeout" and caught.value.run.row.wall_s < 15
    assert caught.value.run["app_sent_bytes"] > 0


def test_reaching_at_most_is_a_timeout(sim, transfer, db: str) -> None:
    with pytest.raises(tp.RunTimeout) as caught:
        transfer(size="1MB", loss="100%").simulate(db=db)
    assert caught.value.run.status == "timeout"
    assert caught.value.run.row.model_s == pytest.approx(120)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_being_interrupted_ends_130_and_keeps_the_run(sim, cli, tmp_path: Path,
                                                      number: signal.Signals) -> None:
    def run() -> None:
        result.append(cli("run", "bulk_transfer", "--json", *(
            word for k, v in ENDLESS.items() for word in ("-p", f"{k}={v}"))))

    result: list = []
    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not list(tmp_path.glob(".twinpath-*/run.db")):
        time.sleep(0.05)
    time.sleep(0.7)
    for pid in children():
        os.kill(pid, number)
    thread.join()
    assert result[0].code == 130
    row = sqlite3.connect(tmp_path / "results.db").execute("SELECT status FROM run").fetchone()
    assert row == ("interrupted",)
    said = result[0].json
    assert (said["status"], said["run_id"]) == ("interrupted", 1) and said["metrics"]


def test_a_locked_database_ends_3_and_keeps_the_run(sim, transfer, db: str, monkeypatch) -> None:
    connect(db).close()
    holder = sqlite3.connect(db, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr("twinpath_analysis.database.connect.__defaults__", (0.1,))
    with pytest.raises(tp.TwinpathError, match="locked by another process.*is kept in") as caught:
        transfer(size="10kB").simulate(db=db)
    holder.close()
    assert caught.value.exit_code == 3
    kept = list(Path(db).parent.glob("results.db.unmerged-*"))
    assert len(kept) == 1 and tp.open(str(kept[0])).runs[0].status == "done"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
@pytest.mark.parametrize("driver, size, words", [
    ("sim", "700k", "disk full"), ("emu", "700k", "disk full"), ("sim", "16k", "No space left")])
def test_a_full_disk_ends_3_with_words(request, tmp_path: Path, driver: str, size: str,
                                       words: str) -> None:
    cli = request.getfixturevalue("cli")
    request.getfixturevalue(driver)
    options = ("--driver", "emu", "--testbed", "net_ring") if driver == "emu" else ()
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("this machine does not let root mount a tmpfs")
    try:
        ran = cli("run", "bulk_transfer", "-p", "size=100MB", "-p", "every=100us", "--db",
                  str(small / "results.db"), "--json", *options)
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)
    assert ran.code == 3, ran.out + ran.err
    assert words in ran.err and "Traceback" not in ran.err and ran.json["problems"]


def test_run_json_has_every_promised_key(sim, cli) -> None:
    ran = cli("run", "web_transfer", "-p", "size=10kB", "--seed", "3", "--json")
    assert ran.code == 0, ran.err
    assert set(ran.json) == {"schema", "run_id", "run_key", "scenario", "driver", "seed", "status",
                             "validity", "fingerprint", "content_hash", "db", "metrics",
                             "artifacts", "problems"}
    goodput = ran.json["metrics"]["goodput_bps"]
    assert goodput["unit"] == "bit/s" and goodput["better"] == "higher"
    assert goodput["entity"] == "client/app0" and ran.json["seed"] == 3
    shown = cli("show", "1", "--json")
    assert shown.json["fingerprint"] == ran.json["fingerprint"]
    again = cli("rerun", "1", "--json")
    assert again.code == 0 and again.json["same_fingerprint"]


def test_a_seed_of_64_bits_survives(sim, cli) -> None:
    ran = cli("run", "udp_echo", "--seed", str(2**64 - 1), "--json")
    assert ran.code == 0, ran.err
    assert ran.json["seed"] == 2**64 - 1


def test_a_file_of_ones_own_runs(sim, cli, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import twinpath as tp\n\n@tp.scenario\n"
        "def mine(net: tp.Net, *, size: tp.Bytes = '20kB'):\n"
        "    a, b = net.host('a'), net.host('b')\n"
        "    net.link(a, b, rate='10Mbps', delay='2ms')\n"
        "    net.stop(when=a.run(tp.Bulk(b, size=size)).done, at_most='20s')\n")
    ran = cli("run", "./mine.py", "-p", "size=30kB", "--json")
    assert ran.code == 0 and ran.json["scenario"] == "mine"
