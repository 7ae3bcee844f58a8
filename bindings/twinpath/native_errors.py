"""What a compiler says about a user's file, as problems with the user's own lines."""

from __future__ import annotations

import os
import re

from .errors import Problem

SHOWN = 20
PLACE = re.compile(r"^(?P<file>[^:\s][^:]*):(?P<line>\d+):(?:\d+:)? +(?P<rest>.*)$")
ERROR = re.compile(r"^(?:fatal )?error: (?P<text>.*)$")
UNDEFINED = re.compile(
    r"(?:(?P<file>[^:\s]+):(?P<line>\d+): )?undefined reference to [`'](?P<name>.*)'")


def compile_problems(source: str, include: str, said: str) -> list[Problem]:
    """One problem per error. An error within a header of ours is told at the last line of the user
    that led there."""
    folder = os.path.dirname(source)
    problems: list[Problem] = []
    user: tuple[str, int] | None = None
    for line in said.splitlines():
        problems += _undefined(source, line)
        place = PLACE.match(line)
        if place is None:
            continue
        path = os.path.normpath(os.path.join(folder, place["file"]))
        mine = not path.startswith((os.path.join(include, "models"), "/usr/")) and \
            not place["file"].startswith("twinpath/") and os.path.isfile(path)
        if mine:
            user = path, int(place["line"])
        error = ERROR.match(place["rest"])
        if error is None:
            continue
        where = "" if mine else f" (in {os.path.basename(path)}:{place['line']})"
        at = user or (source, 0)
        problems.append(Problem(f"{os.path.basename(at[0])}:{at[1]}", _line(*at),
                                f"{error['text']}{where}", hint=f"line {at[1]}: {_line(*at)}"))
    if not problems:
        end = " ".join(said.split())[-400:]
        problems = [Problem(os.path.basename(source), "", f"does not compile: {end}")]
    return problems[:SHOWN]


def _undefined(source: str, line: str) -> list[Problem]:
    """What the linker misses, at the user's line if it knows that."""
    found = UNDEFINED.search(line)
    if found is None:
        return []
    name, text = os.path.basename(source), f"{found['name']} is defined nowhere"
    if found["file"] is None or os.path.basename(found["file"]) != name:
        return [Problem(name, found["name"], text)]
    number = int(found["line"])
    shown = _line(source, number)
    return [Problem(f"{name}:{number}", shown, text, hint=f"line {number}: {shown}")]


def _line(path: str, number: int) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()[number - 1].strip() if number > 0 else ""
    except (OSError, IndexError):
        return ""
