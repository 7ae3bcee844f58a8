"""What a check found: rows of entry and metric, the exit code, tables, JUnit."""

from __future__ import annotations

import io
import math
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from .judge import ERROR, FAIL, NEW, NO_VERDICT, PASS, Judgment

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "twinpath.check/1"
RUN = "run"  # the row of an entry that could not be measured
_WORST = ((FAIL, 1), (ERROR, 3), (NO_VERDICT, 4))
_MARKS = {PASS: "[green]pass[/]", FAIL: "[bold red]FAIL[/]", NO_VERDICT: "[yellow]no verdict[/]",
          NEW: "[cyan]new[/]", ERROR: "[bold red]ERROR[/]"}


@dataclass(frozen=True)
class Row:
    """One entry x metric. Numbers in the metric's unit, NaN where there is none."""

    suite: str
    entry: str
    metric: str
    verdict: str
    message: str
    command: str
    unit: str = ""
    value: float = math.nan
    baseline: float = math.nan
    bound: float = math.nan
    lo: float = math.nan
    hi: float = math.nan
    n: int = 0

    @property
    def text(self) -> str:
        """The finding and how to see it again."""
        return f"{self.suite}: {self.entry}: {self.metric}: {self.message}\n{self.command}"


def row_of(where: tuple[str, str, str], metric: str, judged: Judgment, unit: str) -> Row:
    """A judgment as a row; `where` is suite, entry, command."""
    suite, entry, command = where
    numbers = {name: getattr(judged, name)
               for name in ("value", "baseline", "bound", "lo", "hi", "n")}
    return Row(suite, entry, metric, judged.verdict, judged.message, command, unit, **numbers)


@dataclass
class Outcome:
    """Every row of a check. `exit_code`: 0 pass, 1 a check failed, 3 a run crashed, 4 no
    verdict."""

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # baselines written, or of no entry
    seconds: dict[str, float] = field(default_factory=dict)  # wall time by entry

    @property
    def exit_code(self) -> int:
        verdicts = {row.verdict for row in self.rows}
        return next((code for verdict, code in _WORST if verdict in verdicts), 0)

    @property
    def ok(self) -> bool:
        return self.exit_code == 0

    def add(self, other: "Outcome") -> None:
        """What another check found, as well."""
        self.rows += other.rows
        self.notes += other.notes
        self.seconds |= other.seconds

    def count(self, verdict: str) -> int:
        return sum(row.verdict == verdict for row in self.rows)

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        words = ((PASS, "passed"), (FAIL, "failed"), (ERROR, "crashed"),
                 (NO_VERDICT, "without a verdict"), (NEW, "new"))
        return ", ".join(f"{self.count(verdict)} {word}" for verdict, word in words
                         if self.count(verdict) or verdict in (PASS, FAIL))

    def df(self) -> "pd.DataFrame":
        """One row per entry and metric."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self.rows],
                            columns=list(Row.__dataclass_fields__))

    def table(self) -> str:
        """Rows as text, commands below those that did not pass, the verdict last."""
        from rich.console import Console

        text = io.StringIO()
        self.print(Console(file=text, width=120, highlight=False, soft_wrap=True))
        return text.getvalue().rstrip()

    def print(self, console: Any) -> None:
        """The table on a rich console."""
        from rich.markup import escape

        shown = ""
        for row in self.rows:
            if row.entry != shown:
                console.print(f"[bold]{escape(row.suite)}: {escape(row.entry)}[/]")
                shown = row.entry
            console.print(f"  {_MARKS[row.verdict]} {escape(row.metric)}: {escape(row.message)}")
        for command in dict.fromkeys(r.command for r in self.rows if r.verdict not in (PASS, NEW)):
            console.print(f"again: {escape(command)}")
        for note in self.notes:
            console.print(escape(note))
        console.print(self.verdict)

    def __repr__(self) -> str:
        return self.table()

    def _repr_html_(self) -> str:
        from html import escape

        frame = self.df()[["suite", "entry", "metric", "verdict", "message"]]
        table = frame.to_html(index=False, border=0, escape=True)
        return f"<p>{escape(self.verdict)}</p>{table}"

    def as_json(self) -> dict[str, Any]:
        """The object of `check --json`."""
        bad = [row for row in self.rows if row.verdict not in (PASS, NEW)]
        return {"schema": SCHEMA, "verdict": self.verdict, "exit_code": self.exit_code,
                "rows": [asdict(row) for row in self.rows], "notes": self.notes,
                "problems": [{"field": f"{row.entry}: {row.metric}", "value": row.verdict,
                              "message": row.message, "allowed": "", "hint": row.command}
                             for row in bad]}

    def junit(self, path: str) -> None:
        """Writes JUnit XML: a suite per suite, a case per entry and metric."""
        root = ElementTree.Element("testsuites")
        for name in dict.fromkeys(row.suite for row in self.rows):
            root.append(_junit_suite(name, [r for r in self.rows if r.suite == name],
                                     self.seconds))
        ElementTree.indent(root)
        ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _junit_suite(name: str, rows: list[Row], seconds: dict[str, float]) -> ElementTree.Element:
    def count(verdict: str) -> str:
        return str(sum(row.verdict == verdict for row in rows))

    element = ElementTree.Element("testsuite", name=name, tests=str(len(rows)),
                                  failures=count(FAIL), errors=count(ERROR),
                                  skipped=count(NO_VERDICT))
    timed: set[str] = set()
    for row in rows:
        spent = 0.0 if row.entry in timed else seconds.get(row.entry, 0.0)
        timed.add(row.entry)
        element.append(_junit_case(row, spent))
    return element


def _junit_case(row: Row, seconds: float) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=f"{row.suite}.{row.entry}", name=row.metric,
                               time=f"{seconds:.3f}")
    tags = {FAIL: "failure", ERROR: "error", NO_VERDICT: "skipped"}
    if row.verdict in tags:
        said = row.message if row.verdict != NO_VERDICT else f"no verdict: {row.message}"
        finding = ElementTree.SubElement(case, tags[row.verdict], message=_printable(said))
        finding.text = _printable(row.text)
    output = ElementTree.SubElement(case, "system-out")
    output.text = _printable(f"{row.verdict}: {row.text}")
    return case


def _printable(text: str) -> str:
    """XML 1.0 has no control characters, and a crashed worker's stderr may."""
    return "".join(c for c in text if c in "\n\t" or c.isprintable())
