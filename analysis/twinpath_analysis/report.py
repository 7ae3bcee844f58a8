"""One self-contained HTML file of runs: no network address, no external file, rebuilt from the
database alone. Order: verdict, comparison, validity, drops, figures, provenance, glossary."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any, Sequence

import jinja2
import pandas as pd

from . import figures, glossary
from .cases import Case, comparison, group
from .compare import error_of, predicted
from .queries import Results, RunRow
from .settings import costs_text
from .tables import interval_text
from .units import percent, plain, show

TEMPLATES = Path(__file__).resolve().parent
HEADLINES = ("goodput_bps", "fct_s", "latency_p50_s")  # what the verdict speaks of
SERIES_FIGURES = 3  # metrics over time drawn per case
FIGURE_CASES = 4  # cases whose series are drawn; all stand in the tables
OBSERVATIONS = 20  # a distribution of fewer is not drawn


def write_report(db: str, run_ids: Sequence[int] | None, path: str) -> str:
    """Writes the report of `run_ids` (None: every run) to `path`; the path."""
    with Results(db) as results:
        wanted = None if run_ids is None else set(run_ids)
        runs = [r for r in results.runs() if wanted is None or r.run_id in wanted]
        html = render(results, runs)
    with open(path, "w", encoding="utf-8") as file:
        file.write(html)
    return path


def render(results: Results, runs: list[RunRow]) -> str:
    cases = group(results, runs)
    tables = [(case, comparison(results, case)) for case in cases]
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True,
                                     trim_blocks=True, lstrip_blocks=True)
    return environment.get_template("report.html.j2").render(
        title=", ".join(sorted({run.scenario for run in runs})) or "no runs",
        verdict=verdict(tables), rows=_rows(tables), runs=[_run(r) for r in runs],
        validity=_validity(results, runs), drops=_drops(results, runs),
        figures=draw(results, cases, tables), provenance=_provenance(results, runs),
        costs=_costs(tables), causes=glossary.CAUSES, notes=glossary.NOTES,
        glossary=_glossary(results),
        command=f"./twinpath report --db {os.path.basename(results.path)}")


def verdict(tables: list[tuple[Case, pd.DataFrame]]) -> str:
    """The result in one sentence."""
    if not tables:
        return "There are no runs to report."
    runs = [run for case, _ in tables for run in case.runs]
    broken = [run for run in runs if run.status != "done"]
    invalid = [run for run in runs if run.validity == "invalid"]
    worst = _worst(tables)
    if worst is None:
        text = f"{len(runs)} runs of {len(tables)} cases; nothing to compare between sim and emu."
    else:
        case, row = worst
        text = (f"Simulation against emulation over {_compared(tables)} cases: the largest error "
                f"of {row.metric} is {percent(error_of(row))} ({case.title}: predicted "
                f"{show(predicted(row), row.unit)}{_by(row)}, measured "
                f"{show(row.emu, row.unit)}, n = {row.n}).")
    if broken:
        text += f" {len(broken)} of {len(runs)} runs did not finish."
    if invalid:
        text += f" {len(invalid)} emulations are invalid and left out."
    return text


def _by(row: Any) -> str:
    """With which costs, where no prediction has CPU time free."""
    return f" with costs {row.costs}" if pd.isna(row.sim) else ""


def _costs(tables: list[tuple[Case, pd.DataFrame]]) -> list[str]:
    """Every profile of CPU costs simulations were charged by."""
    found = (costs for _, frame in tables for costs in frame["costs"] if costs)
    return list(dict.fromkeys(found))


def _compared(tables: list[tuple[Case, pd.DataFrame]]) -> int:
    return sum(1 for _, frame in tables
               if any(not pd.isna(error_of(row)) for row in frame.itertuples()))


def _worst(tables: list[tuple[Case, pd.DataFrame]]) -> tuple[Case, Any] | None:
    found = [(case, row) for case, frame in tables for row in frame.itertuples()
             if row.metric in HEADLINES and not pd.isna(error_of(row))]
    goodput = [item for item in found if item[1].metric == "goodput_bps"] or found
    return max(goodput, key=lambda item: abs(error_of(item[1])), default=None)


def _rows(tables: list[tuple[Case, pd.DataFrame]]) -> list[dict[str, Any]]:
    rows = []
    for case, frame in tables:
        for row in frame.itertuples():
            rows.append({
                "case": case.title, "entity": row.entity, "metric": row.metric,
                **_cell("sim", row.sim, row.unit), **_cell("emu", row.emu, row.unit),
                **_cell("calibrated", row.calibrated, row.unit),
                "error": percent(row.rel_error), "error_raw": row.rel_error,
                "calibrated_error": percent(row.calibrated_error),
                "calibrated_error_raw": row.calibrated_error, "costs": row.costs,
                "interval": interval_text(row), "n": int(row.n)})
    return rows


def _cell(name: str, value: float, unit: str) -> dict[str, Any]:
    return {name: show(value, unit), f"{name}_raw": value}


def _run(run: RunRow) -> dict[str, Any]:
    return {"id": run.run_id, "scenario": run.scenario, "driver": run.driver,
            "testbed": run.testbed or "–", "seed": run.unsigned_seed, "attempt": run.attempt,
            "status": run.status, "validity": run.validity or "–",
            "fingerprint": run.fingerprint or "–", "frames": run.frames,
            "model": show(run.model_s, "s"), "wall": show(run.wall_s, "s"),
            "cpu": show(run.cpu_s, "s"), "error": run.error or ""}


def _chosen(results: Results, query: str, runs: list[RunRow]) -> list[Any]:
    """Rows of one query over all runs; its only parameter is their ids as JSON."""
    ids = json.dumps([run.run_id for run in runs])
    return results.connection.execute(query, (ids,)).fetchall()


def _validity(results: Results, runs: list[RunRow]) -> list[dict[str, Any]]:
    query = ("SELECT run_id AS run, rule, value, bound, unit, ok FROM validity WHERE run_id IN "
             "(SELECT value FROM json_each(?)) ORDER BY run_id, rule")
    return [{**dict(row), "value": plain(row["value"]), "bound": plain(row["bound"]),
             "ok": bool(row["ok"])} for row in _chosen(results, query, runs)]


def _drops(results: Results, runs: list[RunRow]) -> list[dict[str, Any]]:
    query = ("SELECT e.run_id AS run, d.cause, e.path AS entity, d.reason, d.packets "
             "FROM drop_count d JOIN entity e USING (entity_id) WHERE e.run_id IN "
             "(SELECT value FROM json_each(?)) ORDER BY e.run_id, e.path, d.reason")
    drivers = {run.run_id: run.driver for run in runs}
    rows = [{**dict(row), "driver": drivers[row["run"]]} for row in _chosen(results, query, runs)]
    return sorted(rows, key=lambda row: list(glossary.CAUSES).index(row["cause"]))


def draw(results: Results, cases: list[Case],
         tables: list[tuple[Case, pd.DataFrame]]) -> list[figures.Figure]:
    """The figures of a report: all cases at a glance, then those that recorded most over time."""
    drawn = _overview(results, cases)
    counts = _sample_counts(results)
    longest = sorted((case for case, _ in tables), key=lambda case: -sum(
        counts.get(run.run_id, 0) for run in _first_of_each_driver(case)))
    for number, case in enumerate(longest[:FIGURE_CASES]):
        runs = _first_of_each_driver(case)
        found = [figures.series_figure(results, runs, metric, f"s{number}{metric}")
                 for metric in _sampled(results, runs)[:SERIES_FIGURES]]
        found += [figures.histogram_figure(results, runs, metric, f"h{number}{metric}")
                  for metric in _binned(results, runs)]
        drawn += [dataclasses.replace(figure, title=f"{figure.title}: {case.title}")
                  for figure in found if figure is not None]
    return drawn


def _sample_counts(results: Results) -> dict[int, int]:
    """Samples of each run, by its id."""
    query = ("SELECT e.run_id, count(*) FROM sample JOIN series USING (series_id) "
             "JOIN entity e USING (entity_id) GROUP BY e.run_id")
    return {row[0]: row[1] for row in results.connection.execute(query)}


def _first_of_each_driver(case: Case) -> list[RunRow]:
    return [runs[0] for runs in (case.of("sim"), case.of("emu")) if runs]


def _sampled(results: Results, runs: list[RunRow]) -> list[str]:
    names: dict[str, None] = {}
    for run in runs:
        names.update(dict.fromkeys(results.table("series", run.run_id)["metric"]))
    return sorted(names, key=lambda name: (name not in ("delivery_rate_bps", "cwnd_bytes"), name))


def _binned(results: Results, runs: list[RunRow]) -> list[str]:
    """Metrics of apps with enough observations for a curve."""
    names: dict[str, None] = {}
    for run in runs:
        counts = results.table("histogram", run.run_id).groupby(["kind", "metric"])["count"].sum()
        names.update({metric: None for (kind, metric), count in counts.items()
                      if kind == "app" and count >= OBSERVATIONS})
    return list(names)


def _overview(results: Results, cases: list[Case]) -> list[figures.Figure]:
    """Goodput over the first varied numeric parameter, a line per driver and other parameters."""
    numeric = [name for name in (cases[0].varied if cases else {})
               if all(isinstance(run.params.get(name), (int, float))
                      for case in cases for run in case.runs)]
    if not numeric:
        return []
    x, rows, units = numeric[0], [], results.param_units()
    unit = units.get(x)
    axis = x if unit is None else f"{x} ({unit or 'fraction'})"
    goodput = _goodputs(results, [run for case in cases for run in case.runs])
    for case in cases:
        others = [f"{name} {value}" for name, value in case.varied.items() if name != x]
        others += [case.settings] if case.settings else []
        for run in case.of("sim") + case.of("emu"):
            if run.run_id in goodput:
                rows.append({axis: run.params[x], "goodput_bps": goodput[run.run_id],
                             "line": ", ".join([_driver(run), *others])})
    if not rows:
        return []
    frame = pd.DataFrame(rows)
    query = ("SELECT run_id, params_json, sum(value) FROM result WHERE metric = 'goodput_bps' "
             "AND kind = 'app' GROUP BY run_id")
    return [figures.lines_figure(frame, x=axis, y="goodput_bps", hue="line", unit="bit/s",
                                 title=f"goodput over {x}", query=query, salt="o",
                                 command=f"./twinpath show --db {results.path}")]


def _driver(run: RunRow) -> str:
    """sim or emu, and what CPU time costs in it."""
    costs = costs_text(json.loads(run.plan_json)) if run.driver == "sim" else ""
    return f"{run.driver}, costs {costs}" if costs else run.driver


def _goodputs(results: Results, runs: list[RunRow]) -> dict[int, float]:
    """Sum over the apps of each run that have a goodput."""
    query = ("SELECT e.run_id, sum(s.value) FROM scalar s JOIN entity e USING (entity_id) "
             "JOIN metric m USING (metric_id) WHERE m.name = 'goodput_bps' AND e.kind = 'app' "
             "AND s.value IS NOT NULL AND e.run_id IN (SELECT value FROM json_each(?)) "
             "GROUP BY e.run_id")
    return {row[0]: row[1] for row in _chosen(results, query, runs)}


def _provenance(results: Results, runs: list[RunRow]) -> list[tuple[str, str]]:
    facts: dict[str, list[str]] = {}

    def add(name: str, value: Any) -> None:
        if value and str(value) not in facts.setdefault(name, []):
            facts[name].append(str(value))

    for run in runs:
        dirty = " with local changes" if run.git_dirty else ""
        add("Twinpath", f"{run.version}, commit {run.git_commit or 'unknown'}{dirty}")
        add("build", f"{run.compiler} {run.flags} (module sha256 {run.build_sha256[:16]})")
        libs = {name: v for name, v in json.loads(run.libs_json or "{}").items() if v}
        add("libraries", ", ".join(f"{name} {v}" for name, v in libs.items()))
        add("machine", f"{run.hostname}: {run.cpu}, {run.cores} cores, Linux {run.kernel}")
        add("test-bed", run.testbed)
        add("CPU costs", run.profile and f"{run.profile} (sha256 {run.profile_sha256[:16]})")
        add("command", " ".join(json.loads(run.command or "[]")))
    if runs:
        add("recorded", f"{runs[0].started_utc} to {runs[-1].ended_utc}")
    add("database", os.path.abspath(results.path))
    return [(name, "; ".join(values)) for name, values in facts.items()]


def _glossary(results: Results) -> list[dict[str, str]]:
    rows = []
    for metric in results.metrics().itertuples():
        layer, point = glossary.POINTS.get(metric.name, ("", metric.help or ""))
        rows.append({"name": metric.name, "unit": metric.unit, "layer": layer, "point": point,
                     "clock": metric.clock, "better": metric.better})
    return rows
