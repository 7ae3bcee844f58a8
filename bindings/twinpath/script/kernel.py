"""The machine's own Linux in the host's place: the same calls, segments through a TUN device in a
network namespace of the script's own, real time. It tells whether a script asks for what hosts of
the Internet do. Needs root, to make the namespace."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import select
import shutil
import socket
import struct
import subprocess
import time
from typing import Any, Callable

from ..errors import MissingPrivilege, TwinpathError
from .abi import EpollEvent, FRAME_BYTES_MAX, PollFd

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454ca
IFF_TUN, IFF_NO_PI = 1, 0x1000
SOCK_NONBLOCK = os.O_NONBLOCK
MSG_NOSIGNAL = 0x4000
STEP_NS = 500_000  # how long nothing is looked at
F_GETFL, F_SETFL = fcntl.F_GETFL, fcntl.F_SETFL
DEVICE = "tun0"
NET = "/proc/sys/net/"
SWITCHES = {"tcp.sack": "tcp_sack", "tcp.timestamps": "tcp_timestamps",
            "tcp.window_scaling": "tcp_window_scaling",
            "tcp.slow_start_after_idle": "tcp_slow_start_after_idle",
            "tcp.accept_overflow_resets": "tcp_abort_on_overflow",
            "tcp.time_wait_ignores_resets": "tcp_rfc1337",
            "tcp.black_hole_detection": "tcp_mtu_probing"}
NUMBERS = {"tcp.syn_retries": "tcp_syn_retries",
           "tcp.syn_ack_retries": "tcp_synack_retries", "tcp.retries2": "tcp_retries2",
           "tcp.keepalive_idle": "tcp_keepalive_time",
           "tcp.keepalive_interval": "tcp_keepalive_intvl",
           "tcp.keepalive_probes": "tcp_keepalive_probes", "tcp.fin_wait_2": "tcp_fin_timeout",
           "tcp.syn_backlog_max": "tcp_max_syn_backlog", "host.ttl": "ip_default_ttl",
           "tcp.invalid_ack_interval": "tcp_invalid_ratelimit"}
WORDS = {"tcp.ecn": ("tcp_ecn", {"off": "0", "request": "1", "accept": "2"}),
         "tcp.fast_open": ("tcp_fastopen", {"off": "0", "client": "1", "server": "2",
                                            "both": "3"}),
         "tcp.syn_cookies": ("tcp_syncookies", {"off": "0", "when_full": "1", "always": "2"})}


class NoCounterpart(TwinpathError):
    """An option of our host that Linux has nothing for: such a script is left out."""


def setting_of(key: str, value: str) -> tuple[str, str]:
    """A sysctl below net/ipv4 and its value."""
    if key in SWITCHES:
        return SWITCHES[key], "1" if value in ("on", "true", "1") else "0"
    if key in WORDS and value in WORDS[key][1]:
        return WORDS[key][0], WORDS[key][1][value]
    if key in NUMBERS:
        return NUMBERS[key], value.removesuffix("ms").removesuffix("s")
    raise NoCounterpart(f"{key} {value}: Linux has no such setting")


def write_buffers(settings: dict[str, str]) -> None:
    """tcp_rmem and tcp_wmem: three numbers each."""
    for side, name in (("receive", "tcp_rmem"), ("send", "tcp_wmem")):
        first = settings.pop(f"tcp.{side}_buffer_bytes", "")
        most = settings.pop(f"tcp.{side}_buffer_max_bytes", first)
        if first or most:
            first = first or ("131072" if side == "receive" else "16384")
            _write(f"ipv4/{name}", f"4096 {first} {most or first}")


def _write(name: str, value: str) -> None:
    try:
        with open(NET + name, "w", encoding="ascii") as file:
            file.write(value)
    except OSError as error:
        raise NoCounterpart(f"{name} = {value}: {error.strerror}") from None


class Kernel:
    """What abi.Host is for our stack."""

    def __init__(self, configuration: str) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        if os.geteuid() != 0 or shutil.which("ip") is None:
            raise MissingPrivilege("scripts under linux make a network namespace: they need root "
                                   "and iproute2", "sudo ./twinpath script --under linux ...")
        if self._libc.unshare(CLONE_NEWNET) != 0:
            raise MissingPrivilege("no network namespace can be made here",
                                   "sudo ./twinpath script --under linux ...")
        self._flags: dict[int, int] = {}
        self._packets: list[tuple[int, bytes]] = []
        self._tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        self._configure(configuration)
        self._start_ns = time.monotonic_ns()

    def _configure(self, configuration: str) -> None:
        fcntl.ioctl(self._tun, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(),
                                                      IFF_TUN | IFF_NO_PI))
        _write("ipv4/tcp_min_tso_segs", "1")  # PSH where the data ends, not on every second segment
        settings: dict[str, str] = {}
        commands = ["link set lo up"]
        for line in configuration.splitlines():
            words = line.split()
            if words[0] == "interface":
                _write("ipv6/conf/all/accept_dad", "0")
                _write(f"ipv6/conf/{DEVICE}/accept_dad", "0")
                _write(f"ipv6/conf/{DEVICE}/router_solicitations", "0")
                _write(f"ipv6/conf/{DEVICE}/addr_gen_mode", "1")
                address = words[words.index("address") + 1]
                nodad = " nodad" if ":" in address else ""
                commands += [f"link set {DEVICE} up mtu {words[words.index('mtu') + 1]}",
                             f"address add {address} dev {DEVICE}{nodad}"]
            elif words[0] == "route":
                commands.append(f"{'-6 ' if ':' in line else ''}route add default dev {DEVICE}")
            else:
                settings[words[0]] = words[1]
        for command in commands:
            subprocess.run(["ip", *command.split()], check=True)
        self._congestion = settings.pop("tcp.congestion", "cubic")
        write_buffers(settings)
        for key, value in settings.items():
            name, number = setting_of(key, value)
            _write(f"ipv4/{name}", number)

    def close(self) -> None:
        """Whatever is open goes, and the namespace with it."""
        for fd in self._flags:
            os.close(fd)
        self._flags = {}
        os.close(self._tun)

    # Time and packets.

    def take(self) -> tuple[int, bytes] | None:
        self._drain()
        return self._packets.pop(0) if self._packets else None

    def _drain(self) -> None:
        while True:
            try:
                packet = os.read(self._tun, FRAME_BYTES_MAX)
            except BlockingIOError:
                return
            if not self._is_noise(packet):
                self._packets.append((self.do_now(), packet))

    def _is_noise(self, packet: bytes) -> bool:
        """What Linux says on any IPv6 device: memberships of groups and solicitations."""
        if packet[0] >> 4 != 6:
            return packet[9] == 2
        return packet[6] == 0 or (packet[6] == 58 and 130 <= packet[40] <= 143)

    def inject(self, packet: bytes) -> int:
        os.write(self._tun, packet)
        self._drain()
        return 0

    def do_now(self) -> int:
        return time.monotonic_ns() - self._start_ns

    def do_next_deadline(self) -> int:
        return self.do_now() + STEP_NS

    def do_advance(self, until: int) -> int:
        while True:
            self._drain()
            left = until - self.do_now()
            if left <= 0:
                return 0
            select.select([self._tun], [], [], left / 1e9)

    # Calls, with the results of the C interface: a negative errno when they fail.

    def call(self, name: str, *arguments: Any) -> int:
        own: Callable[..., int] | None = getattr(self, f"do_{name}", None)
        result = own(*arguments) if own else self._libc_call(name, *arguments)
        self._drain()
        return result

    def _libc_call(self, name: str, *arguments: Any) -> int:
        function = getattr(self._libc, name)
        function.restype = ctypes.c_ssize_t if "send" in name or "recv" in name else ctypes.c_int
        result = int(function(*[ctypes.c_size_t(a) if isinstance(a, int) and a > 1 << 30 else a
                                for a in arguments]))
        return result if result >= 0 else -ctypes.get_errno()

    def _made(self, fd: int, flags: int) -> int:
        if fd >= 0:
            self._flags[fd] = flags
        return fd

    def do_socket(self, domain: int, kind: int, protocol: int) -> int:
        fd = self._made(self._libc_call("socket", domain, kind | SOCK_NONBLOCK, protocol),
                        kind & SOCK_NONBLOCK)
        if fd >= 0 and kind & 15 == socket.SOCK_STREAM:
            self._choose_congestion(fd)
        return fd

    def _choose_congestion(self, fd: int) -> None:
        """By socket: a namespace may not choose what the machine does not offer everybody."""
        name = self._congestion.encode()
        if self._libc_call("setsockopt", fd, socket.IPPROTO_TCP, socket.TCP_CONGESTION, name,
                           len(name)) < 0:
            raise NoCounterpart(f"tcp.congestion {self._congestion}: not in this kernel")

    def do_accept(self, fd: int, address: Any, length: Any, flags: int) -> int:
        return self._made(self._libc_call("accept4", fd, address, length, flags | SOCK_NONBLOCK),
                          flags & SOCK_NONBLOCK)

    def do_close(self, fd: int) -> int:
        if self._flags.pop(fd, None) is None:
            return -errno.EBADF
        return self._libc_call("close", fd)

    def do_fcntl(self, fd: int, what: int, value: int) -> int:
        """Every socket is non-blocking here; what the script believes is kept aside."""
        if fd not in self._flags:
            return -errno.EBADF
        if what == F_GETFL:
            return os.O_RDWR | self._flags[fd]
        if what == F_SETFL:
            self._flags[fd] = value & os.O_NONBLOCK
            return 0
        return self._libc_call("fcntl", fd, what, value)

    def do_sendto(self, *arguments: Any) -> int:
        fd, data, size, flags, target, length = arguments
        return self._libc_call("sendto", fd, data, ctypes.c_size_t(size), flags | MSG_NOSIGNAL,
                               target, length)

    def do_recvfrom(self, *arguments: Any) -> int:
        fd, buffer, size, flags, address, length = arguments
        return self._libc_call("recvfrom", fd, buffer, ctypes.c_size_t(size), flags, address,
                               length)

    def do_sendmsg(self, fd: int, header: Any, flags: int) -> int:
        return self._libc_call("sendmsg", fd, header, flags | MSG_NOSIGNAL)

    def do_poll(self, entries: ctypes.Array[PollFd], count: int) -> int:
        return self._libc_call("poll", entries, count, 0)

    def do_epoll_create(self) -> int:
        return self._made(self._libc_call("epoll_create1", 0), 0)

    def do_epoll_wait(self, fd: int, events: ctypes.Array[EpollEvent], room: int) -> int:
        return self._libc_call("epoll_wait", fd, events, room, 0)
