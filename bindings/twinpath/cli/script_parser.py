"""What the programs behind `test` and `accept` read their arguments by: with --json a refusal is an
object, as of every command."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn, Sequence

from ..errors import ConfigError, Problem
from .output import print_failure


class Parser(argparse.ArgumentParser):
    """Ends with 2 for what it does not know."""

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The arguments, --json among the options."""
        self._given = list(arguments)
        self.add_argument("--json", action="store_true", help="print one JSON object")
        return self.parse_args(self._given)

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.refuse(Problem("command line", " ".join(self._given), message))

    def refuse(self, problem: Problem) -> NoReturn:
        """Ends the program with what is wrong."""
        print_failure(ConfigError([problem]), "--json" in self._given)
        sys.exit(ConfigError.exit_code)
