"""System calls of a script: arguments out of its words, the call on the host, and what came back
beside the result compared with what the script says."""

from __future__ import annotations

import ctypes
import errno
import struct
from dataclasses import dataclass
from typing import Callable

from . import linux
from .abi import EpollEvent, Host, IoVec, MsgHdr, PollFd
from .model import ANY, Apply, Array, Call, Ellipsis, Name, Struct, Value

SOCKADDR_BYTES = 128
BUFFER_BYTES_MAX = 1 << 26


class CallError(Exception):
    """A call whose arguments make no sense, or whose results are not the script's."""


@dataclass
class Addresses:
    """What `...` stands for where an address does."""

    local: str
    remote: str
    bind_port: int
    connect_port: int
    v6: bool


class Calls:
    """The calls of one script. Descriptors are the script's: they are mapped when made."""

    def __init__(self, host: Host, addresses: Addresses) -> None:
        self.host = host
        self.addresses = addresses
        self.fds: dict[int, int] = {}
        self.newest: int | None = None  # descriptor of the script's last stream that connected

    def known(self, name: str) -> bool:
        return hasattr(self, f"do_{name}")

    def perform(self, call: Call) -> int:
        """The call's result: a negative errno when it failed."""
        action: Callable[[Call], int] | None = getattr(self, f"do_{call.name}", None)
        if action is None:
            raise CallError(f"{call.name}(): not a call this runner knows")
        return action(call)

    # Arguments.

    def number(self, call: Call, index: int, default: int | None = None) -> int:
        value = self._argument(call, index)
        if isinstance(value, Ellipsis) and default is not None:
            return default
        found = linux.number(value)
        if found is None:
            raise CallError(f"{call.name}(): argument {index + 1}, {value}, is no number")
        return found

    def _argument(self, call: Call, index: int) -> Value:
        if index >= len(call.arguments):
            raise CallError(f"{call.name}() takes more than {len(call.arguments)} arguments")
        return call.arguments[index]

    def fd(self, call: Call, index: int = 0) -> int:
        """The host's descriptor; one the script never got is passed on, to be refused."""
        number = self.number(call, index)
        return self.fds.get(number, number if number < 0 else 1 << 30)

    def size(self, call: Call, index: int) -> int:
        size = self.number(call, index)
        if not 0 <= size <= BUFFER_BYTES_MAX:
            raise CallError(f"{call.name}(): {size} bytes is more than {BUFFER_BYTES_MAX}")
        return size

    def address(self, value: Value, local: bool) -> bytes:
        """A sockaddr. `...` is the script's own address of that side."""
        own = self.addresses
        if isinstance(value, (Ellipsis, int)) or value == Name(("NULL",)):
            host, port = (own.local, own.bind_port) if local else (own.remote, own.connect_port)
            return linux.sockaddr(host, port)
        if not isinstance(value, Struct):
            raise CallError(f"{value} is no socket address")
        family = linux.number(value.get("sa_family") or value.get("sin_family")
                              or value.get("sin6_family") or 2)
        port = _inner(value.get("sin_port") or value.get("sin6_port") or 0)
        host = _inner(value.get("sin_addr") or value.get("sin6_addr")
                      or (own.local if local else own.remote))
        data = linux.sockaddr(str(host), int(port) if isinstance(port, int) else 0)
        return struct.pack("=H", family or 0) + data[2:]

    def data(self, value: Value, size: int) -> bytes:
        """What a call sends: the script's text, or a pattern."""
        if isinstance(value, bytes):
            return (value + b"\0" * size)[:size]
        return bytes(i % 251 for i in range(size))

    def opened(self, call: Call, result: int) -> int:
        """Maps a new descriptor to the script's and answers with the script's."""
        expected = linux.number(call.result)
        if result < 0 or expected is None or expected < 0:
            return result
        self.fds[expected] = result
        return expected

    # Opening and closing.

    def do_socket(self, call: Call) -> int:
        domain = self.number(call, 0, 10 if self.addresses.v6 else 2)
        return self.opened(call, self.host.call("socket", domain, self.number(call, 1),
                                                self.number(call, 2, 0)))

    def do_bind(self, call: Call) -> int:
        address = self.address(self._argument(call, 1), True)
        return self.host.call("bind", self.fd(call), address, self._length(call, 2, address))

    def _length(self, call: Call, index: int, address: bytes) -> int:
        return self.number(call, index, len(address))

    def do_listen(self, call: Call) -> int:
        return self.host.call("listen", self.fd(call), self.number(call, 1))

    def do_accept(self, call: Call) -> int:
        flags = self.number(call, 3) if call.name == "accept4" else 0
        made = self.opened(call, self.host.call("accept", self.fd(call), None, None, flags))
        if made >= 0:
            self.newest = made
        return made

    do_accept4 = do_accept

    def do_connect(self, call: Call) -> int:
        address = self.address(self._argument(call, 1), False)
        result = self.host.call("connect", self.fd(call), address, self._length(call, 2, address))
        if result in (0, -errno.EINPROGRESS):
            self.newest = self.number(call, 0)
        return result

    def do_shutdown(self, call: Call) -> int:
        return self.host.call("shutdown", self.fd(call), self.number(call, 1))

    def do_close(self, call: Call) -> int:
        result = self.host.call("close", self.fd(call))
        self.fds.pop(self.number(call, 0), None)
        return result

    # Data.

    def do_write(self, call: Call) -> int:
        return self._send(call, 0, None)

    def do_send(self, call: Call) -> int:
        return self._send(call, self.number(call, 3), None)

    def do_sendto(self, call: Call) -> int:
        target = self._argument(call, 4)
        nobody = target in (0, Name(("NULL",)))
        address = None if nobody else self.address(target, False)
        return self._send(call, self.number(call, 3), address)

    def _send(self, call: Call, flags: int, target: bytes | None) -> int:
        size = self.size(call, 2)
        data = self.data(self._argument(call, 1), size)
        return self.host.call("sendto", self.fd(call), data, size, flags, target,
                              len(target or b""))

    def do_read(self, call: Call) -> int:
        return self._receive(call, 0)

    def do_recv(self, call: Call) -> int:
        return self._receive(call, self.number(call, 3))

    do_recvfrom = do_recv

    def _receive(self, call: Call, flags: int) -> int:
        size = self.size(call, 2)
        buffer = ctypes.create_string_buffer(max(size, 1))
        result = self.host.call("recvfrom", self.fd(call), buffer, size, flags, None, None)
        wanted = self._argument(call, 1)
        if result > 0 and isinstance(wanted, bytes) and buffer.raw[:result] != wanted[:result]:
            raise CallError(f"{call.name}() gave {buffer.raw[:result]!r}, expected {wanted!r}")
        return result

    def do_writev(self, call: Call) -> int:
        pieces, _ = self._pieces(call, 1)
        return self.host.call("writev", self.fd(call), pieces, self.number(call, 2))

    def do_readv(self, call: Call) -> int:
        pieces, _ = self._pieces(call, 1)
        return self.host.call("readv", self.fd(call), pieces, self.number(call, 2))

    def _pieces(self, call: Call, index: int) -> tuple[ctypes.Array, list[ctypes.Array]]:
        """The iovec and the buffers it points to."""
        value = self._argument(call, index)
        return self._iovec(call, value.items if isinstance(value, Array) else ())

    def _iovec(self, call: Call, items: tuple[Value, ...]) -> tuple[ctypes.Array,
                                                                    list[ctypes.Array]]:
        buffers = []
        for item in items:
            length = linux.number(item.fields[-1][1]) if isinstance(item, Struct) else None
            if length is None or not 0 <= length <= BUFFER_BYTES_MAX:
                raise CallError(f"{call.name}(): {item} is no piece such as {{..., 1000}}")
            buffers.append(ctypes.create_string_buffer(self.data(item.fields[0][1], length),
                                                       max(length, 1)))
        pieces = (IoVec * max(len(buffers), 1))()
        for piece, buffer, item in zip(pieces, buffers, items):
            piece.base = ctypes.addressof(buffer)
            piece.len = linux.number(item.fields[-1][1])  # an iovec may be shorter than its buffer
        return pieces, buffers

    def do_sendmsg(self, call: Call) -> int:
        return self._message(call, "sendmsg")

    def do_recvmsg(self, call: Call) -> int:
        return self._message(call, "recvmsg")

    def _message(self, call: Call, name: str) -> int:
        message = self._argument(call, 1)
        if not isinstance(message, Struct):
            raise CallError(f"{name}(): {message} is no message")
        listed = message.get("msg_iov")
        items = listed.items if isinstance(listed, Array) else ()
        pieces, buffers = self._iovec(call, items)
        header = MsgHdr(iov=pieces, iovlen=len(items))
        target = message.get("msg_name")
        room = None
        if target is not None and name == "sendmsg":
            room = ctypes.create_string_buffer(self.address(target, False))
            header.name, header.namelen = ctypes.addressof(room), len(room.raw) - 1
        result = self.host.call(name, self.fd(call), ctypes.byref(header), self.number(call, 2, 0))
        assert len(buffers) == len(items)  # alive until here
        flags = linux.number(message.get("msg_flags", 0))
        if name == "recvmsg" and result >= 0 and flags is not None and flags != header.flags:
            raise CallError(f"recvmsg() set msg_flags {header.flags}, expected {flags}")
        return result

    # Options and questions.

    def do_setsockopt(self, call: Call) -> int:
        value = self._option_bytes(call, self._argument(call, 3))
        return self.host.call("setsockopt", self.fd(call), self.number(call, 1),
                              self.number(call, 2), value, self.number(call, 4))

    def _option_bytes(self, call: Call, value: Value) -> bytes:
        if isinstance(value, Array) and len(value.items) == 1:
            value = value.items[0]
        if isinstance(value, bytes):
            return value
        values = [v for _, v in value.fields] if isinstance(value, Struct) else [value]
        numbers = [linux.number(v) for v in values]
        if any(number is None for number in numbers):
            raise CallError(f"{call.name}(): {value} is no value of an option")
        return b"".join(struct.pack("=I", int(n or 0) & 0xffffffff) for n in numbers) + b"\0" * 8

    def do_getsockopt(self, call: Call) -> int:
        length = self._argument(call, 4)
        if isinstance(length, Array) and length.items:
            length = length.items[0]
        room = ctypes.c_uint32(256 if isinstance(length, Ellipsis) else linux.number(length) or 0)
        buffer = ctypes.create_string_buffer(256)
        name = self.number(call, 2)
        result = self.host.call("getsockopt", self.fd(call), self.number(call, 1), name, buffer,
                                ctypes.byref(room))
        if result == 0:
            self._compare_option(call, buffer.raw[:room.value])
        return result

    def _compare_option(self, call: Call, got: bytes) -> None:
        wanted = self._argument(call, 3)
        if isinstance(wanted, Array) and len(wanted.items) == 1:
            wanted = wanted.items[0]
        if isinstance(wanted, Ellipsis):
            return
        if isinstance(wanted, bytes):
            if got.rstrip(b"\0") != wanted.rstrip(b"\0"):
                raise CallError(f"getsockopt() gave {got.rstrip(bytes(1))!r}, expected {wanted!r}")
            return
        values = [v for _, v in wanted.fields] if isinstance(wanted, Struct) else [wanted]
        numbers = struct.unpack(f"={len(got) // 4}i", got[:len(got) // 4 * 4])
        for value, number in zip(values, numbers):
            expected = linux.number(value)
            if isinstance(value, Ellipsis):
                continue
            if expected is None or (expected - number) % (1 << 32):
                raise CallError(f"getsockopt() gave {list(numbers)}, expected {wanted}")

    def do_fcntl(self, call: Call) -> int:
        value = self.number(call, 2) if len(call.arguments) > 2 else 0
        return self.host.call("fcntl", self.fd(call), self.number(call, 1), value)

    def do_ioctl(self, call: Call) -> int:
        value = ctypes.c_int(0)
        result = self.host.call("ioctl", self.fd(call), self.number(call, 1), ctypes.byref(value))
        wanted = self._argument(call, 2)
        if isinstance(wanted, Array) and wanted.items:
            wanted = wanted.items[0]
        expected = linux.number(wanted)
        if result == 0 and expected is not None and expected != value.value:
            raise CallError(f"ioctl() gave [{value.value}], expected {call.arguments[2]}")
        return result

    def do_getsockname(self, call: Call) -> int:
        return self._name(call, "getsockname")

    def do_getpeername(self, call: Call) -> int:
        return self._name(call, "getpeername")

    def _name(self, call: Call, name: str) -> int:
        room = ctypes.c_uint32(SOCKADDR_BYTES)
        buffer = ctypes.create_string_buffer(SOCKADDR_BYTES)
        result = self.host.call(name, self.fd(call), buffer, ctypes.byref(room))
        wanted = self._argument(call, 1)
        if result == 0 and isinstance(wanted, Struct):
            expected = self.address(wanted, name == "getsockname")
            if expected != buffer.raw[:room.value]:
                raise CallError(f"{name}() gave another address than {wanted}")
        return result

    def do_poll(self, call: Call) -> int:
        listed = self._argument(call, 0)
        items = [item for item in (listed.items if isinstance(listed, Array) else ())
                 if isinstance(item, Struct)]
        entries = (PollFd * max(len(items), 1))()
        for entry, item in zip(entries, items):
            number = linux.number(item.get("fd", -1))
            entry.fd = self.fds.get(number if number is not None else -1, -1)
            entry.events = linux.number(item.get("events", 0)) or 0
        result = self.host.call("poll", entries, len(items))
        for entry, item in zip(entries, items):
            expected = linux.number(item.get("revents", ANY))
            if result >= 0 and expected is not None and expected != entry.revents \
                    and not self._may_wait(call, result):
                raise CallError(f"poll() gave revents {entry.revents:#x} for {item}")
        return result

    def _may_wait(self, call: Call, result: int) -> bool:
        """Nothing ready yet, and the script lets the call wait."""
        return result == 0 and self.timeout_ms(call) != 0

    def timeout_ms(self, call: Call) -> int:
        """Of poll() and epoll_wait(); negative: for ever."""
        index = {"poll": 2, "epoll_wait": 3}.get(call.name)
        return 0 if index is None else self.number(call, index)

    def do_epoll_create(self, call: Call) -> int:
        return self.opened(call, self.host.call("epoll_create"))

    do_epoll_create1 = do_epoll_create

    def do_epoll_ctl(self, call: Call) -> int:
        value = call.arguments[3] if len(call.arguments) > 3 else ANY
        event = EpollEvent()
        given = isinstance(value, Struct)
        if isinstance(value, Struct):
            event.events = linux.number(value.get("events", 0)) or 0
            event.data = (linux.number(_data_of(value)) or 0) & (1 << 64) - 1
        return self.host.call("epoll_ctl", self.fd(call), self.number(call, 1), self.fd(call, 2),
                              ctypes.byref(event) if given else None)

    def do_epoll_wait(self, call: Call) -> int:
        room = self.number(call, 2)
        events = (EpollEvent * max(room, 1))()
        result = self.host.call("epoll_wait", self.fd(call), events, room)
        wanted = self._argument(call, 1)
        if isinstance(wanted, Struct):
            wanted = Array((wanted,))
        for event, item in zip(events[:max(result, 0)],
                               wanted.items if isinstance(wanted, Array) else ()):
            expected = linux.number(item.get("events", ANY)) if isinstance(item, Struct) else None
            if expected is not None and expected != event.events:
                raise CallError(f"epoll_wait() gave events {event.events:#x} for {item}")
        return result

    def tcp_info(self) -> dict[str, int]:
        """TCP_INFO of the stream the script used last."""
        if self.newest is None or self.newest not in self.fds:
            raise CallError("there is no connection to ask about")
        buffer = ctypes.create_string_buffer(512)
        room = ctypes.c_uint32(512)
        result = self.host.call("getsockopt", self.fds[self.newest], 6, 11, buffer,
                                ctypes.byref(room))
        if result < 0:
            raise CallError(f"TCP_INFO: {linux.error_note(-result)}")
        return linux.read_tcp_info(buffer.raw[:room.value])


def _inner(value: Value) -> Value:
    """`htons(8080)` and `inet_addr("192.0.2.1")` are what is in them."""
    if isinstance(value, Apply):
        value = value.arguments[-1]
    return value.decode() if isinstance(value, bytes) else value


def _data_of(event: Struct) -> Value:
    """Whichever member of epoll_data is said."""
    return next((v for k, v in event.fields if k in ("fd", "ptr", "u32", "u64", "data")), 0)
