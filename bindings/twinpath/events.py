"""Events of a run for `Net.on`: the worker sends them in batches, callbacks hear them one by one.

Read-only: a callback changes nothing of the run (that is what a Session is for). A simulation waits
for its listener, so every event arrives; an emulation never waits, and what was lost is counted.
"""

from __future__ import annotations

import fnmatch
import json
import os
import warnings
from dataclasses import dataclass
from typing import Any, Callable

from .errors import Problem, unknown
from .fields import event_kinds
from .quantities import Time

READ_BYTES = 1 << 16


@dataclass(frozen=True)
class Event:
    """Something that happened at `at` (model time). `entity` is a host ("client") or a flow
    ("client/app0/flow0"), `data` what the kind tells, with units in its names."""

    at: Time
    kind: str
    entity: str
    data: dict[str, Any]


EventListener = Callable[[Event], None]


@dataclass(frozen=True)
class Wish:
    """Who wants to hear what: a kind or all below it ("tcp"), entities by a shell pattern."""

    kind: str
    fn: EventListener
    entity: str = "*"

    def wants(self, event: Event) -> bool:
        below = event.kind == self.kind or event.kind.startswith(f"{self.kind}.")
        return below and fnmatch.fnmatchcase(event.entity, self.entity)


class CallbackError(Exception):
    """A callback raised; the run ends."""


def check_wish(kind: str, fn: Any, where: str) -> list[Problem]:
    """What is wrong with the arguments of `Net.on`."""
    problems = []
    known = event_kinds()
    if not any(name == kind or name.startswith(f"{kind}.") for name in known):
        problems.append(unknown(where, kind, "event", known))
    if not callable(fn):
        problems.append(Problem(where, repr(fn), f"{fn!r} cannot be called", "fn(event)"))
    return problems


class EventTap:
    """The pipe between a worker and the callbacks. `lost` counts what found no room in it."""

    def __init__(self, wishes: list[Wish]) -> None:
        self._wishes = wishes
        self._rest = b""
        self.lost = 0
        self.read_fd, self.write_fd = os.pipe()

    def job(self) -> dict[str, Any]:
        """The job's `events`: who wants a kind is told of all below it, once."""
        kinds = {wish.kind for wish in self._wishes}
        below = {kind for kind in kinds for other in kinds if kind.startswith(f"{other}.")}
        return {"fd": self.write_fd, "kinds": sorted(kinds - below)}

    def take(self) -> bool:
        """Reads a batch and calls who wants it; False at the end. Raises CallbackError."""
        data = os.read(self.read_fd, READ_BYTES)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._hear(json.loads(line))
        return bool(data)

    def _hear(self, told: dict[str, Any]) -> None:
        if "lost" in told:
            self.lost = int(told["lost"])
            if self.lost:
                warnings.warn(f"{self.lost} events came faster than they were read and were not "
                              "heard by net.on", stacklevel=2)
            return
        event = Event(Time(f"{told['t_ns']}ns"), told["kind"], told["entity"], told["data"])
        for wish in self._wishes:
            if wish.wants(event):
                self._call(wish, event)

    @staticmethod
    def _call(wish: Wish, event: Event) -> None:
        try:
            wish.fn(event)
        except Exception as error:
            name = getattr(wish.fn, "__name__", repr(wish.fn))
            raise CallbackError(f"net.on: {name} failed on {event.kind} of {event.entity} at "
                                f"{event.at}: {type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Nobody listens any more; the worker notices."""
        if self.read_fd >= 0:
            os.close(self.read_fd)
            self.read_fd = -1
