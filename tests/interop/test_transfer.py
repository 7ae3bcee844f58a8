"""Transfers between our TCP and Linux's, byte for byte, whatever the path does to frames."""

from __future__ import annotations

from pathlib import Path

import pytest
from paths import PROFILES, Profile

import twinpath as tp

AT_MOST = "240s"  # of real time per transfer; the longest takes a tenth of it


@tp.scenario
def transfer(net: tp.Net, *, size: tp.Bytes = "5MB", loss: tp.Ratio = 0, reorder: tp.Ratio = 0,
             duplicate: tp.Ratio = 0, corrupt: tp.Ratio = 0, client_stack: str = "twinpath",
             server_stack: str = "linux") -> None:
    """An HTTP transfer over a link without a rate and without added delay."""
    client = net.host("client", address="198.18.0.1/24", stack=client_stack)
    server = net.host("server", address="198.18.0.2/24", stack=server_stack)
    net.link(client, server, name="wire", loss=loss, reorder=reorder, duplicate=duplicate,
             corrupt=corrupt)
    server.run(tp.HttpServer())
    get = client.run(tp.HttpGet(server, size=size, verify="sha256"))
    net.stop(when=get.done, at_most=AT_MOST)


STACKS = {"linux_to_us": ("twinpath", "linux"), "us_to_linux": ("linux", "twinpath")}


@pytest.mark.parametrize("direction", STACKS)
@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_every_byte_arrives(profile: Profile, direction: str, whole: bool, tmp_path: Path) -> None:
    client, server = STACKS[direction]
    size = profile.whole if whole else profile.quick
    case = transfer(size=size, client_stack=client, server_stack=server, **profile.link)
    run = case.emulate(seed=7, db=str(tmp_path / "run.db"))
    assert run.status == "done"
    assert run.get("verify_errors", "client/app0") == 0
    assert run.get("failures", "client/app0") == 0
    assert run.get("app_bytes", "client/app0") == tp.Bytes(size)
    print(f"{profile.name} {direction}: {run.get('goodput_bps', 'client/app0'):.3g} bit/s")


@tp.scenario
def refused(net: tp.Net) -> None:
    """A Linux client that comes before its server."""
    client = net.host("client", stack={"emu": "linux"})
    server = net.host("server")
    net.link(client, server, name="wire")
    server.run(tp.HttpServer(), start="10s")
    net.stop(when=client.run(tp.HttpGet(server, size="1kB")).done, at_most="20s")


def test_a_linux_peer_that_fails_is_named(tmp_path: Path) -> None:
    run = refused().emulate(db=str(tmp_path / "run.db"))
    assert run.get("failures", "client/app0") == 1
    assert len(run.failures) == 1
    assert run.failures[0].startswith("client/app0: 1 failed: curl: (7)"), run.failures


@tp.scenario
def datagrams(net: tp.Net, *, duplicate: tp.Ratio = 0) -> None:
    """Datagrams to a Linux sink."""
    sender, sink = net.host("sender"), net.host("sink", stack={"emu": "linux"})
    net.link(sender, sink, name="wire", duplicate=duplicate)
    app = sender.run(tp.UdpBulk(sink, "2Mbps", size="500B", duration="1s"), start="100ms")
    net.stop(when=app.done, at_most="20s")


def test_a_linux_sink_tells_duplicates_apart(tmp_path: Path) -> None:
    run = datagrams(duplicate="50%").emulate(db=str(tmp_path / "run.db"))
    received = float(run.get("datagrams", "sink/app0"))
    assert received <= float(run.get("datagrams", "sender/app0"))
    assert float(run.get("duplicates", "sink/app0")) == pytest.approx(received / 2, rel=0.3)
    assert float(run.get("app_bytes", "sink/app0")) == received * 500
    assert float(run["lost_fraction"]) < 0.02
