"""IPv6 between our hosts and Linux: transfers over DPDK, and one host by the C interface on a
packet socket in real time, so that every frame can be looked at: discovery and its probes, pings,
fragments both ways, and a path that a Linux router finds too narrow."""

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from live import FAMILIES, MAC, NAMES, OURS, ROUTER, Live, cable, sockaddr

import twinpath as tp
from twinpath.peers import LINUX_PEER
from twinpath.testbed import Guard, run_command

FAR = {socket.AF_INET: "198.18.1.2", socket.AF_INET6: "2001:db8:1::2"}
NARROW = 1280

# Echo requests of `size` bytes by Linux; prints how many came back whole.
PING = """
import os, socket, struct, sys
address, size, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
v6 = ":" in address
sock = (socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) if v6
        else socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP))
sock.settimeout(5)
good = 0
for number in range(count):
    data = os.urandom(size)
    head = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, 7, number)
    if not v6:
        words = struct.unpack(f"!{(len(head) + size + 1) // 2}H", head + data + b"\\0" * (size % 2))
        total = sum(words)
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        head = struct.pack("!BBHHH", 8, 0, ~total & 0xffff, 7, number)
    sock.sendto(head + data, (address, 0))
    try:
        while True:
            answer = sock.recv(65536)[0 if v6 else 20:]
            if answer[0] == (129 if v6 else 0):
                good += answer[4:] == head[4:] + data
                break
    except OSError:
        pass
print(good)
"""


class Cabled:
    """Three namespaces: ours, a Linux router, and behind a narrow cable a Linux host."""

    def __init__(self, stack: ExitStack) -> None:
        prefix = f"tp-{os.getpid()}-ipv6"
        self.ours, self.router, self.far = (f"{prefix}-{end}" for end in ("us", "router", "far"))
        self.stack = stack
        guard = Guard()
        stack.callback(guard.close)
        for name in (self.ours, self.router, self.far):
            guard.note("netns", name)
            run_command("ip", "netns", "add", name)
            run_command("ip", "-n", name, "link", "set", "lo", "up")
        cable((self.ours, "ours0"), (self.router, "near0"))
        cable((self.router, "far0"), (self.far, "far1"), NARROW)
        self.address(self.router, "near0", "198.18.0.254/24", "2001:db8::fe/64")
        self.address(self.router, "far0", "198.18.1.1/24", "2001:db8:1::1/64")
        self.address(self.far, "far1", "198.18.1.2/24", "2001:db8:1::2/64")
        # Offering the segments of a wide link, so that only the router can say better.
        run_command("ip", "-n", self.far, "route", "add", "default", "via", "198.18.1.1", "advmss",
                    "1460")
        run_command("ip", "-n", self.far, "-6", "route", "add", "default", "via", "2001:db8:1::1",
                    "advmss", "1440")
        for name in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
            run_command("ip", "netns", "exec", self.router, "sysctl", "-qw", f"{name}=1")

    @staticmethod
    def address(netns: str, name: str, v4: str, v6: str) -> None:
        run_command("ip", "-n", netns, "address", "add", v4, "dev", name)
        run_command("ip", "-n", netns, "address", "add", v6, "dev", name, "nodad")
        # Who forwards or probes asks from here; without it Linux does not ask at all.
        last = v6.split("/")[0].rpartition("::")[2]
        run_command("ip", "-n", netns, "address", "add", f"fe80::{last}/64", "dev", name, "nodad")

    def serve(self, netns: str, kind: str) -> subprocess.Popen[str]:
        spec = [{"path": "app", "kind": kind, "address": "::", "port": 5001}]
        server = subprocess.Popen(["ip", "netns", "exec", netns, "/usr/bin/python3", "-I",
                                   LINUX_PEER, json.dumps(spec)], stdout=subprocess.PIPE, text=True)
        self.stack.callback(server.wait)
        self.stack.callback(server.kill)
        assert server.stdout is not None and server.stdout.readline() == "ready\n"
        return server


@pytest.fixture
def cabled() -> Iterator[Cabled]:
    with ExitStack() as stack:
        yield Cabled(stack)


def discovery(frame: bytes, kind: int) -> bool:
    """The frame is a neighbour solicitation (135) or advertisement (136)."""
    return frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] == kind


@pytest.mark.parametrize("family", FAMILIES, ids=NAMES.get)
@pytest.mark.parametrize("size", [56, 5000])
def test_linux_pings_us(cabled: Cabled, family: int, size: int) -> None:
    live = Live(cabled.ours)
    good = live.run(cabled.router, "/usr/bin/python3", "-c", PING, OURS[family], str(size), "3")
    assert good == "3\n"
    fragments = 1 if size < 1400 else 4
    assert sum(len(frame) > 60 and frame[0:6] != b"\xff" * 6 and not discovery(frame, 136)
               for frame in live.sent) >= 3 * fragments


@pytest.mark.parametrize("family", FAMILIES, ids=NAMES.get)
def test_datagrams_come_back_whole_through_fragments(cabled: Cabled, family: int) -> None:
    cabled.serve(cabled.router, "udp_echo_server")
    live = Live(cabled.ours)
    fd = live.host.call("socket", family, socket.SOCK_DGRAM, 0)
    target = sockaddr(family, ROUTER[family], 5001)
    buffer = ctypes.create_string_buffer(65536)
    for size in (100, 1472, 1473, 4000, 20000):
        data = os.urandom(size)
        assert live.host.call("sendto", fd, data, size, 0, target, len(target)) == size
        got: list[int] = []

        def arrived() -> bool:
            length = live.host.call("recvfrom", fd, buffer, 65536, 0, None, None)
            got.append(length)
            return length >= 0

        live.until(arrived)
        assert got[-1] == size and buffer.raw[:size] == data


