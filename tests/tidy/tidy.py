#!/usr/bin/python3
"""Runs every rule over the checkout: `tests/tidy/tidy.py [--compile] [PATH...]`.

Prints path:line: [rule] message and ends 1 if there was any. PATH prefixes only choose what is
shown; every rule still sees the whole tree. --compile adds the checks that run the compiler.
"""

from __future__ import annotations

import sys
from pathlib import Path

import rules_banned
import rules_dead
import rules_function
import rules_include
import rules_python
import rules_text
from compile_checks import clang_format, headers_alone
from tree import RULES, Finding, Tree

HERE = Path(__file__).resolve().parent
MODULES = (rules_text, rules_include, rules_banned, rules_function, rules_python, rules_dead)


def findings(tree: Tree, with_compiler: bool) -> list[Finding]:
    """Everything every rule says, in the order of files."""
    said = [finding for check in RULES.values() for finding in check(tree)]
    said += clang_format(tree)
    if with_compiler:
        said += headers_alone(tree)
    return sorted(said, key=lambda f: (f.path, f.line, f.rule))


def main(arguments: list[str]) -> int:
    wanted = tuple(a for a in arguments if not a.startswith("--")) or ("",)
    shown = [
        f
        for f in findings(Tree.of_checkout(), "--compile" in arguments)
        if f.path.startswith(wanted)
    ]
    for finding in shown:
        print(finding)
    rules = len(RULES) + 1 + ("--compile" in arguments)
    print(f"{rules} rules, {len(shown)} findings", file=sys.stderr)
    return 1 if shown else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
