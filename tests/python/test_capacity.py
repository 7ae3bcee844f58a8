"""The highest load without loss, against what the link's arithmetic says."""

from __future__ import annotations

import pytest
import twinpath as tp
from udp_load import udp_load

OVERHEAD_BYTES = 8 + 20 + 14  # UDP, IPv4, Ethernet; a link counts the frame without its preamble
LINK_PPS = 10e6 / 8 / (1000 + OVERHEAD_BYTES)


@pytest.mark.parametrize("first", ["100pps", "1kpps", "5kpps"])
def test_the_capacity_of_a_link_is_found(first: str, sim, tmp_path) -> None:
    trials: list = []
    found = udp_load(load=first).capacity("sim", trial="2s", db=str(tmp_path / "c.db"),
                                          on_trial=trials.append)
    assert isinstance(found, tp.PacketRate)
    assert 0.98 * LINK_PPS <= found <= 1.015 * LINK_PPS, trials
    assert {t.passed for t in trials} == {True, False}


def test_loss_may_be_allowed(sim, tmp_path) -> None:
    found = udp_load(load="1kpps").capacity("sim", loss="20%", trial="2s",
                                            db=str(tmp_path / "c.db"))
    assert 1.2 * LINK_PPS <= found <= 1.32 * LINK_PPS


def test_a_lossy_link_has_no_load_without_loss(sim, tmp_path, monkeypatch) -> None:
    """0.4 % of the frames are lost, less than what half a resolution would forgive."""
    monkeypatch.setattr("twinpath.capacity.MAX_DOUBLINGS", 1)
    case = udp_load(load="1kpps").with_settings({"wire.loss": "0.4%"})
    with pytest.raises(tp.NoVerdict, match="lost frames"):
        case.capacity("sim", trial="4s", db=str(tmp_path / "c.db"))
    loose = case.capacity("sim", trial="1s", loss="2%", db=str(tmp_path / "d.db"))
    assert loose > 0.9 * LINK_PPS


def test_every_wrong_argument_is_named_at_once() -> None:
    with pytest.raises(tp.ConfigError) as refused:
        udp_load().capacity("smi", loss="x", trial="5", resolution="200%", parameter="lod")
    fields = {problem.field for problem in refused.value.problems}
    assert fields == {"driver", "loss", "trial", "resolution", "parameter"}


def test_a_load_is_a_rate() -> None:
    with pytest.raises(tp.ConfigError, match="is no load"):
        udp_load().capacity("sim", parameter="delay")


def test_an_unlimited_link_has_no_capacity(sim, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("twinpath.capacity.MAX_DOUBLINGS", 3)
    with pytest.raises(tp.NoVerdict, match="no load up to"):
        udp_load(rate="unlimited").capacity("sim", trial="20ms", db=str(tmp_path / "c.db"))


def test_another_stack_has_no_counted_frames(sim, tmp_path) -> None:
    from udp_echo import udp_echo

    case = udp_echo(server_stack="ns3")
    with pytest.raises(tp.ConfigError, match="counts no frames"):
        case.capacity("sim", parameter="rate", db=str(tmp_path / "c.db"))


def test_a_trial_in_real_time_has_the_limit_of_its_plan(emu, tmp_path, monkeypatch) -> None:
    """Which counts the warm-up too."""
    limits: list = []

    def far_enough(_, **options) -> None:
        limits.append(options["timeout"])
        raise tp.RunFailed("far enough")

    monkeypatch.setattr("twinpath.execute.execute_plan", far_enough)
    with pytest.raises(tp.RunFailed):
        udp_load().capacity("emu", testbed="net_ring", trial="1s", db=str(tmp_path / "c.db"))
    assert limits == [None]


@tp.scenario
def many(net: tp.Net, *, load: tp.PacketRate = "1kpps"):
    """A population that sends."""
    clients = net.clients("clients", count=3)
    server = net.host("server")
    net.link(clients, server)
    server.run(tp.UdpSink())
    clients.run(tp.UdpBulk(server, rate=tp.Rate("8kbps") * float(load)))
    net.stop(at_most="1s")


def test_what_does_not_fit_the_test_bed_is_refused_first(emu, tmp_path) -> None:
    with pytest.raises(tp.ConfigError, match="a population needs the testbed net_ring"):
        many().capacity("emu", trial="1s", db=str(tmp_path / "c.db"))
