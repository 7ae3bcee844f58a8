"""Fields of the C++ configuration structs, generated from their `fields()` into fields.json.

The extension modules are loaded by workers only, so the parent validates by this file.
"""

from __future__ import annotations

import functools
import json
import math
import os
import sys
from dataclasses import dataclass
from typing import Any

from .errors import ConfigError, Problem, TwinpathError, nearest, unknown
from .quantities import Bytes, Rate, Ratio, Time


@dataclass(frozen=True)
class Field:
    """One configuration field. `default`, `min` and `max` are in `unit` (ns, bytes, bit/s)."""

    name: str
    type: str  # bool integer number duration text choice
    unit: str
    help: str
    default: Any
    min: float
    max: float
    choices: tuple[str, ...] = ()
    live: bool = False  # may change while a session runs

    def plan_value(self, value: Any, path: str) -> Any:
        """`value` as the Plan stores it (integers of ns, bytes, bit/s), or ConfigError."""
        if self.type == "choice":
            return self._choice(value, path)
        if self.type == "bool":
            return self._flag(value, path)
        if self.type == "text":
            return str(value)
        number = self._number(value, path)
        if not self.min <= number <= self.max:
            raise _refused(path, value, f"{value} is out of range", self.range)
        return number if self.type == "number" else round(number)

    @property
    def range(self) -> str:
        """The allowed values in words."""
        if self.type == "choice":
            return " ".join(self.choices)
        if self.type in ("bool", "text"):
            return "true false" if self.type == "bool" else "text"
        if self.unit == "ns":
            return f"{Time(f'{self.min:.0f}ns')}..{Time(f'{self.max:.0f}ns')}"
        return f"{self.min:g}..{self.max:g} {self.unit}".strip()

    @property
    def shown_default(self) -> str:
        return str(Time(f"{self.default}ns")) if self.unit == "ns" else str(self.default)

    def _choice(self, value: Any, path: str) -> str:
        if value in self.choices:
            return str(value)
        problem = Problem(path, str(value), f"{value!r} is not a choice", self.range,
                          nearest(str(value), self.choices))
        raise ConfigError([problem])

    def _flag(self, value: Any, path: str) -> bool:
        words = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}
        flag = words.get(str(value).lower())
        if flag is None:
            raise _refused(path, value, f"{value!r} is not true or false", "true false")
        return flag

    def _number(self, value: Any, path: str) -> float:
        if self.unit == "ns":
            return Time(value, path).ns
        quantities: dict[str, type] = {"byte": Bytes, "bytes": Bytes, "bit/s": Rate, "bps": Rate}
        if self.unit in quantities:
            return float(quantities[self.unit](value, path))
        if self.unit in ("fraction", "ratio"):
            return float(Ratio(value, path))
        try:
            number = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise _refused(path, value, f"{value!r} is not a number", self.range)
        if self.type == "integer" and number != int(number):
            raise _refused(path, value, f"{value!r} is not a whole number", self.range)
        return number


def _refused(path: str, value: Any, message: str, allowed: str) -> ConfigError:
    return ConfigError([Problem(path, str(value), message, allowed)])


def _find() -> str:
    for folder in sys.path:
        path = os.path.join(folder or ".", "fields.json")
        if os.path.isfile(path):
            return path
    raise TwinpathError("fields.json is missing; build first: ./twinpath setup")


@functools.cache
def fields(group: str) -> dict[str, Field]:
    """All fields of a configuration struct by name; `group` is "tcp"."""
    with open(_find(), encoding="utf-8") as file:
        groups = json.load(file)
    return {f["name"]: Field(**{**f, "choices": tuple(f.get("choices", ()))})
            for f in groups[group]}


@functools.cache
def metric_names() -> tuple[str, ...]:
    """Every metric a run may record."""
    with open(_find(), encoding="utf-8") as file:
        return tuple(json.load(file)["metrics"])


@functools.cache
def event_kinds() -> list[str]:
    """Every kind of event a run has."""
    with open(_find(), encoding="utf-8") as file:
        return list(json.load(file)["events"])


Values = dict[str, Any]


def plan_values(group: str, given: Values, path: str) -> tuple[Values, list[Problem]]:
    """`given` as the Plan stores it, and every problem of it."""
    values: Values = {}
    problems: list[Problem] = []
    if not given:
        return values, problems
    known = fields(group)
    for name, value in given.items():
        where = f"{path}.{name}"
        field = known.get(name)
        if field is None:
            problems.append(unknown(where, name, f"field of {group}", list(known)))
            continue
        try:
            values[name] = field.plan_value(value, where)
        except ConfigError as error:
            problems.extend(error.problems)
    return values, problems
