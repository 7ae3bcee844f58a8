"""`demo`: one HTTP transfer in ns-3 and on DPDK, side by side, with report and captures."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict, dataclass, field
from typing import Any

import typer
from rich.markup import escape

from .. import discover
from ..captures import Capture, check_all
from ..errors import ConfigError, NoVerdict, Problem, RunFailed
from ..execute import execute
from ..run import Run
from ..scenario import Case, Scenario
from .output import console, errors, print_json, until_closed
from .scenarios import JSON

app = typer.Typer(add_completion=False)

SIZES = ("1kB", "10kB", "100kB", "1MB", "10MB")
LOSSES = ("0", "1%")
TWINS = (("1MB", "0"), ("1MB", "1%"), ("10MB", "0"))  # ours at both ends
REPEATS = 3  # emulations of a case
TWIN_REPEATS = 2
SPARE = 1  # more of them when some are invalid, because the machine was busy
LONG = ("10MB", "1%")  # takes ten seconds of real time, so it is emulated once
CAPTURED = ("1MB", "1%")
SEED = 7
NEXT = (
    ("./twinpath run web_transfer --help", "what can be varied"),
    ("./twinpath compare web_transfer -p loss=2% -p delay=30ms", "another case, six emulations"),
    ("./twinpath run web_transfer -s client.tcp.delayed_ack=10ms", "a field of our TCP"),
    ("./twinpath run ./mine.py", "a scenario of your own; README.md has one to start with"),
)


@dataclass
class Demo:
    """What a demo has done so far."""

    folder: str
    root: bool
    quiet: bool
    runs: list[Run] = field(default_factory=list)
    captures: list[Capture] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def db(self) -> str:
        return os.path.join(self.folder, "results.db")

    @property
    def report(self) -> str:
        return os.path.join(self.folder, "report.html")

    @property
    def pcap(self) -> str:
        return os.path.join(self.folder, "pcap")

    @property
    def peer(self) -> str:
        """The server of the cases: ours in sim, and nginx in emu when we may make namespaces."""
        return "auto" if self.root else "twinpath"

    def say(self, text: str) -> None:
        if not self.quiet:
            with until_closed():
                console.print(text)

    def run(self, case: Case, driver: str, capture: str = "") -> Run | None:
        """One run; a failed one is a problem, and the demo goes on."""
        pcap = os.path.join(self.pcap, capture) if capture else None
        if not self.quiet and errors.is_terminal:
            errors.print(f"[dim]{driver}: {escape(str(case))}[/]")
        testbed = "veth" if self.root else "net_ring"
        try:
            run = execute(case, driver, SEED, db=self.db, pcap=pcap,
                          testbed=testbed if driver == "emu" else None)
        except RunFailed as error:
            self.problems.append(Problem(f"{driver} {case}", "", str(error), error.stderr[-500:]))
            return None
        self._verify(run)
        self.runs.append(run)
        return run

    def _verify(self, run: Run) -> None:
        scalars = run.df("scalar")
        for metric, text in (("verify_errors", "content differs by SHA-256"),
                             ("failures", "a transfer failed")):
            if scalars["value"][scalars["metric"] == metric].sum() > 0:
                self.problems.append(Problem(f"run {run.run_id}", "", text))


def simulate(demo: Demo, transfer: Scenario, sizes: tuple[str, ...]) -> None:
    """Every case with our stack at both ends, and one with ns-3's TCP as the server."""
    demo.say(f"[bold]sim[/]: our TCP at both ends in ns-3, {len(sizes) * len(LOSSES)} cases")
    for size, loss in cases(sizes):
        case = transfer(size=size, loss=loss, server_stack=demo.peer, series="10ms")
        demo.run(case, "sim", "sim" if (size, loss) == CAPTURED else "")
    demo.say("[bold]sim[/]: ns-3's own TCP as the server")
    demo.run(transfer(size="1MB", server_stack="ns3", series="10ms"), "sim", "sim-ns3")
    if demo.root:
        for size, loss in twins(sizes):
            demo.run(transfer(size=size, loss=loss, server_stack="twinpath", series="10ms"), "sim")


