"""Suites: cases with what is expected of them. Adding validates; nothing runs before check()."""

from __future__ import annotations

import os
import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterable, Sequence

from ..arguments import Asked, integer, list_of, of_type, whole
from ..costs import FREE, profile_row, with_costs
from ..errors import ConfigError, Problem, unknown
from ..matrix import REAL_TIME
from ..plan import Plan
from ..scenario import Case
from .baseline import FOLDER
from .expect import FINGERPRINT, Expectation

if TYPE_CHECKING:
    from .outcome import Outcome

REPEATS_MAX = 10_000  # emulations of one entry


@dataclass(frozen=True)
class Entry:
    """One case under one driver. In sim a run per seed; in emu `reps` runs of one seed."""

    suite: str
    name: str
    case: Case
    plan: Plan
    seeds: tuple[int, ...]
    expect: tuple[Expectation, ...]
    tags: tuple[str, ...]
    costs: str
    testbed: str | None  # None in sim
    command: str  # what reproduces it

    @property
    def driver(self) -> str:
        return self.plan.driver

    @property
    def file(self) -> str:
        """The baseline's file name."""
        return file_of(self.name)

    @property
    def labels(self) -> tuple[str, ...]:
        """Every metric expected something of, once, in order."""
        return tuple(dict.fromkeys(e.label for e in self.expect))

    def subject(self) -> dict[str, Any]:
        """What the baseline says was run."""
        profile = profile_row(self.plan)
        return {"suite": self.suite, "entry": self.name, "case": self.case.as_dict(),
                "driver": self.driver, "seeds": list(self.seeds),
                "profile": profile["name"] if profile else FREE,
                "profile_sha256": profile["sha256"] if profile else None,
                "plan_sha256": self.plan.sha256}


def file_of(name: str) -> str:
    """An entry's name as a file's."""
    return re.sub(r"[^A-Za-z0-9._=,-]", "_", name.replace("%", "pct"))


class Suite:
    """Entries under one name. Made by tp.suite(name)."""

    def __init__(self, name: str, source: str = "") -> None:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise ConfigError([Problem("suite", name, f"{name!r} is not a name",
                                       "letters, digits, . _ and -")])
        self.name, self.source = name, source
        self.entries: list[Entry] = []

    def __repr__(self) -> str:
        return f"<suite {self.name}: {' '.join(entry.name for entry in self.entries)}>"

    def add(self, case: Case, *, driver: str, seeds: Iterable[int] | None = None,
            reps: int | None = None, expect: Sequence[Expectation] | Expectation = (),
            costs: str = FREE, tags: Sequence[str] = (), testbed: str | None = None,
            name: str | None = None) -> None:
        """Adds a case. `seeds`: one simulation each. `reps`: emulations of one case, 7 by default.
        `costs`: as Case.simulate() takes it. `testbed`: of emulations, "veth" by default. Raises
        ConfigError with everything wrong with it."""
        from ..execute import chosen_testbed

        asked = Asked()
        plan = asked.take(lambda: with_costs(
            of_type(case, Case, "case", "SCENARIO(...)").plan(driver), costs), None)
        title = asked.take(lambda: of_type(
            _named(case, driver, costs) if name is None else name, str, "name", "a text"), "")
        wanted = asked.take(lambda: [expect] if isinstance(expect, Expectation) else
                            list_of(expect, "expect"), [])
        numbers = asked.take(lambda: _numbers(driver, wanted, seeds, reps),
                             (1,) * _default_reps(driver, wanted))
        words = asked.take(lambda: tuple(list_of(tags, "tags")), ())
        bed = asked.take(lambda: chosen_testbed((driver,), testbed), None)
        problems = asked.problems + _problems(title, driver, numbers, (seeds, reps), wanted)
        if title and file_of(title) in [other.file for other in self.entries]:
            problems.append(Problem("name", title, f"{self.name} already has an entry {title!r}",
                                    hint="give name=..."))
        if problems or plan is None:
            raise ConfigError(problems)
        self.entries.append(Entry(self.name, title, case, plan, tuple(map(int, numbers)),
                                  tuple(wanted), words, costs, bed, self._command(title)))

    def _command(self, name: str) -> str:
        source = shlex.quote(_shown(self.source)) if self.source else "FILE.py"
        return f"./twinpath check {source} --only {shlex.quote(name)}"

    @property
    def baseline(self) -> Path:
        """Where baselines are kept unless told otherwise."""
        return Path(self.source).resolve().parent / FOLDER if self.source else Path(FOLDER)

    def choose(self, only: str | None) -> list[Entry]:
        """Entries called `only`, or with it as suite name or tag; all when None."""
        if only is None or only == self.name:
            return list(self.entries)
        return [entry for entry in self.entries if entry.name == only or only in entry.tags]

    def check(self, baseline: str | Path | None = None, *, db: str | None = None,
              retries: int = 1, only: str | None = None, jobs: int | None = None) -> "Outcome":
        """Runs every entry and judges it against the folder `baseline`. `jobs`: simulations at a
        time, by default as many as leave a core free; emulations run alone."""
        from .runner import Options, check_suites

        return check_suites([self], Options(baseline, db, retries, only, jobs=jobs))

    def update(self, baseline: str | Path | None = None, *, reason: str,
               db: str | None = None, only: str | None = None,
               jobs: int | None = None) -> "Outcome":
        """Records new baselines, with the reason in them, and judges against these."""
        from .runner import Options, check_suites

        return check_suites([self], Options(baseline, db, only=only, reason=reason, jobs=jobs))


