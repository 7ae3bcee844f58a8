"""Sequences of socket calls around datagram sockets, the ports of old connections and options, to
be played on the kernel's sockets and on ours (test_socket_errors.py)."""

from __future__ import annotations

import select
import socket
import struct
from typing import Any

SOL, TCP, IP = socket.SOL_SOCKET, socket.IPPROTO_TCP, socket.IPPROTO_IP
DGRAM = socket.SOCK_DGRAM
PEEK, TRUNC, OOB = socket.MSG_PEEK, socket.MSG_TRUNC, socket.MSG_OOB
REUSE, REUSE_PORT, ERROR = socket.SO_REUSEADDR, socket.SO_REUSEPORT, socket.SO_ERROR
SNDBUF, RCVBUF = socket.SO_SNDBUF, socket.SO_RCVBUF
ACCEPTCONN, TYPE, DOMAIN, PROTOCOL = (socket.SO_ACCEPTCONN, socket.SO_TYPE, socket.SO_DOMAIN,
                                      socket.SO_PROTOCOL)
IP_TOS, IP_TTL = socket.IP_TOS, socket.IP_TTL
SIOCINQ, SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK = 0x541B, 0x5411, 0x894B, 0x8905
ALL = (select.POLLIN | select.POLLPRI | select.POLLOUT | select.POLLERR | select.POLLHUP |
       select.POLLRDHUP)
RD, WR, RDWR = socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR
RESET = struct.pack("=ii", 1, 0)
Step = tuple[Any, ...]

# Both ends on one host, so that what one binds is what the other finds.
BOUND: list[Step] = [("socket", "v", "server", DGRAM), ("bind", "v", "dns")]
PAIR: list[Step] = [*BOUND, ("socket", "u", "server", DGRAM), ("bind", "u", "web"),
                    ("connect", "u", "dns")]
# u has an error, and a datagram behind it.
FAILED: list[Step] = [*BOUND, ("socket", "u", "server", DGRAM), ("bind", "u", "web"),
                      ("connect", "u", "closed"), ("send", "u", b"nobody"), ("settle",),
                      ("connect", "u", "dns"), ("send", "v", b"data", 0, "web"), ("settle",)]
LISTENING: list[Step] = [("socket", "l", "server"), ("bind", "l", "web"), ("listen", "l", 8)]
SHARED: list[Step] = [("socket", "l", "server"), ("set", "l", SOL, REUSE, 1),
                      ("bind", "l", "web"), ("listen", "l", 8)]
MEET: list[Step] = [("socket", "c", "client"), ("connect", "c", "web"), ("settle",),
                    ("accept", "l", "s")]
AGAIN: list[Step] = [("socket", "n", "server"), ("bind", "n", "web"),
                     ("set", "n", SOL, REUSE, 1), ("bind", "n", "web"), ("listen", "n", 1)]


def datagram(*steps: Step) -> list[Step]:
    return [("socket", "u", "server", DGRAM), *steps]


def values(kind: int, level: int, name: int, *numbers: int) -> list[Step]:
    """Each set and read on a fresh socket."""
    steps: list[Step] = [("socket", "o", "client", kind)]
    for number in numbers:
        steps += [("set", "o", level, name, number), ("get", "o", level, name)]
    return steps


def two_bound(first: list[int], second: list[int], *rest: Step) -> list[Step]:
    """Two datagram sockets with these options bound to one place."""
    steps: list[Step] = []
    for name, options in (("a", first), ("b", second)):
        steps += [("socket", name, "server", DGRAM)]
        steps += [("set", name, SOL, option, 1) for option in options]
        steps += [("bind", name, "dns")]
    return [*steps, *rest]


SEND_TO_BOTH: list[Step] = [("socket", "c", "client", DGRAM), ("send", "c", b"whose?", 0, "dns"),
                            ("settle",), ("recv", "a"), ("recv", "b")]

