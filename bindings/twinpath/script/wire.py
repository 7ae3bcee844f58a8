"""Packets to bytes and back: IPv4, IPv6, TCP, UDP, ICMP, as far as scripts look at them."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

from .model import Option

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
IPV4_LEN, IPV6_LEN, UDP_LEN, ICMP_LEN = 20, 40, 8, 8
# By bit, the lowest first.
FLAG_LETTERS = "FSRP.UEWA"
QUOTED_BYTES = 8  # of what an IPv4 error is about, behind its header (RFC 792)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class BadPacket(Exception):
    """Bytes that are no packet of ours to read."""


@dataclass(frozen=True)
class Ip:
    """What of an IP header matters here."""

    source: Address
    target: Address
    protocol: int
    tos: int = 0
    ttl: int = 64
    flow_label: int = 0


@dataclass(frozen=True)
class Segment:
    """TCP as on the wire: absolute numbers."""

    ports: tuple[int, int]
    flags: str
    seq: int
    ack: int
    window: int
    urgent: int
    options: tuple[Option, ...]
    payload: bytes


@dataclass(frozen=True)
class Datagram:
    ports: tuple[int, int]
    payload: bytes


@dataclass(frozen=True)
class Message:
    """ICMP or ICMPv6: `rest` is the second word, `data` what follows."""

    type: int
    code: int
    rest: int
    data: bytes


Body = Segment | Datagram | Message


def checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def pseudo(ip: Ip, length: int) -> bytes:
    head = ip.source.packed + ip.target.packed
    if ip.source.version == 4:
        return head + struct.pack("!BBH", 0, ip.protocol, length)
    return head + struct.pack("!IHBB", length, 0, 0, ip.protocol)


def option_bytes(option: Option) -> bytes:
    kind, numbers, cookie = option
    if kind == "nop":
        return b"\1"
    if kind == "eol":
        return b"\0"
    if kind == "sackOK":
        return b"\4\2"
    if kind == "mss":
        return struct.pack("!BBH", 2, 4, numbers[0] & 0xffff)
    if kind == "wscale":
        return struct.pack("!BBB", 3, 3, numbers[0] & 0xff)
    if kind == "TS":
        return struct.pack("!BBII", 8, 10, *(n & 0xffffffff for n in numbers))
    if kind == "sack":
        words = [n & 0xffffffff for n in numbers]
        return struct.pack(f"!BB{len(words)}I", 5, 2 + 4 * len(words), *words)
    if kind == "FO":
        return struct.pack("!BB", 34, 2 + len(cookie)) + cookie
    if kind == "FOEXP":
        return struct.pack("!BBH", 254, 4 + len(cookie), 0xf989) + cookie
    return cookie


def options_bytes(options: tuple[Option, ...]) -> bytes:
    """Padded with end-of-list to a multiple of four; more than 40 is no header."""
    data = b"".join(map(option_bytes, options))
    data += b"\0" * (-len(data) % 4)
    if len(data) > 40:
        raise BadPacket(f"the options take {len(data)} bytes, a TCP header has 40")
    return data


def read_options(data: bytes) -> tuple[Option, ...]:
    found: list[Option] = []
    at = 0
    while at < len(data):
        kind = data[at]
        if kind <= 1:
            found.append((("eol", "nop")[kind], (), b""))
            at += 1
            continue
        length = data[at + 1] if at + 1 < len(data) else 0
        if length < 2 or at + length > len(data):
            raise BadPacket("an option longer than its header")
        found.append(_read_option(kind, data[at + 2:at + length]))
        at += length
    while found and found[-1][0] == "eol":
        found.pop()
    return tuple(found)


def _read_option(kind: int, body: bytes) -> Option:
    if kind == 2 and len(body) == 2:
        return "mss", struct.unpack("!H", body), b""
    if kind == 3 and len(body) == 1:
        return "wscale", (body[0],), b""
    if kind == 4 and not body:
        return "sackOK", (), b""
    if kind == 5 and len(body) % 8 == 0:
        return "sack", struct.unpack(f"!{len(body) // 4}I", body), b""
    if kind == 8 and len(body) == 8:
        return "TS", struct.unpack("!II", body), b""
    if kind == 34:
        return "FO", (), body
    if kind == 254 and body[:2] == b"\xf9\x89":
        return "FOEXP", (), body[2:]
    return "unknown", (kind,), body


def flag_bits(flags: str) -> int:
    return sum(1 << FLAG_LETTERS.index(letter) for letter in set(flags))


def flag_text(bits: int) -> str:
    """In packetdrill's order, the dot last."""
    letters = [FLAG_LETTERS[i] for i in range(9) if bits >> i & 1]
    return "".join(x for x in "SFRPUEWA." if x in letters) or "-"


