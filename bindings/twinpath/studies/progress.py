"""How far a study is: a bar on a terminal, a line now and then elsewhere, with the time left."""

from __future__ import annotations

import sys
import time
from typing import Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from .tasks import Task

FIRST_LINE_S, LONGEST_PAUSE_S, GROWTH = 5.0, 300.0, 1.5


def span(seconds: float) -> str:
    """`75` as `1 min 15 s`."""
    whole = int(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Meter:
    """Counts runs and says how long the rest will take: its estimates, corrected by how long the
    finished runs really took."""

    def __init__(self, seconds: Mapping[str, float], jobs: int) -> None:
        self._seconds, self._jobs = dict(seconds), max(1, jobs)
        self.total, self.ended, self.failed = len(seconds), 0, 0
        self._work, self._done_work = sum(seconds.values()), 0.0
        self._started = time.monotonic()

    def ran(self, task: Task, failed: bool) -> None:
        self.ended += 1
        self.failed += failed
        self._done_work += self._seconds.get(task.key, 0.0)

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._started

    @property
    def left_s(self) -> float:
        """Seconds until all runs have ended."""
        left = max(0.0, self._work - self._done_work)
        if not self._done_work:
            return left / self._jobs
        return left * self.elapsed_s / self._done_work

    def __str__(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        rest = self.total - self.ended
        end = f"{span(self.left_s)} left" if rest else f"took {span(self.elapsed_s)}"
        return f"{self.ended} of {self.total} runs{failed}, {end}"


class Quiet:
    """Says nothing."""

    def __init__(self, meter: Meter) -> None:
        self.meter = meter

    def __enter__(self) -> "Quiet":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing was opened."""

    def ran(self, task: Task, failed: bool) -> None:
        self.meter.ran(task, failed)


class Lines(Quiet):
    """A line on standard error after 5 s and then at growing distances, and one at the end."""

    def __init__(self, meter: Meter) -> None:
        super().__init__(meter)
        self._next, self._pause, self._said = FIRST_LINE_S, FIRST_LINE_S, False

    def __exit__(self, *_: object) -> None:
        if self._said:
            self._say()

    def _say(self) -> None:
        self._said = True
        print(f"twinpath: {self.meter}", file=sys.stderr, flush=True)

    def ran(self, task: Task, failed: bool) -> None:
        super().ran(task, failed)
        if self.meter.elapsed_s >= self._next and self.meter.ended < self.meter.total:
            self._say()
            self._pause = min(self._pause * GROWTH, LONGEST_PAUSE_S)
            self._next = self.meter.elapsed_s + self._pause


class Bar(Quiet):
    """A bar that is gone at the end."""

    def __init__(self, meter: Meter, console: Console) -> None:
        super().__init__(meter)
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
        self._bar = Progress(*columns, console=console, transient=True)
        self._row = self._bar.add_task(self._text(), total=meter.total)

    def __enter__(self) -> "Bar":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def _text(self) -> str:
        failed = f", [red]{self.meter.failed} failed[/]" if self.meter.failed else ""
        return f"{span(self.meter.left_s)} left{failed}"

    def ran(self, task: Task, failed: bool) -> None:
        super().ran(task, failed)
        self._bar.update(self._row, completed=self.meter.ended, description=self._text())


def shown(meter: Meter, wanted: bool) -> Quiet:
    """The way to show progress here."""
    console = Console(stderr=True)
    if not wanted:
        return Quiet(meter)
    return Bar(meter, console) if console.is_terminal else Lines(meter)
