"""The same sequences of socket calls on Linux and on our stack give the same results, call by call:
errors, bytes, readiness, options read back."""

from __future__ import annotations

import errno
import select
import socket
import struct
from typing import Any

import pytest
from datagram_sequences import DATAGRAMS, STREAM_PORTS
from socket_worlds import Linux, Ours, Run

SOL, TCP, IP = socket.SOL_SOCKET, socket.IPPROTO_TCP, socket.IPPROTO_IP
DGRAM = socket.SOCK_DGRAM
PEEK, TRUNC, OOB = socket.MSG_PEEK, socket.MSG_TRUNC, socket.MSG_OOB
WAITALL, DONTWAIT = socket.MSG_WAITALL, socket.MSG_DONTWAIT
USER_TIMEOUT, NOTSENT_LOWAT, DEFER_ACCEPT, FASTOPEN, FASTOPEN_CONNECT = 18, 25, 9, 23, 30
KEEPIDLE, KEEPINTVL, KEEPCNT, MAXSEG, NODELAY, CONGESTION = 4, 5, 6, 2, 1, 13
SIOCINQ, SIOCOUTQ, SIOCATMARK = 0x541B, 0x5411, 0x8905
ALL = (select.POLLIN | select.POLLPRI | select.POLLOUT | select.POLLERR | select.POLLHUP |
       select.POLLRDHUP)
RD, WR, RDWR = socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR
Step = tuple[Any, ...]


def linger(on: int, seconds: int) -> bytes:
    return struct.pack("=ii", on, seconds)


LISTENING: list[Step] = [("socket", "l", "server"), ("set", "l", SOL, socket.SO_REUSEADDR, 1),
                         ("bind", "l", "web"), ("listen", "l", 8)]
CONNECTED: list[Step] = [*LISTENING, ("socket", "c", "client"), ("connect", "c", "web"),
                         ("settle",), ("connect", "c", "web"), ("accept", "l", "s")]
REFUSED: list[Step] = [("socket", "c", "client"), ("connect", "c", "closed"), ("settle",)]


def read_back(level: int, name: int, *values: int) -> list[Step]:
    """Each value set and read on a fresh socket."""
    steps: list[Step] = [("socket", "o", "client"), ("get", "o", level, name)]
    for value in values:
        steps += [("set", "o", level, name, value), ("get", "o", level, name)]
    return steps


def opened(first: list[Step], *rest: Step) -> list[Step]:
    return [*first, *rest]


