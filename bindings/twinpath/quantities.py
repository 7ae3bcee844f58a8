"""Quantities with units: strings such as "10Gbps", "5us", "64KiB", "1Mpps", "1%", or typed values.

Values are SI floats (bit/s, packet/s, s, byte, fraction) and scale: `Rate("1Gbps") * 0.9` is a
Rate. A bare number is refused, except 0, because nobody can tell whether `10` meant ms or s; a
fraction below 1 has no other meaning.
"""

from __future__ import annotations

import difflib
import math
import re
from decimal import Decimal
from typing import Any, ClassVar, TypeVar

from .errors import ConfigError, Problem

Q = TypeVar("Q", bound="Quantity")
_NUMBER = r"[-+]?(?:\d+(?:_\d+)*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?"
USUAL_BELOW = 1000  # a bare whole number below it is meant in ms, Mbps, kB
_TEXT = re.compile(rf"\s*({_NUMBER})\s*([A-Za-zµ/%]*)\s*")


class Quantity(float):
    """A non-negative SI value that knows its unit. Arithmetic with plain numbers keeps the type."""

    what: ClassVar[str] = "quantity"
    unit: ClassVar[str] = ""  # SI unit of the float
    units: ClassVar[dict[str, Decimal]] = {}
    example_unit: ClassVar[str] = ""
    shown: ClassVar[tuple[str, ...]] = ()  # units for printing, largest first
    limit: ClassVar[float] = math.inf
    most: ClassVar[float] = 9e18  # what a Plan's 64 bits hold

    def __new__(cls: type[Q], value: Any, field: str = "") -> Q:
        return float.__new__(cls, cls._to_float(value, field))

    @classmethod
    def unit_list(cls) -> str:
        """The units one may write, for messages and help."""
        return " ".join(dict.fromkeys(reversed(cls.shown)))

    @classmethod
    def _refuse(cls, field: str, value: Any, message: str,
                allowed: str | None = None) -> ConfigError:
        allowed = cls.unit_list() if allowed is None else allowed
        return ConfigError([Problem(field or cls.what, str(value), message, allowed)])

    @classmethod
    def _to_float(cls, value: Any, field: str) -> float:
        if isinstance(value, cls):
            return float(value)
        if isinstance(value, Quantity):
            raise cls._refuse(field, value, f"{value} is a {value.what}, not a {cls.what}")
        if isinstance(value, str):
            number = cls._parse(value, field)
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            raise cls._refuse(field, value, f"{value!r} is not a {cls.what}")
        elif cls._may_be_bare(value):
            number = float(value)
        else:
            raise cls._without_unit(float(value), f"{value:g}", field)
        return cls._check(number, value, field)

    @classmethod
    def _may_be_bare(cls, number: Any) -> bool:
        return bool(number == 0)

    @classmethod
    def _without_unit(cls, number: float, text: str, field: str) -> ConfigError:
        """A small number is meant in the usual unit, what can only be SI is written so."""
        if not 0 < number < cls.most:
            return cls._refuse(field, text, f"{text} has no unit")
        usual = number.is_integer() and number < USUAL_BELOW
        write = f"{number:g}{cls.example_unit}" if usual else str(float.__new__(cls, number))
        return cls._refuse(field, text, f"{text} has no unit; write '{write}'")

    @classmethod
    def _unknown_unit(cls, unit: str, text: str, field: str) -> ConfigError:
        near = {known.lower(): known for known in reversed(cls.units)}.get(unit.lower()) or \
            next(iter(difflib.get_close_matches(unit, list(cls.units), n=1, cutoff=0.5)), "")
        return ConfigError([Problem(field or cls.what, text,
                                    f"{unit!r} is not a unit of {cls.what}", cls.unit_list(),
                                    f"did you mean {near!r}?" if near else "")])

    @classmethod
    def _check(cls, number: float, value: Any, field: str) -> float:
        if math.isnan(number):
            raise cls._refuse(field, value, f"{value} is not a number")
        if number < 0:
            raise cls._refuse(field, value, f"{value} is below 0", f"0 or more {cls.unit}".strip())
        if number > cls.limit:
            raise cls._refuse(field, value, f"{value} is above {cls.limit:g}", f"0..{cls.limit:g}")
        return number

    @classmethod
    def _parse(cls, text: str, field: str) -> float:
        match = _TEXT.fullmatch(text)
        if not match:
            raise cls._refuse(field, text, f"{text!r} is not a {cls.what}")
        number, unit = cls._decimal(match[1], field), match[2]
        if not unit:
            if cls._may_be_bare(number):
                return cls._bounded(number, Decimal(1), text, field)
            raise cls._without_unit(cls._bounded(number, Decimal(1), text, field), text, field)
        scale = cls.units.get(unit)
        if scale is None:
            raise cls._unknown_unit(unit, text, field)
        return cls._bounded(number, scale, text, field)

    @classmethod
    def _decimal(cls, digits: str, field: str) -> Decimal:
        try:
            return Decimal(digits.replace("_", ""))
        except ArithmeticError:
            raise cls._refuse(field, digits, f"{digits!r} is too large") from None

    @classmethod
    def _bounded(cls, number: Decimal, scale: Decimal, text: str, field: str) -> float:
        try:
            value = float(number * scale)
        except ArithmeticError:
            value = math.inf
        if abs(value) > cls.most:
            raise cls._refuse(field, text, f"{text} is too large",
                              f"0..{cls.most:g} {cls.unit}".strip())
        return value

    def __str__(self) -> str:
        value = float(self)
        if value == 0 or math.isinf(value):
            return "0" if value == 0 else "unlimited"
        for unit in self.shown:
            scaled = value / float(self.units[unit])
            if scaled >= 1:
                return f"{scaled:.12g}{unit}"
        return f"{value / float(self.units[self.shown[-1]]):.12g}{self.shown[-1]}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __hash__(self) -> int:
        return float.__hash__(self)

    def _keep(self, value: Any) -> Any:
        if value is NotImplemented:
            return value
        return float.__new__(type(self), value) if value >= 0 else value

    def __mul__(self, other: float) -> Any:
        product = float.__mul__(self, other)
        return product if isinstance(other, Quantity) else self._keep(product)

    __rmul__ = __mul__

    def __truediv__(self, other: float) -> Any:
        quotient = float.__truediv__(self, other)
        return quotient if isinstance(other, Quantity) else self._keep(quotient)

    def __add__(self, other: float) -> Any:
        return self._keep(float.__add__(self, self._same(other)))

    __radd__ = __add__

    def __sub__(self, other: float) -> Any:
        return self._keep(float.__sub__(self, self._same(other)))

    def _same(self, other: float) -> float:
        return float(type(self)(other))


