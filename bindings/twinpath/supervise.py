"""One worker process: start, feed, wait, stop. The parent loads neither ns-3 nor DPDK."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import selectors
import signal
import subprocess
import sysconfig
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, IO, Protocol

from .events import CallbackError, EventTap
from .interpreter import PYTHON
from .provenance import module_path

WORKER = str(Path(__file__).resolve().parent / "_worker.py")
STDERR_KEPT = 4000  # characters of the end of a worker's standard error
# What a worker allocates with that has to keep up with a clock: ns-3 allocates about 80 times per
# packet, a fifth of the time. Without it the C library's does.
ALLOCATOR = "libtcmalloc_minimal.so.4"
STOP_GRACE_S = 10.0  # from SIGTERM to SIGKILL: the time a test-bed needs to clean up
EXIT_GRACE_S = 60.0  # from a worker's answer to SIGKILL
DRAIN_S = 5.0  # how long a worker's last events are waited for once it has answered
DRAIN_READS_MAX = 1024  # of them, 64 KiB each: its pipe holds one

ProgressListener = Callable[[float], None]  # seconds of model time


DoneWriter = Callable[[str], None]  # path of an app that is done; from any thread


class Companion(Protocol):
    """What runs beside a worker and is told when it polls: a test-bed with its Linux peers. `fds`
    are open in the worker too: locks that end with the last of both."""

    fds: tuple[int, ...]

    def job(self) -> dict[str, Any]:
        """The `bed` of the job; descriptors are added."""

    def on_ready(self, done: DoneWriter) -> None:
        """The worker polls its ports. Must not block; `done(path)` tells the worker of an app."""


@dataclass
class WorkerEnd:
    """How a worker ended. `result` is what it answered, None when it did not."""

    result: dict[str, Any] | None = None
    exit_code: int = 0
    signal: str = ""  # name of the signal that killed it
    error: Exception | None = None  # why the parent stopped it, when it was `failed`
    stopped: str = ""  # "timeout" or "interrupted" when the parent stopped it
    stderr: str = ""
    model_s: float | None = None  # the last model time it reported
    wall_s: float = 0.0
    cpu_s: float = 0.0
    max_rss_bytes: int = 0


@dataclass
class _Pipes:
    result: int
    progress: int
    ready: int = -1
    peers: int = -1
    exit: int = -1  # readable when the worker has ended, whoever holds the others open
    answer: bytearray = field(default_factory=bytearray)
    line: bytearray = field(default_factory=bytearray)
    model_ns: int | None = None


@dataclass(frozen=True)
class _Listeners:
    on_progress: ProgressListener | None
    companion: Companion | None
    stop_fd: int
    tap: EventTap | None = None


def run_worker(driver: str, job: dict[str, Any], *, function: str = "run",
               module: str | None = None, timeout: float | None = None,
               on_progress: ProgressListener | None = None,
               companion: Companion | None = None, stop_fd: int = -1,
               handed: tuple[int, ...] = (), kept: tuple[int, ...] = (),
               tap: EventTap | None = None) -> WorkerEnd:
    """Runs one job to its end by the module's `function`; `module` is another build's file. Never
    raises for what the worker does. Once `stop_fd` is readable or closed at its other end the
    worker is interrupted. `handed`: descriptors of the caller that become the worker's, closed
    here; `kept`: those both have, as locks are. `tap` hears its events."""
    module = module or module_path(driver)
    pipes, theirs = _open_pipes(job, companion)
    theirs += handed
    if tap is not None:
        job["events"] = tap.job()
        theirs += (tap.write_fd,)
    with tempfile.TemporaryFile() as stderr:
        started = time.monotonic()
        command = [PYTHON, "-I", "-S", WORKER, f"_{driver}", module, str(theirs[0]), function,
                   str(os.getpid())]
        shared = (*kept, *(companion.fds if companion else ()))
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=stderr, env=_environment(driver),
                                   pass_fds=(*theirs, *shared),
                                   start_new_session=True)
        pipes.exit = os.pidfd_open(process.pid)
        for fd in theirs:
            os.close(fd)
        end = WorkerEnd()
        try:
            _feed(process, job)
            _watch(pipes, started, timeout, _Listeners(on_progress, companion, stop_fd, tap), end)
        except KeyboardInterrupt:
            end.stopped = "interrupted"
        except CallbackError as error:
            end.stopped, end.error = "failed", error
        finally:
            if tap is not None:
                tap.close()
            _finish(process, pipes, end)
            end.wall_s = time.monotonic() - started
            end.stderr = _tail(stderr)
    return end


def _environment(driver: str) -> dict[str, str]:
    """What the worker finds around it; who preloads something, a sanitizer say, keeps that."""
    preload = preloaded(driver)
    added = {"LD_PRELOAD": preload} if preload else {}
    if driver == "bridge":
        added["LD_BIND_NOW"] = "1"  # ns-3's calls are made direct, which takes bound ones
    return {**os.environ, **added}


def preloaded(driver: str) -> str:
    """What the worker of a driver loads before all else: a library's path, or nothing. Of several
    architectures' libraries it is this interpreter's, which the worker runs in too."""
    asked = os.environ.get("LD_PRELOAD", "")
    if asked or driver != "bridge":
        return asked
    path = f"/usr/lib/{sysconfig.get_config_var('MULTIARCH') or ''}/{ALLOCATOR}"
    return path if os.path.isfile(path) else ""


def _open_pipes(job: dict[str, Any],
                companion: Companion | None) -> tuple[_Pipes, tuple[int, ...]]:
    """Our ends, and theirs (the result first); theirs are also written into the job."""
    result_read, result_write = os.pipe()
    progress_read, progress_write = os.pipe()
    os.set_blocking(progress_write, False)
    job["progress_fd"] = progress_write
    pipes, theirs = _Pipes(result_read, progress_read), (result_write, progress_write)
    if companion is None:
        return pipes, theirs
    pipes.ready, ready_write = os.pipe()
    peers_read, pipes.peers = os.pipe()
    job["bed"] = {**companion.job(), "ready_fd": ready_write, "peers_fd": peers_read}
    return pipes, (*theirs, ready_write, peers_read)


def _feed(process: subprocess.Popen[bytes], job: dict[str, Any]) -> None:
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(job).encode())
        process.stdin.close()
    except BrokenPipeError:
        pass  # it died at once; its end tells why


def _watch(pipes: _Pipes, started: float, timeout: float | None, listeners: _Listeners,
           end: WorkerEnd) -> None:
    """Reads the pipes until the worker closes the result pipe or exits, or the time is used up."""
    with selectors.DefaultSelector() as selector:
        for fd in _watched(pipes, listeners):
            selector.register(fd, selectors.EVENT_READ)
        while True:
            left = None if timeout is None else timeout - (time.monotonic() - started)
            if left is not None and left <= 0:
                end.stopped = "timeout"
                return
            ready = [key.fd for key, _ in selector.select(left)]
            if listeners.stop_fd in ready:
                end.stopped = "interrupted"
                return
            closed = [fd for fd in ready if fd != pipes.exit and not _take(pipes, fd, listeners)]
            if pipes.result in closed or pipes.exit in ready:
                _drain(listeners.tap)
                return
            for fd in closed:
                selector.unregister(fd)


def _watched(pipes: _Pipes, listeners: _Listeners) -> list[int]:
    tap = -1 if listeners.tap is None else listeners.tap.read_fd
    found = (pipes.result, pipes.progress, pipes.ready, pipes.exit, tap, listeners.stop_fd)
    return [fd for fd in found if fd >= 0]


def _drain(tap: EventTap | None) -> None:
    """The last events: the worker has closed its end, or does so when it exits. A process it left
    behind may hold that end open; nobody waits for it longer than DRAIN_S."""
    if tap is None:
        return
    waited, poll = 0.0, select.poll()
    poll.register(tap.read_fd, select.POLLIN)
    for _ in range(DRAIN_READS_MAX):
        asked = time.monotonic()
        ready = poll.poll((DRAIN_S - waited) * 1000)
        waited += time.monotonic() - asked  # callbacks take the time they take
        if not ready or not tap.take() or waited >= DRAIN_S:
            return


def _take(pipes: _Pipes, fd: int, listeners: _Listeners) -> bool:
    """Reads what a pipe has; False at its end."""
    if listeners.tap is not None and fd == listeners.tap.read_fd:
        return listeners.tap.take()
    data = os.read(fd, 65536)
    if not data:
        return False
    if fd == pipes.result:
        pipes.answer += data
    elif fd == pipes.progress:
        _progress(pipes, data, listeners.on_progress)
    elif listeners.companion is not None:
        listeners.companion.on_ready(lambda path: _tell(pipes, path))
    return True


def _tell(pipes: _Pipes, path: str) -> None:
    """Tells the worker that a peer's app is done. Harmless when the worker has ended."""
    try:
        os.write(pipes.peers, f"{path}\n".encode())
    except OSError:
        pass


