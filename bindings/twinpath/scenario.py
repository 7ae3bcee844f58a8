"""`@scenario` and what comes of it: Scenario, its parameters bound as a Case, its runs."""

from __future__ import annotations

import inspect
import traceback
from typing import TYPE_CHECKING, Any, Callable, Mapping

from .arguments import mapping_of, refused
from .errors import ConfigError, Problem
from .net import Net
from .params import Param, bind, params_of
from .plan import Plan, build_plan

if TYPE_CHECKING:
    from .capacity import Trial
    from .quantities import PacketRate, Rate
    from .run import Run
    from .session import Session

ScenarioFunction = Callable[..., None]


class Scenario:
    """A function that builds a network. Calling it binds parameters and gives a Case."""

    def __init__(self, fn: ScenarioFunction) -> None:
        self.fn = fn
        self.name: str = fn.__name__
        self.__doc__ = inspect.getdoc(fn) or ""
        self.params: dict[str, Param] = params_of(fn)

    def __call__(self, *values: Any, **params: Any) -> "Case":
        if values:
            raise refused(self.name, ", ".join(map(repr, values)), "takes parameters by name",
                          " ".join(self.params), f"{self.name}(NAME=VALUE)")
        return Case(self, bind(self.name, self.params, params), {})

    def __repr__(self) -> str:
        return f"<scenario {self.name}({', '.join(self.params)})>"

    @property
    def source(self) -> str:
        """The text of the file that defines it, for provenance."""
        try:
            return inspect.getsource(inspect.getmodule(self.fn) or self.fn)
        except (OSError, TypeError):
            return ""


def scenario(fn: ScenarioFunction) -> Scenario:
    """Makes a scenario of `fn(net, *, name: Type = default, ...)`. The function must be pure."""
    if not inspect.isfunction(fn):
        raise refused("scenario", fn, f"{fn!r} is not a function", "def NAME(net, *, ...)")
    return Scenario(fn)


def _place(error: Exception, fn: ScenarioFunction) -> traceback.FrameSummary:
    """The user's line an error came from: the innermost of the scenario's own file."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename == fn.__code__.co_filename]
    return (own or list(frames))[-1]


class Case:
    """A scenario with its parameters bound. Nothing has run yet."""

    def __init__(self, scenario: Scenario, params: dict[str, Any],
                 settings: dict[str, Any]) -> None:
        self.scenario, self.params, self.settings = scenario, params, settings

    def __repr__(self) -> str:
        bound = ", ".join(f"{name}={value}" for name, value in self.params.items())
        return f"{self.scenario.name}({bound})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Case) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash(repr(sorted(self.as_dict().items())))

    def as_dict(self) -> dict[str, str]:
        """The case as plain texts."""
        return {"scenario": self.scenario.name,
                **{f"param.{name}": str(value) for name, value in self.params.items()},
                **{f"set.{path}": str(value) for path, value in self.settings.items()}}

    def with_settings(self, settings: Mapping[str, Any]) -> "Case":
        """The case with component attributes set by path: `{"client.tcp.delayed_ack": "40ms"}`."""
        given = mapping_of(settings, "settings", "{'client.tcp.delayed_ack': '40ms'}")
        return Case(self.scenario, self.params, {**self.settings, **given})

    def plan(self, driver: str) -> Plan:
        """The validated Plan under `driver`, sim, emu or bridge; ConfigError has every problem."""
        net = Net()
        try:
            self.scenario.fn(net, **self.params)
        except ConfigError as error:
            raise ConfigError([*net.problems, *error.problems]) from None
        except Exception as error:
            where = _place(error, self.scenario.fn)
            text = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"
            raise ConfigError([*net.problems, Problem(self.scenario.name, "", text)]) from error
        return build_plan(net, driver, self.scenario.name, self.params, self.settings)

    def simulate(self, seed: int = 1, *, costs: str = "zero", db: str | None = None,
                 pcap: str | None = None, timeout: float | None = None,
                 testbed: None = None) -> "Run":
        """Runs in ns-3 under a virtual clock. `costs`: what turns on the cores of hosts cost:
        "zero", "constant:2us", or a profile's JSON file. `pcap`: a folder for captures, one per
        port, or a file `NAME.pcapng` with all ports and what was dropped. `timeout`: seconds of
        wall time. A simulation has no `testbed`: one that is given is refused. Raises RunFailed or
        RunTimeout."""
        from .execute import execute

        return execute(self, "sim", seed, costs=costs, db=db, pcap=pcap, timeout=timeout,
                       testbed=testbed)

    def emulate(self, seed: int = 1, *, testbed: str = "veth", db: str | None = None,
                pcap: str | None = None, log: bool | str = False,
                timeout: float | None = None) -> "Run":
        """Runs on DPDK ports in real time. `testbed`: "veth" (needs root), "net_ring" or a
        testbed.toml. `log`: leave a turn log that `twinpath replay` runs again, beside the database
        or at this path. An invalid emulation is returned, not raised; see Run.validity."""
        from .execute import execute

        return execute(self, "emu", seed, testbed=testbed, db=db, pcap=pcap, log=log,
                       timeout=timeout)

    def bridge(self, seed: int = 1, *, testbed: str = "veth", db: str | None = None,
               pcap: str | None = None, timeout: float | None = None) -> "Run":
        """Runs in ns-3 at the pace of the wall clock; hosts on the stack linux are outside, on the
        ports of `testbed`: "veth" (needs root) or a testbed.toml. On "net_ring" every link goes
        out through a DPDK ring and comes back. Lag is accounted; see Run.validity."""
        from .execute import execute

        return execute(self, "bridge", seed, testbed=testbed, db=db, pcap=pcap, timeout=timeout)

    def session(self, driver: str = "sim", seed: int = 1, *, db: str | None = None) -> "Session":
        """Lock-step control of a run: `with case.session("sim") as s: s.step("10ms")`. In sim
        only; see Session."""
        from .session import Session

        return Session(self, driver, seed, db=db)

    def with_params(self, params: Mapping[str, Any]) -> "Case":
        """The case with some parameters bound anew."""
        given = mapping_of(params, "params")
        bound = bind(self.scenario.name, self.scenario.params, {**self.params, **given})
        return Case(self.scenario, bound, self.settings)

    def capacity(self, driver: str, *, loss: Any = 0, trial: Any = "1s", resolution: Any = "1%",
                 parameter: str = "load", seed: int = 1, testbed: str | None = None,
                 db: str | None = None,
                 on_trial: "Callable[[Trial], None] | None" = None) -> "PacketRate | Rate":
        """The highest `parameter` (a PacketRate or Rate) at which no more than `loss` of the frames
        is lost, found within `resolution` by trials of `trial` model time each (RFC 2544 §26.1).
        The search starts at the case's own value. What is still queued at the end of a trial counts
        as lost. Every trial is a run in `db`. Raises NoVerdict where there is no such load."""
        from .capacity import checked, find_capacity

        return find_capacity(checked(self, driver, loss=loss, trial=trial, resolution=resolution,
                                     parameter=parameter, seed=seed, testbed=testbed, db=db,
                                     on_trial=on_trial))[0]
