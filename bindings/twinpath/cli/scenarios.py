"""`list` and `run`."""

from __future__ import annotations

import json
from typing import Any, Iterable, Optional

import typer
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn

from .. import discover, fields, matrix
from ..errors import ConfigError, NoVerdict, Problem, unknown
from ..execute import check_testbed, chosen_testbed, execute
from ..run import Run
from ..scenario import Case, Scenario
from .output import console, errors, print_json, run_object, until_closed

app = typer.Typer(add_completion=False, no_args_is_help=False)

PARAM = typer.Option([], "-p", "--param", metavar="NAME=VALUE", help="scenario parameter")
SET = typer.Option([], "-s", "--set", metavar="PATH=VALUE",
                   help="component attribute by path: client.tcp.delayed_ack=40ms, wire.loss=1%")
DB = typer.Option(None, "--db", metavar="FILE", help="result database (results.db)")
PCAP = typer.Option(None, "--pcap", metavar="FOLDER", help="capture every port into FOLDER")
PCAPNG = typer.Option(None, "--pcapng", metavar="FILE",
                      help="capture all ports, and what was dropped, into one FILE.pcapng")
LOG = typer.Option(False, "--turn-log", help="emu: leave a log that `replay` runs again")
PERFETTO = typer.Option(None, "--perfetto", metavar="FILE",
                        help="a trace for ui.perfetto.dev or chrome://tracing")
JSON = typer.Option(False, "--json", help="one JSON object, on failure too")
SEED = typer.Option(1, "--seed", help="0 to 2^64-1; equal seeds give equal simulations")
TESTBED = typer.Option(None, "--testbed",
                       help="emu, bridge: veth (needs root; the default), net_ring or a "
                       "laboratory's file")
COSTS = typer.Option("zero", "--costs", metavar="PROFILE",
                     help="sim, CPU time of hosts with cores: zero, constant:2us or FILE.json")
DRIVER = typer.Option("sim", "--driver", help="sim, emu or bridge")
DRY_RUN = typer.Option(False, "--dry-run", help="say what would be done, do nothing")
TIMEOUT = typer.Option(None, "--timeout", metavar="SECONDS", help="of wall time")


def pairs(texts: Iterable[str], option: str) -> tuple[dict[str, str], list[Problem]]:
    """`name=value` texts as a dict, and what is wrong with them."""
    values, problems = {}, []
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            problems.append(Problem(option, text, f"{text!r} is not NAME=VALUE"))
        elif name in values:
            problems.append(Problem(option, text, f"{name} stands twice"))
        else:
            values[name] = value
    return values, problems


def make_case(name: str, params: list[str], settings: list[str]) -> Case:
    """The case of a command line; ConfigError has every problem of it."""
    given, problems = pairs(params, "-p")
    attributes, more = pairs(settings, "-s")
    problems += more
    try:
        case = discover.find(name)(**given)
    except ConfigError as error:
        raise ConfigError([*problems, *error.problems]) from None
    if problems:
        raise ConfigError(problems)
    return case.with_settings(attributes)


def check(name: str, params: list[str], settings: list[str], driver: str) -> Case:
    """The case of a command line with its Plan validated, before anything is written."""
    known = driver in matrix.DRIVERS
    problems = [] if known else [unknown("--driver", driver, "driver", list(matrix.DRIVERS))]
    try:
        case = make_case(name, params, settings)
        if known:
            case.plan(driver)
    except ConfigError as error:
        raise ConfigError([*problems, *error.problems]) from None
    if problems:
        raise ConfigError(problems)
    return case


def scenario_object(scenario: Scenario) -> dict[str, Any]:
    """A scenario and its parameters as JSON."""
    return {"name": scenario.name, "help": scenario.__doc__, "params": [
        {"name": p.name, "type": p.type_name, "unit": p.unit, "range": p.range,
         "default": None if p.required else str(p.convert(p.default))}
        for p in scenario.params.values()]}


