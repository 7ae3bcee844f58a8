"""A Linux host's servers on kernel sockets: `linux_peer.py SPEC`, SPEC being JSON
[{"path","kind","address","port"}]. Prints a line `ready` once all listen; when asked to end by
SIGTERM it prints one JSON object, path -> metrics, and exits. The protocols are those of
models/app: content.h, request_response.h, udp_apps.h.
"""

from __future__ import annotations

import json
import selectors
import signal
import socket
import struct
import sys
import time
from typing import Callable

PERIOD = 65521  # bytes after which the content repeats
PIECE = 1 << 18
DATAGRAM_MAX = 65536
Metrics = dict[str, float]


def content_block() -> bytes:
    """The first PERIOD bytes of every stream; see models/app/content.h."""
    out, mask = bytearray(), (1 << 64) - 1
    for index in range(1, 8192):
        word = (0x7477696E70617468 + index * 0x9E3779B97F4A7C15) & mask
        word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & mask
        word = (word ^ word >> 27) * 0x94D049BB133111EB & mask
        out += (word ^ word >> 31).to_bytes(8, "little")
    return bytes(out[:PERIOD])


BLOCK = content_block()
DOUBLE = BLOCK * (PIECE // PERIOD + 3)  # any piece of up to PIECE bytes lies in here


def content(offset: int, length: int) -> bytes:
    """Bytes `offset` to `offset + length` of a stream; length up to PIECE."""
    begin = offset % PERIOD
    return DOUBLE[begin:begin + length]


class Server:
    """One listening socket. Subclasses handle what is readable and count."""

    kind_of_socket = socket.SOCK_STREAM

    def __init__(self, spec: dict, selector: selectors.BaseSelector) -> None:
        self.selector = selector
        self.metrics: Metrics = {}
        self.first = self.last = 0.0
        ipv6 = ":" in spec["address"]
        self.socket = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET,
                                    self.kind_of_socket)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if ipv6:  # "::" means both versions, whatever net.ipv6.bindv6only says
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.socket.bind((spec["address"], spec["port"]))
        self.socket.setblocking(False)
        if self.kind_of_socket == socket.SOCK_STREAM:
            self.socket.listen(4096)
            self.watch(self.socket, self.accept)
        else:
            self.watch(self.socket, self.on_datagrams)

    def watch(self, sock: socket.socket, call: Callable[[], None]) -> None:
        self.selector.register(sock, selectors.EVENT_READ, call)

    def accept(self) -> None:
        connection, _ = self.socket.accept()
        self.serve(connection)

    def serve(self, connection: socket.socket) -> None:
        raise NotImplementedError

    def on_datagrams(self) -> None:
        raise NotImplementedError

    def seen(self, count: int) -> None:
        """Notes `count` bytes of verified payload now."""
        self.last = time.monotonic()
        self.first = self.first or self.last
        self.metrics["app_bytes"] = self.metrics.get("app_bytes", 0) + count

    def report(self) -> Metrics:
        if self.last > self.first:
            self.metrics["goodput_bps"] = self.metrics["app_bytes"] * 8 / (self.last - self.first)
        return self.metrics


class SeenNumbers:
    """Which sequence numbers of one sender came; as models/app/seen_numbers.h."""

    WINDOW = 8192

    def __init__(self) -> None:
        self.end = 0  # the highest number, plus one
        self.bits = 0  # bit i: number end - 1 - i came

    def add(self, number: int) -> bool:
        """False when it was seen, or is too far behind the newest to tell."""
        if number >= self.end:
            shift = min(number - self.end + 1, self.WINDOW)
            self.bits = (self.bits << shift | 1) & (1 << self.WINDOW) - 1
            self.end = number + 1
            return True
        behind = self.end - 1 - number
        if behind >= self.WINDOW or self.bits >> behind & 1:
            return False
        self.bits |= 1 << behind
        return True


