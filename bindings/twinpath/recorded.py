"""Times and sizes from files: columns of CSV and packet captures, as the lists a Plan holds.

The Plan has the numbers themselves, so its hash covers them and a run needs no file.
"""

from __future__ import annotations

import csv
import struct
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Iterator

from .arguments import path_of
from .errors import ConfigError, Problem, unknown

ITEMS_MAX = 1_000_000  # as NumberCycle::kItemsMax of models/app/arrivals.h
NS_MAX = 10**15  # of one gap, as there
HEADERS_BYTES = 14 + 20 + 8  # Ethernet, IPv4, UDP: what a replayed datagram has around it
PAYLOAD_MIN, FRAME_MAX = 8, 1514
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
MAGICS = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}  # of a capture file: ns per unit of its stamps
SECTION, INTERFACE, PACKET = 0x0A0D0D0A, 1, 6
OPT_RESOLUTION = 9
BLOCK_MAX = 1 << 24


def refuse(field: str, value: str, message: str, allowed: str = "") -> ConfigError:
    return ConfigError([Problem(field, value, message, allowed)])


@dataclass(frozen=True)
class Trace:
    """A column of a CSV file with a header line: times at which something is sent
    (`arrivals=`), or sizes in bytes (`size=`). Times are in `unit` (s ms us ns) and do not go
    back; with `gaps` they are the times between. Gone through again and again."""

    file: str
    column: str
    unit: str = "s"
    gaps: bool = False

    def times(self) -> list[int]:
        """Gaps in ns, the one before item 0 first: it follows the last item of a round."""
        if self.unit not in UNITS:
            raise ConfigError([unknown("Trace.unit", self.unit, "unit", list(UNITS))])
        numbers = [round(value * UNITS[self.unit]) for value in self._values()]
        if self.gaps:
            return checked_gaps(self._field, numbers)
        if len(numbers) < 2:
            raise refuse(self._field, str(len(numbers)), "has too few times", "2 or more")
        return gaps_of(self._field, numbers)

    def sizes(self) -> list[int]:
        """Whole bytes."""
        return [round(value) for value in self._values()]

    @property
    def _field(self) -> str:
        return f"Trace({self.file}, {self.column})"

    def _values(self) -> list[Decimal]:
        path = path_of(self.file, "Trace.file")
        try:
            with open(path, encoding="utf-8", newline="") as file:
                return list(self._read(file))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise refuse(self._field, self.file, f"cannot be read: {reason}") from None

    def _read(self, lines: Iterator[str]) -> Iterator[Decimal]:
        rows = csv.reader(lines)
        header = [name.strip() for name in next(rows, [])]
        if self.column not in header:
            raise ConfigError([unknown(self._field, self.column, "column", header)])
        at = header.index(self.column)
        for count, row in enumerate(rows):
            text = row[at].strip() if at < len(row) else ""
            if count == ITEMS_MAX:
                raise refuse(self._field, "", "has too many rows", f"at most {ITEMS_MAX}")
            yield self._number(text, rows.line_num)

    def _number(self, text: str, line: int) -> Decimal:
        try:
            value = Decimal(text)
        except InvalidOperation:
            value = Decimal(-1)
        if not value.is_finite() or value < 0:
            raise refuse(self._field, text, f"line {line}: {text!r} is not a number of 0 or more")
        return value


def gaps_of(field: str, times: list[int]) -> list[int]:
    """From times in ns to gaps; between two rounds there is the mean gap."""
    for index in range(1, len(times)):
        if times[index] < times[index - 1]:
            raise refuse(field, str(times[index]), f"item {index + 1} goes back in time",
                         "times that do not go back")
    between = (times[-1] - times[0]) // max(1, len(times) - 1)
    return checked_gaps(field, [between, *(b - a for a, b in zip(times, times[1:]))])


def checked_gaps(field: str, gaps: list[int]) -> list[int]:
    """ConfigError for gaps the worker would refuse."""
    if not gaps or sum(gaps) == 0:
        raise refuse(field, "", "takes no time", "times apart from one another")
    if max(gaps) > NS_MAX:
        raise refuse(field, f"{max(gaps)} ns", "has a gap that is too long", "11 days")
    return gaps