def test_both_sides_probe_and_answer(cabled: Cabled) -> None:
    for name, value in (("base_reachable_time_ms", 1000), ("delay_first_probe_time", 1)):
        run_command("ip", "netns", "exec", cabled.router, "sysctl", "-qw",
                    f"net.ipv6.neigh.near0.{name}={value}")
    cabled.serve(cabled.router, "udp_echo_server")
    live = Live(cabled.ours, "host.nd_reachable 1s; host.nd_delay 500ms")
    fd = live.host.call("socket", socket.AF_INET6, socket.SOCK_DGRAM, 0)
    target = sockaddr(socket.AF_INET6, ROUTER[socket.AF_INET6], 5001)
    for _ in range(12):
        live.host.call("sendto", fd, b"x" * 16, 16, 0, target, len(target))
        live.pause(0.5)
    ours = [frame for frame in live.sent if discovery(frame, 135) and frame[0] & 1 == 0]
    theirs = [frame for frame in live.received if discovery(frame, 135) and frame[0] & 1 == 0]
    assert ours and theirs, "unicast probes of both"
    answers = [frame for frame in live.received if discovery(frame, 136)]
    assert len(answers) >= len(ours)
    known = run_command("ip", "-n", cabled.router, "-6", "neigh", "show", OURS[socket.AF_INET6])
    assert MAC in known and "FAILED" not in known


@pytest.mark.parametrize("family", FAMILIES, ids=NAMES.get)
def test_a_linux_router_narrows_our_path(cabled: Cabled, family: int) -> None:
    server = cabled.serve(cabled.far, "bulk_sink")
    live = Live(cabled.ours)
    fd = live.host.call("socket", family, socket.SOCK_STREAM, 0)
    target = sockaddr(family, FAR[family], 5001)
    live.host.call("connect", fd, target, len(target))
    data = linux_content(200_000)
    offset = 0

    def all_sent() -> bool:
        nonlocal offset
        taken = live.host.call("sendto", fd, data[offset:], len(data) - offset, 0, None, 0)
        offset += max(taken, 0)
        return offset == len(data)

    live.until(all_sent)
    live.host.call("close", fd)
    live.pause(1.0)
    server.terminate()
    output, _ = server.communicate(timeout=10)
    assert json.loads(output.splitlines()[-1])["app"]["app_bytes"] == len(data)
    longest = max(len(frame) for frame in live.sent[-20:])
    assert longest <= NARROW + 14


def linux_content(size: int) -> bytes:
    from twinpath import linux_peer
    return linux_peer.content(0, size)


@pytest.mark.parametrize("family", FAMILIES, ids=NAMES.get)
def test_a_datagram_too_long_for_the_path_is_told_and_then_cut(cabled: Cabled, family: int) -> None:
    cabled.serve(cabled.far, "udp_echo_server")
    live = Live(cabled.ours)
    fd = live.host.call("socket", family, socket.SOCK_DGRAM, 0)
    target = sockaddr(family, FAR[family], 5001)
    live.host.call("connect", fd, target, len(target))
    data = os.urandom(1400)
    assert live.host.call("sendto", fd, data, 1400, 0, None, 0) == 1400
    said: list[int] = []

    def told() -> bool:
        said.append(live.host.call("recvfrom", fd, buffer, 65536, 0, None, None))
        return said[-1] not in (-11, 1400)

    buffer = ctypes.create_string_buffer(65536)
    live.until(told)
    assert said[-1] == -90, "EMSGSIZE"
    assert live.host.call("sendto", fd, data, 1400, 0, None, 0) == 1400
    live.until(lambda: live.host.call("recvfrom", fd, buffer, 65536, 0, None, None) == 1400)
    assert buffer.raw[:1400] == data


@tp.scenario
def transfer(net: tp.Net, *, size: tp.Bytes = "5MB", loss: tp.Ratio = 0,
             client_stack: str = "twinpath", server_stack: str = "linux") -> None:
    """An HTTP transfer over IPv6."""
    client = net.host("client", address="2001:db8::1/64", stack=client_stack)
    server = net.host("server", address="2001:db8::2/64", stack=server_stack)
    net.link(client, server, name="wire", loss=loss)
    server.run(tp.HttpServer())
    get = client.run(tp.HttpGet(server, size=size, verify="sha256"))
    net.stop(when=get.done, at_most="240s")


@pytest.mark.parametrize("stacks", [("twinpath", "linux"), ("linux", "twinpath")],
                         ids=["linux_to_us", "us_to_linux"])
@pytest.mark.parametrize("loss", [0, "1%"])
def test_every_byte_arrives_over_dpdk(stacks: tuple[str, str], loss: str, tmp_path: Path) -> None:
    case = transfer(size="5MB", loss=loss, client_stack=stacks[0], server_stack=stacks[1])
    run = case.emulate(seed=7, db=str(tmp_path / "run.db"))
    assert run.status == "done"
    assert run.get("verify_errors", "client/app0") == 0
    assert run.get("app_bytes", "client/app0") == 5_000_000
