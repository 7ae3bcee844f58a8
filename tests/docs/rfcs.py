"""The tables of RFCs beside the stack, and what they name: scripts, tests, fuzzers, promises."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

from pages import ROOT

FOLDER = ROOT / "models" / "tcp" / "rfc"
SCRIPTS = ROOT / "tests" / "scripts" / "tcp"
RFC = re.compile(r"(?<![\w-])(\d{3,4}|draft-[\w-]+)(?![\w-])")
SECTION = re.compile(r"§(\d+(?:\.\d+)*)")
TEST = re.compile(r"^TEST(?:_F|_P)?\((\w+), *(\w+)\)", re.MULTILINE)


@dataclass(frozen=True)
class Row:
    """One line of a table; the RFCs of its heading share what the rest of it says."""

    page: str
    heading: str
    done: str
    departs: str
    shown_by: str

    @property
    def rfcs(self) -> tuple[str, ...]:
        return tuple(RFC.findall(SECTION.sub("", self.heading)))

    @property
    def sections(self) -> set[str]:
        return set(SECTION.findall(f"{self.heading} {self.done} {self.departs}"))

    @property
    def is_implemented(self) -> bool:
        return not self.done.startswith("nothing")

    def proofs(self) -> list[str]:
        """What stands in backticks in the last column, and `fuzz NAME`."""
        return [f"fuzz {name}" if f"fuzz `{name}`" in self.shown_by else name
                for name in re.findall(r"`([^`]+)`", self.shown_by)]


def rows() -> list[Row]:
    return [row for page in sorted(FOLDER.glob("*.md")) for row in rows_of(page)]


def rows_of(page: Path) -> Iterator[Row]:
    for line in page.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("| ") or len(cells) != 4 or cells[0] == "RFC":
            continue
        yield Row(page.stem, *cells)


@dataclass(frozen=True)
class Citation:
    """What a script says it tests: an RFC, and the sections of it, if it names any."""

    script: str
    rfc: str
    sections: tuple[str, ...]


@cache
def citations() -> tuple[Citation, ...]:
    found = []
    for path in sorted(SCRIPTS.glob("*.pkt")):
        cited = path.read_text().splitlines()[0].partition(" | ")[2].rpartition(" (")[0]
        rfc = ""
        for part in cited.split(";"):
            named = re.match(r"\s*RFC(\d+)", part)
            rfc = named.group(1) if named else rfc  # sections behind a semicolon: the same one
            rest = re.sub(r"RFC\d+|(MUST|SHLD|MAY|figure|step|R)[- ]?\d[\d./, ]*", "", part)
            sections = tuple(re.findall(r"(?<![\w(])\d+(?:\.\d+)*", rest))
            found.append(Citation(path.stem, rfc, sections))
    return tuple(found)


@cache
def unit_tests() -> frozenset[str]:
    """`Suite.Name` of every test in C++."""
    return frozenset(f"{suite}.{name}" for path in (ROOT / "tests").rglob("*.cc")
                     for suite, name in TEST.findall(path.read_text()))


@cache
def promises() -> frozenset[str]:
    sys.path.insert(0, str(ROOT / "tests" / "accept"))
    from accept import promises as listed

    return frozenset(f"04.{promise.id}" for promise in listed("04"))


def matching(proof: str) -> list[str]:
    """What there is of a proof's name; nothing: it is not there."""
    if proof.startswith("fuzz "):
        target = ROOT / "tests" / "fuzz" / f"{proof.removeprefix('fuzz ')}.cc"
        return [proof] if target.is_file() else []
    if proof.startswith("tests/"):
        return [proof] if (ROOT / proof).is_file() else []
    if proof.startswith("04."):
        return [proof] if proof in promises() else []
    if "." in proof:
        return [name for name in unit_tests() if fnmatchcase(name, proof)]
    return [path.stem for path in SCRIPTS.glob("*.pkt") if fnmatchcase(path.stem, proof)]


def is_script(proof: str) -> bool:
    return re.fullmatch(r"[A-Z0-9]+-(\d+|\*)", proof) is not None
