"""Emulated runs on net_ring: rows under the simulator's names, validity, causes of drops."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

import twinpath as tp
from twinpath import discover

RULES = {"timer_lag_p999", "port_drops", "pool_exhausted", "cpu_steal", "clock_step", "offloads_on",
         "oversize_frames", "bad_checksums"}


@pytest.fixture
def db(tmp_path: Path) -> str:
    return str(tmp_path / "results.db")


def rows(db: str, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(db)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def measured(db: str, run_id: int) -> set[tuple[str, str]]:
    """(entity, metric) of a run; what only real time has, a core's, left out."""
    found = rows(db, "SELECT path, name FROM scalar JOIN entity USING (entity_id) "
                     "JOIN metric USING (metric_id) WHERE run_id = ?", run_id)
    return {row for row in found if not row[0].startswith("core")}


def test_entities_and_metrics_are_the_simulators(sim, emu, db: str) -> None:
    case = discover.find("bulk_transfer")(size="200kB")
    simulated = case.simulate(seed=3, db=db)
    emulated = case.emulate(seed=3, testbed="net_ring", db=db)
    assert measured(db, emulated.run_id) == measured(db, simulated.run_id)
    assert emulated.get("app_bytes", "receiver/app0") == 200_000
    assert emulated.get("verify_errors", "receiver/app0") == 0


def test_every_rule_of_validity_has_a_row(emu, db: str) -> None:
    run = discover.find("udp_echo")().emulate(testbed="net_ring", db=db)
    found = rows(db, "SELECT rule, value, bound, ok FROM validity WHERE run_id = ?", run.run_id)
    assert {rule for rule, *_ in found} == RULES
    assert all(bool(ok) == (value <= bound) for _, value, bound, ok in found)
    assert run.validity == "invalid" or all(ok for *_, ok in found)


def test_a_rate_that_is_not_reached_has_a_rule(emu, db: str) -> None:
    """Rate-driven applications add a row; one that cannot keep its rate makes the run invalid."""
    @tp.scenario
    def datagrams(net: tp.Net, *, rate: tp.Rate = "1Mbps") -> None:
        sender, receiver = net.host("sender"), net.host("receiver")
        net.link(sender, receiver, delay="1ms")
        app = sender.run(tp.UdpBulk(receiver, rate, size="64B", duration="300ms"))
        net.stop(when=app.done, at_most="5s")

    shortfalls = []
    for rate in ("1Mbps", "10Tbps"):
        run = datagrams(rate=rate).emulate(testbed="net_ring", db=db)
        found = rows(db, "SELECT value, bound, ok FROM validity WHERE run_id = ? AND "
                         "rule = 'generator_shortfall'", run.run_id)
        assert len(found) == 1 and found[0][1] == 0.01
        shortfalls.append(found[0])
    assert shortfalls[1][0] > 0.01 and not shortfalls[1][2] and run.validity == "invalid"
    assert shortfalls[0][0] < 0.5 < shortfalls[1][0]


def test_drops_carry_their_cause(emu, db: str) -> None:
    case = discover.find("bulk_transfer")(size="500kB", loss="2%")
    run = case.emulate(seed=5, testbed="net_ring", db=db)
    found = rows(db, "SELECT path, reason, cause, packets FROM drop_count "
                     "JOIN entity USING (entity_id) WHERE run_id = ?", run.run_id)
    asked = {(path, reason): packets for path, reason, cause, packets in found
             if cause == "asked"}
    assert asked.keys() == {("wire", "loss")}
    assert 2 <= asked[("wire", "loss")] <= 40  # about 500 frames of 2 %
    assert not {cause for _, _, cause, _ in found} & {"environment", "malformed", "resource"}
    assert run.get("app_bytes", "receiver/app0") == 500_000


def test_captures_hold_every_frame_of_a_port(emu, db: str, tmp_path: Path) -> None:
    run = discover.find("udp_echo")(count=5).emulate(testbed="net_ring", db=db,
                                                     pcap=str(tmp_path / "pcap"))
    files = {path.name: path.stat().st_size for path in (tmp_path / "pcap").iterdir()}
    assert files.keys() == {"client-eth0.pcap", "server-eth0.pcap"}
    # A header of 24 bytes; 2 frames of ARP (42) and 10 of UDP (14 + 20 + 8 + 64), 16 more for each.
    assert files["client-eth0.pcap"] == 24 + 2 * (16 + 42) + 10 * (16 + 106)
    assert rows(db, "SELECT count(*) FROM artifact WHERE run_id = ? AND sha256 <> ''",
                run.run_id) == [(2,)]
