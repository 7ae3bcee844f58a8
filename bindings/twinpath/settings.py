"""Fields a session reads and sets by path: `HOST.tcp.FIELD`, `LINK.FIELD`, as they are now."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from .errors import ConfigError, Problem, nearest
from .fields import Field, fields
from .native import NativeSpec, build
from .net import LINK_FIELDS, carries_nothing
from .quantities import Metric, Quantity, Time, quantity

Json = dict[str, Any]
PLAN_KEYS = {"rate": "rate_bps", "delay": "delay_ns", "jitter": "jitter_ns", "queue": "queue_bytes",
             "ecn_threshold": "ecn_threshold_bytes"}
Value = Metric | str | bool


@dataclass(frozen=True)
class Setting:
    """One field: where it stands, what it is now, whether it may change. `field` is TCP's or that
    of a congestion control of the user's own; a link's has none."""

    owner: str  # a host or a link
    name: str
    value: Value
    live: bool
    field: Field | None = None
    own: bool = False

    def command(self, value: Any, path: str) -> tuple[Json, Value]:
        """What the worker is told, and the value as it is read from then on."""
        if self.field is None:
            return self._link_command(value, path)
        given = self.field.plan_value(value, path)
        command: Json = {"host": self.owner, "field": self.name, "value": given}
        if self.own:
            command = {"host": self.owner, "field": "congestion", "native": {self.name: given}}
        return command, shown(self.field, given)

    def _link_command(self, value: Any, path: str) -> tuple[Json, Value]:
        kept = LINK_FIELDS[self.name](value, path)
        if problems := carries_nothing(path, self.name, kept):
            raise ConfigError(problems)
        return {"link": self.owner, "field": self.name, "value": link_value(kept)}, kept


def link_value(value: Quantity) -> int | float | None:
    """A link's field as it stands in a Plan."""
    if math.isinf(value):
        return None
    if isinstance(value, Time):
        return value.ns
    return float(value) if value.limit == 1.0 else round(value)


def shown(field: Field, value: Any) -> Value:
    """A field's Plan value as a user reads it."""
    if isinstance(value, (str, bool)):
        return value
    return Time(f"{value}ns") if field.unit == "ns" else quantity(float(value), field.unit)


class Settings:
    """All settings of a Plan by path, kept up to date by keep()."""

    def __init__(self, plan: Json, own: dict[str, NativeSpec]) -> None:
        self._known: dict[str, Setting] = {}
        self._own_args: dict[str, Json] = {}  # by host what was set of its own congestion control
        for host in plan["hosts"]:
            if host["stack"] == "twinpath":
                self._add_host(host, own.get(host["name"]))
        for link in plan["links"]:
            for name, kind in LINK_FIELDS.items():
                value = link.get(PLAN_KEYS.get(name, name), 0)
                self._add(f"{link['name']}.{name}", Setting(
                    link["name"], name, _of_plan(kind, value), True))

    def _add(self, path: str, setting: Setting) -> None:
        self._known[path] = setting

    def _add_host(self, host: Json, own: NativeSpec | None) -> None:
        name, given = host["name"], host["tcp"]
        for field in fields("tcp").values():
            value = shown(field, given.get(field.name, field.default))
            if own is not None and field.name == "congestion":
                value = own.cls
            self._add(f"{name}.tcp.{field.name}",
                      Setting(name, field.name, value, field.live, field))
        if own is None:
            return
        for field in build(own).fields.values():
            value = host["congestion"]["args"].get(field.name, field.default)
            self._add(f"{name}.tcp.congestion.{field.name}",
                      Setting(name, field.name, shown(field, value), True, field, own=True))

    def paths(self) -> list[str]:
        """Everything that can be read here."""
        return list(self._known)

    def settable(self) -> list[str]:
        """Everything that may change while the run goes on."""
        return [path for path, setting in self._known.items() if setting.live]

    def value(self, path: str) -> Value:
        """What a field is now."""
        return self._known[path].value

    def command(self, path: str, value: Any) -> tuple[Json, Value]:
        """What the worker is told to set `path`, and its value then; ConfigError when it may not
        or cannot be."""
        setting = self._known.get(path)
        if setting is None:
            paths = self.settable()
            raise ConfigError([Problem(str(path), str(value), f"no settable {path!r}",
                                       " ".join(paths), nearest(path, paths))])
        if not setting.live:
            live = " ".join(name for name, field in fields("tcp").items() if field.live)
            raise ConfigError([Problem(path, str(value), f"{setting.name} cannot change while a "
                                       "run goes on", live, "give it to the scenario")])
        command, kept = setting.command(value, path)
        if setting.own:
            command["native"] = {**self._own_args.get(setting.owner, {}), **command["native"]}
        return command, kept

    def keep(self, path: str, command: Json, value: Value) -> None:
        """Notes what was set."""
        setting = self._known[path]
        if setting.own:
            self._own_args[setting.owner] = command["native"]
        self._add(path, replace(setting, value=value))


def _of_plan(kind: type[Quantity], value: Any) -> Quantity:
    if value is None:
        return kind("unlimited")
    if kind is Time:
        return Time(f"{value}ns")
    return float.__new__(kind, value)
