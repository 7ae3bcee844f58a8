"""`compare`: predict, measure, show the error."""

from __future__ import annotations

from typing import Optional

import typer

from ..compare import REPEATS, Comparison, compare
from ..errors import ConfigError, Problem
from ..run import Run
from . import scenarios as s
from .output import console, print_json
from .results import known_run, open_results

app = typer.Typer(add_completion=False)


@app.callback()
def _frame() -> None:
    """Keeps `compare` a sub-command."""


@app.command("compare", help="Simulate and emulate one case, and show the error. Two numbers are "
                             "runs of the database: SIM EMU.")
def compare_command(what: list[str] = typer.Argument(..., metavar="SCENARIO | SIM EMU"),
                    param: list[str] = s.PARAM, setting: list[str] = s.SET, seed: int = s.SEED,
                    *, db: Optional[str] = s.DB, testbed: str = s.TESTBED,
                    repeats: int = typer.Option(REPEATS, help="emulations"),
                    as_json: bool = s.JSON) -> None:
    if repeats < 1:
        raise ConfigError([Problem("--repeats", str(repeats), "must be 1 or more")])
    if len(what) == 2 and all(text.isdigit() for text in what):
        with open_results(db) as results:
            sim, emu = (known_run(results, int(text)) for text in what)
    elif len(what) == 1:
        case = s.check(what[0], param, setting, "sim")
        case.plan("emu")
        sim = s.run_shown(case, "sim", seed, quiet=as_json, db=db)
        emu = s.run_shown(case, "emu", seed, quiet=as_json, db=db, testbed=testbed)
    else:
        raise ConfigError([Problem("compare", " ".join(what), "give one scenario or two run ids")])
    result = compare(sim, emu, repeats=repeats)
    if as_json:
        print_json(comparison_object(result, sim, emu))
        return
    console.print(result.table())


def comparison_object(result: Comparison, sim: Run, emu: Run) -> dict[str, object]:
    """The JSON object of a comparison."""
    return {"schema": "twinpath.comparison/1", "scenario": sim.row.scenario, "sim": sim.run_id,
            "emu": emu.run_id, "db": emu.db, "validity": emu.validity, "verdict": result.verdict,
            "rows": result.df().to_dict("records"), "problems": []}
