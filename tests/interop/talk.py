"""One connection between our host and Linux, both ends in this process: bytes from one end to the
other, both directions closed, and what both ends say about it."""

from __future__ import annotations

import ctypes
import hashlib
import os
import socket
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from cases import PROFILES, Case
from live import OURS, ROUTER, Live, cable, in_namespace, sockaddr
from paths import transport_at

from twinpath import linux_peer
from twinpath.script.linux import read_tcp_info
from twinpath.testbed import Guard, run_command

FAMILY = {"v4": socket.AF_INET, "v6": socket.AF_INET6}
TCP = socket.IPPROTO_TCP
OUR_PORT = 5001
PIECE = 1 << 16
AT_MOST_S = 60.0
INFO_BYTES = 256  # more than any version has
AGAIN = -11


def switch(netns: str, **values: int) -> None:
    """Settings of a namespace: net.ipv4.NAME = value."""
    def write() -> None:
        for name, value in values.items():
            with open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as file:
                file.write(str(value))

    in_namespace(netns, write)


class Bed:
    """Two namespaces and a cable: our end, and Linux's with its settings."""

    def __init__(self, stack: ExitStack) -> None:
        prefix = f"tp-{os.getpid()}-matrix"
        self.ours, self.theirs = f"{prefix}-us", f"{prefix}-linux"
        guard = Guard()
        stack.callback(guard.close)
        for name in (self.ours, self.theirs):
            guard.note("netns", name)
            run_command("ip", "netns", "add", name)
        cable((self.ours, "ours0"), (self.theirs, "eth0"))
        for address in (f"{ROUTER[socket.AF_INET]}/24", f"{ROUTER[socket.AF_INET6]}/64",
                        "fe80::fe/64"):
            words = ["nodad"] if ":" in address else []
            run_command("ip", "-n", self.theirs, "address", "add", address, "dev", "eth0", *words)
        switch(self.theirs, tcp_no_metrics_save=1)

    def ask_linux(self, *, timestamps: bool, sack: bool, ecn: bool) -> None:
        """Of every connection from now on, whoever opens it."""
        switch(self.theirs, tcp_timestamps=int(timestamps), tcp_sack=int(sack),
               tcp_ecn=int(ecn))


def our_options(case: Case) -> str:
    """The same of our host."""
    on = {True: "1", False: "0"}
    return (f"tcp.congestion {case.congestion}; tcp.timestamps {on[case.timestamps]};"
            f"tcp.sack {on[case.sack]}; tcp.ecn {'request' if case.ecn else 'off'}")


@dataclass
class Said:
    """What one end tells about the connection once all bytes went over."""

    congestion: str
    info: dict[str, int]
    digest: str = ""


@dataclass
class Talk:
    """The connection as it was."""

    us: Said
    them: Said
    sent: list[bytes] = field(default_factory=list)  # frames of ours, before the path
    received: list[bytes] = field(default_factory=list)  # of Linux, behind it
    hits: tuple[int, int] = (0, 0)  # of the path: our frames, theirs
    seconds: float = 0


class Ours:
    """Our end, as a socket."""

    def __init__(self, live: Live, fd: int) -> None:
        self._host, self._fd = live.host, fd
        self._buffer = ctypes.create_string_buffer(PIECE)

    def send(self, data: bytes) -> int:
        """Bytes taken; 0: would wait."""
        return self._checked(self._host.call("sendto", self._fd, data, len(data),
                                             socket.MSG_NOSIGNAL, None, 0)) or 0

    def receive(self) -> bytes | None:
        """None: would wait. Nothing: the end."""
        got = self._checked(self._host.call("recvfrom", self._fd, self._buffer, PIECE, 0, None,
                                            None))
        return None if got is None else self._buffer.raw[:got]

    @staticmethod
    def _checked(result: int) -> int | None:
        if result < 0 and result != AGAIN:
            raise OSError(-result, os.strerror(-result), "our end")
        return None if result == AGAIN else result

    def shut(self) -> None:
        self._checked(self._host.call("shutdown", self._fd, socket.SHUT_WR))

    def _option(self, name: int, size: int) -> bytes:
        value, length = ctypes.create_string_buffer(size), ctypes.c_uint32(size)
        self._checked(self._host.call("getsockopt", self._fd, TCP, name, value,
                                      ctypes.byref(length)))
        return value.raw[:length.value]

    def said(self) -> Said:
        name = self._option(socket.TCP_CONGESTION, 16).split(b"\0")[0].decode()
        return Said(name, read_tcp_info(self._option(socket.TCP_INFO, INFO_BYTES)))