def _progress(pipes: _Pipes, data: bytes, on_progress: ProgressListener | None) -> None:
    pipes.line += data
    *lines, rest = pipes.line.split(b"\n")
    pipes.line = bytearray(rest)
    if lines:
        pipes.model_ns = int(lines[-1])
        if on_progress is not None:
            on_progress(pipes.model_ns / 1e9)


def _finish(process: subprocess.Popen[bytes], pipes: _Pipes, end: WorkerEnd) -> None:
    """Stops the worker if it still runs, reaps it and reads its resource usage."""
    if end.stopped:
        process.send_signal(signal.SIGTERM)
    grace = STOP_GRACE_S if end.stopped else EXIT_GRACE_S
    status, usage = _reap(process.pid, grace)
    if status is None:
        process.kill()
        status, usage = _reap(process.pid, None)
    process.returncode = os.waitstatus_to_exitcode(status or 0)
    _read_rest(pipes)
    for fd in (pipes.result, pipes.progress, pipes.ready, pipes.peers, pipes.exit):
        if fd >= 0:
            os.close(fd)
    pipes.peers = -1
    end.exit_code = process.returncode
    if process.returncode < 0:
        end.signal = signal.Signals(-process.returncode).name
    if usage is not None:
        end.cpu_s = usage.ru_utime + usage.ru_stime
        end.max_rss_bytes = usage.ru_maxrss * 1024
    end.model_s = None if pipes.model_ns is None else pipes.model_ns / 1e9
    try:
        end.result = json.loads(pipes.answer) if pipes.answer else None
    except ValueError:
        end.result = None


def _read_rest(pipes: _Pipes) -> None:
    """What a worker that has ended still said; its end may be held open by somebody else."""
    os.set_blocking(pipes.result, False)
    with contextlib.suppress(BlockingIOError):
        while rest := os.read(pipes.result, 65536):
            pipes.answer += rest


def _reap(pid: int, grace: float | None) -> tuple[int | None, resource.struct_rusage | None]:
    """Waits up to `grace` seconds (None: for ever); the status is None when it still runs."""
    if grace is None:
        _, status, usage = os.wait4(pid, 0)
        return status, usage
    deadline, pause = time.monotonic() + grace, 0.0005
    while True:
        found, status, usage = os.wait4(pid, os.WNOHANG)
        if found:
            return status, usage
        if time.monotonic() > deadline:
            return None, None
        time.sleep(pause)
        pause = min(pause * 2, 0.05)


def _tail(stderr: IO[bytes]) -> str:
    size = stderr.seek(0, os.SEEK_END)
    stderr.seek(max(0, size - STDERR_KEPT))
    return stderr.read().decode(errors="replace").strip()
