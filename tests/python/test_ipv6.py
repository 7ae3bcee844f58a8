"""Hosts with IPv6 addresses in a Plan: simulated like any other, mistakes told."""

from __future__ import annotations

from pathlib import Path

import pytest
import twinpath as tp
from twinpath.errors import ConfigError


@tp.scenario
def fetch(net: tp.Net, *, address: str = "2001:db8::1/64", other: str = "2001:db8::2/64",
          stack: str = "twinpath") -> None:
    client = net.host("client", address=address)
    server = net.host("server", address=other, stack=stack)
    net.link(client, server, name="wire", rate="100Mbps", delay="5ms")
    server.run(tp.HttpServer())
    get = client.run(tp.HttpGet(server, size="1MB", verify="sha256"))
    net.stop(when=get.done, at_most="60s")


@tp.scenario
def many(net: tp.Net) -> None:
    server = net.host("server", address="2001:db8::1/64")
    clients = net.clients("clients", count=3, address="2001:db8::2/64")
    net.link(clients, server, name="wire", rate="100Mbps", delay="1ms")
    server.run(tp.HttpServer())
    get = clients.run(tp.HttpGet(server, size="10kB"))
    net.stop(when=get.done, at_most="60s")


def test_a_transfer_over_ipv6_is_whole_and_repeats(tmp_path: Path) -> None:
    runs = [fetch().simulate(seed=3, db=str(tmp_path / f"{turn}.db")) for turn in range(2)]
    for run in runs:
        assert run.get("verify_errors", "client/app0") == 0
        assert run.get("app_bytes", "client/app0") == 1_000_000
    assert runs[0].fingerprint == runs[1].fingerprint


def test_a_population_counts_its_networks_up(tmp_path: Path) -> None:
    run = many().simulate(db=str(tmp_path / "run.db"))
    for member in range(3):
        assert run.get("requests", f"clients[{member}]/app0") == 1


@pytest.mark.parametrize("changes, words", [
    ({"address": "2001:db8::1"}, "has no prefix length; write '2001:db8::1/64'"),
    ({"address": "2001:db8::g/64"}, "is not an address"),
    ({"other": "198.18.0.2/24"}, "not two addresses of one network"),
    ({"stack": "ns3"}, "ns-3's own stack is offered with IPv4 only"),
])
def test_mistakes_are_told(changes: dict[str, str], words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as error:
        fetch(**changes).simulate(db=str(tmp_path / "run.db"))
    assert words in str(error.value)
