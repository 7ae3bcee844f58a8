"""Hosts with lwIP in a Plan: sim and emu, mixed with our stack, equal seeds equal runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import twinpath as tp
from twinpath import ConfigError, discover, matrix


@tp.scenario
def mixed(net: tp.Net, *, client: str = "lwip", server: str = "twinpath"):
    """A download, requests and datagrams between two stacks."""
    one, two = net.host("one", stack=client), net.host("two", stack=server)
    net.link(one, two, name="wire", rate="50Mbps", delay="2ms", loss="1%")
    two.run(tp.HttpServer())
    two.run(tp.EchoServer())
    get = one.run(tp.HttpGet(two, size="200kB", verify="sha256"))
    ask = one.run(tp.RequestResponse(two, requests=50, size="2kB"))
    net.stop(when=[get.done, ask.done], at_most="120s")


@pytest.mark.parametrize(("client", "server"),
                         [("lwip", "twinpath"), ("twinpath", "lwip"), ("lwip", "lwip"),
                          ("lwip", "ns3")])
def test_stacks_of_several_kinds_in_one_simulation(client: str, server: str,
                                                   tmp_path: Path) -> None:
    if server == "ns3":
        case = discover.find("web_transfer")(client_stack="lwip", server_stack="ns3")
    else:
        case = mixed(client=client, server=server)
    db = str(tmp_path / "r.db")
    first, again = case.simulate(db=db, seed=3), case.simulate(db=db, seed=3)
    assert first.status == "done" and not first.failures
    assert first.fingerprint == again.fingerprint
    assert case.simulate(db=db, seed=4).fingerprint != first.fingerprint


@pytest.mark.parametrize("client", ["lwip", "twinpath"])
def test_lwip_over_devices(client: str, emu: None, tmp_path: Path) -> None:
    server = "twinpath" if client == "lwip" else "lwip"
    run = mixed(client=client, server=server).emulate(testbed="net_ring",
                                                      db=str(tmp_path / "r.db"))
    assert run.status == "done" and not run.failures
    assert run.get("app_bytes", "one/app0") == 200_000


SENDERS = ("ours", "small", "third")


def test_three_kinds_of_stacks_each_talk_to_each_other(tmp_path: Path) -> None:
    db = str(tmp_path / "r.db")
    case = discover.find("mixed_stacks")(loss="1%")
    first, again = case.simulate(db=db, seed=3), case.simulate(db=db, seed=3)
    assert first.status == "done" and not first.failures
    assert first.fingerprint == again.fingerprint
    plan = case.plan("sim").data
    assert [host["stack"] for host in plan["hosts"]] == ["twinpath", "lwip", "ns3"]
    received = [first.get("app_bytes", app["path"]) for app in plan["apps"]
                if app["kind"] == "bulk_sink"]
    assert received == [600_000] * len(SENDERS)
    assert float(first["verify_errors"]) == 0


def test_ours_and_lwip_over_rings_in_the_same_scenario(emu: None, tmp_path: Path) -> None:
    run = discover.find("mixed_stacks")(size="100kB").emulate(testbed="net_ring",
                                                              db=str(tmp_path / "r.db"))
    assert run.status == "done" and not run.failures
    assert float(run["verify_errors"]) == 0


def test_settings_lwip_does_not_have_are_refused() -> None:
    @tp.scenario
    def tuned(net: tp.Net):
        """An lwIP with a setting."""
        one, two = net.host("one", stack="lwip", tcp={"nagle": False}), net.host("two")
        net.link(one, two)
        net.stop(when=one.run(tp.Bulk(two, "1kB")).done, at_most="9s")

    with pytest.raises(ConfigError, match="lwIP's TCP has no settings"):
        tuned().plan("sim")


def test_the_matrix_has_it_under_every_driver() -> None:
    assert all("lwip" in matrix.stacks(driver) for driver in matrix.DRIVERS)
