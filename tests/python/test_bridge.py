"""Bridge runs: ns-3 in real time with real ports inside its topology, on net_ring and on veth."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any, Iterator

import pytest

import twinpath as tp
from test_emulation import RULES, rows
from twinpath import discover, supervise
from twinpath.errors import ConfigError
from twinpath_analysis.queries import Results

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="the test-bed veth needs root")
STOPPED_S = 0.05


@tp.scenario
def chain(net: tp.Net, *, size: tp.Bytes = "500kB") -> None:
    """A simulated link between two hosts in ns-3, one of which fetches from Linux as well."""
    inner = net.host("inner", stack={"bridge": "ns3"})
    edge = net.host("edge")
    outer = net.host("outer", stack={"bridge": "linux"})
    net.link(inner, edge, rate="50Mbps", delay="2ms", name="inside")
    net.link(edge, outer, rate="100Mbps", delay="1ms", name="outside")
    upload = inner.run(tp.Bulk(edge, size=size))
    fetch = edge.run(tp.HttpGet(outer, size=size))
    net.stop(when=[upload.done, fetch.done], at_most="20s")


@tp.scenario
def from_linux(net: tp.Net, *, size: tp.Bytes = "300kB") -> None:
    """Linux fetches from a server in ns-3's own stack; the run waits for what is outside."""
    server = net.host("server", stack={"bridge": "ns3"})
    client = net.host("client", stack={"bridge": "linux"})
    net.link(client, server, rate="100Mbps", delay="1ms")
    app = client.run(tp.HttpGet(server, size=size))
    net.stop(when=app.done, at_most="20s")


@tp.scenario
def echoes(net: tp.Net, *, count: int = 300, interval: tp.Time = "5ms") -> None:
    """A timer every interval, for long enough to be disturbed."""
    client, server = net.host("client"), net.host("server")
    net.link(client, server, delay="1ms", name="wire")
    app = client.run(tp.UdpEcho(server, count=count, interval=interval))
    net.stop(when=app.done, at_most="20s")


@pytest.fixture
def db(tmp_path: Path) -> str:
    return str(tmp_path / "results.db")


def rules(db: str, run: tp.Run) -> dict[str, tuple[float, float, int]]:
    found = rows(db, "SELECT rule, value, bound, ok FROM validity WHERE run_id = ?", run.run_id)
    return {rule: (value, bound, ok) for rule, value, bound, ok in found}


def unasked(db: str, run: tp.Run) -> list[tuple[Any, ...]]:
    """Drops nobody ordered. Data sent twice is none of them: a late machine acknowledges late."""
    return rows(db, "SELECT path, reason, packets FROM drop_count JOIN entity USING (entity_id) "
                    "WHERE run_id = ? AND cause IN ('environment', 'resource', 'malformed') "
                    "AND reason <> 'out_of_window'",
                run.run_id)


def test_frames_leave_the_simulation_and_come_back(bridge, db: str) -> None:
    """On net_ring both hosts live in ns-3 and every frame passes two DPDK ports."""
    case = discover.find("bulk_transfer")(size="500kB", loss="2%")
    run = case.bridge(seed=5, testbed="net_ring", db=db)
    assert run.driver == "bridge" and run.get("app_bytes", "receiver/app0") == 500_000
    assert run.get("verify_errors", "receiver/app0") == 0
    lost = rows(db, "SELECT packets FROM drop_count JOIN entity USING (entity_id) "
                    "WHERE run_id = ? AND path = 'wire' AND reason = 'loss'", run.run_id)
    assert len(lost) == 1 and 2 <= lost[0][0] <= 40  # about 500 frames of 2 %
    assert not unasked(db, run)


def test_entities_and_metrics_are_the_simulators(bridge, sim, db: str) -> None:
    case = discover.find("bulk_transfer")(size="200kB")
    names = []
    for run in (case.simulate(seed=3, db=db), case.bridge(seed=3, testbed="net_ring", db=db)):
        found = rows(db, "SELECT path, name FROM scalar JOIN entity USING (entity_id) "
                         "JOIN metric USING (metric_id) WHERE run_id = ?", run.run_id)
        names.append({row for row in found if not row[0].startswith("core")})
    assert names[0] == names[1]


def test_lag_is_reported(bridge, db: str) -> None:
    run = echoes(count=50).bridge(testbed="net_ring", db=db)
    with Results(db) as results:
        detail = results.connection.execute("SELECT detail_json FROM machine").fetchone()[0]
    assert json.loads(detail)["preload"] == supervise.preloaded("bridge")
    found = rules(db, run)
    assert found.keys() == RULES | {"longest_pause"}
    assert all(bool(ok) == (value <= bound) for value, bound, ok in found.values())
    assert 0 < found["longest_pause"][0]
    lags = rows(db, "SELECT sum(count) FROM histogram JOIN metric USING (metric_id) "
                    "JOIN entity USING (entity_id) WHERE run_id = ? AND path = 'core0' "
                    "AND name = 'timer_lag_ns'", run.run_id)
    assert lags[0][0] >= 50, "one timer per echo at least"


