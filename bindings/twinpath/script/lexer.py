"""Words of a script. Comments, strings, `%{...}%` and backquoted commands are one word each."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .model import ScriptError

WORD = re.compile(
    r"(?P<blank>\s+)"
    r"|(?P<comment>//[^\n]*|/\*.*?\*/|\#[^\n]*)"
    r"|(?P<option>--[A-Za-z_0-9]+(=(\"[^\"\n]*\"|[^\s]*))?)"
    r"|(?P<command>`[^`]*`)"
    r"|(?P<check>%\{.*?\}%)"
    r"|(?P<string>\"(\\.|[^\"\\\n])*\")"
    r"|(?P<dots>\.\.\.)"
    r"|(?P<address>\d+\.\d+\.\d+\.\d+|[0-9a-fA-F]*:[0-9a-fA-F:]*:[0-9a-fA-F:.]*)"
    r"|(?P<float>\d*\.\d+)"
    r"|(?P<hex>0x[0-9a-fA-F]+)"
    r"|(?P<number>\d+(?![A-Za-z_]))"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*|\d+[A-Za-z_]\w*)"
    r"|(?P<sign>[-+*~<>(){}\[\]=,:.|/!])",
    re.S,
)


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int
    line: int
    column: int


def tokens_of(text: str) -> list[Token]:
    """Every word, without blanks and comments; the last is an `end`."""
    found, at, line, line_start = [], 0, 1, 0
    while at < len(text):
        match = WORD.match(text, at)
        if match is None:
            raise ScriptError(f"unexpected {text[at]!r}", line, at - line_start + 1)
        kind = str(match.lastgroup)
        # A named group inside another would be lastgroup too; only whole words are named.
        if kind not in ("blank", "comment"):
            found.append(Token(kind, match.group(0), at, line, at - line_start + 1))
        newlines = match.group(0).count("\n")
        if newlines:
            line += newlines
            line_start = match.start() + match.group(0).rindex("\n") + 1
        at = match.end()
    found.append(Token("end", "", at, line, at - line_start + 1))
    return found