class Theirs:
    """Linux's end, with the same calls."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock

    def send(self, data: bytes) -> int:
        try:
            return self.socket.send(data)
        except BlockingIOError:
            return 0

    def receive(self) -> bytes | None:
        try:
            return self.socket.recv(PIECE)
        except BlockingIOError:
            return None

    def shut(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def said(self) -> Said:
        name = self.socket.getsockopt(TCP, socket.TCP_CONGESTION, 16).split(b"\0")[0].decode()
        return Said(name, read_tcp_info(self.socket.getsockopt(TCP, socket.TCP_INFO, INFO_BYTES)))


def linux_socket(bed: Bed, case: Case) -> socket.socket:
    """Not blocking, with the algorithm asked for."""
    made = in_namespace(bed.theirs, lambda: socket.socket(FAMILY[case.family]))
    made.setsockopt(TCP, socket.TCP_CONGESTION, case.congestion.encode())
    made.setblocking(False)
    return made


def we_open(live: Live, bed: Bed, case: Case) -> tuple[Ours, Theirs]:
    family = FAMILY[case.family]
    with linux_socket(bed, case) as listener:
        listener.bind((ROUTER[family], 0))
        listener.listen(1)
        target = sockaddr(family, ROUTER[family], listener.getsockname()[1])
        fd = live.host.call("socket", family, socket.SOCK_STREAM, 0)
        live.host.call("connect", fd, target, len(target))
        accepted: list[socket.socket] = []

        def arrived() -> bool:
            try:
                accepted.append(listener.accept()[0])
            except BlockingIOError:
                return False
            return True

        live.until(arrived)
    accepted[0].setblocking(False)
    return Ours(live, fd), Theirs(accepted[0])


def they_open(live: Live, bed: Bed, case: Case) -> tuple[Ours, Theirs]:
    family = FAMILY[case.family]
    listener = live.host.call("socket", family, socket.SOCK_STREAM, 0)
    local = sockaddr(family, OURS[family], OUR_PORT)
    assert live.host.call("bind", listener, local, len(local)) == 0
    assert live.host.call("listen", listener, 1) == 0
    sock = linux_socket(bed, case)
    sock.connect_ex((OURS[family], OUR_PORT))
    fds: list[int] = []

    def arrived() -> bool:
        fds.append(live.host.call("accept", listener, None, None, 0))
        return fds[-1] >= 0

    live.until(arrived)
    live.until(lambda: sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0)
    return Ours(live, fds[-1]), Theirs(sock)


def carry(live: Live, ours: Ours, theirs: Theirs, case: Case, size: int) -> tuple[Said, Said]:
    """`size` bytes, the end of the stream, the end of the other; what both say then."""
    source, sink = (ours, theirs) if case.sender == "us" else (theirs, ours)
    read, sent, digest = 0, 0, hashlib.sha256()
    ended = False
    deadline = time.monotonic() + AT_MOST_S
    while not ended:
        assert time.monotonic() < deadline, f"{read} of {size} bytes after {AT_MOST_S:g} s"
        live.turn()
        while sent < size and (
                taken := source.send(linux_peer.content(sent, min(PIECE, size - sent)))):
            sent += taken
            if sent == size:
                source.shut()
        while (piece := sink.receive()) is not None:
            digest.update(piece)
            read += len(piece)
            if not piece:
                ended = True
                break
        live.rest([theirs.socket])
    said = {id(end): end.said() for end in (ours, theirs)}
    said[id(sink)].digest = digest.hexdigest()
    sink.shut()
    live.until(lambda: source.receive() == b"")
    return said[id(ours)], said[id(theirs)]


def talk(bed: Bed, case: Case, size: int, seed: int, *,
         linux: dict[str, bool] | None = None) -> Talk:
    """The whole connection. `linux`: its options, where they are not the case's."""
    bed.ask_linux(**linux or {"timestamps": case.timestamps, "sack": case.sack, "ecn": case.ecn})
    live = Live(bed.ours, f"seed {seed};{our_options(case)}", PROFILES[case.profile].faults, seed)
    began = time.monotonic()
    try:
        ours, theirs = (we_open if case.opener == "us" else they_open)(live, bed, case)
        with theirs.socket:
            us, them = carry(live, ours, theirs, case, size)
            port = theirs.socket.getsockname()[1]
        return Talk(us, them, of_port(live.sent, port), of_port(live.received, port),
                    (live.outward.hits, live.inward.hits), time.monotonic() - began)
    finally:
        live.close()


def of_port(frames: list[bytes], port: int) -> list[bytes]:
    """Those of one connection; of damaged ones only what still shows its port."""
    wanted = port.to_bytes(2, "big")
    return [frame for frame in frames if (at := transport_at(frame)) is not None
            and wanted in (frame[at:at + 2], frame[at + 2:at + 4])]
