"""Linux's names as numbers: what stands in calls. Structures are packed here too."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import socket
import struct

from .model import Name, Value

OWN = {
    "SOL_TCP": 6, "SOL_UDP": 17, "IPPROTO_ICMPV6": 58,
    "SO_REUSEPORT": 15, "SO_INCOMING_CPU": 49, "SO_ZEROCOPY": 60, "SO_MAX_PACING_RATE": 47,
    "TCP_NODELAY": 1, "TCP_MAXSEG": 2, "TCP_CORK": 3, "TCP_KEEPIDLE": 4, "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 6, "TCP_SYNCNT": 7, "TCP_LINGER2": 8, "TCP_DEFER_ACCEPT": 9,
    "TCP_WINDOW_CLAMP": 10, "TCP_INFO": 11, "TCP_QUICKACK": 12, "TCP_CONGESTION": 13,
    "TCP_USER_TIMEOUT": 18, "TCP_FASTOPEN": 23, "TCP_TIMESTAMP": 24, "TCP_NOTSENT_LOWAT": 25,
    "TCP_CC_INFO": 26, "TCP_SAVE_SYN": 27, "TCP_SAVED_SYN": 28, "TCP_FASTOPEN_CONNECT": 30,
    "TCP_INQ": 36, "MSG_FASTOPEN": 0x20000000, "MSG_ZEROCOPY": 0x4000000, "MSG_MORE": 0x8000,
    "MSG_EOR": 0x80, "MSG_NOSIGNAL": 0x4000, "MSG_CONFIRM": 0x800, "MSG_ERRQUEUE": 0x2000,
    "SIOCINQ": 0x541b, "FIONREAD": 0x541b, "SIOCOUTQ": 0x5411, "TIOCOUTQ": 0x5411,
    "SIOCOUTQNSD": 0x894b, "IP_TOS": 1, "IP_TTL": 2, "IP_RECVERR": 11, "IP_MTU_DISCOVER": 10,
    "IP_MTU": 14, "IPV6_TCLASS": 67, "INADDR_ANY": 0, "NULL": 0,
    "EPOLL_CTL_ADD": 1, "EPOLL_CTL_DEL": 2, "EPOLL_CTL_MOD": 3,
    "SIOCATMARK": 0x8905,
}
TCP_CA = {"TCP_CA_Open": 0, "TCP_CA_Disorder": 1, "TCP_CA_CWR": 2, "TCP_CA_Recovery": 3,
          "TCP_CA_Loss": 4}
TCP_STATES = {"TCP_ESTABLISHED": 1, "TCP_SYN_SENT": 2, "TCP_SYN_RECV": 3, "TCP_FIN_WAIT1": 4,
              "TCP_FIN_WAIT2": 5, "TCP_TIME_WAIT": 6, "TCP_CLOSE": 7, "TCP_CLOSE_WAIT": 8,
              "TCP_LAST_ACK": 9, "TCP_LISTEN": 10, "TCP_CLOSING": 11}
TCPI_OPTIONS = {"TCPI_OPT_TIMESTAMPS": 1, "TCPI_OPT_SACK": 2, "TCPI_OPT_WSCALE": 4,
                "TCPI_OPT_ECN": 8, "TCPI_OPT_ECN_SEEN": 16, "TCPI_OPT_SYN_DATA": 32}
PREFIXES = ("SOL_", "SO_", "AF_", "PF_", "SOCK_", "IPPROTO_", "MSG_", "SHUT_", "IP_", "IPV6_",
            "TCP_")


def number_of(word: str) -> int | None:
    """The number of one word, or None."""
    if word.lstrip("-").isdigit():
        return int(word)
    if word.startswith("0x"):
        return int(word, 16)
    if word in OWN:
        return OWN[word]
    if word.startswith(PREFIXES) and hasattr(socket, word):
        return int(getattr(socket, word))
    if word.startswith("E") and hasattr(errno, word):
        return int(getattr(errno, word))
    for module, prefix in ((os, "O_"), (fcntl, "F_"), (select, "POLL"), (select, "EPOLL")):
        if word.startswith(prefix) and hasattr(module, word):
            return int(getattr(module, word))
    return None


def number(value: Value) -> int | None:
    """A value that is a number or names of numbers; None when it is neither."""
    if isinstance(value, int):
        return value
    if not isinstance(value, Name):
        return None
    total = 0
    for word in value.words:
        one = number_of(word)
        if one is None:
            return None
        total |= one
    return total


def error_name(code: int) -> str:
    return errno.errorcode.get(code, f"E{code}")


def error_note(code: int) -> str:
    """As strace prints it: `EAGAIN (Resource temporarily unavailable)`."""
    return f"{error_name(code)} ({os.strerror(code)})"


def sockaddr(address: str, port: int) -> bytes:
    if ":" in address:
        return struct.pack("=HHI16sI", socket.AF_INET6, socket.htons(port), 0,
                           socket.inet_pton(socket.AF_INET6, address), 0)
    return struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port),
                       socket.inet_aton(address))


# struct tcp_info, as <linux/tcp.h> of Debian 12 has it; the two bit fields apart.
TCP_INFO_BYTES = "state ca_state retransmits probes backoff options wscales flags".split()
TCP_INFO_U32 = ("rto ato snd_mss rcv_mss unacked sacked lost retrans fackets last_data_sent "
                "last_ack_sent last_data_recv last_ack_recv pmtu rcv_ssthresh rtt rttvar "
                "snd_ssthresh snd_cwnd advmss reordering rcv_rtt rcv_space total_retrans").split()
TCP_INFO_REST = (("pacing_rate", "Q"), ("max_pacing_rate", "Q"), ("bytes_acked", "Q"),
                 ("bytes_received", "Q"), ("segs_out", "I"), ("segs_in", "I"),
                 ("notsent_bytes", "I"), ("min_rtt", "I"), ("data_segs_in", "I"),
                 ("data_segs_out", "I"), ("delivery_rate", "Q"), ("busy_time", "Q"),
                 ("rwnd_limited", "Q"), ("sndbuf_limited", "Q"), ("delivered", "I"),
                 ("delivered_ce", "I"), ("bytes_sent", "Q"), ("bytes_retrans", "Q"),
                 ("dsack_dups", "I"), ("reord_seen", "I"), ("rcv_ooopack", "I"), ("snd_wnd", "I"))
# What the stack has no figure for; asserting about it would assert nothing.
TCP_INFO_UNKNOWN = frozenset(
    "probes ato fackets last_data_sent "
    "last_ack_sent last_data_recv last_ack_recv pmtu rcv_ssthresh reordering rcv_rtt rcv_space "
    "max_pacing_rate data_segs_in data_segs_out "
    "busy_time rwnd_limited sndbuf_limited delivered delivered_ce bytes_retrans dsack_dups "
    "reord_seen rcv_ooopack wscales flags".split())


def read_tcp_info(data: bytes) -> dict[str, int]:
    """`tcpi_rtt` and so on, those the stack fills."""
    names = [*TCP_INFO_BYTES, *TCP_INFO_U32, *(name for name, _ in TCP_INFO_REST)]
    layout = "=8B24I" + "".join(kind for _, kind in TCP_INFO_REST)
    values = struct.unpack(layout, data[:struct.calcsize(layout)])
    found = {f"tcpi_{name}": value for name, value in zip(names, values)}
    found["tcpi_snd_wscale"], found["tcpi_rcv_wscale"] = (
        found["tcpi_wscales"] & 15, found["tcpi_wscales"] >> 4)
    found["tcpi_delivery_rate_app_limited"] = found["tcpi_flags"] & 1
    return {name: value for name, value in found.items()
            if name.removeprefix("tcpi_") not in TCP_INFO_UNKNOWN}
