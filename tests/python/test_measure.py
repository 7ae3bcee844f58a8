"""What counts of a run (warm-up, window, metrics), and populations of hosts."""

from __future__ import annotations

from pathlib import Path

import pytest

import twinpath as tp
from twinpath import discover
from twinpath.fields import metric_names


@pytest.fixture
def db(tmp_path: Path) -> str:
    return str(tmp_path / "results.db")


@tp.scenario
def stream(net: tp.Net, *, warmup: tp.Time = 0, window: tp.Time = 0, metrics: str = "",
           every: tp.Time = 0):
    """A bulk transfer that ends with the run, measured in a window."""
    sender, receiver = net.host("sender"), net.host("receiver")
    net.link(sender, receiver, name="wire", rate="10Mbps", delay="5ms")
    sender.run(tp.Bulk(receiver))
    net.measure(warmup=warmup, window=window or None, every=every or None,
                metrics=metrics.split() or None)
    net.stop(at_most="5s")


@tp.scenario
def crowd(net: tp.Net, *, count: int = 20, size: tp.Bytes = "20kB", address: str = ""):
    """Clients that fetch from one server."""
    clients = net.clients("clients", count=count, **({"address": address} if address else {}))
    server = net.host("server")
    net.link(clients, server, name="wire", rate="10Mbps", delay="2ms")
    net.stop(when=clients.run(tp.HttpGet(server, size=size)).done, at_most="20s")


def test_figures_are_of_the_window_only(sim, db: str) -> None:
    whole, part = stream().simulate(db=db), stream(warmup="3s", window="1s").simulate(db=db)
    assert part.fingerprint == whole.fingerprint, "measuring changes no frame"
    received = float(part["app_bytes"])
    assert float(part["goodput_bps"]) == pytest.approx(received * 8)
    # What the wire carries in a second; bytes in order come in bursts after a loss.
    assert float(part.get("rx_bytes", "receiver")) == pytest.approx(1.25e6, rel=0.02)
    assert float(part["goodput_bps"]) == pytest.approx(9.56e6, rel=0.1)
    assert received < 0.5 * float(whole["app_bytes"])
    assert float(part.get("tx_frames", "sender")) < 0.5 * float(whole.get("tx_frames", "sender"))


def test_series_stay_in_the_window(sim, db: str) -> None:
    run = stream(warmup="1s", window="1s", every="100ms").simulate(db=db)
    times = run.series("delivery_rate_bps")["t_s"]
    assert len(times) == 10 and times.min() > 1.0 and times.max() <= 2.0


def test_the_emulator_measures_the_same_window(sim, emu, db: str) -> None:
    case = stream(warmup="3s", window="1s")
    simulated, emulated = case.simulate(db=db), case.emulate(testbed="net_ring", db=db)
    assert float(emulated["app_bytes"]) == pytest.approx(float(simulated["app_bytes"]), rel=0.1)


def test_only_the_metrics_asked_for(sim, db: str) -> None:
    run = stream(metrics="goodput_bps").simulate(db=db)
    assert set(run.df()["metric"]) == {"goodput_bps", "failures", "verify_errors"}


def test_every_recorded_metric_may_be_asked_for(sim, emu, db: str) -> None:
    for name in discover.names():
        frame = discover.find(name)().simulate(db=db).df()
        assert set(frame["metric"]) <= set(metric_names()), name
    frame = crowd(count=2).emulate(testbed="net_ring", db=db).df()
    assert set(frame["metric"]) <= set(metric_names())
    run = stream(every="100ms").simulate(db=db)
    assert set(run.df("series")["metric"]) <= set(metric_names())


def test_measures_that_mean_nothing_are_refused() -> None:
    with pytest.raises(tp.ConfigError) as caught:
        stream(warmup="5s", metrics="godput_bps").plan("sim")
    text = str(caught.value)
    assert "did you mean 'goodput_bps'" in text and "the run is over before" in text


def test_a_run_that_ends_in_its_warm_up_says_so(sim, db: str) -> None:
    @tp.scenario
    def short(net):
        one, two = net.host("one"), net.host("two")
        net.link(one, two)
        net.measure(warmup="1s")
        net.stop(when=one.run(tp.Bulk(two, size="1kB")).done, at_most="5s")

    run = short().simulate(db=db)
    assert run.failures == ["run: the run ended before its warm-up was over"]


def test_every_member_of_a_population_runs(sim, db: str) -> None:
    run = crowd().simulate(db=db)
    frame = run.df()
    served = frame[(frame["metric"] == "requests") & frame["entity"].str.startswith("clients[")]
    assert run.status == "done" and list(served["value"]) == [1.0] * 20
    assert run.get("app_bytes", "clients[19]/app0") == 20_000
    assert run["app_bytes"] == 400_000
    again = crowd().simulate(db=db)
    assert again.fingerprint == run.fingerprint


def test_the_plan_keeps_the_rule() -> None:
    small, large = crowd(count=2).plan("sim"), crowd(count=2000).plan("sim")
    assert len(large.data["hosts"]) == 2 and len(large.json) < len(small.json) + 20
    assert large.data["hosts"][0]["count"] == 2000
    assert large.data["hosts"][0]["addresses"] == ["198.19.0.1/30"]


def test_a_population_may_be_emulated_on_rings(emu, db: str) -> None:
    run = crowd(count=3, size="5kB").emulate(testbed="net_ring", db=db)
    assert run["app_bytes"] == 15_000 and run.get("requests", "clients[2]/app0") == 1
    with pytest.raises(tp.ConfigError, match="no ports for so many links"):
        crowd(count=17).emulate(testbed="net_ring", db=db)
    with pytest.raises(tp.ConfigError, match="needs the testbed net_ring"):
        crowd(count=2).emulate(testbed="veth", db=db)


def test_populations_that_mean_nothing_are_refused() -> None:
    @tp.scenario
    def odd(net):
        one, two = net.clients("one", count=2), net.clients("two", count=3)
        three = net.host("three")
        net.link(one, two)
        net.link(one, three)
        three.run(tp.Bulk(one))
        net.clients("many", count=5000)
        net.stop(at_most="1s")

    with pytest.raises(tp.ConfigError) as caught:
        odd().plan("sim")
    text = str(caught.value)
    for piece in ("joins two populations", "one is a population", "is not a number of hosts"):
        assert piece in text