DATAGRAMS: dict[str, list[Step]] = {
    "datagram-fresh": datagram(
        ("poll", "u", ALL), ("recv", "u"), ("recv", "u", 0), ("send", "u", b"x"),
        ("send", "u", b""), ("own_port", "u"), ("peer_port", "u"), ("get", "u", SOL, ERROR),
        ("get", "u", SOL, TYPE), ("get", "u", SOL, DOMAIN), ("get", "u", SOL, PROTOCOL),
        ("get", "u", SOL, ACCEPTCONN), ("listen", "u", 1), ("accept", "u", "n"),
        ("ioctl", "u", SIOCINQ), ("ioctl", "u", SIOCOUTQ), ("close", "u"), ("close", "u")),
    "datagram-implicit-bind": [
        *BOUND, ("socket", "u", "server", DGRAM), ("own_port", "u"),
        ("send", "u", b"x", 0, "dns"), ("own_port", "u"), ("bind", "u", "web"),
        ("peer_port", "u"), ("settle",), ("recv", "v"), ("send", "u", b"y")],
    "datagram-bind": datagram(
        ("bind", "u", "none"), ("own_port", "u"), ("bind", "u", "web"), ("own_port", "u"),
        ("socket", "w", "server", DGRAM), ("bind", "w", "web"), ("bind", "w", "web"),
        ("own_port", "w"), ("socket", "x", "server", DGRAM), ("bind", "x", "web")),
    "datagram-connect": [
        *PAIR, ("peer_port", "u"), ("own_port", "u"), ("send", "u", b"1"), ("settle",),
        ("recv", "v"), ("send", "v", b"2", 0, "web"), ("settle",), ("recv", "u"),
        ("connect", "u", "closed"), ("peer_port", "u"), ("send", "v", b"3", 0, "web"),
        ("settle",), ("recv", "u"), ("bind", "u", "closed")],
    "datagram-connect-nowhere": datagram(
        ("connect", "u", "none"), ("peer_port", "u"), ("own_port", "u"), ("poll", "u", ALL),
        ("send", "u", b"x", 0, "none")),
    "datagram-send-to-of-connected": [
        *PAIR, ("socket", "w", "server", DGRAM), ("bind", "w", "closed"),
        ("send", "u", b"aside", 0, "closed"), ("send", "u", b"peer"), ("settle",),
        ("recv", "w"), ("recv", "v"), ("peer_port", "u")],
    "datagram-dissolve": [
        *PAIR, ("dissolve", "u"), ("peer_port", "u"), ("own_port", "u"), ("send", "u", b"x"),
        ("send", "v", b"back", 0, "web"), ("settle",), ("recv", "u"), ("bind", "u", "closed"),
        ("connect", "u", "dns"), ("send", "u", b"again"), ("settle",), ("recv", "v")],
    "datagram-dissolve-unbound": [
        *BOUND, ("socket", "u", "server", DGRAM), ("dissolve", "u"), ("connect", "u", "dns"),
        ("own_port", "u"), ("dissolve", "u"), ("own_port", "u"), ("bind", "u", "web"),
        ("own_port", "u"), ("dissolve", "u"), ("own_port", "u")],
    "datagram-dissolve-chosen": [
        *BOUND, ("socket", "u", "server", DGRAM), ("bind", "u", "none"), ("connect", "u", "dns"),
        ("dissolve", "u"), ("own_port", "u"), ("bind", "u", "web"), ("own_port", "u")],
    "datagram-refused": datagram(
        ("connect", "u", "closed"), ("send", "u", b"1"), ("settle",), ("poll", "u", ALL),
        ("recv", "u"), ("recv", "u"), ("poll", "u", ALL), ("send", "u", b"2"), ("settle",),
        ("send", "u", b"3"), ("send", "u", b"4"), ("settle",), ("get", "u", SOL, ERROR),
        ("get", "u", SOL, ERROR), ("recv", "u"), ("peer_port", "u")),
    "datagram-refused-unconnected": datagram(
        ("send", "u", b"1", 0, "closed"), ("settle",), ("poll", "u", ALL), ("recv", "u"),
        ("get", "u", SOL, ERROR), ("send", "u", b"2", 0, "closed")),
    "datagram-error-first": [*FAILED, ("poll", "u", ALL), ("ioctl", "u", SIOCINQ), ("recv", "u"),
                             ("poll", "u", ALL), ("recv", "u"), ("recv", "u")],
    "datagram-error-peeked": [*FAILED, ("recv", "u", 10, PEEK), ("recv", "u", 10, PEEK),
                              ("recv", "u"), ("recv", "u", 10, PEEK)],
    "datagram-error-asked": [*FAILED, ("get", "u", SOL, ERROR), ("recv", "u"), ("recv", "u")],
    "datagram-error-dissolved": [*FAILED, ("dissolve", "u"), ("poll", "u", ALL),
                                 ("send", "u", b"x"),
                                 ("send", "u", b"x", 0, "none"), ("send", "u", b"x", 0, "dns"),
                                 ("recv", "u")],
    "datagram-error-behind-size": [*FAILED, ("send", "u", bytes(65508)), ("send", "u", b"x"),
                                   ("send", "u", b"y")],
    "datagram-sizes": [
        *PAIR, ("send", "u", bytes(65507)), ("send", "u", bytes(65508)),
        ("send", "u", bytes(65536)), ("send", "u", bytes(70000)), ("settle",),
        ("ioctl", "v", SIOCINQ), ("recv", "v", 10, TRUNC), ("recv", "v")],
    "datagram-empty": [
        *PAIR, ("send", "u", b""), ("settle",), ("poll", "v", ALL), ("ioctl", "v", SIOCINQ),
        ("recv", "v", 10, PEEK), ("recv", "v"), ("recv", "v"), ("poll", "v", ALL)],
    "datagram-cut": [
        *PAIR, ("send", "u", b"abcdef"), ("send", "u", b"gh"), ("settle",),
        ("ioctl", "v", SIOCINQ), ("recv", "v", 2, PEEK), ("recv", "v", 2, PEEK | TRUNC),
        ("recv", "v", 2), ("ioctl", "v", SIOCINQ), ("recv", "v", 0), ("ioctl", "v", SIOCINQ),
        ("recv", "v")],
    "datagram-flags": [*PAIR, ("send", "u", b"x", OOB), ("recv", "v", 1, OOB),
                       ("ioctl", "u", SIOCATMARK), ("ioctl", "u", SIOCOUTQNSD),
                       ("ioctl", "u", SIOCOUTQ), ("ioctl", "u", 0x9999)],
    "datagram-shut-unconnected": [
        *BOUND, ("shutdown", "v", RD), ("poll", "v", ALL), ("recv", "v"),
        ("socket", "u", "server", DGRAM), ("send", "u", b"x", 0, "dns"), ("settle",),
        ("recv", "v"), ("shutdown", "v", WR), ("poll", "v", ALL),
        ("send", "v", b"y", 0, "web"), ("shutdown", "v", 3)],
    "datagram-shut-write": [*PAIR, ("shutdown", "u", WR), ("send", "u", b"x"), ("poll", "u", ALL),
                            ("send", "v", b"y", 0, "web"), ("settle",), ("recv", "u"),
                            ("shutdown", "u", WR)],
    "datagram-shut-read": [*PAIR, ("shutdown", "u", RD), ("poll", "u", ALL), ("recv", "u"),
                           ("send", "v", b"y", 0, "web"), ("settle",), ("recv", "u"),
                           ("send", "u", b"z"), ("shutdown", "u", RDWR), ("poll", "u", ALL),
                           ("shutdown", "u", -1)],
    "datagram-reuse-neither": two_bound([], [], *SEND_TO_BOTH),
    "datagram-reuse-one": two_bound([REUSE], [], ("set", "b", SOL, REUSE, 1), ("bind", "b", "dns"),
                                    *SEND_TO_BOTH),
    "datagram-reuse-both": two_bound([REUSE], [REUSE], *SEND_TO_BOTH, ("close", "b"),
                                     ("send", "c", b"now?", 0, "dns"), ("settle",), ("recv", "a")),
    "datagram-reuse-connected": two_bound(
        [REUSE], [REUSE], ("socket", "c", "server", DGRAM), ("bind", "c", "web"),
        ("connect", "a", "web"), ("send", "c", b"yours", 0, "dns"), ("settle",), ("recv", "b"),
        ("recv", "a")),
    "datagram-reuse-mixed": two_bound([REUSE], [REUSE_PORT], *SEND_TO_BOTH),
    "datagram-reuse-port-one": two_bound([REUSE_PORT], [], *SEND_TO_BOTH),
    "datagram-reuse-port": two_bound([REUSE_PORT], [REUSE_PORT], ("own_port", "a"),
                                     ("own_port", "b"), ("get", "b", SOL, REUSE_PORT),
                                     ("close", "a"), ("socket", "c", "client", DGRAM),
                                     ("send", "c", b"left", 0, "dns"), ("settle",), ("recv", "b")),
    "datagram-reuse-withdrawn": two_bound([REUSE], [REUSE], ("set", "a", SOL, REUSE, 0),
                                          ("socket", "d", "server", DGRAM),
                                          ("set", "d", SOL, REUSE, 1), ("bind", "d", "dns")),
    "datagram-send-buffer": values(DGRAM, SOL, SNDBUF, 0, 1, 2304, 5000, 100000),
    "datagram-receive-buffer": values(DGRAM, SOL, RCVBUF, 0, 1, 1152, 5000, 100000),
    "datagram-buffers-at-first": datagram(("get", "u", SOL, SNDBUF), ("get", "u", SOL, RCVBUF)),
    "datagram-tos": values(DGRAM, IP, IP_TOS, 0x10, 0, 255, 256, -1, 3, 1000),
    "datagram-ttl": values(DGRAM, IP, IP_TTL, 1, 0, 255, 256, -1, -2, 128),
    "stream-tos": values(socket.SOCK_STREAM, IP, IP_TOS, 0x10, 0, 255, 256, -1, 3, 1000),
    "stream-send-buffer": values(socket.SOCK_STREAM, SOL, SNDBUF, 0, 1, 2304, 5000, 100000),
    "stream-receive-buffer": values(socket.SOCK_STREAM, SOL, RCVBUF, 0, 1, 1152, 5000, 100000),
    "datagram-options-of-streams": datagram(
        ("set", "u", TCP, 1, 1), ("get", "u", TCP, 1), ("get", "u", TCP, 11, 104),
        ("set", "u", SOL, TYPE, 1), ("set", "u", SOL, 9999, 1), ("get", "u", SOL, 9999),
        ("set", "u", IP, 9999, 1), ("get", "u", IP, 9999), ("get", "u", 9999, 1),
        ("set", "u", IP, IP_TTL, b"")),
    "datagram-ttl-still-arrives": [*PAIR, ("set", "u", IP, IP_TTL, 1),
                                   ("set", "u", IP, IP_TOS, 0xb8), ("send", "u", b"short"),
                                   ("settle",), ("recv", "v")],
    "datagram-shut-dissolved": [*PAIR, ("shutdown", "u", RDWR), ("dissolve", "u"),
                                ("poll", "u", ALL), ("send", "u", b"x", 0, "dns"),
                                ("connect", "u", "dns"), ("send", "u", b"x"), ("poll", "u", ALL)],
    "datagram-connected-is-no-listener": [
        *PAIR, ("listen", "u", 1), ("accept", "u", "n"), ("shutdown", "u", RDWR),
        ("listen", "u", 1), ("recv", "u"), ("close", "u"), ("recv", "u")],
    "datagram-nothing-of-it": [*PAIR, ("send", "u", b"abc"), ("settle",),
                               ("recv", "v", 0, TRUNC | PEEK), ("recv", "v", 0, TRUNC),
                               ("recv", "v")],
    "datagram-error-of-old-peer": [
        *PAIR, ("connect", "u", "closed"), ("send", "u", b"1"), ("settle",),
        ("connect", "u", "dns"), ("poll", "u", ALL), ("send", "u", b"2"), ("send", "u", b"3"),
        ("settle",), ("recv", "v"), ("recv", "v")],
    "datagram-error-behind-address": datagram(
        ("connect", "u", "closed"), ("send", "u", b"1"), ("settle",),
        ("send", "u", b"2", 0, "none"), ("send", "u", b"2", 0, "dns"), ("get", "u", SOL, ERROR)),
    "datagram-from-others": [
        *PAIR, ("socket", "w", "server", DGRAM), ("send", "w", b"foreign", 0, "web"),
        ("settle",), ("poll", "u", ALL), ("poll", "w", ALL), ("recv", "w")],
    "datagram-to-itself": [*BOUND, ("connect", "v", "dns"), ("send", "v", b"me"), ("settle",),
                           ("recv", "v"), ("ioctl", "v", SIOCINQ)],
    "datagram-flags-of-receive": [
        *PAIR, ("recv", "u", 10, socket.MSG_ERRQUEUE), ("recv", "u", 10, socket.MSG_DONTWAIT),
        ("recv", "u", 10, socket.MSG_WAITALL), ("send", "u", b"x", socket.MSG_CONFIRM),
        ("send", "u", b"x", socket.MSG_DONTROUTE), ("send", "u", b"x", socket.MSG_EOR),
        ("settle",), ("ioctl", "v", SIOCINQ)],
}

