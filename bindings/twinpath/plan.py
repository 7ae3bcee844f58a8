"""From a built Net to a Plan: canonical JSON, validated as a whole, hashed."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Mapping

from . import matrix
from .apps import AppSpec
from .errors import ConfigError, Problem, unknown
from .events import Wish
from .fields import plan_values
from .native import NativeSpec, plan_native
from .net import LINK_FIELDS, App, Host, Link, Net, carries_nothing
from .quantities import Quantity

SCHEMA = "twinpath.plan/1"
LIST_BYTES_MAX = 64 << 20  # text of one app's lists, over all members of a population
HOSTS_MAX = 4096  # as kMaxHosts of bindings/plan/plan.h
Json = dict[str, Any]


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False,
                      allow_nan=False)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Plan:
    """What a run is fed. Equal plans have equal `sha256`. Beside it, and of this process only:
    who wants to hear its events, and the C++ classes it uses."""

    data: Json
    wishes: tuple[Wish, ...] = field(default=(), compare=False, repr=False)
    natives: dict[str, NativeSpec] = field(default_factory=dict, compare=False, repr=False)

    def __reduce__(self) -> tuple[type, tuple[Json]]:
        return Plan, (self.data,)

    @cached_property
    def json(self) -> str:
        return canonical(self.data)

    @cached_property
    def sha256(self) -> str:
        return sha256(self.json)

    @property
    def driver(self) -> str:
        return str(self.data["driver"])

    @property
    def scenario(self) -> str:
        return str(self.data["scenario"])


def plain(value: Any) -> Any:
    """A parameter as JSON: SI numbers, whole ones as integers."""
    if isinstance(value, Quantity):
        if math.isinf(value):
            return "unlimited"
        return int(value) if float(value).is_integer() else float(value)
    return str(value) if isinstance(value, str) else value


class Builder:
    """Turns a Net into Plan JSON for one driver and keeps every problem on the way."""

    def __init__(self, net: Net, driver: str, settings: Mapping[str, Any]) -> None:
        self.net, self.driver = net, driver
        self.problems = list(net.problems)
        self._settings = dict(settings)
        self._needed_by: dict[str, str] = {}  # servers nobody ran, by path: the app that asks them

    def build(self, scenario: str, params: Mapping[str, Any]) -> Json:
        self._apply_settings()
        self._add_missing_servers()
        if self.net.at_most is None:
            self._problem("stop", "", "the scenario never calls net.stop(at_most=...)")
        total = sum(host.count for host in self.net.hosts)
        if total > HOSTS_MAX:
            self._problem("hosts", total, "are too many hosts", f"at most {HOSTS_MAX}")
        if not self.net.hosts:
            self._problem("hosts", "", "the scenario has no host")
        addresses = self._addresses()
        data = {
            "schema": SCHEMA, "scenario": scenario, "driver": self.driver,
            "params": {name: plain(value) for name, value in params.items()},
            "hosts": [self._host(host, addresses[host.name]) for host in self.net.hosts],
            "links": [link.as_plan() for link in self.net.links],
            "apps": self._apps(), "measure": self._measure(),
            "stop": {"when": list(self.net.stop_when),
                     "at_most_ns": self.net.at_most.ns if self.net.at_most else 0},
        }
        self._check_reach()
        self._check_ports()
        self._check_window()
        if self.problems:
            raise ConfigError(self.problems)
        return data

    def _problem(self, field: str, value: Any, message: str, allowed: str = "") -> None:
        self.problems.append(Problem(field, str(value), message, allowed))

    def _apply_settings(self) -> None:
        hosts = {host.name: host for host in self.net.hosts}
        links = {link.name: link for link in self.net.links}
        for path, value in self._settings.items():
            name, _, rest = path.partition(".")
            if name in hosts:
                self._set_host(hosts[name], path, rest, value)
            elif name in links:
                self._set_link(links[name], path, rest, value)
            else:
                self.problems.append(unknown(path, name, "host or link", [*hosts, *links]))

    def _set_host(self, host: Host, path: str, rest: str, value: Any) -> None:
        own = host.tcp.get("congestion")
        if rest.startswith("tcp.congestion.") and isinstance(own, NativeSpec):
            name = rest.removeprefix("tcp.congestion.")
            host.tcp["congestion"] = replace(own, args={**own.args, name: value})
        elif rest.startswith("tcp."):
            host.tcp[rest.removeprefix("tcp.")] = value
        elif rest == "stack":
            host.stack = str(value)
        elif rest == "address":
            host.addresses = [str(value)]
        else:
            known = ["tcp.FIELD", "stack", "address"]
            self.problems.append(unknown(path, rest, f"setting of host {host.name}", known))

    def _set_link(self, link: Link, path: str, rest: str, value: Any) -> None:
        if rest not in LINK_FIELDS:
            self.problems.append(unknown(path, rest, f"setting of link {link.name}",
                                         list(LINK_FIELDS)))
            return
        try:
            setattr(link, rest, LINK_FIELDS[rest](value, path))
            self.problems.extend(carries_nothing(path, rest, getattr(link, rest)))
        except ConfigError as error:
            self.problems.extend(error.problems)

    def _addresses(self) -> dict[str, list[str]]:
        """Per host one address per link: the given ones, else .1 and .2 of 198.18.N.0/24. Of a
        population's link those of member 0, else of the next free /30 of 198.19.0.0/16."""
        result: dict[str, list[str]] = {host.name: [] for host in self.net.hosts}
        members = 0
        for index, link in enumerate(self.net.links):
            count = max(getattr(link.a, "count", 1), getattr(link.b, "count", 1))
            network = f"198.18.{index % 256}.{{}}/24"
            if count > 1:
                first = ipaddress.ip_address("198.19.0.0") + 4 * members
                network = f"{str(first).rpartition('.')[0]}.{{}}/30"
                offset = int(first) % 256
                members += count
            else:
                offset = 0
            for number, host in ((1, link.a), (2, link.b)):
                if not isinstance(host, Host):
                    continue
                mine = result[host.name]
                given = host.addresses[len(mine)] if len(mine) < len(host.addresses) else None
                mine.append(given or network.format(offset + number))
            self._check_subnet(link, result)
        for host in self.net.hosts:
            if len(host.addresses) > len(result[host.name]):
                self._problem(f"{host.name}.address", " ".join(host.addresses),
                              "there are more addresses than links of this host")
        return result

    def _check_subnet(self, link: Link, addresses: dict[str, list[str]]) -> None:
        if not isinstance(link.a, Host) or not isinstance(link.b, Host):
            return
        texts = addresses[link.a.name][-1], addresses[link.b.name][-1]
        try:
            one, other = (ipaddress.ip_interface(text) for text in texts)
        except ValueError:
            return  # already a problem of the host
        if one.network != other.network or one.ip == other.ip:
            self.problems.append(Problem(
                link.name, " ".join(texts), f"its ends have {texts[0]} and {texts[1]}, which are "
                "not two addresses of one network", hint="a host with several links takes a list, "
                "one address per link; without any, all are chosen"))

    def _host(self, host: Host, addresses: list[str]) -> Json:
        stack = self._stack(host)
        if stack == "ns3" and any(":" in address for address in addresses):
            self._problem(f"{host.name}.address", " ".join(addresses),
                          "ns-3's own stack is offered with IPv4 only", "198.18.0.1/24")
        if stack == "lwip" and host.tcp:
            self._problem(f"{host.name}.tcp", ", ".join(host.tcp), "lwIP's TCP has no settings")
        given = dict(host.tcp)
        own = given.pop("congestion") if isinstance(given.get("congestion"), NativeSpec) else None
        tcp, problems = plan_values("tcp", given, f"{host.name}.tcp")
        self.problems.extend(problems)
        native = {"congestion": self._congestion(host, stack, own)} if own else {}
        return {**native, "name": host.name, "addresses": addresses, "stack": stack, "tcp": tcp,
                "cores": host.cores, "count": host.count}

    def _congestion(self, host: Host, stack: str, own: NativeSpec) -> Json:
        """The user's own congestion control; the Plan has the key only with one."""
        field = f"{host.name}.tcp.congestion"
        if stack != "twinpath":
            self._problem(field, own.cls, f"the stack {stack} cannot run {own.cls}", "twinpath")
            return {}
        return self._native(own, "congestion", field)

    def _native(self, own: NativeSpec, kind: str, path: str) -> Json:
        try:
            return plan_native(own, kind, path)
        except ConfigError as error:
            self.problems.extend(error.problems)
            return {}

    def _stack(self, host: Host) -> str:
        stack = host.stack
        if isinstance(stack, dict):
            stack = stack.get(self.driver, "twinpath")
        field = f"{host.name}.stack"
        if stack not in matrix.STACKS:
            self.problems.append(unknown(field, str(stack), "stack", list(matrix.STACKS)))
        elif (self.driver, stack) not in matrix.SUPPORTED:
            self._problem(field, stack, matrix.why_not(self.driver, stack),
                          " ".join(matrix.stacks(self.driver)))
        else:
            self._check_apps(host, stack)
        return stack

    def _check_apps(self, host: Host, stack: str) -> None:
        for app in host.apps:
            if app.spec.via is not None and stack != "twinpath":
                self._problem(f"{app.path}.via", stack, f"the stack {stack} asks no proxy",
                              "twinpath")
            if app.spec.kind not in matrix.SUPPORTED[(self.driver, stack)]:
                what = f"{app.spec.kind} does not exist on stack {stack} under {self.driver}"
                if app.path in self._needed_by:
                    what += f"; {self._needed_by[app.path]} needs it there"
                self._problem(app.path, app.spec.kind, what,
                              " ".join(matrix.SUPPORTED[(self.driver, stack)]))

    def _apps(self) -> list[Json]:
        return [self._app(host, app) for host in self.net.hosts for app in host.apps]

    def _app(self, host: Host, app: App) -> Json:
        spec = app.spec
        lists = len(spec.args.get("gaps", "")) + len(spec.args.get("sizes", ""))
        if lists * host.count > LIST_BYTES_MAX:
            self._problem(app.path, f"{host.count} hosts", "is too long a list for each of them",
                          f"{LIST_BYTES_MAX >> 20} MiB over all members")
        data = {"path": app.path, "host": host.name, "kind": spec.kind,
                "to": getattr(spec.to, "name", None), "start_ns": app.start.ns,
                "args": spec.args}
        if isinstance(spec.via, Host):
            data["via"] = spec.via.name
        if isinstance(spec, NativeSpec):
            data |= {"args": {}, "native": self._native(spec, "app", app.path)}
        return data

    def _add_missing_servers(self) -> None:
        for host in list(self.net.hosts):
            for app in list(host.apps):
                target, needs = app.spec.to, app.spec.needs
                if needs is not None and isinstance(target, Host):
                    self._need(app, target, AppSpec(needs, {"port": app.spec.args["port"]}))
                if isinstance(app.spec.via, Host):
                    port = app.spec.args["via_port"]
                    self._need(app, app.spec.via, AppSpec("http_proxy", {"port": port}))

    def _need(self, client: App, host: Host, server: AppSpec) -> None:
        if not any(app.spec.kind == server.kind and app.spec.args["port"] == server.args["port"]
                   for app in host.apps):
            self._needed_by[host.run(server).path] = f"{client.path} ({client.spec.kind})"

    def _measure(self) -> Json:
        measured = self.net.measured
        plan = {"warmup_ns": measured.warmup.ns,
                "window_ns": measured.window.ns if measured.window is not None else None,
                "every_ns": measured.every.ns if measured.every is not None else None,
                "metrics": measured.metrics}
        return plan | ({"events": measured.events} if measured.events else {})

    def _check_window(self) -> None:
        """A window must open before the run ends; Linux apps measure themselves as a whole."""
        measured, end = self.net.measured, self.net.at_most
        if end is not None and measured.warmup >= end > 0:
            self._problem("measure.warmup", measured.warmup, "the run is over before",
                          f"below stop.at_most, {end}")
        if measured.warmup == 0 and measured.window is None:
            return
        for host in self.net.hosts:
            stack = host.stack.get(self.driver) if isinstance(host.stack, dict) else host.stack
            if stack == "linux" and self.driver in matrix.REAL_TIME and host.apps:
                self._problem("measure.window", host.name, "apps on the stack linux are measured "
                              "as a whole; a warm-up or window is not available yet there",
                              "the stack twinpath")

    def _check_ports(self) -> None:
        """One server per transport and port of a host: the second would find it taken."""
        for host in self.net.hosts:
            taken: dict[tuple[str, int], App] = {}
            for app in host.apps:
                transport = matrix.SERVES.get(app.spec.kind)
                if transport is None:
                    continue
                port = app.spec.args["port"]
                first = taken.setdefault((transport, port), app)
                if first is not app:
                    self._problem(f"{app.path}.port", port,
                                  f"{first.path} ({first.spec.kind}) and {app.path} "
                                  f"({app.spec.kind}) both serve {transport} port {port} of "
                                  f"{host.name}", "a port of its own per server")

    def _check_reach(self) -> None:
        """Hosts do not forward: an app talks to a neighbour."""
        pairs = {frozenset((l.a.name, l.b.name)) for l in self.net.links
                 if isinstance(l.a, Host) and isinstance(l.b, Host)}
        for host in self.net.hosts:
            for app in host.apps:
                target = app.spec.to
                if target is None:
                    continue
                if not isinstance(target, Host):
                    self._problem(app.path, target, f"{target!r} is not a host")
                elif target.count > 1:
                    self._problem(app.path, target.name, f"{target.name} is a population; an app "
                                  "talks to one host", "run the app on the population instead")
                else:
                    self._check_way(app, pairs)

    def _check_way(self, app: App, pairs: set[frozenset[str]]) -> None:
        """Links from the app's host to its target, over the proxy's host if it asks one."""
        via, target = app.spec.via, app.spec.to
        if via is not None and (not isinstance(via, Host) or via.count > 1):
            self._problem(f"{app.path}.via", getattr(via, "name", via), "is not one host",
                          "a host that runs HttpProxy")
            return
        stops = [app.host, *([via] if via else []), target]
        for one, other in zip(stops, stops[1:]):
            if frozenset((one.name, other.name)) not in pairs:
                self._problem(app.path, other.name, f"no link joins {one.name} and {other.name}")


def build_plan(net: Net, driver: str, scenario: str, params: Mapping[str, Any],
               settings: Mapping[str, Any]) -> Plan:
    """The validated Plan of `net` under `driver`, or ConfigError with every problem."""
    if driver not in matrix.DRIVERS:
        raise ConfigError([unknown("driver", driver, "driver", list(matrix.DRIVERS))])
    data = Builder(net, driver, settings).build(scenario, params)
    own = {host.name: host.tcp["congestion"] for host in net.hosts
           if isinstance(host.tcp.get("congestion"), NativeSpec)}
    return Plan(data, tuple(net.wishes), own)


def plan_ports(plan: dict[str, Any]) -> list[tuple[dict[str, Any], str, str]]:
    """(link, host, port) of every end, the port as "client/eth0"."""
    counts: dict[str, int] = {}
    found = []
    for link in plan["links"]:
        for end in "ab":
            host = link[end]
            found.append((link, host, f"{host}/eth{counts.get(host, 0)}"))
            counts[host] = counts.get(host, 0) + 1
    return found