def emulate(demo: Demo, transfer: Scenario, sizes: tuple[str, ...]) -> None:
    """The same cases on DPDK ports in real time, and curl against our server."""
    where = "against nginx on the Linux kernel, over veth" if demo.root else \
        "against itself over net_ring"
    demo.say(f"[bold]emu[/]: our TCP over DPDK {where}, in real time")
    for size, loss in cases(sizes):
        case = transfer(size=size, loss=loss, server_stack=demo.peer, series="10ms")
        repeat(demo, case, 1 if (size, loss) == LONG else REPEATS,
               "emu" if (size, loss) == CAPTURED else "")
    if not demo.root:
        return
    demo.say("[bold]emu[/]: our TCP at both ends over DPDK, what sim has simulated")
    for size, loss in twins(sizes):
        repeat(demo, transfer(size=size, loss=loss, server_stack="twinpath", series="10ms"),
               TWIN_REPEATS)
    demo.say("[bold]emu[/]: curl on the Linux kernel fetches from our HTTP server over DPDK")
    demo.run(transfer(size="1MB", client_stack="linux", server_stack="twinpath", series="10ms"),
             "emu", "emu-curl")


def repeat(demo: Demo, case: Case, wanted: int, capture: str = "") -> None:
    """Emulates a case until `wanted` runs can be trusted, or SPARE more were tried; one that is
    wanted once is long and tried once."""
    usable = 0
    for number in range(wanted + (SPARE if wanted > 1 else 0)):
        run = demo.run(case, "emu", capture if number == 0 else "")
        usable += run is not None and run.validity != "invalid"
        if usable == wanted:
            return


def cases(sizes: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(size, loss) for loss in LOSSES for size in sizes]


def twins(sizes: tuple[str, ...]) -> list[tuple[str, str]]:
    return [case for case in TWINS if case[0] in sizes]


def table(demo: Demo, drivers: tuple[str, ...]) -> list[dict[str, Any]]:
    """Rows of the closing tables: per case goodput and completion time of the client."""
    from twinpath_analysis.cases import comparison, group
    from twinpath_analysis.queries import Results

    wanted = {run.run_id for run in demo.runs if run.driver in drivers}
    rows = []
    with Results(demo.db) as results:
        runs = [row for row in results.runs() if row.run_id in wanted]
        for case in group(results, runs):
            frame = comparison(results, case)
            frame = frame[frame["entity"].str.startswith("client/")]
            left_out = len(case.of("emu", usable=False)) - len(case.of("emu"))
            for row in frame[frame["metric"].isin(["goodput_bps", "fct_s"])].to_dict("records"):
                rows.append({"case": case.title, "left_out": left_out, **row})
    return rows


def print_table(demo: Demo, drivers: tuple[str, ...]) -> list[dict[str, Any]]:
    """sim alone first, then emu beside it with the error."""
    from twinpath_analysis.tables import plain_table
    from twinpath_analysis.units import percent, show

    rows = table(demo, drivers)
    both = len(drivers) > 1
    columns = ["case", "metric", "sim>", *(["emu>", "error>", "n>"] if both else [])]
    cells = []
    for row in rows:
        emu = show(row["emu"], row["unit"])
        if emu == "–" and row["left_out"]:
            emu = "invalid"
        cells.append([row["case"], row["metric"], show(row["sim"], row["unit"]),
                      *([emu, percent(row["rel_error"]), int(row["n"])] if both else [])])
    if not demo.quiet:
        with until_closed():
            console.print(plain_table(columns, cells))
    return rows