def test_model_time_is_wall_time(bridge, db: str) -> None:
    began = time.monotonic()
    run = echoes(count=100, interval="10ms").bridge(testbed="net_ring", db=db)
    wall = time.monotonic() - began
    assert 0.99 <= run.row.model_s <= wall


def workers() -> Iterator[int]:
    """Our children that run a worker."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes()
        except (OSError, ValueError):
            continue
        if parent == os.getpid() and b"_bridge" in command:
            yield int(entry.name)


def stop_now_and_then() -> None:
    """Waits for the worker, then holds it for 50 ms again and again until it ends: one of them
    meets it at work, however long it took to get there."""
    deadline = time.monotonic() + 20
    while not (found := list(workers())) and time.monotonic() < deadline:
        time.sleep(0.01)
    while found[0] in workers() and time.monotonic() < deadline:
        time.sleep(0.3)
        try:
            os.kill(found[0], signal.SIGSTOP)
            time.sleep(STOPPED_S)
            os.kill(found[0], signal.SIGCONT)
        except ProcessLookupError:
            return


def test_a_stopped_process_is_invalid(bridge, db: str) -> None:
    thread = threading.Thread(target=stop_now_and_then)
    thread.start()
    run = echoes(count=400).bridge(testbed="net_ring", db=db)
    thread.join()
    value, bound, ok = rules(db, run)["longest_pause"]
    assert run.validity == "invalid" and not ok
    assert value >= STOPPED_S * 1e9 > bound


def test_somebody_must_be_outside(bridge, db: str) -> None:
    with pytest.raises(ConfigError, match="nobody is outside of the simulation"):
        echoes().bridge(db=db)
    with pytest.raises(ConfigError, match="net_ring has no Linux peer"):
        from_linux().bridge(testbed="net_ring", db=db)
    with pytest.raises(ConfigError, match="does not exist on stack ns3 under bridge"):
        @tp.scenario
        def asks(net: tp.Net) -> None:
            one, two = net.host("one", stack="ns3"), net.host("two", stack="linux")
            net.link(one, two)
            net.stop(when=one.run(tp.HttpGet(two)).done, at_most="1s")
        asks().bridge(db=db)


@needs_root
def test_a_simulated_network_with_a_linux_server(bridge, db: str) -> None:
    """nginx on a veth serves a host in ns-3, behind which there is more simulated network."""
    run = chain().bridge(db=db)
    assert run.get("app_bytes", "edge/app0") == 500_000  # the fetch, verified
    assert run.get("failures", "edge/app0") == 0
    assert not unasked(db, run)
    ends = rows(db, "SELECT DISTINCT path FROM chunk JOIN entity USING (entity_id) "
                    "WHERE run_id = ?", run.run_id)
    ports = ("inner/eth0", "edge/eth0", "edge/eth1")
    assert {path for path, in ends} == {f"{port}/{way}" for port in ports for way in ("rx", "tx")}


@needs_root
def test_linux_fetches_from_ns3s_own_stack(bridge, db: str) -> None:
    run = from_linux().bridge(db=db)
    assert run.get("app_bytes", "client/app0") == 300_000
    assert run.get("failures", "client/app0") == 0
    assert not unasked(db, run)


def test_the_command_line_runs_a_bridge(bridge, cli) -> None:
    ran = cli("run", "udp_echo", "--driver", "bridge", "--testbed", "net_ring", "--json")
    assert ran.json["driver"] == "bridge" and ran.json["status"] == "done"
    codes = {"valid": 0, "suspect": 0, "invalid": 4}  # which of them, the machine decides
    assert ran.code == codes[ran.json["validity"]], ran.err
    studied = cli("sweep", "udp_echo", "--drivers", "sim,bridge", "--testbed", "net_ring",
                  "--json")
    assert studied.code == 0, studied.err


def test_a_worker_loads_the_library_of_its_architecture(monkeypatch) -> None:
    """And the run says which: libraries of others may be installed beside it."""
    monkeypatch.delenv("LD_PRELOAD", raising=False)
    there = {f"/usr/lib/{name}/{supervise.ALLOCATOR}" for name in ("aarch64-x", "here")}
    monkeypatch.setattr(supervise.os.path, "isfile", there.__contains__)
    monkeypatch.setattr(supervise.sysconfig, "get_config_var", {"MULTIARCH": "here"}.get)
    assert supervise.preloaded("bridge") == f"/usr/lib/here/{supervise.ALLOCATOR}"
    assert supervise.preloaded("sim") == supervise.preloaded("emu") == ""
    there.clear()
    assert supervise.preloaded("bridge") == ""
    monkeypatch.setenv("LD_PRELOAD", "/mine.so")
    assert supervise.preloaded("bridge") == "/mine.so"


def test_only_a_bridge_binds_every_call_at_its_start(monkeypatch) -> None:
    """Without it few of ns-3's calls could be made direct; other workers start faster lazily."""
    monkeypatch.delenv("LD_BIND_NOW", raising=False)
    assert supervise._environment("bridge")["LD_BIND_NOW"] == "1"
    assert "LD_BIND_NOW" not in supervise._environment("sim")
    assert "LD_BIND_NOW" not in supervise._environment("emu")