def scaled(gaps: list[int], factor: float) -> list[int]:
    """The same at `factor` times the rate. Offsets are rounded, not gaps: rounding adds up to
    nothing."""
    result, exact, given = [], 0, 0
    for gap in gaps:
        exact += gap
        result.append(round(exact / factor) - given)
        given += result[-1]
    return result


def as_text(numbers: list[int]) -> str:
    """The list as it stands in a Plan."""
    return " ".join(map(str, numbers))


@dataclass(frozen=True)
class Packets:
    """What a capture holds: per packet its time in ns and the length of its frame."""

    times: list[int]
    lengths: list[int]


def read_capture(path: str) -> Packets:
    """Packets of a pcap or pcapng file of Ethernet frames, in the order of their times."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise refuse("Replay.pcap", path, f"cannot be read: {error.strerror}") from None
    try:
        found = _pcapng(path, data) if data[:4] == b"\n\r\r\n" else _pcap(path, data)
        items = sorted(found, key=lambda item: item[0])
    except struct.error:
        raise refuse("Replay.pcap", path, "ends within a packet") from None
    if len(items) < 2:
        raise refuse("Replay.pcap", path, f"holds {len(items)} packets", "2 or more")
    if len(items) > ITEMS_MAX:
        raise refuse("Replay.pcap", path, f"holds {len(items)} packets", f"at most {ITEMS_MAX}")
    longest = max(length for _, length in items)
    if longest > FRAME_MAX:
        raise refuse("Replay.pcap", path, f"holds a frame of {longest} bytes: captured where a "
                     "device still had to cut it", f"frames of at most {FRAME_MAX} bytes; capture "
                     "with offloads off (ethtool -K DEVICE tso off gso off gro off lro off)")
    return Packets([time for time, _ in items], [length for _, length in items])


def _pcap(path: str, data: bytes) -> Iterator[tuple[int, int]]:
    magic = data[:4]
    order = next((order for order in "<>" if len(magic) == 4
                  and struct.unpack(order + "I", magic)[0] in MAGICS), None)
    if order is None:
        raise refuse("Replay.pcap", path, "is no packet capture", "pcap pcapng")
    unit = MAGICS[struct.unpack(order + "I", magic)[0]]
    _require_ethernet(path, struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF)
    at = 24
    while at < len(data):
        seconds, fraction, captured, length = struct.unpack_from(order + "4I", data, at)
        at += 16 + captured
        if at > len(data):
            raise struct.error
        yield seconds * 10**9 + fraction * unit, length


def _require_ethernet(path: str, link_type: int) -> None:
    if link_type != 1:
        raise refuse("Replay.pcap", path, f"has link type {link_type}", "1, Ethernet")


def _pcapng(path: str, data: bytes) -> Iterator[tuple[int, int]]:
    order, at, units = "<", 0, []
    while at < len(data):
        kind = struct.unpack_from(order + "I", data, at)[0]
        if kind == SECTION:
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
            units = []
        size = struct.unpack_from(order + "I", data, at + 4)[0]
        if not 12 <= size <= BLOCK_MAX or at + size > len(data):
            raise struct.error
        body = data[at + 8:at + size - 4]
        if kind == INTERFACE:
            _require_ethernet(path, struct.unpack_from(order + "H", body)[0])
            units.append(_resolution(order, body[8:]))
        elif kind == PACKET:
            interface, high, low, _, length = struct.unpack_from(order + "5I", body)
            if interface >= len(units):
                raise struct.error
            yield ((high << 32 | low) * 10**9) // units[interface], length
        at += size


def _resolution(order: str, options: bytes) -> int:
    """Time units per second; microseconds unless an option says otherwise."""
    while len(options) >= 4:
        code, length = struct.unpack_from(order + "HH", options)
        if code == 0:
            break
        if code == OPT_RESOLUTION and length == 1:
            value = options[4]
            return 2 ** (value & 0x7F) if value & 0x80 else 10**value
        options = options[4 + (length + 3) // 4 * 4:]
    return 10**6


def payloads(lengths: list[int]) -> list[int]:
    """Datagrams whose frames have these lengths; the shortest has room for its number."""
    return [max(PAYLOAD_MIN, length - HEADERS_BYTES) for length in lengths]
