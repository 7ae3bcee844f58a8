"""`export`: runs and studies as CSV, JSON or Parquet, for programs that read no SQLite."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

import typer

from twinpath_analysis.queries import TABLES, Results

from ..errors import ConfigError, Problem, unknown
from ..studies import open_study
from .output import cannot_write, finite, print_json, put
from .results import DEFAULT_DB, known_run, open_results
from .scenarios import DB, JSON
from .traces import export_trace

if TYPE_CHECKING:
    import pandas as pd

app = typer.Typer(add_completion=False)
FORMATS = ("csv", "json", "parquet")
WIDE = "runs"  # one row per run
ENGINES = ("pyarrow", "fastparquet")


@app.callback()
def _frame() -> None:
    """Keeps `export` a sub-command."""


@app.command("export", help="Write runs of a database as CSV, JSON or Parquet: one row per run, or "
                            "one of its tables in long form.")
def export_command(run_id: list[int] = typer.Argument(None, metavar="[RUN]...", help="all"),
                   db: Optional[str] = DB,
                   study: Optional[str] = typer.Option(None, help="runs of this study only"),
                   table: str = typer.Option(WIDE, help=f"{WIDE} {' '.join(sorted(TABLES))}"),
                   out: str = typer.Option("-", "--out", "-o", metavar="FILE",
                                           help="- is standard output"),
                   *, kind: Optional[str] = typer.Option(
                       None, "--format", help="csv json parquet; by default that of FILE's name"),
                   perfetto: Optional[str] = typer.Option(
                       None, metavar="FILE",
                       help="one run as a trace for ui.perfetto.dev or chrome://tracing"),
                   as_json: bool = JSON) -> None:
    if perfetto is not None:
        with open_results(db) as results:
            for number in run_id or []:
                known_run(results, number)
            export_trace(results, run_id or [], perfetto, as_json)
        return
    wanted = _format(kind, out, as_json)
    if table not in (WIDE, *TABLES):
        raise ConfigError([unknown("--table", table, "table", [WIDE, *TABLES])])
    path = db or DEFAULT_DB
    with open_results(path) as results:
        for number in run_id or []:
            known_run(results, number)
        frame = _frame_of(results, table, chosen_runs(path, study, run_id or []))
    _write(frame, wanted, out, table)
    if as_json and out != "-":
        print_json({"schema": "twinpath.export/1", "path": out, "rows": len(frame), "problems": []})


def chosen_runs(path: str, study: str | None, run_ids: list[int]) -> list[int]:
    """The runs asked for, in the study's order."""
    runs = [run.run_id for run in open_study(path, study).runs]
    return [run for run in runs if run in run_ids] if run_ids else runs


def _format(kind: str | None, out: str, as_json: bool) -> str:
    by_name = Path(out).suffix.removeprefix(".") if out != "-" else "json" if as_json else "csv"
    wanted = kind or by_name
    if wanted not in FORMATS:
        raise ConfigError([unknown("--format", wanted, "format", list(FORMATS))])
    if wanted == "parquet":
        if not any(importlib.util.find_spec(name) for name in ENGINES):
            raise ConfigError([Problem("--format", wanted, "Debian 12 has no Parquet library for "
                                       f"Python ({' or '.join(ENGINES)})", "csv json")])
        if out == "-":
            raise ConfigError([Problem("--out", out, "Parquet needs a file", "-o FILE.parquet")])
    if as_json and out == "-" and wanted != "json":
        raise ConfigError([Problem("--format", wanted, "--json prints JSON", "json")])
    return wanted


def _frame_of(results: Results, table: str, runs: list[int]) -> "pd.DataFrame":
    """One row per run, or the rows of a table with the run they belong to."""
    import pandas as pd

    from twinpath_analysis.wide import wide

    if table == WIDE:
        return wide(results, [results.run(run) for run in runs])
    parts = [results.table(table, run).assign(run_id=run) for run in runs]
    filled = [part for part in parts if len(part)] or parts[:1]
    frame = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
    return frame[["run_id", *(name for name in frame.columns if name != "run_id")]] \
        if len(frame.columns) else frame


def _write(frame: "pd.DataFrame", kind: str, out: str, table: str) -> None:
    try:
        if kind == "parquet":
            frame.to_parquet(out, index=False)
        elif out == "-":
            put(_text(frame, kind, table))
        else:
            Path(out).write_text(_text(frame, kind, table), encoding="utf-8")
    except BrokenPipeError:
        raise
    except OSError as error:
        raise cannot_write("--out", out, error) from error


def _text(frame: "pd.DataFrame", kind: str, table: str) -> str:
    if kind == "csv":
        return str(frame.to_csv(index=False))
    rows: list[dict[str, Any]] = frame.to_dict("records")
    return json.dumps(finite({"schema": "twinpath.export/1", "table": table, "rows": rows,
                              "problems": []}), ensure_ascii=False, indent=1) + "\n"
