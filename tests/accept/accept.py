#!/usr/bin/python3
"""`./twinpath accept ISSUE[.ID] [--quick] [--json]`: runs the project's own promises.

Each promise is a line of accept_ISSUE.py. Ends 0 if all pass, 1 if one fails, 4 if none fails but
one has no verdict, 2 for an unknown line.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path

from promise import FAIL, NO_VERDICT, Promise

HERE = Path(__file__).resolve().parent
sys.path.append(str(HERE.parents[1] / "bindings"))

from twinpath.cli.script_parser import Parser  # the path above first
from twinpath.errors import unknown

SCHEMA = "twinpath.accept/1"


def known_issues() -> list[str]:
    return sorted(path.stem.removeprefix("accept_") for path in HERE.glob("accept_[0-9]*.py"))


def promises(issue: str) -> tuple[Promise, ...]:
    return importlib.import_module(f"accept_{issue}").PROMISES


def judge(promise: Promise, quick: bool) -> dict[str, object]:
    """Runs one line and prints its verdict to standard error."""
    print(f"{promise.id}: {promise.command}", file=sys.stderr, flush=True)
    answer = promise.check(quick)
    print(f"{promise.id}: {answer.verdict}: {answer.text}", file=sys.stderr, flush=True)
    return {
        "id": promise.id,
        "command": promise.command,
        "measured": answer.text,
        "bound": promise.bound,
        "verdict": answer.verdict,
        "long": promise.long,
    }


def print_table(lines: list[dict[str, object]]) -> None:
    for line in lines:
        print(f"{line['verdict']:<11}{line['id']:<13}{line['measured']}")
        print(f"{'':<24}bound: {line['bound']}")


def exit_code(lines: list[dict[str, object]]) -> int:
    verdicts = {line["verdict"] for line in lines}
    if FAIL in verdicts:
        return 1
    return 4 if NO_VERDICT in verdicts else 0


def main(arguments: list[str]) -> int:
    parser = Parser(prog="twinpath accept", description=__doc__.splitlines()[0])
    parser.add_argument("line", help="an acceptance (02) or one of its lines (02.demo)")
    parser.add_argument("--quick", action="store_true", help="leave out the long lines, say which")
    options = parser.read(arguments)
    issue, _, wanted = options.line.partition(".")
    if issue not in known_issues():
        parser.refuse(unknown("line", issue, "acceptance", known_issues()))
    chosen = [p for p in promises(issue) if not wanted or p.id == wanted]
    if not chosen:
        known = [p.id for p in promises(issue)]
        parser.refuse(unknown("line", wanted, f"line in {issue}", known))
    left_out = [p.id for p in chosen if p.long and options.quick]
    for name in left_out:
        print(f"left out by --quick: {issue}.{name}", file=sys.stderr)
    lines = [judge(p, options.quick) for p in chosen if p.id not in left_out]
    if options.json:
        found = {"schema": SCHEMA, "issue": issue, "lines": lines, "left_out": left_out}
        print(json.dumps(found))
    else:
        print_table(lines)
    return exit_code(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
