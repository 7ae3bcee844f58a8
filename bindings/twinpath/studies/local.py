"""Runs tasks on this machine: each in a worker process of its own that writes a file of its own."""

from __future__ import annotations

import contextlib
import fcntl
import os
import queue
import shutil
import sqlite3
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Sequence

from twinpath_analysis.database import DatabaseError, explain

from ..errors import (ConfigError, MissingPrivilege, NoVerdict, PortRefused, Problem,
                      TwinpathError)
from ..fill import BedRemains, Watch, fill, give_up
from ..machine_lock import require_outside
from ..matrix import REAL_TIME
from ..prepare import RunRequest
from .tasks import Task

PREFIX = ".twinpath-study-"
LOCK = "owner.lock"
YOUNG_S = 60.0  # a folder without a lock file may be somebody's who just made it
LOOK_S = 0.01  # between looks whether every thread has ended
BACKLOG = 64  # finished runs that wait for the writer


@dataclass
class Finished:
    """A task that ended and the file with its rows. `fatal`: no other task can do better.
    `note`: what is to be told of a run that is recorded as it ended."""

    task: Task
    path: str
    stopped: bool = False  # the study was interrupted, not the run at fault
    error: str = ""
    note: str = ""
    fatal: TwinpathError | None = None


@dataclass(frozen=True)
class Limits:
    """`timeout`: seconds of wall time per run, None: emulations end by their Plan."""

    jobs: int
    timeout: float | None
    source: str


@contextlib.contextmanager
def work_folder(db: str) -> Iterator[Path]:
    """A folder beside the database, for the time of a study. What killed studies left is removed:
    their finished runs are in the database."""
    parent = Path(db).parent
    try:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    except OSError as error:
        problem = Problem("db", db, f"cannot write to {parent}: {error.strerror}")
        raise ConfigError([problem]) from error
    with open(folder / LOCK, "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            _remove_abandoned(parent, folder)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(parent: Path, own: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        if folder == own:
            continue
        try:
            with open(folder / LOCK, "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except FileNotFoundError:
            if folder.exists() and time.time() - folder.stat().st_mtime < YOUNG_S:
                continue
        except OSError:
            continue  # its study lives
        shutil.rmtree(folder, ignore_errors=True)


def run_task(task: Task, path: str, limits: Limits, stop_fd: int = -1) -> Finished:
    """Runs one task into the file `path`. Whatever happens to it is its own failure."""
    request = task.request(limits.source)
    try:
        _, end = fill(path, request, Watch(limits.timeout, stop_fd))
        return Finished(task, path, stopped=end.stopped == "interrupted")
    except (MissingPrivilege, PortRefused, NoVerdict) as error:
        return Finished(task, path, fatal=error)
    except BedRemains as error:
        return Finished(task, path, stopped=error.end.stopped == "interrupted",
                        note=f"{task}: {error}")
    except sqlite3.Error as error:
        return _failed(task, path, request, str(explain(path, error)))
    except (TwinpathError, DatabaseError, OSError) as error:
        return _failed(task, path, request, str(error))


def _failed(task: Task, path: str, request: RunRequest, text: str) -> Finished:
    try:
        give_up(path, request, text)
    except (TwinpathError, DatabaseError, sqlite3.Error, OSError) as error:
        return Finished(task, path, error=text, fatal=TwinpathError(f"{text}; {error}"))
    return Finished(task, path, error=text)


class LocalPool:
    """Threads that each supervise one worker at a time, in the order of the tasks."""

    def __init__(self, tasks: Sequence[Task], folder: Path, limits: Limits) -> None:
        if any(task.driver in REAL_TIME for task in tasks):
            require_outside()
        self._tasks = deque(enumerate(tasks))
        self._folder, self._limits = folder, limits
        self._finished: queue.Queue[Finished] = queue.Queue(BACKLOG)
        self._stop_read, self._stop_write = os.pipe()
        count = min(limits.jobs, len(tasks))
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(count)]

    def __enter__(self) -> "LocalPool":
        for thread in self._threads:
            thread.start()
        return self

    def _work(self) -> None:
        while True:
            try:
                number, task = self._tasks.popleft()
            except IndexError:
                return
            path = str(self._folder / f"{task.driver}-{number}.db")
            try:
                item = run_task(task, path, self._limits, self._stop_read)
            except Exception as error:  # a thread has nobody above it to tell
                text = f"{task}: {type(error).__name__}: {error}"
                item = Finished(task, path, fatal=TwinpathError(text))
            self._finished.put(item)

    def finished(self) -> Iterator[Finished | None]:
        """Tasks as they end, until every thread has nothing left to do; None while none does."""
        while any(thread.is_alive() for thread in self._threads) or not self._finished.empty():
            try:
                item = self._finished.get(timeout=LOOK_S)
            except queue.Empty:
                yield None
            else:
                yield item

    def stop(self) -> None:
        """Starts nothing more and interrupts the workers that run."""
        self._tasks.clear()
        if self._stop_write >= 0:
            os.close(self._stop_write)
            self._stop_write = -1

    def __exit__(self, *_: object) -> None:
        self.stop()
        for _item in self.finished():
            pass  # nobody takes it any more: the study makes it again when it goes on
        os.close(self._stop_read)
