"""Suites as pytest tests: one item per entry and metric, our message as the failure's text.

Found through the package's entry point, or by `-p twinpath.pytest_plugin`. `--twinpath-suite`
collects gate.py, gate_*.py and *_gate.py below the given folders, and any file named after it.
"""

from __future__ import annotations

import tempfile
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator

import pytest

if TYPE_CHECKING:
    from .checks.outcome import Outcome, Row
    from .checks.suite import Entry, Suite

NAMES = ("gate.py", "gate_*.py", "*_gate.py")
OTHERS = "other metrics"  # the item of what nobody expects anything of


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("twinpath")
    group.addoption("--twinpath-suite", action="store_true",
                    help=f"collect suites of checks: {' '.join(NAMES)} and files named here")
    group.addoption("--twinpath-baseline", metavar="DIR",
                    help="baselines (default: the folder baselines beside each file)")
    group.addoption("--twinpath-db", metavar="FILE",
                    help="keep the runs in this database (default: a temporary one)")
    group.addoption("--twinpath-retries", type=int, default=1,
                    help="more emulations when there is no verdict")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "SuiteFile | None":
    asked = parent.config.getoption("twinpath_suite")
    chosen = any(fnmatch(file_path.name, name) for name in NAMES)
    named = parent.session.isinitpath(file_path)
    by_hand = "twinpath.pytest_plugin" in (parent.config.getoption("plugins") or [])
    other = named and asked and file_path.suffix == ".py" and not file_path.name.startswith("test_")
    if other or (chosen and (asked or named or by_hand)):
        return SuiteFile.from_parent(parent, path=file_path)
    return None


class SuiteFile(pytest.File):
    """A file that makes suites."""

    def collect(self) -> Iterator["EntryNode"]:
        from .cli.check import suites_of
        from .errors import TwinpathError

        try:
            suites = suites_of(self.path)
        except TwinpathError as error:
            raise self.CollectError(str(error)) from error
        for suite in suites:
            for entry in suite.entries:
                name = entry.name if len(suites) == 1 else f"{suite.name}:{entry.name}"
                yield EntryNode.from_parent(self, name=name, suite=suite, entry=entry)


class EntryNode(pytest.Collector):
    """One entry; it runs when the first of its items does."""

    def __init__(self, suite: "Suite", entry: "Entry", **options: Any) -> None:
        super().__init__(**options)
        self.suite, self.entry = suite, entry
        self._outcome: Outcome | None = None

    def collect(self) -> Iterator["CheckItem"]:
        for label in (*self.entry.labels, OTHERS):
            yield CheckItem.from_parent(self, name=label)

    @property
    def outcome(self) -> "Outcome":
        """The rows of this entry; ConfigError when its baseline is missing."""
        if self._outcome is None:
            from .checks.baseline import Baselines
            from .checks.runner import EntryCheck, Options, require_baselines

            get = self.config.getoption
            database = get("twinpath_db") or _database(self.config)
            options = Options(get("twinpath_baseline"), database, get("twinpath_retries"))
            kept = Baselines(Path(options.baseline or self.suite.baseline), self.suite.name)
            require_baselines([(self.suite, [self.entry])], {self.suite.name: kept}, options)
            self._outcome = EntryCheck(self.entry, kept, options).run()
        return self._outcome


class CheckFailed(Exception):
    """A row that did not pass."""


class CheckItem(pytest.Item):
    """One metric of one entry."""

    def runtest(self) -> None:
        from .checks.judge import NEW, NO_VERDICT, PASS

        for row in self._rows():
            if row.verdict == NO_VERDICT:
                pytest.skip(f"no verdict: {row.message}")
            if row.verdict not in (PASS, NEW):
                raise CheckFailed(row.text)
            self.add_report_section("call", "twinpath", f"{row.verdict}: {row.text}")

    def _rows(self) -> list["Row"]:
        """Those of this metric; of every entry's last item, those nobody expects. A run that gave
        no metric at all speaks for every item."""
        from .checks.outcome import RUN

        assert isinstance(self.parent, EntryNode)
        rows = self.parent.outcome.rows
        labels = self.parent.entry.labels
        if self.name == OTHERS:
            return [row for row in rows if row.metric not in labels]
        return [row for row in rows if row.metric in (self.name, RUN)]

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        from .errors import TwinpathError

        if isinstance(excinfo.value, (CheckFailed, TwinpathError)):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        assert self.parent is not None
        return self.path, None, f"{self.parent.name}: {self.name}"


_FOLDER = pytest.StashKey[tempfile.TemporaryDirectory]()


def _database(config: pytest.Config) -> str:
    """A database for this session only."""
    if _FOLDER not in config.stash:
        config.stash[_FOLDER] = tempfile.TemporaryDirectory(prefix="twinpath-suite-")
    return str(Path(config.stash[_FOLDER].name) / "results.db")


def pytest_unconfigure(config: pytest.Config) -> None:
    if _FOLDER in config.stash:
        config.stash[_FOLDER].cleanup()