def print_help(scenario: Scenario, as_json: bool) -> None:
    """The parameters of a scenario: type, unit, default, range."""
    from twinpath_analysis.tables import plain_table

    if as_json:
        print_json({"schema": "twinpath.scenario/1", **scenario_object(scenario), "problems": []})
        return
    console.print(f"[bold]{scenario.name}[/]  {escape(scenario.__doc__ or '')}\n")
    rows = [(escape(p.name), p.type_name, p.unit,
             "required" if p.required else p.convert(p.default), p.range,
             drivers_of(scenario, p.name)) for p in scenario.params.values()]
    console.print(plain_table(["-p parameter", "type", "unit", "default", "range", "drivers"],
                              rows))
    names = " ".join(fields.fields("tcp"))
    console.print(f"[dim]-s HOST.tcp.FIELD=VALUE with FIELD one of:[/] {names}")
    console.print("[dim]-s LINK.rate|delay|jitter|loss|reorder|duplicate|corrupt|queue"
                  "|ecn_threshold=VALUE[/]")
    console.print("[dim]Options:[/] --driver sim|emu|bridge --seed N --db FILE --pcap FOLDER "
                  "--pcapng FILE --turn-log --perfetto FILE --testbed veth|net_ring|FILE "
                  "--timeout SECONDS --dry-run --json")


def drivers_of(scenario: Scenario, name: str) -> str:
    """Drivers under which a choice has at least one value that exists."""
    param = scenario.params[name]
    stacks = [c for c in getattr(param.type, "choices", ()) if c in matrix.STACKS]
    if not stacks:
        return "sim emu"
    return " ".join(f"{d}: {' '.join(s for s in stacks if s in matrix.stacks(d))}"
                    for d in matrix.DRIVERS)


def _first_sentences(scenario: Scenario) -> str:
    """The first paragraph of what its author wrote."""
    return " ".join((scenario.__doc__ or "").partition("\n\n")[0].split())


@app.command("list", help="Scenarios, and which stack runs which app under which driver.")
def list_command(as_json: bool = JSON) -> None:
    from twinpath_analysis.tables import plain_table

    found = {name: discover.find(name) for name in discover.names()}
    if as_json:
        print_json({"schema": "twinpath.list/1",
                    "scenarios": [scenario_object(scenario) for scenario in found.values()],
                    "matrix": dict(matrix.rows()), "problems": []})
        return
    rows = [(s.name, _first_sentences(s), " ".join(s.params)) for s in found.values()]
    console.print(plain_table(["scenario", "what", "parameters"], rows))
    cells = [(d, s) for d, s in matrix.SUPPORTED]
    rows = [(kind, *("yes" if f"{d}:{s}" in have else "–" for d, s in cells))
            for kind, have in matrix.rows()]
    console.print(plain_table(["app", *(f"{d} {s}" for d, s in cells)], rows))


@app.command("run", context_settings={"help_option_names": []},
             help="Run a scenario; `run NAME --help` lists its parameters.")
def run_command(name: Optional[str] = typer.Argument(None, metavar="SCENARIO"),
                param: list[str] = PARAM, setting: list[str] = SET, driver: str = DRIVER,
                *, seed: int = SEED, db: Optional[str] = DB, pcap: Optional[str] = PCAP,
                pcapng: Optional[str] = PCAPNG, turn_log: bool = LOG,
                perfetto: Optional[str] = PERFETTO, testbed: Optional[str] = TESTBED,
                timeout: Optional[float] = TIMEOUT, costs: str = COSTS, as_json: bool = JSON,
                dry_run: bool = DRY_RUN,
                show_help: bool = typer.Option(False, "--help", "-h")) -> int:
    if name is None:
        raise ConfigError([Problem("scenario", "", "name a scenario or a file",
                                   " ".join(discover.names()) + " ./mine.py")])
    if show_help:
        print_help(discover.find(name), as_json)
        return 0
    case = check(name, param, setting, driver)
    if dry_run:
        return print_steps(steps(case, driver, seed, testbed), as_json)
    run = run_shown(case, driver, seed, quiet=as_json, db=db, testbed=testbed, timeout=timeout,
                    costs=costs, pcap=capture_path(pcap, pcapng), log=turn_log)
    if perfetto:
        from twinpath_analysis.perfetto import write_trace

        write_trace(run.db, run.run_id, perfetto)
    with until_closed():
        if as_json:
            print_json(run_object(run))
        else:
            print_run(run)
    if run.failures:
        return 1
    return NoVerdict.exit_code if run.validity == "invalid" else 0


