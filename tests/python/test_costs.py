"""Modelled cores in a Plan: what a turn costs delays what it sends, and the core's time is seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import twinpath as tp
from twinpath import recorded


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
