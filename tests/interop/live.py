"""Our host behind the C interface on one end of a cable, in real time: every frame passes Python,
so a test can look at it and the path can treat it badly."""

from __future__ import annotations

import ctypes
import select
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from paths import Faults, Path

from twinpath.script import abi
from twinpath.testbed import run_command

WAIT_S = 20.0
TURN_S = 0.0005
MAC = "02:00:00:00:00:01"
OURS = {socket.AF_INET: "198.18.0.1", socket.AF_INET6: "2001:db8::1"}
ROUTER = {socket.AF_INET: "198.18.0.254", socket.AF_INET6: "2001:db8::fe"}
FAMILIES = (socket.AF_INET, socket.AF_INET6)
NAMES = {socket.AF_INET: "v4", socket.AF_INET6: "v6"}
WIRE_BYTES = 16 << 20  # the packet socket's memory: the path loses frames, not its ends
Made = TypeVar("Made")


def in_namespace(name: str, make: Callable[[], Made]) -> Made:
    """What `make` gives inside a network namespace; a thread of its own enters it."""
    made: list[Made] = []
    failed: list[BaseException] = []

    def enter() -> None:
        try:
            with open(f"/run/netns/{name}", "rb") as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0x40000000) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            made.append(make())
        except BaseException as error:  # told where it was asked for
            failed.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return made[0]


def sockaddr(family: int, address: str, port: int) -> bytes:
    """A struct sockaddr_in or sockaddr_in6."""
    if family == socket.AF_INET:
        return struct.pack("=H", family) + struct.pack("!H4s8x", port,
                                                       socket.inet_pton(family, address))
    return struct.pack("=H", family) + struct.pack("!HI16sI", port, 0,
                                                   socket.inet_pton(family, address), 0)


def cable(one: tuple[str, str], other: tuple[str, str], mtu: int = 1500) -> None:
    """A veth pair between two (namespace, interface), without what no wire would carry."""
    run_command("ip", "link", "add", one[1], "netns", one[0], "type", "veth", "peer", "name",
                other[1], "netns", other[0])
    for netns, name in (one, other):
        run_command("ip", "-n", netns, "link", "set", name, "mtu", str(mtu), "addrgenmode",
                    "none", "up")
        run_command("ip", "netns", "exec", netns, "ethtool", "-K", name, "tso", "off", "gso",
                    "off", "gro", "off", "tx", "off")


class Live:
    """Our host on one end of a cable, in real time; `faults` is what the path does both ways."""

    def __init__(self, ours: str, options: str = "", faults: Faults = Faults(),
                 seed: int = 1) -> None:
        self.wire = in_namespace(ours, lambda: socket.socket(
            socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)))
        self.wire.setsockopt(socket.SOL_SOCKET, 33, WIRE_BYTES)  # SO_RCVBUFFORCE
        self.wire.bind(("ours0", 0))
        self.wire.setblocking(False)
        self.host = abi.Host(
            f"interface eth0 mac {MAC} address 198.18.0.1/24 address 2001:db8::1/64;"
            f"route default via {ROUTER[socket.AF_INET]};"
            f"route default via {ROUTER[socket.AF_INET6]};{options}")
        self.began = time.monotonic_ns()
        self.sent: list[bytes] = []
        self.received: list[bytes] = []
        self.inward = Path(faults, seed * 2)
        self.outward = Path(faults, seed * 2 + 1)

    def close(self) -> None:
        self.host.close()
        self.wire.close()

    def turn(self) -> None:
        """What is there, both ways."""
        now_ns = time.monotonic_ns()
        self.host.call("advance", now_ns - self.began)
        while True:
            try:
                frame, about = self.wire.recvfrom(65536)
            except BlockingIOError:
                break
            if about[2] == socket.PACKET_OUTGOING:
                continue
            for arriving in self.inward.through(frame, now_ns):
                self._inject(arriving)
        for late in self.inward.overdue(now_ns):
            self._inject(late)
        while (taken := self.host.take()) is not None:
            self.sent.append(taken[1])
            for leaving in self.outward.through(taken[1], now_ns):
                self.wire.send(leaving)
        for late in self.outward.overdue(now_ns):
            self.wire.send(late)

    def _inject(self, frame: bytes) -> None:
        self.received.append(frame)
        self.host.inject(frame)

    def rest(self, also: list[socket.socket]) -> None:
        """Until a frame is there, one of the sockets is readable, or something may be due."""
        due_s = (self.host.call("next_deadline") - (time.monotonic_ns() - self.began)) / 1e9
        select.select([self.wire, *also], [], [], min(max(due_s, 0), TURN_S))

    def until(self, met: Callable[[], bool], wait_s: float = WAIT_S) -> None:
        deadline = time.monotonic() + wait_s
        while not met():
            assert time.monotonic() < deadline, "not within its time"
            self.turn()
            self.rest([])

    def run(self, netns: str, *words: str) -> str:
        """A command of Linux's side, the host answering meanwhile."""
        process = subprocess.Popen(["ip", "netns", "exec", netns, *words], text=True,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.until(lambda: process.poll() is not None)
        output, errors = process.communicate()
        assert process.returncode == 0, errors
        return output

    def pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.until(lambda: time.monotonic() >= end, seconds + WAIT_S)
