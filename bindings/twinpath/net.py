"""The network a scenario builds. Nothing runs here: the calls fill lists that become the Plan.

Problems are collected, not raised one by one, so that a user sees all of them at once.
"""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping, TypeVar

from .apps import AppSpec
from .arguments import list_of, mapping_of, of_type
from .errors import ConfigError, Problem, not_yet, unknown
from .events import EventListener, Wish, check_wish
from .fields import event_kinds, metric_names
from .matrix import DRIVERS, STACKS
from .quantities import Bytes, Quantity, Rate, Ratio, Time

Q = TypeVar("Q", bound=Quantity)
CORES_MAX = 1024  # as kCores of bindings/plan/parse.cc
LINK_FIELDS: dict[str, type[Quantity]] = {
    "rate": Rate, "delay": Time, "queue": Bytes, "jitter": Time, "loss": Ratio, "reorder": Ratio,
    "duplicate": Ratio, "corrupt": Ratio, "ecn_threshold": Bytes}
MEMBERS_MAX = 4000  # hosts of a population; a plan may have 4096 hosts in all



@dataclass(frozen=True)
class Done:
    """That these apps have finished; `a.done & b.done` waits for both."""

    paths: tuple[str, ...]

    def __and__(self, other: "Done") -> "Done":
        of_type(other, Done, "done", "APP.done & APP.done")
        return Done(tuple(dict.fromkeys(self.paths + other.paths)))


@dataclass(frozen=True)
class App:
    """An app that runs on a host. `path` is the entity its results stand under."""

    path: str
    host: "Host"
    spec: AppSpec
    start: Time

    @property
    def done(self) -> Done:
        return Done((self.path,))


@dataclass(eq=False)
class Host:
    """A host with one stack, which may differ per driver: {"sim": "twinpath", "emu": "linux"}."""

    net: "Net"
    name: str
    addresses: list[str]
    stack: str | dict[str, str]
    tcp: dict[str, Any]
    cores: int
    apps: list[App] = field(default_factory=list)
    count: int = 1  # members of a population

    def run(self, app: AppSpec, *, core: int | None = None, start: Time | str | int = 0) -> App:
        """Runs `app` from `start` (seconds of model time) on; several may run."""
        if core is not None:
            raise not_yet("run(core=...)")
        path = f"{self.name}/app{len(self.apps)}"
        if not isinstance(app, AppSpec):
            self.net.problem(path, app, f"{app!r} is not an app", "HttpGet(...) Bulk(...) ...")
            app = AppSpec("bulk")
        started = App(path, self, app, self.net.quantity(Time, f"{path}.start", start))
        self.apps.append(started)
        return started


@dataclass(eq=False)
class Link:
    """A full-duplex link. Every value holds for each direction; `delay` is one way."""

    name: str
    a: Host
    b: Host
    rate: Rate
    delay: Time
    queue: Bytes
    jitter: Time
    loss: Ratio
    reorder: Ratio
    duplicate: Ratio
    corrupt: Ratio
    ecn_threshold: Bytes

    def as_plan(self) -> dict[str, Any]:
        """The link as it stands in a Plan: integers of bit/s, ns and bytes, fractions. The Plan has
        the key of a threshold only with one."""
        marking = ({"ecn_threshold_bytes": round(self.ecn_threshold)} if self.ecn_threshold
                   else {})
        return {**marking, "name": self.name, "a": getattr(self.a, "name", ""),
                "b": getattr(self.b, "name", ""),
                "rate_bps": None if math.isinf(self.rate) else round(self.rate),
                "delay_ns": self.delay.ns, "jitter_ns": self.jitter.ns, "loss": float(self.loss),
                "reorder": float(self.reorder), "duplicate": float(self.duplicate),
                "corrupt": float(self.corrupt), "queue_bytes": round(self.queue)}


