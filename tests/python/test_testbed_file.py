"""testbed.toml: everything wrong at once, and whether a Plan can run on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import twinpath as tp
from twinpath import lab_bed, testbed_file
from twinpath.errors import ConfigError
from twinpath.testbed_check import judge
from twinpath.testbed_file import load, parse

LAB = """
name = "rack3"
[machine]
cores = 1
numa = 0
[port.p0]
device = "0000:03:00.0"
mac = "3c:fd:fe:00:00:01"
speed = "10Gbps"
cabled_to = "p1"
[port.p1]
device = "0000:03:00.1"
cabled_to = "p0"
[port.p2]
device = "0000:04:00.0"
cabled_to = "web"
[external.web]
kind = "server"
address = "198.18.0.2"
mac = "02:00:00:00:00:09"
[bindings]
client = "p0"
server = "p1"
[limits]
rate = "1Gbps"
"""
BAD = """
nam = "x"
[machine]
cores = 0
[port.p0]
devise = "eth0"
device = "eth0"
mac = "zz"
speed = 10
driver = "vfio"
cabled_to = "p3"
[port.p1]
device = "0000:03:00.0"
[port.p2]
device = "0000:03:00.0"
[external.web]
kind = "linx"
address = "1.2.3"
[bindings]
client = "p7"
[limits]
addresses = ["10.0.0.1/8"]
rate = "1GB"
"""


@tp.scenario
def pair(net: tp.Net, *, address: str = "198.18.0.1/24", other: str = "198.18.0.2/24",
         rate: tp.Rate = "100Mbps", peer: str = "twinpath", turned: bool = False) -> None:
    client = net.host("client", address=address)
    server = net.host("server", address=other, stack=peer)
    net.link(client, server, name="wire", rate=rate)
    one, two = (server, client) if turned else (client, server)
    two.run(tp.HttpServer())
    get = one.run(tp.HttpGet(two, size="1kB"))
    net.stop(when=get.done, at_most="5s")


def problems(text: str, **params: Any) -> list[str]:
    return [str(p) for p in lab_bed.problems(pair(**params).plan("emu").data,
                                             parse(text, "rack3.toml"))]


def test_every_problem_is_said_at_once_with_what_is_allowed() -> None:
    with pytest.raises(ConfigError) as raised:
        parse(BAD, "bad.toml")
    fields = [problem.field for problem in raised.value.problems]
    assert fields == ["nam", "name", "port.p0.devise", "port.p0.device", "port.p0.mac",
                      "port.p0.speed", "port.p0.driver", "external.web.kind",
                      "external.web.address", "external.web.netns", "machine.cores",
                      "limits.addresses", "limits.rate", "port.p0.cabled_to", "bindings.client",
                      "port.p2.device"]
    texts = {problem.field: str(problem) for problem in raised.value.problems}
    assert "did you mean 'name'?" in texts["nam"]
    assert "did you mean 'device'" in texts["port.p0.devise"]
    assert "did you mean 'vfio-pci'?" in texts["port.p0.driver"]
    assert "(linux server switch dut); did you mean 'linux'?" in texts["external.web.kind"]
    assert "write '10Mbps'" in texts["port.p0.speed"]
    assert "port p1 has it already" in texts["port.p2.device"]
    assert "PCI address 0000:03:00.0, or a vdev" in texts["port.p0.device"]


@pytest.mark.parametrize("text, words", [
    ("name = ", "not TOML"), ("name = 'x'\nport = 3", r"\[port\]"),
    ("name = 'x'\n[port]\np0 = 'eth1'", r"\[port.p0\]"),
    ("name = 'x'\n[port.'*']\ndevice = 'vet'", "did you mean 'veth'"),
    ("name = 'x'\n[port.p0]\ndevice = 'net_null0'\nqueues = 0", r"1\.\.64"),
    ("name = 'x'\n[port.p0]\ndevice = 'net_null0'\n[bindings]\na = 3", "names no port"),
    ("name = 'x'\n[port.p0]\ndevice = 'net_null0'\n[limits]\naddresses = '::/0'", "a list"),
    ("name = 'x'\n[port.p0]\ndevice = 'net_null0'\nspeed = 'unlimited'", "out of range"),
    ("name = 'x'\n[port.p0]\ndevice = 'net_null0'\n[limits]\nrate = '0bps'", "1bps"),
    ("name = 'x'\n[port.p0]\ndevice = 'net_null0'\n[limits]\naddresses = [5]", "'5'|addresses"),
    ("name = 'x'", "no port"), ("name = 'x'\n[machine]\ncore = 1", "did you mean 'cores'")])
def test_bad_files_in_words(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse(text, "bad.toml")


def test_a_cable_has_two_ends() -> None:
    with pytest.raises(ConfigError, match="a cable has two ends"):
        parse(LAB.replace('cabled_to = "p0"', 'cabled_to = "p2"'), "rack3.toml")


def test_the_shipped_test_beds_have_the_same_form() -> None:
    for name in testbed_file.BUILT_IN:
        bed = load(name)
        assert bed.name == bed.kind == name and bed.ports["*"].device == name
    assert parse(LAB, "rack3.toml").kind == "lab"
    assert load("veth").sha256 != load("net_ring").sha256


def test_a_name_that_is_no_test_bed(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'veth'"):
        load("vet")
    with pytest.raises(ConfigError, match="cannot read"):
        load(str(tmp_path / "none.toml"))


def test_a_plan_that_fits_has_no_problem() -> None:
    assert problems(LAB) == []
    assert problems(LAB.replace('server = "p1"', 'server = "web"')
                    .replace('client = "p0"', 'client = "p2"'), peer="linux") == []


def test_addresses_outside_the_benchmark_networks_are_refused_unless_listed() -> None:
    outside = {"address": "10.1.0.1/24", "other": "10.1.0.2/24"}
    first, second = problems(LAB, **outside)
    assert "10.1.0.1 may not be used on the test-bed rack3 (198.18.0.0/15 2001:2::/48)" in first
    assert "or list its network in limits.addresses of rack3.toml" in second
    assert problems(LAB + 'addresses = ["10.1.0.0/16"]\n', **outside) == []


@pytest.mark.parametrize("rate", ["2Gbps", "unlimited"])
def test_a_link_above_the_limit_is_refused(rate: str) -> None:
    (found,) = problems(LAB, rate=rate)
    assert "is above the limit of the test-bed rack3 (at most 1000Mbps)" in found


def test_what_nothing_stands_for_is_named() -> None:
    (found,) = problems(LAB.replace('server = "p1"', ""))
    assert "nothing stands for server/eth0 (p0 p1 p2)" in found
    found = problems(LAB.replace('server = "p1"', 'server = "p0"'))
    assert any("port p0 stands for two ends" in text for text in found)


def test_a_link_across_another_cable_is_refused() -> None:
    found = problems(LAB.replace('server = "p1"', 'server = "p2"'))
    assert any("p0 is cabled to p1, not to p2" in text for text in found)


def test_an_external_device_keeps_its_address_and_starts_nothing_for_us() -> None:
    text = LAB.replace('server = "p1"', 'server = "web"').replace('client = "p0"', 'client = "p2"')
    (found,) = problems(text, peer="linux", other="198.18.0.3/24")
    assert "the external device web has the address 198.18.0.2" in found
    (found,) = problems(text, peer="linux", turned=True)
    assert "web is a server that runs already" in found
    (found,) = problems(LAB, peer="linux")
    assert "server is a Linux host and needs an external device (web)" in found


def facts(**changes: Any) -> dict[str, Any]:
    ports = [{"name": name, "driver": "net_ixgbe", "mac": mac, "up": True, "speed_bps": 10**10,
              "numa": 0, "queues_max": 64, "mtu": 1500, "strangers": 0, "rx_missed": 0,
              "rx_errors": 0}
             for name, mac in (("p0", "3c:fd:fe:00:00:01"), ("p1", "3c:fd:fe:00:00:02"),
                               ("p2", "3c:fd:fe:00:00:03"))]
    ports[0].update(changes.pop("p0", {}))
    cables = [{"from": a, "to": b, "small": 20, "full": 20, "sent": 20}
              for a, b in (("p0", "p1"), ("p1", "p0"))]
    return {"ports": ports, "cables": cables, "paths": [],
            "answers": [{"port": "p2", "address": "198.18.0.2", "mac": "02:00:00:00:00:09"}],
            "tsc": {"invariant": True, "drift_ns": 10, "steps_back": 0, "over_ns": 10**9},
            **changes}


def wrong(**changes: Any) -> set[tuple[str, str]]:
    rows = judge(parse(LAB, "rack3.toml"), facts(**changes))
    return {(row.item, row.port) for row in rows if row.ok is False}


@pytest.mark.parametrize("changes, found", [
    ({}, set()),
    ({"p0": {"up": False}}, {("link", "p0")}),
    ({"p0": {"mac": "3c:fd:fe:00:00:0f"}}, {("mac", "p0")}),
    ({"p0": {"speed_bps": 10**9}}, {("speed", "p0")}),
    ({"p0": {"numa": 1}}, {("numa", "p0")}),
    ({"p0": {"queues_max": 0}}, {("queues", "p0")}),
    ({"cables": []}, {("cabling", "p0"), ("cabling", "p1")}),
    ({"cables": [{"from": a, "to": b, "small": 20, "full": full, "sent": 20}
                 for a, b, full in (("p0", "p1", 0), ("p1", "p0", 20))]}, {("mtu_frames", "p0")}),
    ({"answers": [{"port": "p2", "address": "198.18.0.2", "mac": None}]}, {("answers", "p2")}),
    ({"answers": [{"port": "p2", "address": "198.18.0.2", "mac": "02:00:00:00:00:0a"}]},
     {("answers", "p2")}),
    ({"tsc": {"invariant": False, "drift_ns": 0, "steps_back": 0, "over_ns": 1}},
     {("tsc_invariant", "")}),
    ({"tsc": {"invariant": True, "drift_ns": 10**6, "steps_back": 0, "over_ns": 10**9}},
     {("tsc_drift", "")})])
def test_a_check_finds_what_is_not_as_described(changes: dict, found: set) -> None:
    assert wrong(**changes) == found