def steps(case: Case, driver: str, seed: int, testbed: str | None) -> list[str]:
    """What a run would do; ConfigError as the run itself."""
    plan = case.plan(driver)
    found = [f"run {case} with seed {seed} in {driver}, Plan {plan.sha256[:16]}"]
    bed = chosen_testbed((driver,), testbed)
    if bed is None:
        return found
    from .. import lab_bed, testbed_file

    check_testbed(plan, bed)
    return found + lab_bed.steps(plan.data, testbed_file.load(bed))


def print_steps(lines: list[str], as_json: bool) -> int:
    """For --dry-run."""
    if as_json:
        print_json({"schema": "twinpath.steps/1", "would": lines, "problems": []})
    else:
        for line in lines or ["do nothing"]:
            console.print(f"would {escape(line)}")
    return 0


def capture_path(pcap: str | None, pcapng: str | None) -> str | None:
    """Where captures go: a folder or one file."""
    if pcapng is None:
        return pcap
    if pcap is not None:
        raise ConfigError([Problem("--pcapng", pcapng, "give --pcap or --pcapng, not both")])
    if not pcapng.endswith(".pcapng"):
        raise ConfigError([Problem("--pcapng", pcapng, "does not end in .pcapng", "FILE.pcapng")])
    return pcapng


def run_shown(case: Case, driver: str, seed: int, *, quiet: bool = False, **options: Any) -> Run:
    """Runs with the model time on the terminal while it goes on; `options` are execute()'s."""
    if quiet or not errors.is_terminal:
        return execute(case, driver, seed, **options)
    columns = SpinnerColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task(f"{driver} {case}")
        return execute(case, driver, seed, **options, on_progress=lambda s: progress.update(
            task, description=f"{driver} {case}: {s:.2f} s of model time"))


def cpu_time(run: Run) -> str:
    """What a run says of CPU time."""
    if run.row.driver in matrix.REAL_TIME:
        return "CPU time is real"
    if "costs" in json.loads(run.row.plan_json):
        return "CPU time of hosts with cores is charged"
    return "CPU time is not modelled (costs=zero)"


def _near(run: Run) -> str:
    """Of a suspect run the rules that came close, with value and bound."""
    from twinpath_analysis.units import show

    if run.validity != "suspect":
        return ""
    near = [f"{rule.rule} {show(rule.value, rule.unit)}, more than half of its bound "
            f"{show(rule.bound, rule.unit)}" for rule in run.df("validity").itertuples()
            if rule.value > rule.bound / 2]
    return f" ({'; '.join(near)})"


def print_run(run: Run) -> None:
    """One run for people."""
    from twinpath_analysis.tables import plain_table
    from twinpath_analysis.units import show

    row = run.row
    frame = run.df("scalar")
    apps = frame[frame["kind"] == "app"] if (frame["kind"] == "app").any() else frame
    console.print(plain_table(
        ["entity", "metric", "value>"],
        [(r.entity, r.metric, show(r.value, r.unit)) for r in apps.itertuples()]))
    validity = f", validity {row.validity}{_near(run)}" if row.validity else ""
    console.print(f"run {run.run_id} in {run.db}: {row.status}{validity}, seed {run.seed}, "
                  f"fingerprint {row.fingerprint}")
    console.print(f"model time {show(row.model_s, 's')}, wall time {show(row.wall_s, 's')}; "
                  f"{cpu_time(run)}")
    for problem in run.problems:
        console.print(f"[yellow]{escape(problem)}[/]")
    for path in run.artifacts:
        console.print(f"[dim]{escape(path)}[/]")