@dataclass
class Measure:
    """What is recorded: after `warmup`, for `window`, series every `every`, only `metrics`."""

    warmup: Time = field(default_factory=lambda: Time(0))
    window: Time | None = None
    every: Time | None = None
    metrics: list[str] | None = None
    events: list[str] | None = None


def carries_nothing(field: str, what: str, value: Quantity) -> list[Problem]:
    """The problem of a link that would carry nothing."""
    if what not in ("rate", "queue") or value > 0:
        return []
    return [Problem(field, str(value), f"a {what} of 0 carries nothing", "more than 0")]


def _shown(value: Any) -> str:
    """A wrong value in a message: things of a network by their kind."""
    return f"{type(value).__name__} {getattr(value, 'name', getattr(value, 'path', ''))}".strip() \
        if isinstance(value, (Host, App, Link)) else repr(value)


class Net:
    """The network of one scenario. Values with units are strings such as "10ms", or quantities."""

    def __init__(self) -> None:
        self.hosts: list[Host] = []
        self.links: list[Link] = []
        self.measured = Measure()
        self.stop_when: tuple[str, ...] = ()
        self.at_most: Time | None = None
        self.problems: list[Problem] = []
        self.wishes: list[Wish] = []

    def host(self, name: str, *, address: str | list[str] | None = None,
             stack: str | dict[str, str] = "twinpath", tcp: Mapping[str, Any] | None = None,
             cores: int = 0) -> Host:
        """A host. `address`: one "198.18.0.1/24" or "2001:db8::1/64" per link, given by the link
        when None.
        `tcp`: fields of the TCP configuration. `cores=0`: CPU time is free; with cores it costs
        what `simulate(costs=)` says, on one core for now. An emulation's cores are real."""
        self._check_name("host", name, [h.name for h in self.hosts])
        if name in [link.name for link in self.links]:
            self.problem("host", name, f"{name!r} is the name of a link")
        if isinstance(cores, bool) or not isinstance(cores, int) or not 0 <= cores <= CORES_MAX:
            self.problem(f"{name}.cores", cores, f"{cores!r} is not a number of cores",
                         f"0..{CORES_MAX}")
            cores = 0
        name = str(name)
        addresses = self._listed(address or [], f"{name}.address", "'198.18.0.1/24'")
        for text in addresses:
            self._check_address(f"{name}.address", text)
        self._check_stack(f"{name}.stack", stack)
        fields = self._mapping(tcp, f"{name}.tcp", "{'FIELD': value}")
        addresses = [text for text in addresses if isinstance(text, str)]
        host = Host(self, name, addresses, stack, fields, cores)
        self.hosts.append(host)
        return host

    def clients(self, name: str, *, count: int = 1, **options: Any) -> Host:
        """A population of `count` equal hosts, `options` as of host(). An app that runs on it runs
        on every member, a link to it joins each member: `NAME[3]/app0`, `LINK[3]`. `done` of such
        an app waits for all members. The Plan keeps the rule; the worker expands it. `address` is
        that of member 0; member i has the i-th network of that length after it, and so has the
        other end of its link. Without `address` these are networks /30 of 198.19.0.0/16."""
        host = self.host(name, **options)
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MEMBERS_MAX:
            self.problem(f"{name}.count", count, f"{count!r} is not a number of hosts",
                         f"1..{MEMBERS_MAX}")
        else:
            host.count = count
        return host

    def link(self, a: Host, b: Host, *, name: str | None = None, rate: Rate | str = "unlimited",
             delay: Time | str | int = 0, loss: Ratio | str | float = 0,
             queue: Bytes | str = "256KiB", reorder: Ratio | str | float = 0,
             duplicate: Ratio | str | float = 0, corrupt: Ratio | str | float = 0,
             jitter: Time | str | int = 0, ecn_threshold: Bytes | str | int = 0) -> Link:
        """A link between two hosts. `rate` bit/s, `delay` and `jitter` seconds one way, `queue`
        bytes before tail drop, the others fractions of frames, seeded. With more than
        `ecn_threshold` bytes waiting, frames of ECN-capable senders (`tcp={"ecn": "request"}`) are
        marked, not dropped; 0 marks nothing."""
        name = name if name is not None else f"link{len(self.links)}"
        self._check_name("link", name, [l.name for l in self.links] + [h.name for h in self.hosts])
        for end in (a, b):
            if not isinstance(end, Host) or end.net is not self:
                self.problem(str(name), end, f"{_shown(end)} is not a host of this network",
                             "what net.host() gave")
        if a is b:
            self.problem(name, getattr(a, "name", ""), "joins a host with itself")
        name = str(name)
        get = self.quantity
        link = Link(name, a, b, get(Rate, f"{name}.rate", rate), get(Time, f"{name}.delay", delay),
                    get(Bytes, f"{name}.queue", queue), get(Time, f"{name}.jitter", jitter),
                    get(Ratio, f"{name}.loss", loss), get(Ratio, f"{name}.reorder", reorder),
                    get(Ratio, f"{name}.duplicate", duplicate),
                    get(Ratio, f"{name}.corrupt", corrupt),
                    get(Bytes, f"{name}.ecn_threshold", ecn_threshold))
        if getattr(a, "count", 1) > 1 and getattr(b, "count", 1) > 1:
            self.problem(name, f"{a.name} {b.name}", "joins two populations", "one end of one host")
        for what in LINK_FIELDS:
            self.problems.extend(carries_nothing(f"{name}.{what}", what, getattr(link, what)))
        if all(isinstance(end, Host) and end.net is self for end in (a, b)):
            self.links.append(link)
        return link

    def measure(self, *, warmup: Time | str | int = 0, window: Time | str | None = None,
                every: Time | str | None = None, metrics: Iterable[str] | None = None,
                events: Iterable[str] | None = None) -> None:
        """What of a run counts. Times are seconds of model time; without a call all of it does.

        The window opens after `warmup` and stays open for `window`, or until the run stops. Figures
        of hosts and apps are of the window only: counts, bytes and histograms are what was added in
        it; goodput_bps, throughput_bps and requests_per_s are bytes x 8 and requests of the window
        over its length; percentiles are those of its own histogram; lost_fraction is of what was
        sent in it; fct_s and connect_s stand there when they ended in it; srtt_s is as it is when
        it closes. Not cut: the fingerprint, drops, captures, figures of cores, validity, the texts
        of what failed. An app goes on behind the window: end the run with net.stop.

        `every`: a time series with this step, samples of the window only. `metrics`: only these are
        recorded; `failures` and `verify_errors` always are. `events`: kinds to record, such as
        "tcp.rto" (`Net.on` hears the same), of the whole run, in `Run.df("event")`."""
        get = self.quantity
        self.measured = Measure(
            get(Time, "measure.warmup", warmup),
            None if window is None else get(Time, "measure.window", window),
            None if every is None else get(Time, "measure.every", every),
            None if metrics is None else self._listed(metrics, "measure.metrics", "metric names"),
            self._event_kinds(events))
        for name, value in (("window", self.measured.window), ("every", self.measured.every)):
            if value == 0:
                self.problem(f"measure.{name}", 0, "must be above 0")
        for metric in self.measured.metrics or []:
            if metric not in metric_names():
                self.problems.append(unknown("measure.metrics", str(metric), "metric",
                                             metric_names()))

    def _event_kinds(self, events: Iterable[str] | None) -> list[str] | None:
        kinds = self._listed(events or (), "measure.events", "kinds of events")
        for kind in kinds:
            if kind not in event_kinds():
                self.problems.append(unknown("measure.events", str(kind), "event", event_kinds()))
        return list(dict.fromkeys(map(str, kinds))) or None

    def stop(self, *, when: Done | Iterable[Done] | None = None, at_most: Time | str) -> None:
        """Ends the run when `when` is done, at the latest after `at_most` seconds of model time,
        which then is the status `timeout`."""
        dones = [when] if isinstance(when, Done) else \
            self._listed([] if when is None else when, "stop.when", "APP.done")
        for done in dones:
            if not isinstance(done, Done):
                self.problem("stop.when", done, f"{_shown(done)} is not a `done` of an app",
                             "APP.done, or several with &")
        self.stop_when = tuple(dict.fromkeys(p for done in dones if isinstance(done, Done)
                                             for p in done.paths))
        self.at_most = self.quantity(Time, "stop.at_most", at_most)
        if self.at_most == 0:
            self.problem("stop.at_most", 0, "must be above 0")

    def on(self, event: str, fn: EventListener, *, entity: str = "*") -> None:
        """Calls `fn(event)` in this process with every Event of the kind `event` or below it
        ("tcp.cwnd", "tcp") whose entity fits the shell pattern `entity`. Batched and read-only;
        what `fn` raises ends the run as failed. Not in studies, whose runs are other processes."""
        self.problems.extend(check_wish(event, fn, "net.on"))
        if not isinstance(entity, str):
            self.problem("net.on", entity, f"{entity!r} is not a pattern", "'client*'")
        self.wishes.append(Wish(event, fn, entity))

    def box(self, name: str, **_: Any) -> None:
        """A middlebox: network functions and µStacks."""
        raise not_yet("Net.box")

    def tester(self, name: str, **_: Any) -> None:
        """A traffic source and sink, measured, never the device under test."""
        raise not_yet("Net.tester")

    def machine(self, name: str, **_: Any) -> None:
        """A machine whose cores tenants and stacks share."""
        raise not_yet("Net.machine")

    def problem(self, field: str, value: Any, message: str, allowed: str = "") -> None:
        self.problems.append(Problem(field, str(value), message, allowed))

    def quantity(self, kind: type[Q], field: str, value: Any) -> Q:
        """The value in its type; a problem is noted and 0 returned instead."""
        try:
            return kind(value, field)
        except ConfigError as error:
            self.problems.extend(error.problems)
            return float.__new__(kind, 1.0 if kind in (Rate, Bytes) else 0.0)

    def _listed(self, value: Any, field: str, allowed: str) -> list[Any]:
        try:
            return list_of(value, field, allowed)
        except ConfigError as error:
            self.problems.extend(error.problems)
            return []

    def _mapping(self, value: Any, field: str, allowed: str) -> dict[str, Any]:
        try:
            return mapping_of(value, field, allowed)
        except ConfigError as error:
            self.problems.extend(error.problems)
            return {}

    def _check_stack(self, field: str, stack: Any) -> None:
        """Of a stack per driver the drivers' names; what a driver can run is asked by its Plan."""
        if isinstance(stack, Mapping):
            self.problems.extend(unknown(field, driver, "driver", DRIVERS)
                                 for driver in stack if driver not in DRIVERS)
            self.problems.extend(unknown(field, name, "stack", STACKS)
                                 for name in stack.values() if name not in STACKS)

    def _check_name(self, what: str, name: Any, taken: list[str]) -> None:
        if not isinstance(name, str) or not name or \
                not all(c.isalnum() or c in "_-" for c in name):
            self.problem(what, name, f"{name!r} is not a name", "letters, digits, _ and -")
        if name in taken:
            self.problem(what, name, f"{name!r} is already taken")

    def _check_address(self, field: str, text: Any) -> None:
        try:
            interface = ipaddress.ip_interface(of_type(text, str, field, "198.18.0.1/24"))
        except ValueError:
            self.problem(field, text, f"{text!r} is not an address",
                         "198.18.0.1/24, 2001:db8::1/64")
            return
        if "/" not in text:
            length = 64 if interface.version == 6 else 24
            self.problem(field, text, f"{text!r} has no prefix length; write '{text}/{length}'")
