"""Parameters of a scenario: read from its signature, converted and checked by their types."""

from __future__ import annotations

import inspect
import math
import os
from dataclasses import dataclass
from typing import Any, Callable, Mapping

from .arguments import path_of
from .errors import ConfigError, Problem, nearest, unknown
from .quantities import Choice, File, PacketRate, Quantity, Rate

SIMPLE = (int, float, bool, str)


@dataclass(frozen=True)
class Param:
    """One parameter; its type is a Quantity, a Choice, File, int, float, bool or str."""

    name: str
    type: type
    default: Any

    @property
    def required(self) -> bool:
        return self.default is inspect.Parameter.empty

    @property
    def type_name(self) -> str:
        return self.type.__name__

    @property
    def unit(self) -> str:
        return self.type.unit_list() if issubclass(self.type, Quantity) else ""

    @property
    def range(self) -> str:
        if issubclass(self.type, Choice):
            return " ".join(self.type.choices)
        if issubclass(self.type, Quantity):
            positive = issubclass(self.type, (Rate, PacketRate))
            return "0%..100%" if self.type.limit == 1.0 else "above 0" if positive else "0 or more"
        return "true false" if self.type is bool else ""

    @property
    def _choices(self) -> tuple[str, ...]:
        return self.type.choices if issubclass(self.type, Choice) else ()

    def convert(self, value: Any) -> Any:
        """The value in its type, or ConfigError naming this parameter."""
        if issubclass(self.type, Quantity):
            return self.type(value, self.name)
        if value is None:
            raise self._refuse(value, "None is no value", self.range or self.type_name)
        if issubclass(self.type, Choice):
            return self._choice(value)
        if issubclass(self.type, File):
            return self._file(value)
        return self._simple(value)

    def _refuse(self, value: Any, message: str, allowed: str = "", hint: str = "") -> ConfigError:
        return ConfigError([Problem(self.name, str(value), message, allowed, hint)])

    def _choice(self, value: Any) -> str:
        choices = self._choices
        if value in choices:
            return str(value)
        hint = nearest(str(value), choices)
        raise self._refuse(value, f"{value!r} is not a choice", " ".join(choices), hint)

    def _file(self, value: Any) -> File:
        path = os.path.abspath(os.path.expanduser(path_of(value, self.name)))
        if not os.path.isfile(path):
            raise self._refuse(value, f"no file {path}")
        return File(path)

    def _simple(self, value: Any) -> Any:
        if self.type is bool:
            words = {"true": True, "false": False, "1": True, "0": False, "yes": True, "no": False}
            word = str(value).lower()
            if word not in words:
                raise self._refuse(value, f"{value!r} is not true or false", "true false")
            return words[word]
        if self.type is str:
            return str(value)
        wanted = "a whole number" if self.type is int else "a number"
        try:
            number = self.type(value)
        except (TypeError, ValueError, OverflowError):
            raise self._refuse(value, f"{value!r} is not {wanted}") from None
        if isinstance(value, bool) or not math.isfinite(number) or (
                self.type is int and isinstance(value, float) and value != number):
            raise self._refuse(value, f"{value!r} is not {wanted}")
        if self.type is int and not -2**63 <= number < 2**63:
            raise self._refuse(value, f"{value} is too large", "-2^63..2^63-1")
        return number


def params_of(fn: Callable[..., Any]) -> dict[str, Param]:
    """The parameters of a scenario function, keyword-only, each annotated."""
    try:
        signature = inspect.signature(fn, eval_str=True)
    except Exception as error:  # an annotation is an expression of the user's
        raise ConfigError([Problem(fn.__name__, "", f"its parameters cannot be read: "
                                   f"{type(error).__name__}: {error}")]) from error
    problems, params = [], {}
    for index, parameter in enumerate(signature.parameters.values()):
        if index == 0:
            continue
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            problems.append(Problem(parameter.name, "", "must stand after `*` in the signature"))
            continue
        kind = parameter.annotation
        if not (isinstance(kind, type) and issubclass(kind, (Quantity, Choice, File, *SIMPLE))):
            problems.append(
                Problem(parameter.name, str(kind), "has no type Twinpath knows",
                        "Rate PacketRate Time Bytes Ratio Choice[...] File int float bool str"))
            continue
        params[parameter.name] = Param(parameter.name, kind, parameter.default)
    if not signature.parameters:
        problems.append(Problem(fn.__name__, "", "a scenario takes `net` as its first parameter"))
    if problems:
        raise ConfigError(problems)
    return params


def bind(scenario: str, params: Mapping[str, Param], given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter with its value converted; every problem at once in one ConfigError."""
    problems = [unknown(name, name, f"parameter of {scenario}", list(params))
                for name in given if name not in params]
    bound = {}
    for param in params.values():
        value = given.get(param.name, param.default)
        if value is inspect.Parameter.empty:
            problems.append(Problem(param.name, "", "must be given"))
            continue
        try:
            bound[param.name] = param.convert(value)
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)
    return bound
