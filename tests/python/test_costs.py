"""Modelled cores in a Plan: what a turn costs delays what it sends, and the core's time is seen."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import pytest
import twinpath as tp
from twinpath import provenance, recorded
from twinpath.plan import canonical, sha256
from twinpath_analysis.database import connect
from twinpath_analysis.merge import merge
from twinpath_analysis.report import write_report


@tp.scenario
def pings(net: tp.Net, *, cores: int = 1, stack: str = "twinpath"):
    """Ten datagrams there and back, 10 ms apart, over 1 ms each way."""
    client, server = net.host("client"), net.host("server", cores=cores, stack=stack)
    net.link(client, server, name="wire", delay="1ms")
    echo = client.run(tp.UdpEcho(server, count=10, interval="10ms"))
    net.stop(when=echo.done, at_most="1s")


@tp.scenario
def transfer(net: tp.Net, *, cores: int = 1):
    """A megabyte over a link that loses."""
    client, server = net.host("client", cores=cores), net.host("server", cores=cores)
    net.link(client, server, name="wire", rate="1Gbps", delay="100us", loss="1%")
    get = client.run(tp.HttpGet(server, size="1MB"))
    net.stop(when=get.done, at_most="60s")


def profile(folder: Path, **values: object) -> str:
    path = folder / "profile.json"
    path.write_text(json.dumps({"kind": "constant", "per_turn_ns": 0, "per_frame_ns": 0, **values}))
    return str(path)


def problem_of(build) -> str:
    with pytest.raises(tp.ConfigError) as caught:
        build()
    return str(caught.value.problems[0])


@pytest.mark.parametrize("values, price_s", [
    ({"per_turn_ns": 100_000}, 100e-6), ({"per_frame_ns": 30_000}, 60e-6),
    ({"per_turn_ns": 5000, "per_frame_ns": 1000}, 7e-6)])
def test_a_turn_delays_what_it_sends_by_its_price(sim, tmp_path: Path, values, price_s) -> None:
    run = pings().simulate(db=str(tmp_path / "r.db"), costs=profile(tmp_path, **values),
                           pcap=str(tmp_path / "out"))
    # A turn of the server takes one frame and sends one.
    got = recorded.read_capture(str(tmp_path / "out" / "server-eth0.pcap"))
    pairs = list(zip(got.times[::2], got.times[1::2]))
    assert len(pairs) >= 10
    assert all((leaves - comes) / 1e9 == pytest.approx(price_s) for comes, leaves in pairs)
    assert run.get("latency_p50_s", "client/app0") == pytest.approx(2e-3 + price_s, rel=0.01)


def test_busy_time_is_turns_times_price_of_the_run(sim, tmp_path: Path) -> None:
    run = pings().simulate(db=str(tmp_path / "r.db"), costs="constant:100us")
    rows = run.df().query("metric == 'core_busy_fraction'")
    assert list(rows.entity) == ["server/core0"]
    turns, seconds = int(rows.n.iloc[0]), run.row.model_s
    assert 11 <= turns <= 30, "ten datagrams, the ARP request, the start"
    assert rows.value.iloc[0] == pytest.approx(turns * 100e-6 / seconds, rel=1e-6)


def test_free_cores_change_nothing(sim, tmp_path: Path) -> None:
    db = str(tmp_path / "r.db")
    without, free = (transfer(cores=n).simulate(3, db=db) for n in (0, 4))
    assert without.fingerprint == free.fingerprint
    assert "core_busy_fraction" not in set(free.df().metric)


def test_a_slow_core_slows_a_transfer_and_loses_nothing(sim, tmp_path: Path) -> None:
    db = str(tmp_path / "r.db")
    free, slow, again = (transfer().simulate(3, db=db, costs=costs)
                         for costs in ("zero", "constant:50us", "constant:50us"))
    assert slow["verify_errors"] == 0 and slow["failures"] == 0
    assert slow["fct_s"] > free["fct_s"]
    assert slow.fingerprint == again.fingerprint != free.fingerprint
    assert slow.row.run_key == again.row.run_key != free.row.run_key
    for core in ("client/core0", "server/core0"):
        assert 0 < slow.get("core_busy_fraction", core) <= 1


def test_a_study_has_its_costs(sim, tmp_path: Path) -> None:
    study = tp.study(str(tmp_path / "s.db"), pings, costs="constant:1us", progress=False)
    assert study.df().core_busy_fraction.iloc[0] > 0


def profiles(db: str) -> list[tuple]:
    """Per run the name, kind and prices of its profile."""
    with contextlib.closing(sqlite3.connect(db)) as connection:
        return connection.execute(
            "SELECT name, kind, body_json ->> '$.per_turn_ns' FROM run "
            "LEFT JOIN profile USING (profile_id) ORDER BY run_id").fetchall()


def count(db: str, table: str) -> int:
    with contextlib.closing(sqlite3.connect(db)) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def test_a_run_with_costs_names_its_profile(sim, tmp_path: Path) -> None:
    db, file = str(tmp_path / "r.db"), profile(tmp_path, per_turn_ns=2000)
    runs = [pings().simulate(db=db, costs=costs)
            for costs in ("zero", "constant:2us", file, "constant:3us")]
    priced = ("constant:2us", "constant", 2000)
    assert profiles(db) == [(None, None, None), priced, priced, ("constant:3us", "constant", 3000)]
    assert count(db, "profile") == 2, "equal prices are one profile"
    assert [run.row.profile for run in runs][:2] == [None, "constant:2us"]
    assert runs[1].row.attempt == 1 and runs[2].row.attempt == 2
    assert "constant:2us (sha256 " in Path(write_report(db, None, str(tmp_path / "r.html"))
                                           ).read_text()
    pings().simulate(db=db, costs=profile(tmp_path, per_turn_ns=1000, per_frame_ns=20))
    assert profiles(db)[-1][0] == "constant:1us+20ns/frame"


def test_the_key_of_a_run_has_its_profile_and_without_one_it_is_as_ever(sim, tmp_path) -> None:
    db, build = str(tmp_path / "r.db"), provenance.build_row("sim")["sha256"]
    for costs in ("zero", "constant:2us"):
        run = pings().simulate(7, db=db, costs=costs)
        parts = [run.row.plan_sha256, "sim", 7, run.row.profile_sha256, None, build]
        assert run.row.run_key == sha256(canonical(parts))
        assert (run.row.profile_sha256 is None) == (costs == "zero")


def test_profiles_keep_their_runs_when_files_are_merged(sim, tmp_path: Path) -> None:
    one, two = (str(tmp_path / name) for name in ("one.db", "two.db"))
    for db, costs in ((one, "constant:1us"), (two, "constant:2us"), (two, "constant:1us")):
        pings().simulate(db=db, costs=costs)
    with contextlib.closing(connect(two)) as other:
        other.execute("UPDATE machine SET sha256 = 'elsewhere'")
        other.execute("UPDATE profile SET machine_id = 1 WHERE name = 'constant:2us'")
    merge(two, one)
    assert [row[0] for row in profiles(one)] == ["constant:1us", "constant:2us", "constant:1us"]
    with contextlib.closing(sqlite3.connect(one)) as merged:
        assert merged.execute("SELECT machine.sha256 FROM profile JOIN machine USING (machine_id)"
                              ).fetchall() == [("elsewhere",)]


def test_a_database_without_profiles_is_read_and_brought_up_to_date(sim, tmp_path: Path) -> None:
    old, db = str(tmp_path / "old.db"), str(tmp_path / "new.db")
    pings().simulate(db=old)
    with contextlib.closing(sqlite3.connect(old)) as connection:
        connection.executescript("PRAGMA foreign_keys = OFF; DROP VIEW result; "
                                 "ALTER TABLE run DROP COLUMN profile_id; DROP TABLE profile; "
                                 "PRAGMA user_version = 3;")
    assert tp.open(old).runs[0].row.profile is None
    merge(old, db)
    pings().simulate(db=old, costs="constant:2us")
    assert profiles(old) == [(None, None, None), ("constant:2us", "constant", 2000)]
    assert profiles(db) == [(None, None, None)]
    assert [run.row.profile for run in tp.open(old).runs] == [None, "constant:2us"]


@pytest.mark.parametrize("costs, said", [
    ("measured", "no profile and no file"), ("constant:fast", "fast"), ("constant:2", "no unit"),
    ("constant:5s", "no whole number")])
def test_what_is_no_profile_is_refused(costs: str, said: str) -> None:
    assert said in problem_of(lambda: pings().simulate(costs=costs))


@pytest.mark.parametrize("values, said", [
    ({"kind": "contract"}, "not available yet"), ({"per_turn_ns": 1.5}, "no whole number"),
    ({"per_turn_ns": -1}, "no whole number"), ({"per_byte_ns": 1}, "other keys")])
def test_a_file_that_is_no_profile_is_refused(tmp_path: Path, values, said: str) -> None:
    path = profile(tmp_path, **values)
    assert said in problem_of(lambda: pings().simulate(costs=path))


def test_cores_that_are_not_modelled_are_refused(sim, tmp_path: Path) -> None:
    db = str(tmp_path / "r.db")
    assert "more are not available yet" in problem_of(
        lambda: pings(cores=2).simulate(db=db, costs="constant:1us"))
    assert "has no modelled cores" in problem_of(
        lambda: pings(stack="ns3").simulate(db=db, costs="constant:1us"))
    assert "is not a number of cores" in problem_of(lambda: pings(cores=-1).plan("sim"))
