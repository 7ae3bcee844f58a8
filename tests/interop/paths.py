"""What a path does to the frames of TCP, and the profiles the interop tests send them through.
Decisions go by the number of the frame and a seed, not by time."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field

HOLD_NS = 20_000_000  # an overtaken frame waits so long at most
OVERTAKEN_BY = 3  # frames
ETHERNET = 14
SYN = 2


@dataclass(frozen=True)
class Faults:
    """Shares of frames; `marked`: of those that may be, by the congestion mark of RFC 3168."""

    loss: float = 0
    reorder: float = 0
    duplicate: float = 0
    corrupt: float = 0
    marked: float = 0


@dataclass(frozen=True)
class Profile:
    """Faults of the path, and sizes in bytes: the quick one and the whole one."""

    name: str
    faults: Faults = Faults()
    quick: str = "5MB"
    whole: str = "100MB"

    @property
    def link(self) -> dict[str, float]:
        """As arguments of a scenario's link."""
        named = {name: getattr(self.faults, name)
                 for name in ("loss", "reorder", "duplicate", "corrupt")}
        return {name: value for name, value in named.items() if value}


PROFILES = (
    Profile("clean"),
    Profile("loss_0.1", Faults(loss=0.001)),
    Profile("loss_1", Faults(loss=0.01)),
    Profile("loss_5", Faults(loss=0.05), quick="2MB"),
    Profile("reorder", Faults(reorder=0.01)),
    Profile("duplicate", Faults(duplicate=0.01)),
    Profile("corrupt", Faults(corrupt=0.001)),
)
BY_NAME = {profile.name: profile for profile in PROFILES}


def transport_at(frame: bytes) -> int | None:
    """Where TCP begins in an Ethernet frame; None: it carries something else."""
    if frame[12:14] == b"\x08\x00" and frame[23] == 6:
        return ETHERNET + (frame[14] & 15) * 4
    if frame[12:14] == b"\x86\xdd" and frame[20] == 6:
        return ETHERNET + 40
    return None


def codepoint(frame: bytes) -> int:
    """The ECN bits of the IP header: 0 none, 2 ECT(0), 1 ECT(1), 3 CE."""
    if frame[12:14] == b"\x08\x00":
        return frame[15] & 3
    return frame[15] >> 4 & 3


def marked(frame: bytes) -> bytes:
    """The frame as a queue that is full would pass it on."""
    out = bytearray(frame)
    if frame[12:14] == b"\x86\xdd":
        out[15] |= 0x30
        return bytes(out)
    out[15] |= 3
    out[24:26] = b"\0\0"
    words = struct.unpack(f"!{(out[14] & 15) * 2}H", out[14:14 + (out[14] & 15) * 4])
    total = sum(words)
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    struct.pack_into("!H", out, 24, ~total & 0xffff)
    return bytes(out)


@dataclass
class Held:
    """An overtaken frame."""

    frame: bytes
    due_ns: int
    left: int


@dataclass
class Path:
    """One direction."""

    faults: Faults
    seed: int
    hits: int = 0  # frames that something happened to
    held: list[Held] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def through(self, frame: bytes, now_ns: int) -> list[bytes]:
        """What arrives now because this frame was sent. SYNs pass: what is sent again after a loss
        asks for less, and a test could not say what was negotiated."""
        at = transport_at(frame)
        if at is None or frame[at + 13] & SYN:
            return [frame]
        # One draw per kind and frame: one kind more does not move the others.
        draws = [self._random.random() for _ in range(5)]
        faults, overtaking = self.faults, self._overtake()
        out = [frame]
        if draws[0] < faults.loss:
            out = []
        elif draws[1] < faults.corrupt:
            out = [self._corrupted(frame)]
        elif draws[2] < faults.duplicate:
            out = [frame, frame]
        elif draws[3] < faults.reorder:
            self.held.append(Held(frame, now_ns + HOLD_NS, OVERTAKEN_BY))
            out = []
        elif draws[4] < faults.marked and codepoint(frame) in (1, 2):
            out = [marked(frame)]
        self.hits += out != [frame]
        return out + overtaking

    def overdue(self, now_ns: int) -> list[bytes]:
        """What has waited long enough."""
        due = [held.frame for held in self.held if held.due_ns <= now_ns]
        self.held = [held for held in self.held if held.due_ns > now_ns]
        return due

    def _overtake(self) -> list[bytes]:
        for held in self.held:
            held.left -= 1
        free = [held.frame for held in self.held if held.left <= 0]
        self.held = [held for held in self.held if held.left > 0]
        return free

    def _corrupted(self, frame: bytes) -> bytes:
        bit = self._random.randrange(ETHERNET * 8, len(frame) * 8)
        out = bytearray(frame)
        out[bit // 8] ^= 1 << bit % 8
        return bytes(out)
