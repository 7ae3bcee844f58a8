"""The other side of the wire: from the script's relative numbers to packets and back.

Sequence numbers are relative to each side's SYN, except in a segment that has SYN itself: there the
peer's number, and what acknowledges it, are the script's own plus an offset (`--peer_isn`).
Timestamps of the host are its clock's; the first one a script names fixes by how
much the script's differ.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import struct
from dataclasses import dataclass, field

from . import wire
from .calls import Addresses
from .model import ECT0, ECT1, ECT_EITHER, Icmp, IpInfo, Option, Packet, Tcp, Udp

PEER_PORT = 40000
NUMBERS = 1 << 32
DEFAULT_WINDOW = 65535


class Mismatch(Exception):
    """What came is not what the script expects."""


@dataclass
class Flow:
    """One connection as both sides number it."""

    local_port: int
    remote_port: int
    isn: int = 0             # of the host, on the wire
    script_isn: int = 0      # of the host, in the script
    peer_isn: int = 0        # of the peer, on the wire
    peer_syn: int = 0        # of its last SYN, which may open a new connection
    is_known: bool = False   # a SYN of either side was seen
    is_opening: bool = False  # the host's last SYN was not an answer
    mss: int = 536           # what the peer takes
    own_mss: int = 65535     # what the host offered
    stamps: dict[int, int] = field(default_factory=dict)  # script's TS val -> the host's
    stamp_offset: int | None = None


@dataclass(frozen=True)
class Seen:
    """A packet that left the host."""

    at_ns: int
    ip: wire.Ip
    body: wire.Body


class Peer:
    def __init__(self, addresses: Addresses, isn: int) -> None:
        self.isn = isn
        self.local = ipaddress.ip_address(addresses.local)
        self.remote = ipaddress.ip_address(addresses.remote)
        self.flow = Flow(addresses.bind_port, PEER_PORT)
        self.flows = {(self.flow.local_port, self.flow.remote_port): self.flow}

    # Towards the host.

    def packet(self, said: Packet) -> bytes:
        """The bytes of an injected packet."""
        flow = self._flow_of(said)
        ip = self._ip(said.ip, self._protocol(said.body))
        ports = (flow.remote_port, flow.local_port)
        if isinstance(said.body, Tcp):
            body: wire.Body = self._segment(said.body, flow, ports)
        elif isinstance(said.body, Udp):
            body = wire.Datagram(ports, bytes(said.body.length))
        else:
            body = self._message(said.body, flow)
        return wire.packet_bytes(ip, wire.transport_bytes(ip, body))

    def _flow_of(self, said: Packet) -> Flow:
        """The flow whose ports are said, made when it is new; else the one used last."""
        if said.ports is not None:
            remote, local = said.ports[::-1] if said.outbound else said.ports
            self.flow = self.flows.setdefault((local, remote), Flow(local, remote))
        return self.flow

    def _protocol(self, body: Tcp | Udp | Icmp) -> int:
        if isinstance(body, Icmp):
            return wire.ICMPV6 if self.local.version == 6 else wire.ICMP
        return wire.TCP if isinstance(body, Tcp) else wire.UDP

    def _ip(self, info: IpInfo, protocol: int) -> wire.Ip:
        ecn = ECT0 if info.ecn == ECT_EITHER else info.ecn or 0
        tos = (info.dscp_tos or 0) | ecn
        return wire.Ip(self.remote, self.local, protocol, tos,
                       64 if info.ttl is None else info.ttl, info.flow_label or 0)

    def _segment(self, said: Tcp, flow: Flow, ports: tuple[int, int]) -> wire.Segment:
        ack = flow.isn - flow.script_isn + said.ack if said.ack is not None else 0
        self._note_syn(said, flow)
        base = self.isn if "S" in said.flags else flow.peer_isn
        return wire.Segment(ports, said.flags, (base + said.seq) % NUMBERS, ack % NUMBERS,
                            DEFAULT_WINDOW if said.window is None else said.window,
                            said.urgent or 0,
                            tuple(self._to_host(option, flow) for option in said.options or ()),
                            bytes((said.seq + i) % 251 for i in range(said.length)))

    def _note_syn(self, said: Tcp, flow: Flow) -> None:
        """A SYN of the peer: the first counts at once, a later one when it is answered."""
        if "S" not in said.flags:
            if not flow.is_known:
                flow.peer_isn = self.isn
            return
        flow.peer_syn = (self.isn + said.seq) % NUMBERS
        if not flow.is_known or flow.is_opening:
            flow.peer_isn, flow.is_known = flow.peer_syn, True
            flow.mss = next((n[0] for kind, n, _ in said.options or () if kind == "mss"), 536)

    def _to_host(self, option: Option, flow: Flow) -> Option:
        kind, numbers, cookie = option
        if kind == "sack":
            shift = flow.isn - flow.script_isn
            return kind, tuple((number + shift) % NUMBERS for number in numbers), cookie
        if kind == "TS":
            value, echo = numbers
            offset = flow.stamp_offset or 0
            return kind, (value, flow.stamps.get(echo, echo + offset) % NUMBERS), cookie
        return option

    def _message(self, said: Icmp, flow: Flow) -> wire.Message:
        rest = said.mtu or 0
        if said.mtu is not None and said.v6 is False and said.code != 4:
            raise Mismatch("an mtu belongs to frag_needed")
        quoted = b""
        if said.quoted is not None:
            quoted = self._quoted(said.quoted, flow, said.v6)
        return wire.Message(said.type, said.code, rest, quoted)

    def _quoted(self, about: Tcp | Udp, flow: Flow, v6: bool) -> bytes:
        """The host's packet an error complains about: its IP header and what follows."""
        ports = struct.pack("!HH", flow.local_port, flow.remote_port)
        if isinstance(about, Tcp):
            seq = (flow.isn - flow.script_isn + about.seq) % NUMBERS
            transport = ports + struct.pack("!IIHHHH", seq, 0, 5 << 12 | 16, 0, 0, 0)
            protocol, length = wire.TCP, 20 + about.length
        else:
            transport = ports + struct.pack("!HH", 8 + about.length, 0)
            protocol, length = wire.UDP, 8 + about.length
        whole = transport + bytes(length - len(transport))
        packet = wire.packet_bytes(wire.Ip(self.local, self.remote, protocol), whole)
        return packet if v6 else packet[:wire.IPV4_LEN + wire.QUOTED_BYTES]

    # From the host.

    def note(self, seen: Seen) -> None:
        """A SYN of the host begins a flow: its port and number are learned from it."""
        body = seen.body
        if not isinstance(body, wire.Segment) or "S" not in body.flags:
            return
        key = (body.ports[0], body.ports[1])
        flow = self.flows.setdefault(key, Flow(*key))
        if flow.isn != body.seq:
            flow.stamps, flow.stamp_offset = {}, None
        flow.isn = body.seq
        flow.own_mss = next((n[0] for kind, n, _ in body.options or () if kind == "mss"), 65535)
        flow.is_opening = "." not in body.flags
        if not flow.is_opening:
            flow.peer_isn = flow.peer_syn
        self.flow = flow

    def follow(self, ports: tuple[int, int]) -> None:
        """Datagrams: the host's port is known once it has sent."""
        self.flow = self.flows.setdefault(ports, Flow(*ports))

    def told(self, seen: Seen, expected: Packet | None = None) -> Packet:
        """A packet of the host in the script's numbers, with what `expected` looks at."""
        body, info = seen.body, self._info(seen.ip, expected)
        ports = None
        if expected is not None and expected.ports is not None and not isinstance(
                body, wire.Message):
            ports = body.ports
        if isinstance(body, wire.Datagram):
            return Packet(True, Udp(len(body.payload)), info, ports)
        if isinstance(body, wire.Message):
            return Packet(True, self._told_message(body, seen.ip), info)
        wanted = expected.body if expected and isinstance(expected.body, Tcp) else None
        return Packet(True, self._told_segment(body, wanted), info, ports)

    def _info(self, ip: wire.Ip, expected: Packet | None) -> IpInfo:
        wanted = expected.ip if expected is not None else IpInfo()
        ecn = ip.tos & 3
        if wanted.ecn == ECT_EITHER and ecn in (ECT0, ECT1):
            ecn = ECT_EITHER
        return IpInfo(None if wanted.ecn is None else ecn,
                      None if wanted.ttl is None else ip.ttl,
                      None if wanted.dscp_tos is None else ip.tos & ~3,
                      None if wanted.flow_label is None else ip.flow_label)

    def _told_segment(self, body: wire.Segment, wanted: Tcp | None) -> Tcp:
        flow = self.flows.get((body.ports[0], body.ports[1]), self.flow)
        if wanted is not None and "S" in wanted.flags and "S" in body.flags:
            flow.script_isn = wanted.seq
        seq = (body.seq - flow.isn + flow.script_isn) % NUMBERS
        options = tuple(self._from_host(option, flow, wanted) for option in body.options)
        base = self.isn if "S" in body.flags else flow.peer_isn
        told = Tcp(body.flags, seq, len(body.payload),
                   (body.ack - base) % NUMBERS if "." in body.flags else None, body.window,
                   body.urgent if "U" in body.flags else None, options)
        if wanted is None:
            return told
        return dataclasses.replace(
            told, window=told.window if wanted.window is not None else None,
            ack=told.ack if wanted.ack is not None else None,
            urgent=told.urgent if wanted.urgent is not None or told.urgent else None,
            options=None if wanted.options is None else options)

    def _from_host(self, option: Option, flow: Flow, wanted: Tcp | None) -> Option:
        kind, numbers, cookie = option
        if kind == "sack":
            return kind, tuple((number - flow.peer_isn) % NUMBERS for number in numbers), cookie
        if kind == "TS":
            return kind, self._stamps_told(numbers, flow, wanted), cookie
        return option

    def _stamps_told(self, numbers: tuple[int, ...], flow: Flow,
                     wanted: Tcp | None) -> tuple[int, int]:
        """The host's clock is its own: the value a script names is taken for the one that came."""
        value, echo = numbers[0], numbers[1]
        named = next((n for kind, n, _ in (wanted.options or ()) if kind == "TS"),
                     None) if wanted else None
        if named is not None:
            flow.stamps[named[0]] = value
            if flow.stamp_offset is None:
                flow.stamp_offset = value - named[0]
            return named[0], echo
        return (value - (flow.stamp_offset or 0)) % NUMBERS, echo

    def _told_message(self, body: wire.Message, ip: wire.Ip) -> Icmp:
        v6 = ip.source.version == 6
        too_big = body.type == 2 if v6 else (body.type, body.code) == (3, 4)
        quoted: Tcp | Udp | None = None
        try:
            inner, transport = wire.read_quoted(body.data)
        except wire.BadPacket:
            return Icmp(body.type, body.code, v6, body.rest if too_big else None)
        if inner.protocol == wire.UDP:
            quoted = Udp(struct.unpack("!H", transport[4:6])[0] - wire.UDP_LEN)
        elif inner.protocol == wire.TCP:
            quoted = self._quoted_segment(body.data, transport)
        return Icmp(body.type, body.code, v6, body.rest if too_big else None, quoted)

    def _quoted_segment(self, data: bytes, transport: bytes) -> Tcp:
        """Of a segment the peer sent."""
        total = struct.unpack("!H", data[2:4])[0]
        header = wire.IPV4_LEN + 20
        seq = (struct.unpack("!I", transport[4:8])[0] - self.flow.peer_isn) % NUMBERS
        return Tcp(".", seq, max(total - header, 0))
