"""`compare`: predict, measure, show the error."""

from __future__ import annotations

from typing import Any, Optional

import typer

from ..compare import REPEATS, Comparison, compare
from ..errors import ConfigError, Problem
from ..execute import DEFAULT_DB
from ..run import Run
from ..studies import Study, open_study
from . import scenarios as s
from .output import console, print_json, until_closed
from .results import known_run, open_results

app = typer.Typer(add_completion=False)
FORMS = "SCENARIO, or SIM EMU (two runs or two databases), or nothing: every case of --db"


@app.callback()
def _frame() -> None:
    """Keeps `compare` a sub-command."""


@app.command("compare", help="Simulate and emulate one case, and show the error. Two numbers are "
                             "runs of the database: SIM EMU; two files are databases; without any "
                             "of these every case the database has under both drivers.")
def compare_command(what: list[str] = typer.Argument(None, metavar="[SCENARIO | SIM EMU]"),
                    param: list[str] = s.PARAM, setting: list[str] = s.SET, seed: int = s.SEED,
                    *, db: Optional[str] = s.DB, testbed: Optional[str] = s.TESTBED,
                    repeats: int = typer.Option(REPEATS, help="valid emulations of a single case; "
                                                   "fewer than 6 decide no bound"),
                    metric: list[str] = typer.Option([], help="only this; may be repeated"),
                    within: Optional[str] = typer.Option(
                        None, metavar="SHARE", help="bound of the error, 10%: ends 1 when an "
                        "interval lies beyond, 4 when one is too wide or of "
                        "too few emulations"),
                    study: Optional[str] = typer.Option(None, help="cases of this study only"),
                    as_json: bool = s.JSON) -> int:
    words = what or []
    if repeats < 1:
        raise ConfigError([Problem("--repeats", str(repeats), "must be 1 or more")])
    given = [*param, *setting, *([testbed] if testbed else [])]
    if len(words) != 1 and given:
        raise ConfigError([Problem("compare", " ".join(given),
                                   "-p, -s and --testbed belong to a scenario", hint=FORMS)])
    if len(words) == 1:
        case = s.check(words[0], param, setting, "sim")
        case.plan("emu")
        sim: Run | Study = s.run_shown(case, "sim", seed, quiet=as_json, db=db)
        emu: Run | Study = s.run_shown(case, "emu", seed, quiet=as_json, db=db, testbed=testbed)
    else:
        sim, emu = recorded(words, db, study)
    result = compare(sim, emu, metrics=metric or None, repeats=repeats, within=within)
    with until_closed():
        if as_json:
            print_json(comparison_object(result, sim, emu))
        else:
            console.print(result.table(), markup=False)
    return result.exit_code


def recorded(words: list[str], db: str | None,
             study: str | None) -> tuple[Run | Study, Run | Study]:
    """What to compare among recorded runs: two runs, two databases, or one database's cases."""
    if not words:
        open_results(db).close()
        whole = open_study(db or DEFAULT_DB, study)
        return whole, whole
    if len(words) == 2 and all(text.isdigit() for text in words):
        with open_results(db) as results:
            return known_run(results, int(words[0])), known_run(results, int(words[1]))
    if len(words) == 2:
        for path in words:
            open_results(path).close()
        return open_study(words[0], study), open_study(words[1], study)
    raise ConfigError([Problem("compare", " ".join(words), "give one scenario or two run ids",
                               FORMS)])


def comparison_object(result: Comparison, sim: Run | Study, emu: Run | Study) -> dict[str, Any]:
    """The JSON object of a comparison."""
    runs = isinstance(sim, Run) and isinstance(emu, Run)
    about: dict[str, Any] = {
        "scenario": sim.row.scenario if isinstance(sim, Run) else None,
        "sim": sim.run_id if isinstance(sim, Run) else sim.db,
        "emu": emu.run_id if isinstance(emu, Run) else emu.db, "db": emu.db,
        "validity": emu.validity if isinstance(emu, Run) and runs else None}
    return {"schema": "twinpath.comparison/1", **about, "verdict": result.verdict,
            "exit_code": result.exit_code, "rows": result.df().to_dict("records"), "problems": []}