def transport_bytes(ip: Ip, body: Body) -> bytes:
    """With the checksum in its place."""
    if isinstance(body, Segment):
        options = options_bytes(body.options)
        offset_flags = (5 + len(options) // 4) << 12 | flag_bits(body.flags)
        data = struct.pack("!HHIIHHHH", *body.ports, body.seq & 0xffffffff, body.ack & 0xffffffff,
                           offset_flags, body.window & 0xffff, 0, body.urgent & 0xffff)
        data += options + body.payload
        return _summed(data, 16, pseudo(ip, len(data)))
    if isinstance(body, Datagram):
        data = struct.pack("!HHHH", *body.ports, UDP_LEN + len(body.payload), 0) + body.payload
        return _summed(data, 6, pseudo(ip, len(data)))
    data = struct.pack("!BBHI", body.type, body.code, 0, body.rest) + body.data
    return _summed(data, 2, pseudo(ip, len(data)) if ip.protocol == ICMPV6 else b"")


def _summed(data: bytes, at: int, before: bytes) -> bytes:
    return data[:at] + struct.pack("!H", checksum(before + data)) + data[at + 2:]


def packet_bytes(ip: Ip, transport: bytes) -> bytes:
    if ip.source.version == 4:
        header = struct.pack("!BBHHHBBH4s4s", 0x45, ip.tos, IPV4_LEN + len(transport), 0, 0x4000,
                             ip.ttl, ip.protocol, 0, ip.source.packed, ip.target.packed)
        return _summed(header, 10, b"") + transport
    first = 6 << 28 | ip.tos << 20 | ip.flow_label
    return struct.pack("!IHBB16s16s", first, len(transport), ip.protocol, ip.ttl,
                       ip.source.packed, ip.target.packed) + transport


def read_packet(data: bytes) -> tuple[Ip, Body]:
    """BadPacket says what of it nobody should have sent."""
    version = data[0] >> 4 if data else 0
    if version == 4 and len(data) >= IPV4_LEN:
        ip, transport = _read_v4(data)
    elif version == 6 and len(data) >= IPV6_LEN:
        ip, transport = _read_v6(data)
    else:
        raise BadPacket("no IP packet")
    if ip.protocol == TCP:
        return ip, _read_segment(ip, transport)
    if ip.protocol == UDP and len(transport) >= UDP_LEN:
        return ip, Datagram(struct.unpack("!HH", transport[:4]), transport[UDP_LEN:])
    if ip.protocol in (ICMP, ICMPV6) and len(transport) >= ICMP_LEN:
        kind, code, _, rest = struct.unpack("!BBHI", transport[:ICMP_LEN])
        return ip, Message(kind, code, rest, transport[ICMP_LEN:])
    raise BadPacket(f"protocol {ip.protocol}, {len(transport)} bytes")


def _read_v4(data: bytes) -> tuple[Ip, bytes]:
    header_len = (data[0] & 15) * 4
    total = struct.unpack("!H", data[2:4])[0]
    if header_len < IPV4_LEN or not header_len <= total <= len(data):
        raise BadPacket("an IPv4 header whose lengths are wrong")
    if checksum(data[:header_len]):
        raise BadPacket("an IPv4 header whose checksum is wrong")
    ip = Ip(ipaddress.IPv4Address(data[12:16]), ipaddress.IPv4Address(data[16:20]), data[9],
            data[1], data[8])
    return ip, data[header_len:total]


def _read_v6(data: bytes) -> tuple[Ip, bytes]:
    first, length, following, hops = struct.unpack("!IHBB", data[:8])
    ip = Ip(ipaddress.IPv6Address(data[8:24]), ipaddress.IPv6Address(data[24:40]), following,
            first >> 20 & 0xff, hops, first & 0xfffff)
    return ip, data[IPV6_LEN:IPV6_LEN + length]


def _read_segment(ip: Ip, data: bytes) -> Segment:
    if len(data) < 20 or not 20 <= data[12] >> 4 << 2 <= len(data):
        raise BadPacket("a TCP header whose length is wrong")
    if checksum(pseudo(ip, len(data)) + data):
        raise BadPacket("a TCP segment whose checksum is wrong")
    fields = struct.unpack("!HHIIHHHH", data[:20])
    header_len = data[12] >> 4 << 2
    return Segment(fields[:2], flag_text(fields[4] & 0x1ff), fields[2], fields[3], fields[5],
                   fields[7], read_options(data[20:header_len]), data[header_len:])


def read_quoted(data: bytes) -> tuple[Ip, bytes]:
    """The packet an ICMP error is about, which may be cut short behind eight bytes."""
    version = data[0] >> 4 if data else 0
    if version == 4 and len(data) >= IPV4_LEN + QUOTED_BYTES:
        header_len = (data[0] & 15) * 4
        return Ip(ipaddress.IPv4Address(data[12:16]), ipaddress.IPv4Address(data[16:20]), data[9],
                  data[1], data[8]), data[header_len:]
    if version == 6 and len(data) >= IPV6_LEN + QUOTED_BYTES:
        return _read_v6(data)
    raise BadPacket("an error about no packet")
