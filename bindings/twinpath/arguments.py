"""Checks of what callers of the Python API give: each refusal is a ConfigError that names the
argument and what may stand there."""

from __future__ import annotations

import itertools
import math
import operator
import os
from typing import Any, Callable, Iterable, Mapping, TypeVar

from .errors import ConfigError, Problem

T = TypeVar("T")
ITEMS_MAX = 1_000_000  # of one list: more is an endless iterator


def refused(field: str, value: Any, message: str, allowed: str = "",
            hint: str = "") -> ConfigError:
    """The error of one wrong argument."""
    return ConfigError([Problem(field, str(value), message, allowed, hint)])


class Asked:
    """Arguments checked one after the other; what is wrong with them is told at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def take(self, check: Callable[[], T], instead: T) -> T:
        """What `check` gives; `instead` when it is refused."""
        try:
            return check()
        except ConfigError as error:
            self.problems += error.problems
            return instead


def of_type(value: Any, kind: type[T] | tuple[type[T], ...], field: str, allowed: str) -> T:
    """`value` if it is a `kind`."""
    if not isinstance(value, kind):
        raise refused(field, value, f"{value!r} is a {type(value).__name__}", allowed)
    return value


def path_of(value: Any, field: str) -> str:
    """A path as text."""
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str) or not text or "\0" in text:
        raise refused(field, value, f"{value!r} is not a path", "a text or a pathlib.Path")
    return text


def written_path(value: Any, field: str) -> str:
    """Where a file is to be written; its folder exists."""
    path = path_of(value, field)
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise refused(field, path, f"no folder {folder}")
    if os.path.isdir(path):
        raise refused(field, path, f"{path} is a folder", "a file")
    return path


def database_of(value: Any, field: str = "db") -> str:
    """The path of a database that is there or is to be made."""
    return os.path.abspath(written_path(value, field))


def mapping_of(value: Any, field: str, allowed: str = "{'NAME': value}") -> dict[str, Any]:
    """A dict with texts as keys; None is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise refused(field, value, f"{value!r} is not a mapping", allowed)
    wrong = [key for key in value if not isinstance(key, str)]
    if wrong:
        raise refused(field, wrong[0], f"{wrong[0]!r} is not a name", allowed)
    return dict(value)


def list_of(value: Any, field: str, allowed: str = "a list") -> list[Any]:
    """A list of what an iterable gives; one text is a list of one."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Iterable):
        raise refused(field, value, f"{value!r} is not a list", allowed)
    items = list(itertools.islice(value, ITEMS_MAX + 1))
    if len(items) > ITEMS_MAX:
        raise refused(field, type(value).__name__, f"has more than {ITEMS_MAX} items", allowed)
    return items


def whole(value: Any, field: str, least: int, most: int) -> int:
    """A whole number within bounds, numpy's too."""
    number = integer(value)
    if number is None or not least <= number <= most:
        raise refused(field, value, f"{value!r} is not a whole number in range",
                      f"{least}..{most}")
    return number


def integer(value: Any) -> int | None:
    """An int, or anything that is one to Python (numpy's); None for a bool and the rest."""
    if isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "") == "b":
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def seconds_of(value: Any, field: str = "timeout") -> float | None:
    """Seconds of wall time; None is no limit."""
    if value is None:
        return None
    right = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not right or not 0 < value < math.inf:
        raise refused(field, value, "must be more than 0 s" if right
                      else f"{value!r} is not a number of seconds", "60 for a minute")
    return float(value)


def confidence_of(value: Any, field: str = "ci") -> float:
    """A confidence such as 0.95."""
    right = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not right or not 0 < value < 1:
        raise refused(field, value, f"{value!r} is not a confidence", "above 0, below 1: 0.95")
    return float(value)


def seed_of(value: Any) -> int:
    """A seed of a run."""
    seed = integer(value)
    if seed is None or not 0 <= seed < 2**64:
        raise refused("seed", value, f"{value!r} is not a seed", "0..2^64-1")
    return seed
