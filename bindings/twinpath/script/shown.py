"""Segments in packetdrill's words: how a failure prints both what was expected and what came."""

from __future__ import annotations

from . import icmp_names
from .model import Icmp, IpInfo, Option, Packet, Tcp, Udp

ECN_WORDS = ("noecn", "ect1", "ect0", "ce", "ect01")


def option_text(option: Option) -> str:
    kind, numbers, cookie = option
    if kind == "TS":
        return f"TS val {numbers[0]} ecr {numbers[1]}"
    if kind == "sack":
        return "sack " + " ".join(f"{a}:{b}" for a, b in zip(numbers[::2], numbers[1::2]))
    if kind in ("FO", "FOEXP"):
        return f"{kind} {cookie.hex()}".rstrip()
    if kind == "unknown":
        return f"option {numbers[0]} {cookie.hex()}".rstrip()
    return " ".join([kind, *map(str, numbers)])


def tcp_text(segment: Tcp) -> str:
    last = (segment.seq + segment.length) % (1 << 32)
    text = f"{segment.flags or '-'} {segment.seq}:{last}({segment.length})"
    if segment.ack is not None:
        text += f" ack {segment.ack}"
    if segment.window is not None:
        text += f" win {segment.window}"
    if segment.urgent is not None:
        text += f" urg {segment.urgent}"
    if segment.options is None:
        return text + " <...>"
    return text + (f" <{','.join(map(option_text, segment.options))}>" if segment.options else "")


def ip_text(ip: IpInfo) -> str:
    words = [] if ip.ecn is None else [ECN_WORDS[ip.ecn]]
    words += [] if ip.dscp_tos is None else [f"tos {ip.dscp_tos:#x}"]
    words += [] if ip.ttl is None else [f"ttl {ip.ttl}"]
    words += [] if ip.flow_label is None else [f"flowlabel {ip.flow_label:#x}"]
    return f"[{','.join(words)}] " if words else ""


def icmp_text(message: Icmp) -> str:
    name = "icmpv6" if message.v6 else "icmp"
    text = f"{name} {icmp_names.describe(message.type, message.code, message.v6)}"
    if message.mtu is not None:
        text += f" mtu {message.mtu}"
    if isinstance(message.quoted, Tcp):
        quoted = message.quoted
        text += f" [{quoted.seq}:{quoted.seq + quoted.length}({quoted.length})]"
    elif isinstance(message.quoted, Udp):
        text += f" [udp ({message.quoted.length})]"
    return text


def packet_text(packet: Packet) -> str:
    """`> [ect0] P. 1:11(10) ack 1`."""
    body = packet.body
    if isinstance(body, Tcp):
        text = tcp_text(body)
    elif isinstance(body, Udp):
        text = f"udp ({body.length})"
    else:
        text = icmp_text(body)
    ports = f"{packet.ports[0]} > {packet.ports[1]} " if packet.ports else ""
    return f"{'>' if packet.outbound else '<'} {ip_text(packet.ip)}{ports}{text}"