SEQUENCES: dict[str, list[Step]] = {
    "fresh": [("socket", "c", "client"), ("poll", "c", ALL), ("recv", "c"), ("send", "c", b"x"),
              ("shutdown", "c", RDWR), ("shutdown", "c", WR), ("accept", "c", "n"),
              ("peer_port", "c"), ("own_port", "c"), ("get", "c", SOL, socket.SO_ERROR),
              ("get", "c", SOL, socket.SO_ACCEPTCONN), ("get", "c", SOL, socket.SO_TYPE),
              ("get", "c", SOL, socket.SO_DOMAIN), ("ioctl", "c", SIOCINQ), ("close", "c"),
              ("close", "c")],
    "bad-shutdown": opened(CONNECTED, ("shutdown", "c", 3), ("shutdown", "c", -1)),
    "listener": opened(LISTENING, ("poll", "l", ALL), ("recv", "l"), ("send", "l", b"x"),
                       ("accept", "l", "n"), ("connect", "l", "closed"), ("bind", "l", "closed"),
                       ("listen", "l", 1), ("own_port", "l"), ("peer_port", "l"),
                       ("get", "l", SOL, socket.SO_ACCEPTCONN), ("shutdown", "l", WR),
                       ("accept", "l", "n")),
    "listener-shut": opened(LISTENING, ("shutdown", "l", RD), ("accept", "l", "n"),
                            ("poll", "l", ALL), ("listen", "l", 5), ("accept", "l", "n")),
    "bind": [("socket", "a", "server"), ("bind", "a", "web"), ("bind", "a", "closed"),
             ("socket", "b", "server"), ("bind", "b", "web"),
             ("set", "b", SOL, socket.SO_REUSEADDR, 1), ("bind", "b", "web"),
             ("set", "a", SOL, socket.SO_REUSEADDR, 1), ("bind", "b", "web"), ("listen", "b", 1),
             ("listen", "a", 1)],
    "reuse-port": [("socket", "a", "server"), ("set", "a", SOL, socket.SO_REUSEPORT, 1),
                   ("bind", "a", "web"), ("listen", "a", 1), ("socket", "b", "server"),
                   ("bind", "b", "web"), ("set", "b", SOL, socket.SO_REUSEPORT, 1),
                   ("bind", "b", "web"), ("listen", "b", 1),
                   ("get", "b", SOL, socket.SO_REUSEPORT)],
    "listen-unbound": [("socket", "a", "server"), ("listen", "a", 0), ("own_port", "a"),
                       ("listen", "a", -1)],
    "connect": opened(CONNECTED, ("connect", "c", "web"), ("listen", "c", 1), ("bind", "c", "web"),
                      ("peer_port", "c"), ("own_port", "c"), ("peer_port", "s"), ("own_port", "s"),
                      ("poll", "c", ALL), ("poll", "s", ALL), ("recv", "c"),
                      ("accept", "l", "n"), ("get", "c", SOL, socket.SO_ERROR)),
    "refused-error": opened(REFUSED, ("poll", "c", ALL), ("get", "c", SOL, socket.SO_ERROR),
                            ("get", "c", SOL, socket.SO_ERROR), ("poll", "c", ALL),
                            ("send", "c", b"x"), ("recv", "c"), ("peer_port", "c")),
    "refused-connect": opened(REFUSED, ("connect", "c", "closed"), ("poll", "c", ALL),
                              ("connect", "c", "closed"), ("settle",),
                              ("get", "c", SOL, socket.SO_ERROR), ("connect", "c", "closed")),
    "refused-send": opened(REFUSED, ("send", "c", b"x"), ("send", "c", b"x"), ("recv", "c")),
    "refused-recv": opened(REFUSED, ("recv", "c"), ("recv", "c"), ("send", "c", b"x")),
    "retry": opened(REFUSED, ("connect", "c", "closed"), *LISTENING, ("connect", "c", "web"),
                    ("settle",), ("connect", "c", "web"), ("send", "c", b"again")),
    "data": opened(CONNECTED, ("send", "c", b"question"), ("settle",), ("ioctl", "s", SIOCINQ),
                   ("poll", "s", ALL), ("recv", "s", 4), ("recv", "s"), ("recv", "s"),
                   ("send", "s", b""), ("send", "s", b"answer"), ("recv", "s", 0),
                   ("settle",), ("poll", "c", ALL)),
    "peek": opened(CONNECTED, ("recv", "s", 10, PEEK), ("send", "c", b"abcdef"), ("settle",),
                   ("recv", "s", 3, PEEK), ("recv", "s", 10, PEEK | DONTWAIT),
                   ("recv", "s", 2, WAITALL), ("recv", "s", 100, WAITALL), ("recv", "s", 1, PEEK)),
    "trunc": opened(CONNECTED, ("send", "c", b"abcdef"), ("settle",), ("recv", "s", 4, TRUNC),
                    ("recv", "s", 10), ("recv", "s", 4, TRUNC)),
    "half-close": opened(CONNECTED, ("send", "c", b"bye"), ("shutdown", "c", WR),
                         ("send", "c", b"x"), ("poll", "c", ALL), ("settle",), ("poll", "s", ALL),
                         ("recv", "s"), ("recv", "s"), ("recv", "s"), ("send", "s", b"late"),
                         ("settle",), ("recv", "c"), ("recv", "c"), ("shutdown", "s", WR),
                         ("settle",), ("recv", "c"), ("poll", "c", ALL), ("poll", "s", ALL)),
    "shut-read": opened(CONNECTED, ("shutdown", "c", RD), ("recv", "c"), ("poll", "c", ALL),
                        ("send", "c", b"x"), ("settle",), ("recv", "s"), ("send", "s", b"y"),
                        ("settle",), ("recv", "c")),
    "shut-twice": opened(CONNECTED, ("shutdown", "c", WR), ("shutdown", "c", WR),
                         ("shutdown", "c", RDWR), ("settle",), ("recv", "s")),
    "closed-by-peer": opened(CONNECTED, ("close", "s"), ("settle",), ("poll", "c", ALL),
                             ("recv", "c"), ("send", "c", b"x"), ("settle",), ("poll", "c", ALL),
                             ("send", "c", b"y"), ("send", "c", b"z"), ("recv", "c"),
                             ("get", "c", SOL, socket.SO_ERROR)),
    "reset": opened(CONNECTED, ("set", "s", SOL, socket.SO_LINGER, linger(1, 0)), ("close", "s"),
                    ("settle",), ("poll", "c", ALL), ("recv", "c"), ("recv", "c"),
                    ("send", "c", b"x"), ("peer_port", "c"), ("shutdown", "c", WR),
                    ("poll", "c", ALL)),
    "reset-send": opened(CONNECTED, ("set", "s", SOL, socket.SO_LINGER, linger(1, 0)),
                         ("close", "s"), ("settle",), ("send", "c", b"x"), ("send", "c", b"x"),
                         ("recv", "c")),
    "unread-close": opened(CONNECTED, ("send", "c", b"unread"), ("settle",), ("close", "s"),
                           ("settle",), ("get", "c", SOL, socket.SO_ERROR), ("recv", "c")),
    "reset-with-data": opened(CONNECTED, ("send", "s", b"last words"), ("settle",),
                              ("set", "s", SOL, socket.SO_LINGER, linger(1, 0)), ("close", "s"),
                              ("settle",), ("recv", "c"), ("recv", "c"), ("recv", "c")),
    "urgent": opened(CONNECTED, ("set", "s", SOL, socket.SO_OOBINLINE, 1),
                     ("get", "s", SOL, socket.SO_OOBINLINE), ("send", "c", b"ab"),
                     ("send", "c", b"!", OOB), ("settle",), ("poll", "s", ALL),
                     ("ioctl", "s", SIOCATMARK), ("recv", "s", 2), ("ioctl", "s", SIOCATMARK),
                     ("recv", "s", 1, OOB), ("recv", "s", 1), ("ioctl", "s", SIOCATMARK),
                     ("recv", "s", 1)),
    "listener-gone": opened(CONNECTED, ("close", "l"), ("send", "c", b"still"), ("settle",),
                            ("recv", "s"), ("socket", "d", "client"), ("connect", "d", "web"),
                            ("settle",), ("get", "d", SOL, socket.SO_ERROR)),
    "unaccepted": opened(LISTENING, ("socket", "c", "client"), ("connect", "c", "web"),
                         ("settle",), ("send", "c", b"early"), ("close", "l"), ("settle",),
                         ("poll", "c", ALL), ("recv", "c"), ("send", "c", b"x")),
    "shut-connecting": [("socket", "c", "client"), ("connect", "c", "closed"), ("settle",),
                        ("shutdown", "c", WR), ("get", "c", SOL, socket.SO_ERROR)],
    "linger": [("socket", "o", "client"), ("get", "o", SOL, socket.SO_LINGER, 8),
               ("set", "o", SOL, socket.SO_LINGER, linger(1, 5)),
               ("get", "o", SOL, socket.SO_LINGER, 8),
               ("set", "o", SOL, socket.SO_LINGER, 1)],
    "nodelay": read_back(TCP, NODELAY, 1, 0, 7),
    "keepalive": read_back(SOL, socket.SO_KEEPALIVE, 1, 0, 3),
    "keepidle": read_back(TCP, KEEPIDLE, 10, 0, 32767, 32768, -1),
    "keepintvl": read_back(TCP, KEEPINTVL, 10, 0, 32767, 32768, -1),
    "keepcnt": read_back(TCP, KEEPCNT, 5, 0, 127, 128, -1),
    "maxseg": read_back(TCP, MAXSEG, 1000, 87, 88, 32767, 32768),
    "user-timeout": read_back(TCP, USER_TIMEOUT, 1500, 0, -1),
    "lowat": read_back(TCP, NOTSENT_LOWAT, 4096, 0),
    "defer-accept": read_back(TCP, DEFER_ACCEPT, 1, 2, 5, 30, 0),
    "fast-open-connect": read_back(TCP, FASTOPEN_CONNECT, 1, 0, 2, -1),
    "reuse-address": read_back(SOL, socket.SO_REUSEADDR, 1, 0, 5),
    "options-that-are-none": [
        ("socket", "o", "client"), ("set", "o", SOL, socket.SO_TYPE, 1),
        ("set", "o", SOL, socket.SO_ACCEPTCONN, 1), ("set", "o", TCP, 9999, 1),
        ("get", "o", TCP, 9999), ("set", "o", SOL, 9999, 1), ("get", "o", SOL, 9999),
        ("set", "o", TCP, NODELAY, b"x"), ("set", "o", TCP, CONGESTION, b"nonsense"),
        ("socket", "u", "client", DGRAM), ("set", "u", TCP, NODELAY, 1)],
    "datagram": [("socket", "u", "client", DGRAM), ("socket", "v", "server", DGRAM),
                 ("bind", "v", "dns"), ("poll", "u", ALL), ("send", "u", b"x"), ("recv", "u"),
                 ("send", "u", b"query", 0, "dns"), ("settle",), ("poll", "v", ALL),
                 ("recv", "v", 3, PEEK), ("recv", "v", 3, TRUNC), ("recv", "v"),
                 ("listen", "v", 1), ("accept", "v", "n"), ("shutdown", "v", RD),
                 ("connect", "u", "closed"), ("peer_port", "u"), ("send", "u", b"nobody"),
                 ("settle",), ("poll", "u", ALL), ("get", "u", SOL, socket.SO_ERROR),
                 ("send", "u", b"nobody"), ("settle",), ("recv", "u"), ("recv", "u")],
    "stream-send-to": opened(CONNECTED, ("send", "c", b"x", 0, "closed"),
                             ("socket", "d", "client"), ("send", "d", b"x", 0, "web")),
    **DATAGRAMS,
    **STREAM_PORTS,
}