def check_captures(demo: Demo) -> None:
    """tshark's opinion of every capture this demo wrote."""
    demo.captures = check_all(demo.pcap)
    if not demo.captures:
        demo.say("captures are not checked: tshark is missing (sudo apt-get install tshark)")
        return
    for capture in demo.captures:
        if not capture.clean:
            what = capture.error or (capture.bad[0] if capture.bad else "holds no frame")
            demo.problems.append(Problem(capture.path, "", f"tshark: {what}"))
    good = sum(capture.clean for capture in demo.captures)
    frames = sum(capture.frames for capture in demo.captures)
    demo.say(f"tshark: {good} of {len(demo.captures)} captures clean, {frames} frames: no "
             "malformed frame, no bad checksum" if good == len(demo.captures) else
             f"tshark: {good} of {len(demo.captures)} captures clean")


def closing(demo: Demo) -> None:
    """What was written, what it does not say, what to try next."""
    validity = [run.validity for run in demo.runs if run.driver == "emu"]
    for word in ("suspect", "invalid"):
        if word in validity:
            demo.say(f"[yellow]{validity.count(word)} of {len(validity)} emulations are {word}[/]; "
                     "the report names the rules (this machine was busy)")
    if not demo.root:
        demo.say("Without root this ran over net_ring. As root it adds the Linux kernel as the "
                 "peer: nginx against our client, curl against our server: sudo ./twinpath demo")
    if demo.root:
        demo.say("Rows without a server_stack predict nginx on Linux with our TCP in its place: "
                 "what Linux does differently (pacing, its buffers) is part of their error. Rows "
                 "with server_stack twinpath run the same code under both clocks.")
    demo.say("CPU time is not modelled yet: what our code costs on a core is part of the error.")
    demo.say(f"\nwrote {demo.db}, {demo.report}, {demo.pcap}/")
    demo.say("Try next:")
    for command, what in NEXT:
        demo.say(f"  {command:<62} [dim]{what}[/]")


def _folder(out: str) -> str:
    folder = os.path.abspath(out)
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        problem = Problem("--out", out, f"cannot make {out}: {error.strerror}")
        raise ConfigError([problem]) from error
    shutil.rmtree(os.path.join(folder, "pcap"), ignore_errors=True)
    return folder


@app.callback()
def _frame() -> None:
    """Keeps `demo` a sub-command."""


@app.command("demo", help="One transfer in ns-3 and on DPDK, side by side: writes results.db, "
                          "report.html and pcap/.")
def demo_command(out: str = typer.Option(".", "--out", metavar="FOLDER"),
                 quick: bool = typer.Option(False, "--quick", help="two sizes only"),
                 root: bool = typer.Option(True, "--root/--no-root", help="use root's rights"),
                 as_json: bool = JSON) -> int:
    from twinpath_analysis.report import write_report

    demo = Demo(_folder(out), root and os.geteuid() == 0, as_json)
    transfer = discover.find("web_transfer")
    sizes = ("10kB", "1MB") if quick else SIZES
    demo.say("An HTTP client on our TCP fetches files over 100 Mb/s and 10 ms one way, "
             "content checked by SHA-256.\n")
    simulate(demo, transfer, sizes)
    print_table(demo, ("sim",))
    emulate(demo, transfer, sizes)
    rows = print_table(demo, ("sim", "emu"))
    check_captures(demo)
    write_report(demo.db, [run.run_id for run in demo.runs], demo.report)
    closing(demo)
    for problem in demo.problems:
        errors.print(f"[bold red]error:[/] {escape(str(problem))}")
    if as_json:
        with until_closed():
            print_json({"schema": "twinpath.demo/1", "db": demo.db, "report": demo.report,
                        "runs": [run.run_id for run in demo.runs], "cases": rows,
                        "captures": [asdict(c) for c in demo.captures],
                        "problems": [p.as_dict() for p in demo.problems]})
    if demo.problems:
        return 3
    usable = [run for run in demo.runs if run.driver == "emu" and run.validity != "invalid"]
    return 0 if usable else NoVerdict.exit_code
