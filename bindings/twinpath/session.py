"""Lock-step control of a run: how far to go, read, set, go on.

The worker waits between steps, so model time stands still while Python thinks. A session that only
steps gives the fingerprint of the plain run. It is recorded as a run of its own that no other run
is equal to, because what was set in between is not part of the Plan.
"""

from __future__ import annotations

import json
import os
import select
import threading
import uuid
from typing import TYPE_CHECKING, Any, Callable

from .arguments import seed_of
from .errors import ConfigError, Problem, RunFailed, TwinpathError, unknown
from .matrix import DRIVERS
from .quantities import Metric, Time, quantity
from .settings import Settings

if TYPE_CHECKING:
    from .run import Run
    from .scenario import Case

Json = dict[str, Any]
LOOK_S = 0.1  # how often a silent worker's thread is looked at


class Session:
    """One run driven from Python; a context manager. After it `run` is the recorded Run.

    `step(time)` goes on by `time` of model time, `read("client/app0.goodput_bps")` gives the last
    value of a metric or a field (`paths()` lists them), `set("wire.rate", "5Mbps")` changes a field
    of a link, or one of TCP that may change while it runs (`settable()` lists them). Leaving the
    `with` ends the run where it stands. In sim only: between steps the clock stands still, and real
    time would not.
    """

    def __init__(self, case: "Case", driver: str = "sim", seed: int = 1, *,
                 db: str | None = None) -> None:
        if driver not in DRIVERS:
            raise ConfigError([unknown("driver", driver, "driver", ["sim"])])
        if driver != "sim":
            raise ConfigError([Problem("driver", driver, "a session holds the clock between steps, "
                                       "and real time does not wait", "sim",
                                       "net.on() hears what an emulation does")])
        self._case, self._seed, self._db = case, seed_of(seed), db
        self._plan = case.plan(driver)
        self._own = self._plan.natives
        self._settings = Settings(self._plan.data, self._own)
        self._state: Json = {"now_ns": 0, "done": False, "ended": False}
        self._metrics: dict[str, tuple[float, str]] | None = None
        self._to_worker: int | None = None
        self._from_worker: Any = None
        self._stop = (-1, -1)  # the worker is interrupted when the second is closed
        self._handed: dict[int, int] = {}  # descriptors for the worker and their pipes
        self._thread: threading.Thread | None = None
        self._run: "Run | None" = None
        self._error: BaseException | None = None
        self._entered = False

    def __enter__(self) -> "Session":
        from .execute import execute_plan
        from .fill import WorkerCall
        from .prepare import RunRequest

        if self._entered:
            raise TwinpathError("this session was entered before; make another by case.session()")
        self._entered = True
        commands, self._to_worker = os.pipe()
        answers, answers_write = os.pipe()
        self._stop = os.pipe()
        self._handed = {fd: os.fstat(fd).st_ino for fd in (commands, answers_write)}
        pipes = {"commands_fd": commands, "answers_fd": answers_write}
        call = WorkerCall("session", {"session": pipes}, tuple(self._handed))
        request = RunRequest(self._plan, self._case.params, self._seed, None,
                             self._case.scenario.source, uuid.uuid4().hex)
        self._from_worker = os.fdopen(answers, encoding="utf-8")
        self._start(lambda: execute_plan(request, db=self._db, timeout=None, call=call,
                                         stop_fd=self._stop[0]))
        self._hear()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Ends the run; after an exception of the caller's it counts as interrupted."""
        if kind is None:
            self._say({"do": "end"})
        self._close(interrupt=kind is not None)
        if kind is None and self._error is not None:
            raise self._error

    def _start(self, work: Callable[[], "Run"]) -> None:
        def body() -> None:
            try:
                self._run = work()
            except BaseException as error:  # told to the caller's thread when it asks
                self._error = error

        self._thread = threading.Thread(target=body, name="twinpath-session")
        self._thread.start()

    def _close(self, interrupt: bool = False) -> None:
        """Lets go of the worker, waits for its end; what it recorded is merged then."""
        if self._to_worker is None or self._thread is None:
            return
        os.close(self._to_worker)
        self._to_worker = None
        if interrupt:
            os.close(self._stop[1])
        self._thread.join()
        if not interrupt:
            os.close(self._stop[1])
        os.close(self._stop[0])
        self._from_worker.close()
        for fd, pipe in self._handed.items():
            _close_if_same(fd, pipe)

    @property
    def now(self) -> Time:
        """Model time, seconds since the start."""
        return Time(f"{self._state['now_ns']}ns")

    @property
    def done(self) -> bool:
        """What the scenario waits for is done, or `at_most` is reached: a step does nothing."""
        return bool(self._state["ended"])

    @property
    def run(self) -> "Run":
        """The recorded run, once the session has ended."""
        if self._run is None:
            raise TwinpathError("the run is recorded when the session ends: leave the `with` first")
        return self._run

    def step(self, time: Time | str) -> Time:
        """Goes on by `time` of model time or to the end of the run; the model time reached."""
        duration = Time(time, "step")
        if duration <= 0:
            raise ConfigError([Problem("step", str(time), "must be above 0")])
        self._ask({"do": "step", "ns": duration.ns})
        return self.now

    def metrics(self) -> dict[str, Metric]:
        """Every metric there is now, by "ENTITY.METRIC"."""
        return {path: quantity(value, unit) for path, (value, unit) in self._read_all().items()}

    def read(self, path: str) -> Metric | str | bool:
        """What `path` is now: a metric ("client/app0.goodput_bps"), a field of a host's TCP
        ("client.tcp.delayed_ack") or of a link ("wire.rate"), see `paths()`."""
        if path in self._settings.paths():
            return self._settings.value(path)
        found = self._read_all()
        if path not in found:
            raise ConfigError([unknown(path, path, "path", self.paths())])
        return quantity(*found[path])

    def paths(self) -> list[str]:
        """Every path `read` takes now. Metrics of an app or flow come with its first event."""
        return sorted({*self._settings.paths(), *self._read_all()})

    def settable(self) -> list[str]:
        """Paths `set` takes: fields of TCP that may change while it runs, arguments of a
        congestion control of one's own, fields of links."""
        return self._settings.settable()

    def set(self, path: str, value: Any) -> None:
        """Changes a field from now on. `HOST.tcp.FIELD`: for connections there are and those to
        come; a congestion control that changes starts anew with the window there is. `LINK.FIELD`:
        for frames sent from now on; those under way or queued keep their times, and none is
        overtaken. Of a population: for every member."""
        command, kept = self._settings.command(path, value)
        self._ask({"do": "set", **command})
        self._settings.keep(path, command, kept)

    def _read_all(self) -> dict[str, tuple[float, str]]:
        if self._metrics is None:
            self._metrics = {path: (value, unit) for path, (value, unit)
                             in self._ask({"do": "metrics"})["metrics"].items()}
        return self._metrics

    def _ask(self, command: Json) -> Json:
        if self._to_worker is None:
            raise TwinpathError("this session has ended" if self._entered else
                                "enter the session first: `with case.session(...) as s:`")
        if command["do"] != "metrics":
            self._metrics = None
        self._say(command)
        return self._hear()

    def _say(self, command: Json) -> None:
        if self._to_worker is None:
            return
        try:
            os.write(self._to_worker, (json.dumps(command) + "\n").encode())
        except BrokenPipeError:
            pass  # the worker is gone; hearing it tells how

    def _hear(self) -> Json:
        assert self._thread is not None
        alive = True
        while alive and not select.select([self._from_worker], [], [], LOOK_S)[0]:
            alive = self._thread.is_alive()
        line = self._from_worker.readline() if alive else ""
        if not line:
            self._close()
            raise self._error or RunFailed("the worker ended without an answer")
        answer: Json = json.loads(line)
        if "problems" in answer:
            raise ConfigError([Problem(**problem) for problem in answer["problems"]])
        if "now_ns" in answer:
            self._state = answer
        return answer


def _close_if_same(fd: int, pipe: int) -> None:
    """Closes a descriptor no worker was started with; one that was is closed already, and its
    number may belong to somebody else."""
    try:
        if os.fstat(fd).st_ino == pipe:
            os.close(fd)
    except OSError:
        pass