def _si(base: str, suffixes: str, **extra: str) -> dict[str, Decimal]:
    steps = {"n": -9, "u": -6, "µ": -6, "m": -3, "": 0, "k": 3, "K": 3, "M": 6, "G": 9, "T": 12}
    units = {s.strip() + base: Decimal(1).scaleb(steps[s.strip()]) for s in suffixes.split(",")}
    return units | {name: Decimal(value) for name, value in extra.items()}


class Rate(Quantity):
    """Bits per second. `"unlimited"` is infinity: a link that never queues."""

    what, unit, example_unit = "rate", "bit/s", "Mbps"
    units = _si("bps", " ,k,K,M,G,T") | _si("bit/s", " ,k,M,G,T")
    shown = ("Tbps", "Gbps", "Mbps", "kbps", "bps")

    @classmethod
    def _parse(cls, text: str, field: str) -> float:
        return math.inf if text.strip() == "unlimited" else super()._parse(text, field)


class PacketRate(Quantity):
    """Packets, or requests, per second: "1kpps", "500/s"."""

    what, unit, example_unit = "packet rate", "packet/s", "kpps"
    units = _si("pps", " ,k,K,M,G") | _si("/s", " ,k,M")
    shown = ("Gpps", "Mpps", "kpps", "pps")


class Time(Quantity):
    """Seconds. `.ns` is the whole number of nanoseconds a Plan stores."""

    what, unit, example_unit = "time", "s", "ms"
    most = 9.2e9  # below 2^63 ns
    units = _si("s", " ,n,u,µ,m", min="60", h="3600")
    shown = ("s", "ms", "us", "ns")

    @property
    def ns(self) -> int:
        return round(float(self) * 1e9)


