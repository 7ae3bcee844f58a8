"""One run in real time on a machine at a time, whoever makes it: its pollers need the cores.

Two files in a folder that every user may write to and nobody may take another's file away from.
Whoever wants to run takes the turnstile first and gives it up once it has the lock, so that a study
which has run after run lets the others in between. The kernel frees both when their holder dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import re
import select
import stat
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from .errors import NoVerdict, TwinpathError

FOLDERS = (Path("/run/lock"), Path("/tmp"))
NAME = "twinpath-real-time"
LOOK_S = 0.05  # between looks whether the lock is free
WAIT_MAX_S = 24 * 3600.0
OPEN_TRIES = 5
HOLDER = re.compile(r"process (\d{1,10}) \((\w[\w.-]{0,31}), since (\d\d:\d\d:\d\d)\)\n")
HOLDER_BYTES = 100

_mine = threading.local()  # `held`: this thread is inside one_at_a_time()


@dataclass(frozen=True)
class Held:
    """The lock. `fd` is None when the wait was interrupted. Handed to a child process, the lock is
    held until both have ended."""

    fd: int | None

    @property
    def fds(self) -> tuple[int, ...]:
        return () if self.fd is None else (self.fd,)


def folder() -> Path:
    """The first of FOLDERS that belongs to root and is sticky: the same for everybody."""
    for path in FOLDERS:
        with contextlib.suppress(OSError):
            found = os.lstat(path)
            open_to_all = stat.S_ISVTX | stat.S_IWOTH
            if stat.S_ISDIR(found.st_mode) and found.st_uid == 0 and (
                    found.st_mode & open_to_all == open_to_all):
                return path
    raise NoVerdict("no folder for the lock of runs in real time: neither "
                    f"{' nor '.join(map(str, FOLDERS))} belongs to root and is sticky (mode 1777)")


@contextlib.contextmanager
def one_at_a_time(stop_fd: int = -1) -> Iterator[Held]:
    """Waits until nobody else runs in real time here, and keeps others waiting meanwhile. Who is
    waited for is said once, on standard error. Once `stop_fd` is readable or closed at its other
    end, the wait is over without the lock. NoVerdict after WAIT_MAX_S, an error at once when this
    very thread has it."""
    require_outside()
    place = folder()
    wait = _Wait(stop_fd)
    with _opened(place / f"{NAME}.turn") as turn, _opened(place / f"{NAME}.lock") as lock:
        got = wait.take(turn, lock) and wait.take(lock, lock)
        fcntl.flock(turn, fcntl.LOCK_UN)
        if got:
            _sign(lock)
        _mine.held = got
        try:
            yield Held(lock if got else None)
        finally:
            _mine.held = False
            if got:
                fcntl.flock(lock, fcntl.LOCK_UN)  # also for what a worker left behind


def require_outside() -> None:
    """TwinpathError in a callback of a run in real time: it would wait for the run that waits for
    it."""
    if getattr(_mine, "held", False):
        raise TwinpathError("a run in real time cannot be made from a callback of one; keep what "
                            "you need and make it when the first has ended")


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    fd = _open(path)
    try:
        yield fd
    finally:
        os.close(fd)


def _open(path: Path) -> int:
    """The file, made by whoever is first; NoVerdict when somebody put something else there."""
    try:
        fd = _open_or_make(path)
    except OSError as error:
        raise _refused(path, str(error.strerror)) from error
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        os.close(fd)
        raise _refused(path, "it is no plain file")
    return fd


def _open_or_make(path: Path) -> int:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
        os.fchmod(fd, 0o666)  # whatever the umask: others must be able to wait
        return fd
    except FileExistsError:
        pass
    for _ in range(OPEN_TRIES):
        with contextlib.suppress(PermissionError):
            return os.open(path, flags)
        time.sleep(LOOK_S)  # its maker has not opened it to others yet
    return os.open(path, flags)


def _refused(path: Path, why: str) -> NoVerdict:
    return NoVerdict(f"the lock of runs in real time, {path}, cannot be used ({why}); "
                     f"as root: rm {path}")


class _Wait:
    def __init__(self, stop_fd: int) -> None:
        self._stop_fd, self._said = stop_fd, False
        self._until = time.monotonic() + WAIT_MAX_S

    def take(self, fd: int, lock: int) -> bool:
        """Whether `fd` is locked now; `lock` tells who is waited for."""
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except BlockingIOError:
                self._say(holder(lock))
            if time.monotonic() > self._until:
                raise NoVerdict(f"another run in real time never ended: {holder(lock)}")
            if self._stopped():
                return False

    def _say(self, who: str) -> None:
        if not self._said:
            self._said = True
            print(f"twinpath: waiting for {who}: one run in real time on a machine at a time",
                  file=sys.stderr, flush=True)

    def _stopped(self) -> bool:
        """Whether nobody wants the lock any more; looks for LOOK_S."""
        poll = select.poll()
        if self._stop_fd >= 0:
            poll.register(self._stop_fd, select.POLLIN)
        return bool(poll.poll(LOOK_S * 1000))


def _sign(lock: int) -> None:
    try:
        user = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        user = str(os.geteuid())
    text = f"process {os.getpid()} ({user}, since {time.strftime('%H:%M:%S')})\n"
    with contextlib.suppress(OSError):  # a full disk: others wait all the same
        os.ftruncate(lock, 0)
        os.pwrite(lock, text.encode(), 0)


def holder(lock: int) -> str:
    """Who has it, by what they wrote; anybody may have written anything."""
    text = os.pread(lock, HOLDER_BYTES, 0).decode("ascii", errors="replace")
    return text.rstrip() if HOLDER.fullmatch(text) else "another process"
