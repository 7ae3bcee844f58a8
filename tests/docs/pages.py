"""The fenced blocks of a Markdown page, and a folder in which they are run in order."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import textwrap
import tomllib
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"
FENCE = re.compile(r"^( *)```(\w+)[^\n]*\n(.*?)^\1```\s*$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"(?:#|//) ([\w.-]+\.(?:py|cc|toml))\b")
BLOCK_TIMEOUT_S = 280
NO_VERDICT = 4


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    found = []
    for match in FENCE.finditer(text):
        line = text[: match.start()].count("\n") + 2
        found.append(Block(match.group(2), textwrap.dedent(match.group(3)), line))
    return found


class Reader:
    """Does what a page says, as its reader would. Each call answers what went wrong, or nothing."""

    def __init__(self, folder: Path, clone: Path = ROOT) -> None:
        self.folder = folder
        self.undecided: list[str] = []
        self.python: list[str] = []
        (folder / "twinpath").symlink_to(clone / "twinpath")

    def follow(self, block: Block) -> str | None:
        """Runs one block. Languages nobody can run are only shown."""
        named = FILE_NAME.match(block.text) if block.language != "sh" else None
        if named:
            (self.folder / named.group(1)).write_text(block.text)
            return None
        act = {
            "sh": self._shell,
            "python": self._python,
            "sql": self._sql,
            "console": self._console,
            "json": lambda text: self._parsed(json.loads, text),
            "toml": lambda text: self._parsed(tomllib.loads, text),
            "yaml": lambda text: self._parsed(yaml.safe_load, text),
        }.get(block.language)
        return act(block.text) if act else None

    def _run(self, command: list[str]) -> str | None:
        try:
            ran = subprocess.run(
                command,
                cwd=self.folder,
                env={**os.environ, "TERM": "dumb", "MPLBACKEND": "agg"},
                text=True,
                capture_output=True,
                timeout=BLOCK_TIMEOUT_S,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            return f"still running after {BLOCK_TIMEOUT_S} s"
        if ran.returncode == NO_VERDICT:
            self.undecided.append(ran.stderr.strip().splitlines()[-1] if ran.stderr else "exit 4")
            return None
        return None if ran.returncode == 0 else f"ended {ran.returncode}: {ran.stderr[-1500:]}"

    def _shell(self, text: str) -> str | None:
        return self._run(["bash", "-euo", "pipefail", "-c", text])

    def _python(self, text: str) -> str | None:
        """Earlier blocks of the page are there as in a notebook; only this one's output is new."""
        script = self.folder / "page_so_far.py"
        self.python.append(text)
        script.write_text("\n".join(self.python))
        return self._run([str(self.folder / "twinpath"), "python", script.name])

    def _sql(self, text: str) -> str | None:
        databases = sorted(self.folder.glob("*.db"), key=lambda path: path.stat().st_mtime)
        if not databases:
            return "no database in the folder to ask"
        try:
            with sqlite3.connect(f"file:{databases[-1]}?mode=ro", uri=True) as database:
                for statement in filter(str.strip, text.split(";")):
                    if not database.execute(statement).fetchall():
                        return f"{databases[-1].name}: no row answers {statement.strip()}"
        except sqlite3.Error as error:
            return f"{databases[-1].name}: {error}"
        return None

    def _console(self, text: str) -> str | None:
        """The commands exist and know their options."""
        for words in re.findall(r"^\$ \./twinpath (.+)$", text, re.MULTILINE):
            command, options = words.split()[0], re.findall(r"(?<=\s)--[\w-]+", words)
            ran = subprocess.run(
                [str(self.folder / "twinpath"), *help_words(words), "--help"],
                cwd=self.folder,
                text=True,
                capture_output=True,
                check=False,
            )
            missing = [option for option in options if option not in ran.stdout]
            if ran.returncode != 0 or missing:
                return f"{command}: --help does not know {missing or ran.stderr[-300:]}"
        return None

    @staticmethod
    def _parsed(parse, text: str) -> str | None:
        try:
            parse(text)
        except (ValueError, yaml.YAMLError) as error:
            return str(error)
        return None


def help_words(words: str) -> list[str]:
    """What to ask for help: `testbed check --help`, and `run X --help` for `run X -p loss=1%`."""
    first, *rest = words.split()
    nested = first in ("run", "testbed", "contract") and rest and not rest[0].startswith("-")
    return [first, rest[0]] if nested else [first]
