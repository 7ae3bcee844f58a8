"""The files tidy looks at, and what one complaint is.

A rule is a function from a Tree to Findings. Everything git tracks, or would track once added, is
looked at; nothing can be excused, because there is no list to put it on.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cpp import CppText

ROOT = Path(__file__).resolve().parents[2]
CPP_SUFFIXES = (".cc", ".h")
TEXT_SUFFIXES = CPP_SUFFIXES + (
    ".py",
    ".md",
    ".txt",
    ".cmake",
    ".in",
    ".json",
    ".sql",
    ".sh",
    ".toml",
    ".pyi",
)


@dataclass(frozen=True)
class Finding:
    """One broken rule at one line."""

    path: str
    line: int
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: [{self.rule}] {self.message}"


@dataclass
class Source:
    """One text file: its path from the root, its text, and for C++ its parsed shape."""

    path: str
    text: str

    @property
    def top(self) -> str:
        return self.path.split("/")[0]

    @property
    def folder(self) -> str:
        return self.path.rsplit("/", 1)[0] if "/" in self.path else ""

    @property
    def suffix(self) -> str:
        return Path(self.path).suffix

    @property
    def is_cpp(self) -> bool:
        return self.suffix in CPP_SUFFIXES

    @property
    def is_python(self) -> bool:
        return self.suffix == ".py"

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @cached_property
    def cpp(self) -> CppText:
        return CppText(self.text)


@dataclass
class Tree:
    """All text files by path."""

    files: dict[str, Source] = field(default_factory=dict)

    @staticmethod
    def of_texts(texts: dict[str, str]) -> Tree:
        """A tree written in a test."""
        return Tree({path: Source(path, text) for path, text in texts.items()})

    @staticmethod
    def of_checkout(root: Path = ROOT) -> Tree:
        """The tracked and the not yet added files of a checkout."""
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout
        tree = Tree()
        for name in sorted(set(names.decode().split("\0")) - {""}):
            path = root / name
            if path.is_file() and is_text(path):
                tree.files[name] = Source(name, path.read_text(encoding="utf-8"))
        return tree

    def cpp(self, *tops: str) -> Iterator[Source]:
        """C++ files, of the given top folders if any are named."""
        return (f for f in self.files.values() if f.is_cpp and (not tops or f.top in tops))

    def python(self) -> Iterator[Source]:
        return (f for f in self.files.values() if f.is_python)


def is_text(path: Path) -> bool:
    """Whether the rules about text apply: a known suffix, or a script without one."""
    if path.suffix in TEXT_SUFFIXES:
        return True
    if path.suffix:
        return False
    with path.open("rb") as stream:
        return stream.read(2) == b"#!"


Rule = Callable[[Tree], Iterable[Finding]]
RULES: dict[str, Rule] = {}


def rule(function: Rule) -> Rule:
    """Registers a rule under its function's name."""
    RULES[function.__name__] = function
    return function
