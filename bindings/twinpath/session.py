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

from .errors import ConfigError, Problem, RunFailed, TwinpathError, nearest, not_yet, unknown
from .fields import Field, fields
from .native import build
from .quantities import Metric, Time, quantity

if TYPE_CHECKING:
    from .run import Run
    from .scenario import Case

Json = dict[str, Any]
LOOK_S = 0.1  # how often a silent worker's thread is looked at


class Session:
    """One run driven from Python; a context manager. After it `run` is the recorded Run.

    `step(time)` goes on by `time` of model time, `read("client/app0.goodput_bps")` gives the last
    value of a metric, `set("client.tcp.delayed_ack", "10ms")` changes a field of TCP that may
    change while it runs (`settable()` lists them). Leaving the `with` ends the run where it stands.
    """

    def __init__(self, case: "Case", driver: str = "sim", seed: int = 1, *,
                 db: str | None = None) -> None:
        if driver != "sim":
            raise not_yet(f"session({driver!r})")
        self._case, self._seed, self._db = case, seed, db
        self._plan = case.plan(driver)
        self._own = self._plan.natives
        self._state: Json = {"now_ns": 0, "done": False, "ended": False}
        self._metrics: dict[str, tuple[float, str]] | None = None
        self._to_worker: int | None = None
        self._from_worker: Any = None
        self._stop = (-1, -1)  # the worker is interrupted when the second is closed
        self._handed: dict[int, int] = {}  # descriptors for the worker and their pipes
        self._thread: threading.Thread | None = None
        self._run: "Run | None" = None
        self._error: BaseException | None = None

    def __enter__(self) -> "Session":
        from .execute import execute_plan
        from .fill import WorkerCall
        from .prepare import RunRequest

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

    def read(self, path: str) -> Metric:
        """The value of a metric now ("client/app0.goodput_bps"), or of a field of the Plan's TCP
        configuration that was set in this session."""
        found = self._read_all()
        if path not in found:
            raise ConfigError([unknown(path, path, "metric yet", list(found))])
        return quantity(*found[path])

    def settable(self) -> list[str]:
        """Paths `set` takes: fields of TCP that may change while it runs, arguments of a
        congestion control of one's own."""
        paths = []
        for host in self._plan.data["hosts"]:
            if host["stack"] == "twinpath":
                live = (name for name, field in fields("tcp").items() if field.live)
                paths += [f"{host['name']}.tcp.{name}" for name in live]
            if host["name"] in self._own:
                own = build(self._own[host["name"]]).fields
                paths += [f"{host['name']}.tcp.congestion.{name}" for name in own]
        return paths

    def set(self, path: str, value: Any) -> None:
        """Changes `HOST.tcp.FIELD` from now on, for connections there are and those to come. A
        congestion control that changes starts anew with the window there is."""
        if path not in self.settable():
            raise self._refusal(path, value)
        host, _, name = path.partition(".tcp.")
        own = name.removeprefix("congestion.")
        if own != name:
            field: Field = build(self._own[host]).fields[own]
            command = {"native": {own: field.plan_value(value, path)}, "field": "congestion"}
        else:
            command = {"field": name, "value": fields("tcp")[name].plan_value(value, path)}
        self._ask({"do": "set", "host": host, **command})

    def _refusal(self, path: str, value: Any) -> ConfigError:
        host, _, name = path.partition(".tcp.")
        hosts = [h["name"] for h in self._plan.data["hosts"]]
        if host in hosts and name in fields("tcp"):
            live = " ".join(n for n, field in fields("tcp").items() if field.live)
            return ConfigError([Problem(path, str(value), f"{name} cannot change while a run goes "
                                        "on", live, "give it to the scenario")])
        paths = self.settable()
        return ConfigError([Problem(path, str(value), f"no settable {path!r}", " ".join(paths),
                                    nearest(path, paths))])

    def _read_all(self) -> dict[str, tuple[float, str]]:
        if self._metrics is None:
            self._metrics = {path: (value, unit) for path, (value, unit)
                             in self._ask({"do": "metrics"})["metrics"].items()}
        return self._metrics

    def _ask(self, command: Json) -> Json:
        if self._to_worker is None:
            raise TwinpathError("this session has ended")
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
