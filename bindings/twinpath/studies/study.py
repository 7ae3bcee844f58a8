"""A study as its database has it: tables, figures, paired differences, reports."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Iterator, Mapping, Sequence

from twinpath_analysis.queries import Results, RunRow

from ..arguments import confidence_of, mapping_of, path_of, written_path
from ..errors import ConfigError, Problem, unknown
from ..quantities import si
from ..run import Run, opened
from .tasks import DONE, MISSING, Stale, states

if TYPE_CHECKING:
    import pandas as pd
    from twinpath_analysis.figures import Figure
    from twinpath_analysis.paired import Paired

Json = dict[str, Any]


class Study:
    """The runs of one study of a database, or with no name every run of it. `stale` are runs that
    were made for it and no longer match its scenario or build."""

    def __init__(self, db: str, name: str | None = None, *, stale: Sequence[Stale] = ()) -> None:
        self.db, self.name = os.path.abspath(path_of(db, "db")), name
        self.stale = list(stale)

    def __repr__(self) -> str:
        return f"<Study {self.name or 'all runs'} in {self.db}>"

    def _planned(self, results: Results) -> list[Json]:
        """What was asked for, run by run; of every study when this one has no name."""
        rows = results.studies()
        return [run for name, spec in rows.items() if self.name in (None, name)
                for run in spec["runs"]]

    def _rows(self, results: Results) -> list[RunRow]:
        rows = results.runs()
        if self.name is None:
            return rows
        order = {run["key"]: index for index, run in enumerate(self._planned(results))}
        mine = [row for row in rows if row.run_key in order]
        return sorted(mine, key=lambda row: (order[row.run_key], row.attempt))

    @property
    def runs(self) -> list[Run]:
        with opened(self.db) as results:
            return [Run(self.db, row.run_id, row=row) for row in self._rows(results)]

    def missing(self) -> list[Json]:
        """Planned runs that are not there: driver, seed, params, and status `missing` or `failed`
        (it failed, timed out or was invalid; `retry_failed` runs it again)."""
        with opened(self.db) as results:
            found = states(row.values for row in results.runs())
            planned = self._planned(results)
        return [{name: run[name] for name in ("driver", "seed", "params")} |
                {"status": found.get(run["key"], MISSING)}
                for run in planned if found.get(run["key"]) != DONE]

    def df(self, valid_only: bool = True) -> "pd.DataFrame":
        """One row per run, in the order of the grid: parameters, driver, seed, status, validity
        and metrics in SI units; a metric of several entities is their sum, of times and fractions
        their median. With `valid_only` those that finished and are not invalid."""
        from twinpath_analysis.wide import wide

        with opened(self.db) as results:
            rows = [row for row in self._rows(results)
                    if not valid_only or (row.status == "done" and row.validity != "invalid")]
            return wide(results, rows)

    def plot(self, y: str, *, x: str | None = None, hue: str | None = None,
             style: str | None = None, ci: float = 0.95, ref: float | None = None,
             kind: str = "line") -> "Figure":
        """Draws the metric `y` of finished, valid runs.

        kind: "line" means over `x` with the t-interval of confidence `ci`, "box" quartiles per
        `x`, "cdf" the distribution over runs. `hue` and `style` are columns told apart by colour
        and by dash and marker. `ref`: a value in SI units drawn as a line to compare with. n is
        printed; simulations whose seeds change nothing are one observation. The figure's save(path)
        writes .svg, .png or .pdf. ConfigError names what does not exist and what does."""
        from twinpath_analysis.plots import Wanted, study_figure
        from twinpath_analysis.wide import independent

        from .drawn import Drawn

        confidence_of(ci)
        units = self.param_units()
        wanted = Wanted(y, x=x, hue=hue, style=style, ci=ci, ref=ref, kind=kind, units=units)
        with told("plot"):
            frame = independent(self.df(), list(self.units()))
            return Drawn.of(study_figure(frame, self._metrics(), wanted,
                                         self._command()))

    def paired(self, metric: str, a: Mapping[str, Any], b: Mapping[str, Any], *,
               ci: float = 0.95) -> "Paired":
        """b against a in `metric`: runs that are equal in seed and in every other parameter make a
        pair. In each cell of the grid, that is for each combination of the other parameters and
        the driver: the mean difference b − a with its t-interval, n and the p of a paired t-test.
        Intervals and p are of one cell each and not corrected for many of them; `p_holm` of df()
        is, by Holm's method. Seeds that change nothing are one observation. ConfigError names what
        does not exist."""
        from twinpath_analysis.paired import paired
        from twinpath_analysis.wide import observations

        confidence_of(ci)
        example = "{'PARAMETER': value}"
        a, b = mapping_of(a, "a", example), mapping_of(b, "b", example)
        sides = (a, self._conditions(a)), (b, self._conditions(b))
        with told("paired"):
            return paired(observations(self.df()), self._metrics(), metric, sides, confidence=ci,
                          units=self.param_units())

    def report(self, path: str) -> str:
        """Writes the self-contained HTML report of the study's runs; its path."""
        from twinpath_analysis.report import write_report

        with opened(self.db) as results:
            ids = [row.run_id for row in self._rows(results)]
        return write_report(self.db, None if self.name is None else ids,
                            written_path(path, "path"))

    def _metrics(self) -> "pd.DataFrame":
        with opened(self.db) as results:
            return results.metrics()

    def varied(self) -> list[str]:
        """The columns of df() by which the study's runs differ, those that failed as well."""
        from twinpath_analysis.wide import varied

        return varied(self.df(valid_only=False), list(self.units()))

    def units(self) -> dict[str, str]:
        """Unit by metric."""
        return {row.name: row.unit for row in self._metrics().itertuples(index=False)}

    def param_units(self) -> dict[str, str | None]:
        """Unit by parameter; "" is a fraction, None has no unit."""
        with opened(self.db) as results:
            return results.param_units()

    def points(self) -> "pd.DataFrame":
        """One row per point of the grid, for people: means with t-intervals over seeds, and n."""
        from twinpath_analysis.wide import summary

        return summary(self.df(), self.units(), self.param_units(), points=self.varied())

    def _conditions(self, wanted: Mapping[str, Any]) -> Json:
        """Values as df() has them: "1%" is 0.01."""
        units = self.param_units()
        plain: Json = {}
        for name, value in wanted.items():
            number = si(value, units.get(name) or "") if isinstance(value, str) else None
            plain[name] = value if number is None else number
        return plain

    def _command(self) -> str:
        return f"./twinpath show --db {self.db}"

    def _repr_html_(self) -> str:
        from twinpath_analysis.html import study_html

        return study_html(self.name or "all runs", self.points(), len(self.df()),
                          len(self.missing()))


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """Names that do not exist as a ConfigError with those that do."""
    from twinpath_analysis.asking import WrongName

    try:
        yield
    except WrongName as error:
        field = f"{what}.{error.field}"
        raise ConfigError([unknown(field, error.name, error.what, error.valid)]) from error
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError([Problem(what, "", str(error))]) from error


def open_study(db: str, name: str | None = None) -> Study:
    """The runs of an existing database, of one study of it when `name` is given."""
    with opened(db) as results:
        if name is not None:
            known = results.studies()
            if name not in known:
                raise ConfigError([unknown("study", name, f"study in {db}", list(known))])
    return Study(db, name)