def shown(result: int | bytes) -> str:
    if isinstance(result, bytes):
        return repr(result)
    return errno.errorcode.get(-result, str(result)) if result < 0 else str(result)


def trace(world: Linux | Ours, ports: dict[str, int], steps: list[Step]) -> list[str]:
    run = Run(world, ports)
    try:
        return [f"{step}: {shown(run.step(*step))}" for step in steps]
    finally:
        world.end()


@pytest.fixture(autouse=True)
def machine() -> None:
    """Loopback is all that is needed here."""


@pytest.fixture
def ports() -> dict[str, int]:
    """Free on this machine now: what listens, what nobody listens at."""
    found = {}
    holders = []
    for name in ("web", "closed", "dns"):
        holder = socket.socket()
        holder.bind(("127.0.0.1", 0))
        holders.append(holder)
        found[name] = holder.getsockname()[1]
    for holder in holders:
        holder.close()
    return found


@pytest.mark.parametrize("name", SEQUENCES)
def test_same_as_linux(name: str, ports: dict[str, int]) -> None:
    linux = trace(Linux(), ports, SEQUENCES[name])
    ours = trace(Ours(), ports, SEQUENCES[name])
    assert ours == linux


def test_there_are_enough() -> None:
    """Calls compared, not sequences."""
    assert sum(map(len, SEQUENCES.values())) > 1300
