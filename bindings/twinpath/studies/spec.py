"""What a study is asked for, checked as a whole and spread into cases."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping

from .. import matrix, testbed_file
from ..arguments import integer, list_of, refused
from ..errors import ConfigError, Problem, unknown
from ..params import Param
from ..plan import canonical, sha256
from ..scenario import Case, Scenario
from .where import Where, parse

MAX_RUNS = 100_000  # of one study: more is a mistyped grid
Values = Mapping[str, Iterable[Any]]


@dataclass(frozen=True)
class Spec:
    """A study as the user wrote it. `where` is an expression, a function of the parameters, or
    None; `settings` are component attributes by path."""

    scenario: Scenario
    grid: Values = field(default_factory=dict)
    together: Values = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    seeds: Iterable[int] = (1,)
    drivers: Iterable[str] = ("sim",)
    costs: str = "zero"
    testbed: str = "veth"
    where: str | Where | None = None

    def as_json(self) -> dict[str, Any]:
        """What tells one study from another; nothing in it depends on the scenario's code."""
        where = self.where if isinstance(self.where, str) or self.where is None else "function"
        return {"scenario": self.scenario.name, "grid": _texts(self.grid),
                "zip": _texts(self.together), "where": where,
                "seeds": [int(seed) for seed in self.seeds],
                "fixed": {name: str(value) for name, value in self.fixed.items()},
                "settings": {name: str(value) for name, value in self.settings.items()},
                "drivers": list(self.drivers), "costs": self.costs, "testbed": self.testbed}

    @property
    def name(self) -> str:
        """Equal studies have equal names."""
        return f"{self.scenario.name}-{sha256(canonical(self.as_json()))[:8]}"


@dataclass(frozen=True)
class Expanded:
    """The cases of a study and the seeds and drivers of each."""

    cases: list[Case]
    seeds: list[int]
    drivers: list[str]


def _texts(values: Values) -> dict[str, list[str]]:
    return {name: [str(value) for value in several(given)] for name, given in values.items()}


def several(given: Any, field: str = "values") -> list[Any]:
    """A list of values; one text or number is a list of one."""
    return list_of(given, field) if isinstance(given, Iterable) else [given]


def expand(spec: Spec) -> Expanded:
    """Every case, seed and driver; ConfigError has every problem."""
    problems: list[Problem] = []
    seeds, drivers = _seeds(spec.seeds, problems), _drivers(spec, problems)
    axes = _axes(spec, problems)
    if problems:
        raise ConfigError(problems)
    count = len(seeds) * len(drivers)
    for axis in axes:
        count *= len(axis)
    if count > MAX_RUNS:
        text = f"{count} runs are more than one study may have"
        raise ConfigError([Problem("grid", str(count), text, f"up to {MAX_RUNS}")])
    params = spec.scenario.params
    chosen = parse(spec.where, list(params)) if isinstance(spec.where, str) else spec.where
    if chosen is not None and not callable(chosen):
        raise refused("where", chosen, f"{chosen!r} is no filter",
                      "an expression, or a function of the parameters")
    cases = []
    for point in itertools.product(*axes):
        bound = {name: value for part in point for name, value in part.items()}
        if chosen is None or _keeps(chosen, bound):
            bound = {name: bound[name] for name in params}
            cases.append(Case(spec.scenario, bound, dict(spec.settings)))
    if not cases:
        raise ConfigError([Problem("where", str(spec.where), "no point of the grid satisfies it")])
    return Expanded(cases, seeds, drivers)


def _keeps(where: Where, bound: dict[str, Any]) -> bool:
    """What a filter says of a point; a function of the user's may fail."""
    try:
        return bool(where(bound))
    except ConfigError:
        raise
    except Exception as error:
        raise refused("where", where, f"{type(error).__name__}: {error}",
                      "an expression, or a function of the parameters") from error


def _axes(spec: Spec, problems: list[Problem]) -> list[list[dict[str, Any]]]:
    """Independent axes, each a list of parameter values that go together."""
    params = spec.scenario.params
    named = [*spec.grid, *spec.together, *spec.fixed]
    problems += [unknown(name, name, f"parameter of {spec.scenario.name}", list(params))
                 for name in dict.fromkeys(named) if name not in params]
    problems += [Problem(name, "", "stands in more than one of grid, zip and fixed")
                 for name in dict.fromkeys(named) if named.count(name) > 1]
    constant = {name: p.default for name, p in params.items()
                if name not in named and not p.required}
    problems += [Problem(name, "", "must be given") for name, p in params.items()
                 if name not in named and p.required]
    constant |= {name: value for name, value in spec.fixed.items() if name in params}
    whole = {name: _convert(params[name], [value], problems) for name, value in constant.items()}
    axes = [[{name: values[0] for name, values in whole.items() if values}]]
    for name, given in spec.grid.items():
        if name in params:
            values = dict.fromkeys(_convert(params[name], given, problems))
            axes.append([{name: value} for value in values])
    if spec.together:
        axes.append(_zipped(spec, problems))
    return axes


def _zipped(spec: Spec, problems: list[Problem]) -> list[dict[str, Any]]:
    columns = {name: _convert(spec.scenario.params[name], given, problems)
               for name, given in spec.together.items() if name in spec.scenario.params}
    lengths = {name: len(several(given)) for name, given in spec.together.items()}
    if len(set(lengths.values())) > 1:
        text = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        problems.append(Problem("zip", "", f"its parameters need equally many values: {text}"))
        return []
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def _convert(param: Param, given: Any, problems: list[Problem]) -> list[Any]:
    values: list[Any] = []
    for value in several(given):
        try:
            values.append(param.convert(value))
        except ConfigError as error:
            problems.extend(error.problems)
    if not several(given):
        problems.append(Problem(param.name, "", "has no values"))
    return values


def _seeds(given: Any, problems: list[Problem]) -> list[int]:
    seeds = []
    for seed in several(given):
        number = integer(seed)
        if number is None or not 0 <= number < 2**64:
            problems.append(Problem("seeds", str(seed), f"{seed!r} is not a seed", "0..2^64-1"))
        else:
            seeds.append(number)
    if not seeds and not problems:
        problems.append(Problem("seeds", "", "there is no seed"))
    return list(dict.fromkeys(seeds))


def _testbed_problems(name: str) -> list[Problem]:
    try:
        testbed_file.load(name)
    except ConfigError as error:
        return list(error.problems)
    return []


def _drivers(spec: Spec, problems: list[Problem]) -> list[str]:
    drivers = list(dict.fromkeys(several(spec.drivers)))
    known = list(matrix.DRIVERS)
    problems += [unknown("drivers", d, "driver", known) for d in drivers if d not in known]
    if not drivers:
        problems.append(Problem("drivers", "", "there is no driver", " ".join(known)))
    if any(driver in matrix.REAL_TIME for driver in drivers):
        problems += _testbed_problems(spec.testbed)
    return drivers