STREAM_PORTS: dict[str, list[Step]] = {
    "rebind-with-connection": [*LISTENING, *MEET, ("close", "l"), *AGAIN],
    "rebind-with-connection-shared": [*SHARED, *MEET, ("close", "l"), *AGAIN,
                                      ("socket", "d", "client"), ("connect", "d", "web"),
                                      ("settle",), ("accept", "n", "t"), ("send", "s", b"old"),
                                      ("settle",), ("recv", "c")],
    "rebind-with-listener": [*SHARED, *AGAIN],
    "rebind-in-time-wait": [*LISTENING, *MEET, ("close", "s"), ("settle",), ("recv", "c"),
                            ("close", "c"), ("settle",), ("close", "l"), *AGAIN],
    "rebind-in-time-wait-shared": [*SHARED, *MEET, ("close", "s"), ("settle",), ("recv", "c"),
                                   ("close", "c"), ("settle",), ("close", "l"), *AGAIN],
    "rebind-when-client-closed-first": [*LISTENING, *MEET, ("close", "c"), ("settle",),
                                        ("close", "s"), ("settle",), ("close", "l"),
                                        ("socket", "n", "server"), ("bind", "n", "none"),
                                        ("own_port", "n")],
    "rebind-after-reset": [*LISTENING, *MEET, ("set", "s", SOL, socket.SO_LINGER, RESET),
                           ("close", "s"), ("settle",), ("close", "l"), *AGAIN],
    "rebind-half-closed": [*LISTENING, *MEET, ("shutdown", "s", WR), ("settle",), ("close", "s"),
                           ("settle",), ("close", "l"), *AGAIN],
    "rebind-reuse-port": [
        ("socket", "l", "server"), ("set", "l", SOL, REUSE_PORT, 1), ("bind", "l", "web"),
        ("listen", "l", 8), *MEET, ("close", "l"), ("socket", "n", "server"), ("bind", "n", "web"),
        ("set", "n", SOL, REUSE_PORT, 1), ("bind", "n", "web"), ("listen", "n", 1)],
    "rebind-unconnected": [("socket", "a", "server"), ("bind", "a", "web"), ("close", "a"), *AGAIN],
    "listener-ioctl": [*LISTENING, ("ioctl", "l", SIOCINQ), ("ioctl", "l", SIOCOUTQ),
                       ("ioctl", "l", SIOCOUTQNSD), ("ioctl", "l", SIOCATMARK),
                       ("ioctl", "l", 0x9999), ("get", "l", SOL, ERROR)],
    "stream-ioctl": [*LISTENING, *MEET, ("ioctl", "c", SIOCINQ), ("ioctl", "c", SIOCOUTQ),
                     ("ioctl", "c", SIOCOUTQNSD), ("ioctl", "c", SIOCATMARK),
                     ("send", "s", b"four"), ("settle",), ("ioctl", "c", SIOCINQ)],
    "stream-address-ignored": [*LISTENING, *MEET, ("send", "c", b"there", 0, "closed"),
                               ("settle",), ("recv", "s"), ("send", "l", b"x", 0, "web")],
    "stream-dissolve": [*LISTENING, *MEET, ("connect", "c", "web"), ("dissolve", "c"),
                        ("settle",), ("poll", "c", ALL), ("peer_port", "c"), ("own_port", "c"),
                        ("get", "c", SOL, ERROR), ("get", "c", SOL, ERROR), ("poll", "c", ALL),
                        ("send", "c", b"x"), ("recv", "c"), ("recv", "s"), ("poll", "s", ALL),
                        ("connect", "c", "web"), ("settle",), ("connect", "c", "web"),
                        ("accept", "l", "t"), ("send", "c", b"new"), ("settle",), ("recv", "t")],
    "stream-dissolve-send": [*LISTENING, *MEET, ("connect", "c", "web"), ("dissolve", "c"),
                             ("send", "c", b"x"), ("send", "c", b"x"), ("recv", "c")],
    "stream-dissolve-receive": [*LISTENING, *MEET, ("connect", "c", "web"), ("dissolve", "c"),
                                ("recv", "c"), ("recv", "c"), ("send", "c", b"x")],
    "stream-dissolve-fresh": [("socket", "c", "client"), ("dissolve", "c"), ("poll", "c", ALL),
                              ("get", "c", SOL, ERROR), ("own_port", "c")],
    "stream-dissolve-listener": [*LISTENING, ("dissolve", "l"), ("get", "l", SOL, ACCEPTCONN),
                                 ("get", "l", SOL, ERROR), ("own_port", "l"), ("poll", "l", ALL),
                                 ("accept", "l", "n"), ("listen", "l", 1),
                                 ("socket", "c", "client"), ("connect", "c", "web"), ("settle",),
                                 ("accept", "l", "s")],
    "stream-dissolve-chosen": [("socket", "l", "server"), ("listen", "l", 1), ("own_port", "l"),
                               ("dissolve", "l"), ("own_port", "l"), ("bind", "l", "web"),
                               ("own_port", "l")],
    "stream-dissolve-closed-by-peer": [*LISTENING, *MEET, ("connect", "c", "web"), ("close", "s"),
                                       ("settle",), ("dissolve", "c"), ("get", "c", SOL, ERROR),
                                       ("recv", "c")],
    "stream-connect-nowhere": [("socket", "c", "client"), ("connect", "c", "none"), ("settle",),
                               ("get", "c", SOL, ERROR), ("poll", "c", ALL)],
    "stream-dissolve-bound": [
        *LISTENING, ("socket", "c", "server"), ("bind", "c", "dns"), ("connect", "c", "web"),
        ("settle",), ("accept", "l", "s"), ("dissolve", "c"), ("own_port", "c"),
        ("connect", "c", "web"), ("settle",), ("own_port", "c"), ("get", "c", SOL, ERROR)],
    "stream-dissolve-accepted": [*LISTENING, *MEET, ("dissolve", "s"), ("own_port", "s"),
                                 ("get", "s", SOL, ERROR), ("settle",), ("recv", "c"),
                                 ("listen", "s", 1)],
    "accepted-is-connected": [*SHARED, *MEET, ("listen", "s", 1), ("bind", "s", "dns"),
                              ("connect", "s", "closed"), ("own_port", "s")],
    "reuse-after-bind": [
        ("socket", "a", "server"), ("bind", "a", "web"), ("set", "a", SOL, REUSE, 1),
        ("socket", "b", "server"), ("set", "b", SOL, REUSE, 1), ("bind", "b", "web"),
        ("listen", "a", 1), ("listen", "b", 1), ("connect", "b", "closed")],
    "rebind-with-client": [
        *LISTENING, ("socket", "c", "server"), ("set", "c", SOL, REUSE, 1), ("bind", "c", "dns"),
        ("connect", "c", "web"), ("settle",), ("socket", "n", "server"), ("bind", "n", "dns"),
        ("set", "n", SOL, REUSE, 1), ("bind", "n", "dns"), ("listen", "n", 1)],
    "rebind-after-client": [
        *LISTENING, ("socket", "c", "server"), ("bind", "c", "dns"), ("connect", "c", "web"),
        ("settle",), ("accept", "l", "s"), ("close", "c"), ("settle",),
        ("socket", "n", "server"), ("bind", "n", "dns"), ("set", "n", SOL, REUSE, 1),
        ("bind", "n", "dns"), ("close", "s"), ("settle",), ("bind", "n", "dns")],
    "listener-urgent": [*LISTENING, ("recv", "l", 1, OOB), ("send", "l", b"x", OOB)],
}
