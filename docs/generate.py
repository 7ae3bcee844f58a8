"""Pages the code writes itself: metrics, tables, commands, JSON. Called by conf.py at each build.

Standard library and the package only; whatever is missing in the code is missing in the page, so
the place to mend a sentence is the code.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
from pathlib import Path

import click
import typer
from twinpath import errors
from twinpath.cli import app as command_line
from twinpath_analysis import glossary

ROOT = Path(__file__).resolve().parent.parent
TABLE = re.compile(r"CREATE (TABLE|VIEW) (?:IF NOT EXISTS )?(\w+)[\s\S]*?;(?=[^\n]*\n)[^\n]*\n")


def pages(folder: Path) -> None:
    """Writes every generated page into `folder`; unchanged ones keep their time."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in (("metrics", metrics), ("schema", schema), ("commands", commands),
                       ("errors", errors_page)):
        _write(folder / f"{name}.md", make())
    for path in (ROOT / "docs" / "notebooks").glob("*.ipynb"):
        _write(folder / f"notebook-{path.stem}.md", notebook(path))


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def notebook(path: Path) -> str:
    """A notebook as a page to read; tests/docs runs the notebook itself."""
    cells = json.loads(path.read_text())["cells"]
    lines = []
    for cell in cells:
        text = "".join(cell["source"])
        lines += [f"```python\n{text}\n```" if cell["cell_type"] == "code" else text, ""]
    return "\n".join([*lines, f"The notebook itself: `docs/notebooks/{path.name}`.", ""])


def metrics() -> str:
    """Every metric the models can record, by layer, in the words of `twinpath explain`."""
    lines = ["# Metrics", "", "`./twinpath explain METRIC` prints the same. An entity is what was "
             "measured: `client`, `client/eth0`, `client/app0`, `client/app0/flow0`, `wire`.", ""]
    for layer in dict.fromkeys(metric.layer for metric in glossary.METRICS.values()):
        lines += [f"## {layer}", "", "| metric | unit | measured | kind | clock | better |",
                  "|---|---|---|---|---|---|"]
        lines += [f"| `{name}` | {m.unit or '–'} | {m.point} | {m.kind} | {m.clock} | {m.better} |"
                  for name, m in sorted(glossary.METRICS.items()) if m.layer == layer]
        lines.append("")
    lines += ["## How to read them", "", *(f"- {note}" for note in glossary.NOTES)]
    lines += ["", "| clock | means |", "|---|---|"]
    lines += [f"| {name} | {text} |" for name, text in glossary.CLOCKS.items()]
    lines += ["", "## Causes of drops", "", "| cause | means |", "|---|---|"]
    lines += [f"| {cause} | {text} |" for cause, text in glossary.CAUSES.items()]
    return "\n".join(lines) + "\n"


def schema() -> str:
    """The statements of schema.sql, one section per table; its opening comment above them."""
    text = (ROOT / "analysis" / "schema.sql").read_text()
    opening = [line[3:] for line in text.splitlines() if line.startswith("-- ")][:4]
    lines = ["# Tables", "", *opening, ""]
    for match in TABLE.finditer(text):
        lines += [f"## {match.group(2)}", "", "```sql", match.group(0).rstrip(), "```", ""]
    return "\n".join(lines)


def commands() -> str:
    """What --help says of every command."""
    lines = ["# Commands", "", "`./twinpath COMMAND --help` prints the same.", ""]
    for name, module_name in command_line.COMMANDS.items():
        module = importlib.import_module(f"twinpath.cli.{module_name}")
        group = typer.main.get_command(module.app)
        assert isinstance(group, click.Group)
        command = group.commands[name]
        lines += [f"## {name}", ""]
        parts = command.commands if isinstance(command, click.Group) else {"": command}
        for part, what in parts.items():
            lines += ["```text", _help(f"{name} {part}".rstrip(), what), "```", ""]
    return "\n".join(lines)


def _help(name: str, command: click.Command) -> str:
    """Plain text at a fixed width, without the box drawing of the terminal."""
    with click.Context(command, info_name=f"twinpath {name}", terminal_width=96) as context:
        formatter = context.make_formatter()
        click.Command.format_help(command, context, formatter)
        return formatter.getvalue().rstrip()


def errors_page() -> str:
    lines = ["# Errors", "", "| exception | exit code | when |", "|---|---|---|"]
    for name, kind in vars(errors).items():
        if inspect.isclass(kind) and issubclass(kind, errors.TwinpathError):
            about = (kind.__doc__ or "").strip().splitlines()[0]
            lines.append(f"| `{name}` | {kind.exit_code} | {about} |")
    return "\n".join(lines) + "\n"