class BulkSink(Server):
    """Reads and checks streams."""

    def serve(self, connection: socket.socket) -> None:
        self.metrics.setdefault("verify_errors", 0)
        state = {"offset": 0, "wrong": False}

        def on_readable() -> None:
            data = connection.recv(PIECE)
            if not data:
                # Counted first: who sees the close may end this process at once.
                self.metrics["verify_errors"] += state["wrong"]
                self.selector.unregister(connection)
                connection.close()
                return
            state["wrong"] = state["wrong"] or data != content(state["offset"], len(data))
            state["offset"] += len(data)
            self.seen(0 if state["wrong"] else len(data))

        self.watch(connection, on_readable)


class EchoServer(Server):
    """Answers requests of a length with as many bytes as they ask for."""

    def serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(True)
        pending = bytearray()

        def on_readable() -> None:
            data = connection.recv(PIECE)
            if not data:
                self.selector.unregister(connection)
                connection.close()
                return
            pending.extend(data)
            while len(pending) >= 8:
                request, response = struct.unpack_from(">II", pending)
                if len(pending) < request:
                    return
                del pending[:max(request, 8)]
                self.answer(connection, response)

        self.watch(connection, on_readable)

    def answer(self, connection: socket.socket, length: int) -> None:
        for offset in range(0, length, PIECE):
            connection.sendall(content(offset, min(PIECE, length - offset)))
        self.metrics["requests"] = self.metrics.get("requests", 0) + 1


class UdpSink(Server):
    """Counts datagrams, each once, and checks their content."""

    kind_of_socket = socket.SOCK_DGRAM
    SENDERS_MAX = 4096

    def __init__(self, spec: dict, selector: selectors.BaseSelector) -> None:
        super().__init__(spec, selector)
        self.senders: dict[tuple, SeenNumbers] = {}
        self.metrics = {"datagrams": 0, "duplicates": 0, "verify_errors": 0, "failures": 0}

    def on_datagrams(self) -> None:
        data, source = self.socket.recvfrom(DATAGRAM_MAX)
        self.metrics[self.kind_of(data, source)] += 1

    def kind_of(self, data: bytes, source: tuple) -> str:
        """The metric a datagram counts in."""
        if len(data) < 8 or data[8:] != content(8, len(data) - 8):
            return "verify_errors"
        if source not in self.senders and len(self.senders) == self.SENDERS_MAX:
            return "failures"
        sender = self.senders.setdefault(source, SeenNumbers())
        if not sender.add(struct.unpack_from(">Q", data)[0]):
            return "duplicates"
        self.seen(len(data))
        return "datagrams"

    def report(self) -> Metrics:
        sent = sum(sender.end for sender in self.senders.values())
        if sent:
            self.metrics["lost_fraction"] = (sent - self.metrics["datagrams"]) / sent
        return super().report()


class UdpEchoServer(Server):
    """Sends every datagram back."""

    kind_of_socket = socket.SOCK_DGRAM

    def on_datagrams(self) -> None:
        data, sender = self.socket.recvfrom(DATAGRAM_MAX)
        self.socket.sendto(data, sender)
        self.metrics["datagrams"] = self.metrics.get("datagrams", 0) + 1


KINDS = {"bulk_sink": BulkSink, "echo_server": EchoServer, "udp_sink": UdpSink,
         "udp_echo_server": UdpEchoServer}


class Ended(Exception):
    """SIGTERM came."""


def serve(specs: list[dict]) -> dict[str, Metrics]:
    """Serves until SIGTERM; the metrics of each app."""
    def end(*_: object) -> None:
        raise Ended

    signal.signal(signal.SIGTERM, end)
    with selectors.DefaultSelector() as selector:
        servers = {spec["path"]: KINDS[spec["kind"]](spec, selector) for spec in specs}
        try:
            print("ready", flush=True)
            while True:
                for key, _ in selector.select():
                    key.data()
        except Ended:
            return {path: server.report() for path, server in servers.items()}


if __name__ == "__main__":
    print(json.dumps(serve(json.loads(sys.argv[1]))), flush=True)