def _shown(path: str) -> str:
    """A path as short as the working folder allows."""
    relative = os.path.relpath(path)
    return os.path.abspath(path) if relative.startswith("..") else relative


def suite(name: str) -> Suite:
    """A suite of checks; `twinpath check FILE.py` runs those a file makes."""
    source = sys._getframe(1).f_code.co_filename
    return Suite(name, source if Path(source).is_file() else "")


def entry_name(case: Case, driver: str, costs: str = FREE) -> str:
    """Scenario, parameters that are not the default, costs, driver: `web_transfer-loss=1%-sim`."""
    defaults = {name: param.default if param.required else param.convert(param.default)
                for name, param in case.scenario.params.items()}
    said = [f"{name}={value}" for name, value in case.params.items() if value != defaults[name]]
    said += [f"{path}={value}" for path, value in case.settings.items()]
    said += [] if costs == FREE else [f"costs={os.path.basename(costs)}"]
    return "-".join(filter(None, [case.scenario.name, ",".join(said), driver]))


def _named(case: Any, driver: Any, costs: Any) -> str:
    """The name of an entry that was given none; none where there is nothing to name."""
    right = isinstance(case, Case) and isinstance(driver, str) and isinstance(costs, str)
    return entry_name(case, driver, costs) if right else ""


def _numbers(driver: str, expect: Sequence[Expectation], seeds: Any,
             reps: int | None) -> tuple[int, ...]:
    """The seed of each run."""
    if seeds is not None:
        return tuple(list_of(seeds, "seeds", "[1, 2, 3]"))
    repeats = _default_reps(driver, expect) if reps is None else \
        whole(reps, "reps", 0, REPEATS_MAX)
    return (1,) * repeats


def _default_reps(driver: str, expect: Sequence[Expectation]) -> int:
    if driver == "sim":
        return 1
    return max((e.least_repeats for e in expect if isinstance(e, Expectation)), default=1)


def _problems(name: str, driver: str, seeds: tuple[int, ...], given: tuple[Any, int | None],
              expect: Sequence[Expectation]) -> list[Problem]:
    problems = []
    if all(value is not None for value in given):
        problems.append(Problem("seeds", name, "give seeds or reps, not both"))
    if driver == "sim" and integer(given[1]) not in (None, 0, 1):
        problems.append(Problem("reps", str(given[1]),
                                "a simulation repeated is the same simulation", hint="give seeds"))
    if not seeds:
        problems.append(Problem("seeds", name, "no run: give at least one seed or repetition"))
    if driver == "sim" and len(set(seeds)) != len(seeds):
        problems.append(Problem("seeds", str(list(seeds)), "a seed stands twice"))
    bad = [s for s in seeds if (number := integer(s)) is None or not 0 <= number < 2**64]
    problems += [Problem("seeds", str(seed), f"{seed!r} is not a seed", "0..2^64-1")
                 for seed in bad]
    for one in expect:
        problems += _expectation_problems(one, driver, len(seeds))
    return problems


def _expectation_problems(one: Expectation, driver: str, runs: int) -> list[Problem]:
    if not isinstance(one, Expectation):
        return [Problem("expect", str(one), f"{one!r} is not an expectation",
                        "same no_worse at_most at_least")]
    if one.metric == FINGERPRINT and not one.exact:
        return [Problem("expect", one.kind, "a fingerprint is the same or not; use "
                                            "same('fingerprint')")]
    if driver not in REAL_TIME:
        return []
    if one.metric == FINGERPRINT:
        return [Problem("expect", FINGERPRINT, "an emulation's fingerprint holds real times and "
                                               "never repeats", "a metric")]
    if not one.exact and runs < one.least_repeats:
        return [Problem("reps", str(runs), f"{one.kind}({one.label}) needs {one.least_repeats} "
                                           "emulations or more for its interval")]
    return []


def choose(suites: Sequence[Suite], only: str | None) -> list[tuple[Suite, list[Entry]]]:
    """The entries to check; ConfigError with the nearest names when `only` is none of them."""
    found = [(suite, suite.choose(only)) for suite in suites]
    if any(entries for _, entries in found):
        return [(suite, entries) for suite, entries in found if entries]
    names = [entry.name for suite in suites for entry in suite.entries]
    if only is None or not names:
        raise ConfigError([Problem("check", "", "nothing to check: no suite has an entry",
                                   hint="suite.add(case, driver='sim', seeds=[1], expect=[...])")])
    raise ConfigError([unknown("--only", only, "entry, tag or suite", names)])
