"""What a script says, as values: times, segments, calls. Numbers are the script's own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Union


class ScriptError(Exception):
    """Something wrong with the text of a script, at a place in it."""

    def __init__(self, message: str, line: int, column: int = 1) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column


@dataclass(frozen=True)
class Ellipsis:
    """`...`: any value."""

    def __str__(self) -> str:
        return "..."


ANY = Ellipsis()


@dataclass(frozen=True)
class Name:
    """A word that is no number: a constant, or several joined by `|`."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return "|".join(self.words)


@dataclass(frozen=True)
class Apply:
    """`htons(8080)`, `inet_addr("192.0.2.1")`, `msg_iov(1)`."""

    name: str
    arguments: tuple["Value", ...]

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True)
class Struct:
    """`{a=1, b=2}` or `{1, 2}`: fields in order, the name None where there is none."""

    fields: tuple[tuple[str | None, "Value"], ...]

    def get(self, name: str, default: "Value | None" = None) -> "Value | None":
        return next((value for key, value in self.fields if key == name), default)

    def __str__(self) -> str:
        return "{" + ", ".join(f"{k}={v}" if k else str(v) for k, v in self.fields) + "}"


@dataclass(frozen=True)
class Array:
    """`[1]`."""

    items: tuple["Value", ...]

    def __str__(self) -> str:
        return "[" + ", ".join(map(str, self.items)) + "]"


Value = Union[int, str, bytes, Ellipsis, Name, Apply, Struct, Array]


@dataclass(frozen=True)
class When:
    """`+0.1`, `0.1`, `+0~+0.5`, `*`, and for a call that blocks `+0...0.5`; in ns."""

    first_ns: int = 0
    last_ns: int = 0
    relative: bool = True
    anytime: bool = False
    done_ns: int | None = None  # when a blocking call returns


ECT1, ECT0 = 1, 2
ECT_EITHER = 4  # `ect01`: a script does not care which


@dataclass(frozen=True)
class IpInfo:
    """What stands in square brackets before a segment."""

    ecn: int | None = None
    ttl: int | None = None
    dscp_tos: int | None = None
    flow_label: int | None = None


Option = tuple[str, tuple[int, ...], bytes]  # kind, numbers, cookie


@dataclass(frozen=True)
class Tcp:
    """A segment. `options` None: not looked at."""

    flags: str
    seq: int
    length: int
    ack: int | None = None
    window: int | None = None
    urgent: int | None = None
    options: tuple[Option, ...] | None = ()


@dataclass(frozen=True)
class Udp:
    length: int


@dataclass(frozen=True)
class Icmp:
    """An error about a packet of the other side, or an echo."""

    type: int
    code: int
    v6: bool = False
    mtu: int | None = None
    quoted: Union[Tcp, Udp, None] = None


@dataclass(frozen=True)
class Packet:
    outbound: bool
    body: Union[Tcp, Udp, Icmp]
    ip: IpInfo = IpInfo()
    ports: tuple[int, int] | None = None  # source, destination


@dataclass(frozen=True)
class Call:
    name: str
    arguments: tuple[Value, ...]
    result: Value
    error: str = ""


@dataclass(frozen=True)
class Check:
    """`%{ ... }%`."""

    code: str


@dataclass(frozen=True)
class Event:
    when: When
    what: Union[Packet, Call, Check]
    line: int
    column: int
    text: str


@dataclass
class Script:
    options: dict[str, str] = field(default_factory=dict)
    settings: list[tuple[str, str]] = field(default_factory=list)  # of the host, from sysctl
    events: list[Event] = field(default_factory=list)
