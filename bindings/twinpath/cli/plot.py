"""`plot`: a metric of a study as a figure in a file."""

from __future__ import annotations

from typing import Optional

import typer
from rich.markup import escape

from ..errors import ConfigError, unknown
from ..execute import DEFAULT_DB
from ..studies import open_study
from .output import cannot_write, console, print_json
from .results import open_results
from .scenarios import DB, JSON

app = typer.Typer(add_completion=False)


@app.callback()
def _frame() -> None:
    """Keeps `plot` a sub-command."""


@app.command("plot", help="Draw a metric of a database's finished, valid runs into a file: means "
                          "with t-intervals, quartiles or distributions. n is printed.")
def plot_command(y: str = typer.Argument(..., metavar="METRIC"),
                 x: Optional[str] = typer.Option(None, "-x", metavar="NAME",
                                                 help="parameter or driver; by default the one "
                                                      "that varies"),
                 hue: Optional[str] = typer.Option(None, metavar="NAME", help="told by colour"),
                 style: Optional[str] = typer.Option(None, metavar="NAME",
                                                     help="told by dash and marker"),
                 *, kind: str = typer.Option("line", help="line box cdf"),
                 ci: float = typer.Option(0.95, help="confidence of the intervals"),
                 ref: Optional[float] = typer.Option(None, help="a value in SI units drawn as a "
                                                                "line"),
                 study: Optional[str] = typer.Option(None, help="runs of this study only"),
                 db: Optional[str] = DB,
                 out: str = typer.Option("plot.svg", "--out", "-o", metavar="FILE",
                                         help="*.svg *.png *.pdf"),
                 as_json: bool = JSON) -> None:
    from twinpath_analysis.asking import WrongName
    from twinpath_analysis.figures import format_of

    try:
        format_of(out)
    except WrongName as error:
        raise ConfigError([unknown("--out", out, error.what, error.valid)]) from error
    open_results(db).close()
    figure = open_study(db or DEFAULT_DB, study).plot(y, x=x, hue=hue, style=style, kind=kind,
                                                      ci=ci, ref=ref)
    try:
        figure.save(out)
    except OSError as error:
        raise cannot_write("--out", out, error) from error
    if as_json:
        print_json({"schema": "twinpath.plot/1", "path": out, "title": figure.title,
                    "problems": []})
    else:
        console.print(escape(f"wrote {out}: {figure.title}"))
