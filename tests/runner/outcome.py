"""What the tiers counted: cases from JUnit files, summed into one closing line."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

SHOWN_LINES = 40  # of the output of one failed case


@dataclass
class Case:
    """One test: `problem` says why it failed, `skipped` why it did not run."""

    name: str
    problem: str | None = None
    skipped: str | None = None


@dataclass
class Outcome:
    """The cases of one tier."""

    cases: list[Case] = field(default_factory=list)

    @property
    def failed(self) -> list[Case]:
        return [c for c in self.cases if c.problem is not None]

    @property
    def skipped(self) -> list[Case]:
        return [c for c in self.cases if c.problem is None and c.skipped is not None]

    @property
    def passed(self) -> int:
        return len(self.cases) - len(self.failed) - len(self.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped"

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.cases + other.cases)


def last_lines(text: str) -> str:
    """The end of an output; of a line a tool wrote over, what stood there last."""
    lines = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.rstrip().split("\n")]
    return "\n".join(lines[-SHOWN_LINES:])


def read_junit(path: Path) -> Outcome:
    """Cases of a JUnit file as ctest and pytest write them."""
    outcome = Outcome()
    for element in ElementTree.parse(path).getroot().iter("testcase"):
        name = element.get("name", "")
        where = element.get("classname", "")
        shown = name if where in ("", name) else f"{where}.{name}"
        outcome.cases.append(Case(shown, problem_of(element), skip_of(element)))
    return outcome


def problem_of(element: ElementTree.Element) -> str | None:
    broken = element.find("failure")
    broken = element.find("error") if broken is None else broken
    if broken is None:
        return None
    output = element.findtext("system-out") or ""
    return last_lines(f"{output}\n{broken.text or broken.get('message') or ''}")


def skip_of(element: ElementTree.Element) -> str | None:
    """The reason; GoogleTest prints it on the line after `FILE:LINE: Skipped`."""
    skipped = element.find("skipped")
    if skipped is None:
        return None
    said = re.search(r"Skipped\n(.+)", element.findtext("system-out") or "")
    return said.group(1) if said else (skipped.get("message") or "no reason given")
