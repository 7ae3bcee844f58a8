"""Frames of captures: reading our pcapng, decoding headers into fields, cutting slices."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from typing import Iterable

SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
OPT_NAME, OPT_FLAGS = 2, 2
PCAP_HEADER = struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1)
ETHERTYPES = {0x0800: "ipv4", 0x0806: "arp", 0x86DD: "ipv6"}
FLAG_NAMES = ("FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR")


@dataclass(frozen=True)
class Frame:
    """One captured frame; `t_ns` is model time since the run began."""

    t_ns: int
    data: bytes


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while len(data) >= 4:
        code, length = struct.unpack_from("<HH", data)
        if code == 0:
            break
        found.setdefault(code, data[4:4 + length])
        data = data[4 + (length + 3) // 4 * 4:]
    return found


def read_pcapng(path: str) -> dict[str, list[Frame]]:
    """Frames of a capture of ours by "client/eth0/tx"; frames without a direction are left out."""
    names: list[str] = []
    frames: dict[str, list[Frame]] = {}
    with open(path, "rb") as file:
        while len(head := file.read(8)) == 8:
            kind, length = struct.unpack("<II", head)
            body = file.read(length - 8)[:-4]
            if kind == INTERFACE:
                names.append(_options(body[8:])[OPT_NAME].decode())
            elif kind == PACKET:
                interface, high, low, kept = struct.unpack_from("<IIII", body)
                data = body[20:20 + kept]
                flags = _options(body[20 + (kept + 3) // 4 * 4:]).get(OPT_FLAGS, b"\0")[0] & 3
                if flags:
                    port = f"{names[interface]}/{'rx' if flags == 1 else 'tx'}"
                    frames.setdefault(port, []).append(Frame(high << 32 | low, data))
    return frames


def write_pcap(path: str, frames: Iterable[Frame]) -> str:
    """A classic pcap with nanosecond stamps; the path."""
    with open(path, "wb") as file:
        file.write(PCAP_HEADER)
        for frame in frames:
            seconds, rest = divmod(frame.t_ns, 1_000_000_000)
            file.write(struct.pack("<IIII", seconds, rest, len(frame.data), len(frame.data)))
            file.write(frame.data)
    return path


def decode(data: bytes) -> dict[str, str]:
    """The headers of an Ethernet frame as fields, outermost first."""
    if len(data) < 14:
        return {"frame": f"{len(data)} bytes, no Ethernet header"}
    ethertype = struct.unpack_from(">H", data, 12)[0]
    fields = {"eth.dst": _mac(data[0:6]), "eth.src": _mac(data[6:12]),
              "eth.type": ETHERTYPES.get(ethertype, f"0x{ethertype:04x}")}
    payload = data[14:]
    if ethertype == 0x0800 and len(payload) >= 20:
        return fields | _ipv4(payload)
    if ethertype == 0x86DD and len(payload) >= 40:
        return fields | _ipv6(payload)
    if ethertype == 0x0806 and len(payload) >= 28:
        return fields | {
            "arp.op": str(struct.unpack_from(">H", payload, 6)[0]),
            "arp.src": f"{_mac(payload[8:14])} {_address(payload[14:18])}",
            "arp.dst": f"{_mac(payload[18:24])} {_address(payload[24:28])}"}
    return fields | {"bytes": str(len(payload))}


def _mac(data: bytes) -> str:
    return data.hex(":")


def _address(data: bytes) -> str:
    return str(ipaddress.ip_address(data))


def _ipv4(data: bytes) -> dict[str, str]:
    header, total = (data[0] & 15) * 4, struct.unpack_from(">H", data, 2)[0]
    fields = {"ip.src": _address(data[12:16]), "ip.dst": _address(data[16:20]),
              "ip.len": str(total), "ip.id": str(struct.unpack_from(">H", data, 4)[0]),
              "ip.ttl": str(data[8]), "ip.ecn": str(data[1] & 3),
              "ip.checksum": f"0x{struct.unpack_from('>H', data, 10)[0]:04x}"}
    return fields | _transport(data[9], data[header:max(header, total)])


def _ipv6(data: bytes) -> dict[str, str]:
    fields = {"ip.src": _address(data[8:24]), "ip.dst": _address(data[24:40]),
              "ip.len": str(struct.unpack_from(">H", data, 4)[0]), "ip.hops": str(data[7])}
    return fields | _transport(data[6], data[40:])


def _transport(protocol: int, data: bytes) -> dict[str, str]:
    if protocol == 6 and len(data) >= 20:
        source, target, seq, ack, offset, flags, window, checksum = struct.unpack_from(
            ">HHIIBBHH", data)
        header = (offset >> 4) * 4
        names = [name for bit, name in enumerate(FLAG_NAMES) if flags >> bit & 1]
        return {"tcp.ports": f"{source} > {target}", "tcp.flags": "+".join(names) or "none",
                "tcp.seq": str(seq), "tcp.ack": str(ack), "tcp.window": str(window),
                "tcp.options": data[20:header].hex() or "none",
                "tcp.checksum": f"0x{checksum:04x}", "tcp.payload": f"{len(data) - header} bytes"}
    if protocol == 17 and len(data) >= 8:
        source, target, length, checksum = struct.unpack_from(">HHHH", data)
        return {"udp.ports": f"{source} > {target}", "udp.payload": f"{length - 8} bytes",
                "udp.checksum": f"0x{checksum:04x}"}
    if protocol == 1 and len(data) >= 8:
        return {"icmp.type": str(data[0]), "icmp.code": str(data[1]),
                "icmp.payload": f"{len(data) - 8} bytes"}
    return {"ip.protocol": str(protocol), "ip.payload": f"{len(data)} bytes"}


def what_differs(a: Frame | None, b: Frame | None) -> list[str]:
    """Names of what two frames differ in: time, decoded fields, the first differing byte."""
    if a is None or b is None:
        return ["one side has no such frame"]
    found = ["time"] if a.t_ns != b.t_ns else []
    if len(a.data) != len(b.data):
        found.append("length")
    left, right = decode(a.data), decode(b.data)
    found += [name for name in {**left, **right} if left.get(name) != right.get(name)]
    pairs = zip(a.data, b.data)
    at = next((i for i, (x, y) in enumerate(pairs) if x != y), None)
    return found if at is None else [*found, f"bytes from offset {at}"]
