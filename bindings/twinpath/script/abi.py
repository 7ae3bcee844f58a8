"""The C interface (`twinpath.h`) from Python: a host as an object. Calls return what C returns, a
negative errno when they fail."""

from __future__ import annotations

import ctypes
import functools
import sys
from pathlib import Path
from typing import Any

from ..errors import ConfigError, MissingPrivilege, Problem, TwinpathError

ABI_VERSION = 1
FRAME_BYTES_MAX = 65553
NEVER = (1 << 63) - 1
PROBLEMS_BYTES = 1 << 16
LIBRARIES = {"fake": "libtwinpath-host.so", "ns3": "libtwinpath_host_ns3.so",
             "net_ring": "libtwinpath_host_ring.so"}


class Frame(ctypes.Structure):
    _fields_ = [("time_ns", ctypes.c_int64), ("interface", ctypes.c_uint32),
                ("bytes", ctypes.c_uint32)]


class IoVec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("len", ctypes.c_size_t)]


class MsgHdr(ctypes.Structure):
    _fields_ = [("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32),
                ("iov", ctypes.POINTER(IoVec)), ("iovlen", ctypes.c_size_t),
                ("control", ctypes.c_void_p), ("controllen", ctypes.c_size_t),
                ("flags", ctypes.c_int)]


class PollFd(ctypes.Structure):
    _fields_ = [("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short)]


class EpollEvent(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("events", ctypes.c_uint32), ("data", ctypes.c_uint64)]


INT, LONG, SIZE, TEXT, POINTER = (ctypes.c_int, ctypes.c_int64, ctypes.c_size_t, ctypes.c_char_p,
                                  ctypes.c_void_p)
# Result, then arguments behind the host.
CALLS: dict[str, tuple[Any, ...]] = {
    "now": (LONG,), "next_deadline": (LONG,), "advance": (INT, LONG),
    "inject": (INT, ctypes.c_uint32, TEXT, SIZE), "take": (LONG, POINTER, POINTER, SIZE),
    "socket": (INT, INT, INT, INT), "bind": (INT, INT, TEXT, ctypes.c_uint32),
    "listen": (INT, INT, INT), "accept": (INT, INT, POINTER, POINTER, INT),
    "connect": (INT, INT, TEXT, ctypes.c_uint32), "shutdown": (INT, INT, INT), "close": (INT, INT),
    "getsockname": (INT, INT, POINTER, POINTER), "getpeername": (INT, INT, POINTER, POINTER),
    "sendto": (LONG, INT, TEXT, SIZE, INT, TEXT, ctypes.c_uint32),
    "sendmsg": (LONG, INT, POINTER, INT), "writev": (LONG, INT, POINTER, INT),
    "recvfrom": (LONG, INT, POINTER, SIZE, INT, POINTER, POINTER),
    "recvmsg": (LONG, INT, POINTER, INT), "readv": (LONG, INT, POINTER, INT),
    "setsockopt": (INT, INT, INT, INT, TEXT, ctypes.c_uint32),
    "getsockopt": (INT, INT, INT, INT, POINTER, POINTER), "fcntl": (INT, INT, INT, INT),
    "ioctl": (INT, INT, ctypes.c_ulong, POINTER), "poll": (INT, POINTER, SIZE),
    "epoll_create": (INT,), "epoll_ctl": (INT, INT, INT, INT, POINTER),
    "epoll_wait": (INT, INT, POINTER, INT),
}


def library_path(under: str) -> Path:
    """The file of the library for a driver, found beside the modules without loading it."""
    name = LIBRARIES[under]
    for folder in sys.path:
        path = Path(folder or ".", name)
        if path.is_file():
            return path.resolve()
    raise MissingPrivilege(f"{name} is not built", "./twinpath setup")


@functools.cache
def library(under: str) -> ctypes.CDLL:
    loaded = ctypes.CDLL(str(library_path(under)))
    loaded.twinpath_abi_version.restype = ctypes.c_uint32
    if loaded.twinpath_abi_version() != ABI_VERSION:
        raise TwinpathError(f"{library_path(under)} speaks version "
                            f"{loaded.twinpath_abi_version()} of the interface, not {ABI_VERSION}")
    loaded.twinpath_host_create.restype = POINTER
    loaded.twinpath_host_create.argtypes = [TEXT, TEXT, SIZE]
    loaded.twinpath_host_destroy.argtypes = [POINTER]
    loaded.twinpath_options.restype, loaded.twinpath_options.argtypes = SIZE, [TEXT, SIZE]
    for name, (result, *arguments) in CALLS.items():
        function = getattr(loaded, f"twinpath_{name}")
        function.restype, function.argtypes = result, [POINTER, *arguments]
    return loaded


@functools.cache
def option_names() -> tuple[str, ...]:
    """Every word of a host's configuration that takes one value."""
    call = library("fake").twinpath_options
    text = ctypes.create_string_buffer(call(None, 0) + 1)
    call(text, len(text))
    return tuple(line.split(" ", 1)[0] for line in text.value.decode().splitlines()
                 if not line.startswith(("interface", "route", "neighbour")))


class Host:
    """A host; `host.call("listen", fd, 5)` is `twinpath_listen(host, fd, 5)`."""

    def __init__(self, configuration: str, under: str = "fake") -> None:
        self._library = library(under)
        problems = ctypes.create_string_buffer(PROBLEMS_BYTES)
        self._host = self._library.twinpath_host_create(configuration.encode(), problems,
                                                        PROBLEMS_BYTES)
        if not self._host:
            raise ConfigError([Problem("", "", line)
                               for line in problems.value.decode().splitlines()])
        self._buffer = ctypes.create_string_buffer(FRAME_BYTES_MAX)

    def close(self) -> None:
        if self._host:
            self._library.twinpath_host_destroy(self._host)
        self._host = None

    def call(self, name: str, *arguments: Any) -> int:
        return int(getattr(self._library, f"twinpath_{name}")(self._host, *arguments))

    def inject(self, packet: bytes) -> int:
        return self.call("inject", 0, packet, len(packet))

    def take(self) -> tuple[int, bytes] | None:
        """The next packet that left and when, in ns."""
        about = Frame()
        length = self.call("take", ctypes.byref(about), self._buffer, FRAME_BYTES_MAX)
        return (about.time_ns, self._buffer.raw[:length]) if length > 0 else None
