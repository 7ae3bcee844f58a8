"""Two worlds with the same socket calls: Linux over loopback, and two hosts of ours on one wire
without delay. A step is a call by name on a descriptor by name; what it gives is a number, negative
as the kernel's errors are, or what was read."""

from __future__ import annotations

import ctypes
import socket
import struct
import time
from typing import Any

from twinpath.script import abi

Result = int | bytes
SETTLE_S = 0.02
SETTLE_NS = 5_000_000
CLIENT, SERVER = "198.18.0.1", "198.18.0.2"
READ_MAX = 65536


def sockaddr(address: str, port: int) -> bytes:
    """A struct sockaddr_in."""
    return struct.pack("=H", socket.AF_INET) + struct.pack("!H", port) + \
        socket.inet_aton(address) + bytes(8)


class Linux:
    """The kernel's own sockets, non-blocking, on 127.0.0.1."""

    server_address = "127.0.0.1"

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._open: list[int] = []

    def call(self, _side: str, name: str, *arguments: Any) -> int:
        if name in ("sendto", "recvfrom"):
            getattr(self._libc, name).restype = ctypes.c_ssize_t
        ctypes.set_errno(0)
        result = int(getattr(self._libc, name)(*arguments))
        return -ctypes.get_errno() if result < 0 else result

    def socket(self, side: str, kind: int) -> int:
        fd = self.call(side, "socket", socket.AF_INET, kind | socket.SOCK_NONBLOCK, 0)
        self._open.append(fd)
        return fd

    def accept(self, side: str, fd: int) -> int:
        got = self.call(side, "accept4", fd, None, None, socket.SOCK_NONBLOCK)
        if got >= 0:
            self._open.append(got)
        return got

    def settle(self) -> None:
        time.sleep(SETTLE_S)

    def close_fd(self, side: str, fd: int) -> int:
        if fd in self._open:
            self._open.remove(fd)
        return self.call(side, "close", fd)

    def end(self) -> None:
        for fd in self._open:
            self._libc.close(fd)


class Ours:
    """Two hosts behind the C interface."""

    server_address = SERVER

    def __init__(self) -> None:
        self._hosts = {
            side: abi.Host(f"interface eth0 raw address {address}/24; route default")
            for side, address in (("client", CLIENT), ("server", SERVER))}
        self._now_ns = 0

    def call(self, side: str, name: str, *arguments: Any) -> int:
        result = self._hosts[side].call(name, *arguments)
        self._carry()
        return result

    def socket(self, side: str, kind: int) -> int:
        return self.call(side, "socket", socket.AF_INET, kind, 0)

    def accept(self, side: str, fd: int) -> int:
        return self.call(side, "accept", fd, None, None, 0)

    def _carry(self) -> None:
        """What either sent arrives, until neither sends."""
        pairs = (("client", "server"), ("server", "client"))
        while any([self._carry_one(*pair) for pair in pairs]):
            pass

    def _carry_one(self, source: str, target: str) -> bool:
        taken = self._hosts[source].take()
        if taken is None:
            return False
        self._hosts[target].inject(taken[1])
        return True

    def settle(self) -> None:
        self._now_ns += SETTLE_NS
        for host in self._hosts.values():
            host.call("advance", self._now_ns)
        self._carry()

    def close_fd(self, side: str, fd: int) -> int:
        return self.call(side, "close", fd)

    def end(self) -> None:
        for host in self._hosts.values():
            host.close()