class Bytes(Quantity):
    """Bytes; kB = 1000, KiB = 1024."""

    what, unit, example_unit = "size", "byte", "kB"
    units = _si("B", " ,k,M,G,T") | {
        f"{p}iB": Decimal(1024) ** n for n, p in enumerate("KMGT", start=1)
    }
    shown = ("TB", "GB", "MB", "kB", "B")

    @classmethod
    def unit_list(cls) -> str:
        return "B kB MB GB KiB MiB GiB"

    def __str__(self) -> str:
        for unit in ("TiB", "GiB", "MiB", "KiB"):
            scaled = float(self) / float(self.units[unit])
            if scaled >= 1 and scaled == int(scaled) and float(self) % 1000:
                return f"{int(scaled)}{unit}"
        return super().__str__()


class Ratio(Quantity):
    """A fraction from 0 to 1, written `0.01` or `"1%"`. A bare number of 1 or more is refused:
    `1` may mean 1% as well as 100%."""

    what, unit, limit = "fraction", "", 1.0
    units = {"%": Decimal("0.01")}
    shown = ("%",)

    @classmethod
    def unit_list(cls) -> str:
        return "below 1, or 0%..100%"

    @classmethod
    def _may_be_bare(cls, number: Any) -> bool:
        return not number >= 1

    @classmethod
    def _without_unit(cls, number: float, text: str, field: str) -> ConfigError:
        either = "1% or 100%" if number == 1 else f"{number:g}%"
        hint = f"; write {either}" if number <= 100 else ""
        return cls._refuse(field, text, f"{text} has no unit{hint}")

    def __str__(self) -> str:
        return f"{float(self) * 100:.12g}%" if self else "0"


class File(str):
    """A path of a file that exists, as a scenario parameter."""


class Choice(str):
    """One of a few words: `Choice["cubic", "reno"]` is the type, the word itself the value."""

    choices: ClassVar[tuple[str, ...]] = ()

    def __class_getitem__(cls, choices: str | tuple[str, ...]) -> type["Choice"]:
        options = (choices,) if isinstance(choices, str) else choices
        if not isinstance(options, tuple) or not options or \
                not all(isinstance(word, str) for word in options):
            raise ConfigError([Problem("Choice", str(choices), f"{choices!r} are not words",
                                       "Choice['one', 'other']")])
        return type("Choice", (Choice,), {"choices": options})


Metric = Quantity | float


_OF_UNIT: dict[str, type[Quantity]] = {
    "bit/s": Rate, "bps": Rate, "packet/s": PacketRate, "s": Time, "byte": Bytes, "bytes": Bytes,
    "fraction": Ratio,
}


def quantity(value: float, unit: str) -> Metric:
    """`value` of a result in `unit` as the type that prints it well, a float when none fits."""
    kind = _OF_UNIT.get(unit)
    if kind is None or not math.isfinite(value) or value < 0 or value > kind.limit:
        return float(value)
    return float.__new__(kind, value)


def si(text: str, unit: str) -> float | None:
    """The SI value of a text such as "1%" for a parameter in `unit`; None when it is none."""
    try:
        return float(_OF_UNIT.get(unit, Ratio)(text) if text[-1:].isalpha() or text[-1:] == "%"
                     else text)
    except ValueError:
        return None
