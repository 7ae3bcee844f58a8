"""Where two runs part: the first differing chunk by the recorded hashes, then, from both run again
with only that chunk captured, the first differing frame."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from typing import Any, Sequence

from .builds import Build
from .errors import NoVerdict
from .frames import Frame, decode, what_differs, write_pcap
from .run import Run
from .sides import Side, replayed, side_of, side_of_run

CHUNK_FRAMES = 10_000  # models/port/fingerprint.h
FLOWS_NAMED = 10  # that differ in content
AROUND = 20  # frames before and behind the first differing one in a slice


@dataclass(frozen=True)
class Part:
    """The first differing chunk of one port and direction; `begin_ns` and `end_ns` span it."""

    port: str
    seq: int
    begin_ns: int
    end_ns: int

    @property
    def text(self) -> str:
        first = self.seq * CHUNK_FRAMES
        return (f"{self.port}: frames {first} to {first + CHUNK_FRAMES - 1}, "
                f"{self.begin_ns / 1e9:.9f} to {self.end_ns / 1e9:.9f} s")


@dataclass
class Difference:
    """What `diff` found. `by`: frames, chunks or content_hash, the depth it could go to."""

    a: Side
    b: Side
    equal: bool
    by: str
    parts: list[Part] = field(default_factory=list)
    port: str = ""  # "client/eth0/tx"
    index: int = 0  # of the frame among those of its port and direction
    frame_a: Frame | None = None
    frame_b: Frame | None = None
    slices: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def differs(self) -> list[str]:
        """Names of what the first differing frames differ in."""
        return what_differs(self.frame_a, self.frame_b) if self.port else []

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        names = f"{self.a.label} and {self.b.label}"
        if self.by == "content_hash":
            said = "delivered the same content" if self.equal else "differ in content"
            first = f": {self.notes[0]}" if self.notes else ""
            return (f"{names} {said}{first}; live runs are compared without their times "
                    "(content_hash)")
        if self.equal:
            return f"{names} are equal: every frame of every port, at the same instant"
        if self.by == "chunks" and not self.parts:
            return f"{names} have different ports or records: {'; '.join(self.notes)}"
        if self.by == "chunks":
            return f"{names} differ first within " + "; ".join(part.text for part in self.parts)
        when = min(f.t_ns for f in (self.frame_a, self.frame_b) if f is not None)
        return (f"{names} differ first in frame {self.index} of {self.port}, at "
                f"{when / 1e9:.9f} s: {', '.join(self.differs)}")

    def as_dict(self) -> dict[str, Any]:
        """The JSON object, schema twinpath.diff/1."""
        return {"schema": "twinpath.diff/1", "equal": self.equal, "by": self.by,
                "verdict": self.verdict, "port": self.port or None,
                "index": self.index if self.port else None, "differs": self.differs,
                "a": _frame_dict(self.a, self.frame_a), "b": _frame_dict(self.b, self.frame_b),
                "chunks": [part.text for part in self.parts], "slices": self.slices,
                "notes": self.notes, "problems": []}


def _frame_dict(side: Side, frame: Frame | None) -> dict[str, Any]:
    found = {"run": side.label, "driver": side.driver, "fingerprint": side.fingerprint}
    if frame is None:
        return found | {"frame": None}
    return found | {"frame": {"t_ns": frame.t_ns, "bytes": len(frame.data),
                              "headers": decode(frame.data)}}


def diff(a: Run | str, b: Run | str, *, db: str | None = None, build: Sequence[str] | str = (),
         folder: str = ".") -> Difference:
    """Compares two runs: Run objects, ids in `db`, "FILE.db:7", or turn logs, which are replayed.
    `build`: folders of other builds that made one of them. Slices of captures around the first
    differing frame go into `folder`."""
    others = [Build.at(path) for path in ([build] if isinstance(build, str) else build)]
    sides = [side_of_run(what, others) if isinstance(what, Run) else side_of(what, db, others)
             for what in (a, b)]
    if isinstance(a, str) and a == b and os.path.isfile(a) and others:
        sides[0] = replayed(a, others[0])  # one log, two builds: the other and this one
    return compare_sides(sides[0], sides[1], folder)


def compare_sides(a: Side, b: Side, folder: str) -> Difference:
    """Chunks first; frames where both sides can be run again."""
    drivers = {a.driver, b.driver}
    if drivers == {"sim", "emu"} or "bridge" in drivers:
        return _by_content(a, b)
    parts = differing(a, b)
    notes = [f"only one side has {port}" for port in sorted(a.chunks.keys() ^ b.chunks.keys())]
    if not parts:
        return Difference(a, b, not notes and a.fingerprint == b.fingerprint, "chunks", notes=notes)
    found = Difference(a, b, False, "chunks", parts, notes=notes)
    unable = [f"{side.label}: {side.unable}" for side in (a, b) if side.unable]
    if unable:
        found.notes += unable
        return found
    return _by_frames(found, folder)


def _by_content(a: Side, b: Side) -> Difference:
    missing = [side.label for side in (a, b) if side.content_hash is None]
    if missing:
        raise NoVerdict(f"no content to compare: {' and '.join(missing)} recorded none; it is what "
                        "TCP connections and UDP sockets of our stacks received")
    other = [name for name, stack in _stacks(a).items() if stack != _stacks(b).get(name)]
    if other:
        raise NoVerdict(f"nothing to compare: {', '.join(other)} ran another stack in {b.label} "
                        f"than in {a.label}, and a content_hash is of our stacks only; see "
                        "`compare`")
    equal = a.content_hash == b.content_hash
    return Difference(a, b, equal, "content_hash", notes=[] if equal else _flows_apart(a, b))


def _flows_apart(a: Side, b: Side) -> list[str]:
    """The first flows that brought something else, as far as runs list them."""
    nothing = "nothing"
    names = [name for name in {**a.delivered, **b.delivered}
             if a.delivered.get(name, nothing) != b.delivered.get(name, nothing)]
    return [f"{name} received {a.delivered.get(name, nothing)} in {a.label}, "
            f"{b.delivered.get(name, nothing)} in {b.label}" for name in names[:FLOWS_NAMED]]


def _stacks(side: Side) -> dict[str, str]:
    assert side.row is not None
    return {host["name"]: host["stack"] for host in json.loads(side.row.plan_json)["hosts"]}


def differing(a: Side, b: Side) -> list[Part]:
    """The first differing chunk of each port and direction that could hold the first differing
    frame, earliest first."""
    parts = []
    for port in sorted(a.chunks.keys() & b.chunks.keys()):
        left, right = a.chunks[port], b.chunks[port]
        shorter = min(len(left), len(right))
        seq = next((i for i in range(shorter) if left[i][1] != right[i][1]), shorter)
        if seq == max(len(left), len(right)):
            continue
        begin = left[seq - 1][0] if seq else 0
        ends = [rows[seq][0] for rows in (left, right) if seq < len(rows)]
        parts.append(Part(port, seq, begin, max(ends)))
    first_end = min((part.end_ns for part in parts), default=0)
    return sorted((part for part in parts if part.begin_ns <= first_end),
                  key=lambda part: (part.begin_ns, part.end_ns, part.port))


def _by_frames(found: Difference, folder: str) -> Difference:
    windows = {part.port: (max(0, part.seq * CHUNK_FRAMES - AROUND),
                           (part.seq + 1) * CHUNK_FRAMES + AROUND) for part in found.parts}
    left, right = found.a.frames(windows), found.b.frames(windows)
    candidates = []
    for port, (begin, _) in windows.items():
        pair = left.get(port, []), right.get(port, [])
        at = _first(*pair)
        if at is not None:
            when = min(side[at].t_ns for side in pair if at < len(side))
            candidates.append((when, port.endswith("/rx"), port, begin, at))
    if not candidates:
        found.notes.append("the frames of that chunk are equal; the hashes recorded are not")
        return found
    _, _, found.port, begin, at = min(candidates)
    found.by, found.index = "frames", begin + at
    sides = left.get(found.port, []), right.get(found.port, [])
    found.frame_a, found.frame_b = (side[at] if at < len(side) else None for side in sides)
    for letter, frames in zip("ab", sides):
        name = f"diff-{letter}-{found.port.replace('/', '-')}-{found.index}.pcap"
        path = os.path.normpath(os.path.join(folder, name))
        found.slices.append(write_pcap(path, frames[max(0, at - AROUND):at + AROUND + 1]))
    return found


def _first(a: list[Frame], b: list[Frame]) -> int | None:
    """Where two lists of frames first differ; None when they do not."""
    for index, (left, right) in enumerate(zip(a, b)):
        if left != right:
            return index
    return None if len(a) == len(b) else min(len(a), len(b))