class Run:
    """One sequence of steps in one world. The port "none" is 0."""

    def __init__(self, world: Linux | Ours, ports: dict[str, int]) -> None:
        self._world = world
        self._ports = ports
        self._fds: dict[str, tuple[str, int]] = {}

    def step(self, name: str, *arguments: Any) -> Result:
        return getattr(self, f"_do_{name}")(*arguments)

    def _on(self, fd: str, call: str, *arguments: Any) -> int:
        side, number = self._fds[fd]
        return self._world.call(side, call, number, *arguments)

    def _at(self, port: str) -> bytes:
        return sockaddr(self._world.server_address, self._ports.get(port, 0))

    def _do_socket(self, fd: str, side: str, kind: int = socket.SOCK_STREAM) -> Result:
        number = self._world.socket(side, kind)
        self._fds[fd] = (side, number)
        return min(number, 0)

    def _do_bind(self, fd: str, port: str) -> Result:
        address = self._at(port)
        return self._on(fd, "bind", address, len(address))

    def _do_listen(self, fd: str, backlog: int) -> Result:
        return self._on(fd, "listen", backlog)

    def _do_connect(self, fd: str, port: str) -> Result:
        address = self._at(port)
        return self._on(fd, "connect", address, len(address))

    def _do_dissolve(self, fd: str) -> Result:
        """connect() with AF_UNSPEC."""
        return self._on(fd, "connect", bytes(16), 16)

    def _do_accept(self, fd: str, new: str) -> Result:
        side, number = self._fds[fd]
        got = self._world.accept(side, number)
        if got >= 0:
            self._fds[new] = (side, got)
        return min(got, 0)

    def _do_send(self, fd: str, data: bytes, flags: int = socket.MSG_NOSIGNAL,
                 port: str | None = None) -> Result:
        address = self._at(port) if port else None
        flags |= socket.MSG_NOSIGNAL
        return self._on(fd, "sendto", data, len(data), flags, address,
                        len(address) if address else 0)

    def _do_recv(self, fd: str, size: int = READ_MAX, flags: int = 0) -> Result:
        into = ctypes.create_string_buffer(max(size, 1))
        got = self._on(fd, "recvfrom", into, size, flags, None, None)
        return into.raw[:got] if got > 0 and not flags & socket.MSG_TRUNC else got

    def _do_shutdown(self, fd: str, how: int) -> Result:
        return self._on(fd, "shutdown", how)

    def _do_close(self, fd: str) -> Result:
        side, number = self._fds[fd]
        return self._world.close_fd(side, number)

    def _do_set(self, fd: str, level: int, name: int, value: int | bytes) -> Result:
        packed = value if isinstance(value, bytes) else struct.pack("=i", value)
        return self._on(fd, "setsockopt", level, name, packed, len(packed))

    def _do_get(self, fd: str, level: int, name: int, size: int = 4) -> Result:
        into = ctypes.create_string_buffer(max(size, 1))
        length = ctypes.c_uint32(size)
        error = self._on(fd, "getsockopt", level, name, into, ctypes.byref(length))
        return error if error < 0 else into.raw[:length.value]

    def _do_peer_port(self, fd: str) -> Result:
        return self._name(fd, "getpeername")

    def _do_own_port(self, fd: str) -> Result:
        return self._name(fd, "getsockname")

    def _name(self, fd: str, call: str) -> Result:
        into = ctypes.create_string_buffer(16)
        length = ctypes.c_uint32(16)
        error = self._on(fd, call, into, ctypes.byref(length))
        if error < 0:
            return error
        port = struct.unpack("!H", into.raw[2:4])[0]
        known = [name for name, number in self._ports.items() if number == port]
        return known[0].encode() if known else b"none" if port == 0 else b"chosen"

    def _do_poll(self, fd: str, events: int) -> Result:
        side, number = self._fds[fd]
        entry = abi.PollFd(number, events, 0)
        if isinstance(self._world, Linux):
            self._world.call(side, "poll", ctypes.byref(entry), 1, 0)
        else:
            self._world.call(side, "poll", ctypes.byref(entry), 1)
        return int(entry.revents)

    def _do_ioctl(self, fd: str, request: int) -> Result:
        value = ctypes.c_int(-1)
        error = self._on(fd, "ioctl", ctypes.c_ulong(request), ctypes.byref(value))
        return error if error < 0 else value.value

    def _do_settle(self) -> Result:
        self._world.settle()
        return 0
