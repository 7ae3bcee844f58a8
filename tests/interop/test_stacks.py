"""Our TCP against lwIP and against ns-3's TcpSocket, whatever options each has, either end sending,
either end opening, over clean links and bad ones; lwIP also over DPDK's net_ring. What was
negotiated is read from the segments of a capture."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import EVERY, PROFILES, Case, covering
from paths import codepoint, transport_at

import twinpath as tp
from twinpath.errors import TwinpathError
from twinpath.frames import Frame, read_pcapng
from twinpath.provenance import module_path
from twinpath.script.wire import Segment, read_packet

SIZE = tp.Bytes("300kB")
ADDRESSES = {"v4": ("198.18.0.1/24", "198.18.0.2/24"),
             "v6": ("2001:db8::1/64", "2001:db8::2/64")}
# Marks need a queue that marks; that is its own test.
MARKLESS = tuple(case for case in EVERY if case.profile != "marked")
LWIP = MARKLESS
# ns-3's hosts are offered with IPv4, and fetch nothing.
NS3 = tuple(case for case in MARKLESS
            if case.family == "v4" and (case.opener, case.sender) != ("them", "us"))
# By the name of a test's argument: the whole, and what runs without --whole. Rings are real time.
SUITES = {
    "lwip_case": (LWIP, covering(LWIP)),
    "ns3_case": (NS3, covering(NS3)),
    "ring_case": (covering(LWIP), tuple(case for case in covering(LWIP)
                                        if case.profile == "loss_1"))}
PEER_OPTIONS = {"lwip": {"timestamps": False, "sack": False, "ecn": False}, "ns3": {}}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    whole = metafunc.config.getoption("--whole")
    for name, (every, some) in SUITES.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, every if whole else some, ids=lambda case: case.name)


@pytest.fixture(autouse=True)
def machine() -> None:
    """The simulator; rings need no root."""
    for part in ("sim", "emu"):
        try:
            module_path(part)
        except TwinpathError as error:
            pytest.skip(str(error))


def options(case: Case) -> dict[str, object]:
    return {"congestion": case.congestion, "timestamps": case.timestamps, "sack": case.sack,
            "ecn": "request" if case.ecn else "off"}


def network(case: Case, stack: str, link: dict[str, object]) -> tp.Case:
    """One connection between our host `us` and a host `them` on another stack."""

    @tp.scenario
    def pair(net: tp.Net) -> None:
        """Bytes from one end to the other."""
        ours, theirs = ADDRESSES[case.family]
        us = net.host("us", address=ours, tcp=options(case))
        them = net.host("them", address=theirs, stack=stack,
                        tcp=None if stack == "lwip" else options(case))
        net.link(us, them, name="wire", **link, **PROFILES[case.profile].link)
        opener, other = (us, them) if case.opener == "us" else (them, us)
        if case.opener == case.sender:
            app = opener.run(tp.Bulk(other, SIZE))
        else:
            other.run(tp.HttpServer())
            app = opener.run(tp.HttpGet(other, size=SIZE, verify="sha256"))
        net.stop(when=app.done, at_most="300s")

    return pair()


def of_tcp(frames: list[Frame]) -> list[tuple[bytes, Segment]]:
    found = []
    for frame in frames:
        if transport_at(frame.data) is not None:
            _, body = read_packet(frame.data[14:])
            assert isinstance(body, Segment)
            found.append((frame.data, body))
    return found


def check_bytes(run: tp.Run, case: Case) -> None:
    opener, other = ("us", "them") if case.opener == "us" else ("them", "us")
    reader = other if case.opener == case.sender else opener
    assert run.status == "done" and not run.failures, run.failures
    assert run.get("app_bytes", f"{reader}/app0") == SIZE
    assert run.get("verify_errors", f"{reader}/app0") == 0


def check_segments(case: Case, stack: str, frames: dict[str, list[Frame]]) -> None:
    """Each offers what it was told to; both use what both offered."""
    ours, theirs = of_tcp(frames["us/eth0/tx"]), of_tcp(frames["them/eth0/tx"])
    asked = {"timestamps": case.timestamps, "sack": case.sack, "ecn": case.ecn}
    used = {**asked, **PEER_OPTIONS[stack]}
    (_, first), (_, answer) = (ours[0], theirs[0]) if case.opener == "us" else (theirs[0], ours[0])
    offered = asked if case.opener == "us" else used
    for option, kind in (("timestamps", "TS"), ("sack", "sackOK")):
        assert any(one[0] == kind for one in first.options) == offered[option]
        assert any(one[0] == kind for one in answer.options) == used[option]
    assert ("E" in first.flags and "W" in first.flags) == offered["ecn"]
    # RFC 3168 §6.1.1.1: a SYN sent again may ask for less, and is answered so.
    asked_once = all(sum("S" in one.flags for _, one in side) == 1 for side in (ours, theirs))
    answered = "E" in answer.flags
    assert answered == used["ecn"] if asked_once else answered <= used["ecn"]
    data = [(frame, one) for frame, one in ours if one.payload]
    assert all(any(option[0] == "TS" for option in one.options) == used["timestamps"]
               for _, one in data)
    if asked_once:
        assert any(codepoint(frame) == 2 for frame, _ in data) == (used["ecn"] and bool(data))
    if not used["sack"]:
        assert not any(option[0] == "sack" for _, one in [*ours, *theirs] for option in one.options)


def simulate(case: Case, stack: str, folder: Path) -> None:
    capture = folder / "wire.pcapng"
    run = network(case, stack, {"rate": "50Mbps", "delay": "2ms"}).simulate(
        seed=1 + EVERY.index(case), db=str(folder / "run.db"), pcap=str(capture))
    check_bytes(run, case)
    check_segments(case, stack, read_pcapng(str(capture)))


def test_lwip(lwip_case: Case, tmp_path: Path) -> None:
    simulate(lwip_case, "lwip", tmp_path)


def test_ns3(ns3_case: Case, tmp_path: Path) -> None:
    simulate(ns3_case, "ns3", tmp_path)


def test_lwip_over_rings(ring_case: Case, tmp_path: Path) -> None:
    run = network(ring_case, "lwip", {}).emulate(
        seed=7, testbed="net_ring", db=str(tmp_path / "run.db"))
    check_bytes(run, ring_case)
