"""HttpProxy in a Plan: client, proxy and server in a row, under both drivers."""

from __future__ import annotations

from pathlib import Path

import pytest
import twinpath as tp


@tp.scenario
def chain(net: tp.Net, *, size: tp.Bytes = "500kB", loss: tp.Ratio = 0,
          server_stack: str = "twinpath", listens: bool = True):
    """A client fetches through a proxy with a link to either side."""
    client, proxy = net.host("client"), net.host("proxy")
    server = net.host("server", stack=server_stack)
    net.link(client, proxy, name="near", rate="50Mbps", delay="2ms", loss=loss)
    net.link(proxy, server, name="far", rate="100Mbps", delay="5ms", loss=loss)
    if not listens:
        server.run(tp.HttpServer(), start="100s")
    get = client.run(tp.HttpGet(server, size=size, via=proxy))
    net.stop(when=get.done, at_most="30s")


@tp.scenario
def crowd(net: tp.Net, *, count: int = 20):
    """A population behind one proxy."""
    clients, proxy = net.clients("clients", count=count), net.host("proxy")
    server = net.host("server")
    net.link(clients, proxy, name="near", rate="10Mbps", delay="2ms")
    net.link(proxy, server, name="far", rate="100Mbps", delay="5ms")
    get = clients.run(tp.HttpGet(server, size="20kB", via=proxy))
    net.stop(when=get.done, at_most="30s")


def problems_of(build) -> str:
    with pytest.raises(tp.ConfigError) as caught:
        build()
    return " ".join(str(problem) for problem in caught.value.problems)


def test_proxy_and_server_are_filled_in() -> None:
    data = chain().plan("sim").data
    kinds = {app["path"]: app["kind"] for app in data["apps"]}
    assert kinds == {"client/app0": "http_get", "proxy/app0": "http_proxy",
                     "server/app0": "http_server"}
    assert data["apps"][0]["via"] == "proxy" and data["apps"][0]["to"] == "server"


@pytest.mark.parametrize("stack", ["twinpath", "ns3"])
@pytest.mark.parametrize("loss", ["0%", "2%"])
def test_content_is_right_through_the_proxy(sim, tmp_path: Path, loss: str, stack: str) -> None:
    case = chain(loss=loss, server_stack=stack)
    run, again = (case.simulate(5, db=str(tmp_path / "r.db")) for _ in range(2))
    assert run.get("app_bytes", "client/app0") == 500_000
    assert run.get("requests", "proxy/app0") == 1
    assert run.get("app_sent_bytes", "proxy/app0") == 500_000
    assert run["failures"] == 0 and run["verify_errors"] == 0
    assert run.fingerprint == again.fingerprint


def test_a_server_that_does_not_listen_is_a_bad_gateway(sim, tmp_path: Path) -> None:
    run = chain(listens=False).simulate(db=str(tmp_path / "r.db"))
    assert run.get("failures", "client/app0") == 1 and run.get("failures", "proxy/app0") == 1
    told = run.df("event")
    words = " ".join(told[told.kind == "app.problem"].data_json)
    assert "502 Bad Gateway" in words and "ECONNREFUSED" in words


def test_a_population_behind_one_proxy(sim, tmp_path: Path) -> None:
    run = crowd().simulate(db=str(tmp_path / "r.db"))
    assert run.get("requests", "proxy/app0") == 20 and run["failures"] == 0


def test_an_emulation_over_rings(emu, tmp_path: Path) -> None:
    run = chain(loss="1%").emulate(3, testbed="net_ring", db=str(tmp_path / "r.db"))
    assert run.get("app_bytes", "client/app0") == 500_000
    assert run["failures"] == 0 and run["verify_errors"] == 0


def test_a_way_that_is_none_is_refused() -> None:
    @tp.scenario
    def broken(net: tp.Net, *, linked: bool = False):
        client, proxy, server = (net.host(name) for name in ("client", "proxy", "server"))
        net.link(client, proxy)
        if linked:
            net.link(client, server)
        client.run(tp.HttpGet(server, via=proxy, via_port=70000))
        net.stop(at_most="1s")

    @tp.scenario
    def linux(net: tp.Net):
        client, proxy = net.host("client", stack="linux"), net.host("proxy")
        net.link(client, proxy)
        client.run(tp.HttpGet(proxy, via="proxy"))
        net.stop(at_most="1s")

    assert "http_get.via_port" in problems_of(lambda: broken().plan("sim"))
    said = problems_of(lambda: linux().plan("emu"))
    assert "asks no proxy" in said and "is not one host" in said


def test_links_to_both_sides_are_needed() -> None:
    @tp.scenario
    def half(net: tp.Net):
        client, proxy, server = (net.host(name) for name in ("client", "proxy", "server"))
        net.link(client, proxy)
        net.link(client, server)
        client.run(tp.HttpGet(server, via=proxy))
        net.stop(at_most="1s")

    assert "no link joins proxy and server" in problems_of(lambda: half().plan("sim"))
