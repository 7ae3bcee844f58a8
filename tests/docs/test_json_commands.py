"""Every command has --json, prints one object with it, and that object has a schema it holds to."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pages import PYTHON, ROOT
from test_schemas import COMMAND_TIMEOUT_S, GATE, NAMES, SMALL, holds

BUILD = Path(os.environ.get("TWINPATH_BUILD") or ROOT / "build" / "release")
CLI = ROOT / "bindings" / "twinpath" / "cli"
TRANSFER = shlex.join(SMALL)
NO_VERDICT = 4
HAND_OVER = {"python", "notebook"}  # what they start decides what is printed

# Command -> lines of it, each with the object it prints. {log} is a turn log. Runs 1 and 2 of
# results.db are simulations, 3 an emulation.
CALLS: dict[str, list[tuple[str, str]]] = {
    "setup": [("setup", "doctor")],
    "doctor": [("doctor", "doctor")],
    "test": [("test runner", "test"), ("test none", "run")],
    "accept": [("accept 03.merge", "accept"), ("accept 03.none", "run"), ("accept 99", "run"),
               ("accept 03 --no", "run")],
    "docs": [("docs", "docs")],
    "demo": [("demo --quick --no-root --out demo", "demo")],
    "list": [("list", "list")],
    "run": [(f"run {TRANSFER} --db other.db", "run"), ("run web_transfer --help", "scenario"),
            (f"run {TRANSFER} --dry-run", "steps"), ("run web_transfer -p los=1", "run")],
    "compare": [("compare 1 3 --repeats 1", "comparison")],
    "sweep": [("sweep udp_echo -g count=5,6 --seeds 1..2 --db study.db", "study"),
              ("sweep udp_echo -p count=20 --timeout 0.0001 --db late.db", "study")],
    "check": [("check gate.py --update --reason first", "check"), ("check gate.py", "check")],
    "show": [("show", "runs"), ("show 1", "run"), ("show 3 --table validity", "run")],
    "rerun": [("rerun 1 --db other.db", "run")],
    "report": [("report 1 -o one.html", "report")],
    "plot": [("plot goodput_bps -x loss -o one.pdf", "plot")],
    "explain": [("explain", "glossary"), ("explain goodput_bps", "metric")],
    "export": [("export", "export"), ("export --table drop_count", "export"),
               ("export -o runs.csv", "export"), ("export 1 --perfetto one.json", "export")],
    "bench": [("bench", "benches"), ("bench forward --point no-huge", "bench")],
    "impair": [("impair net_null0 net_null1 --duration 200ms", "impair")],
    "ports": [("ports", "ports")],
    "testbed": [("testbed check net_ring", "testbed"), ("testbed show net_ring", "testbed"),
                ("testbed clean --dry-run", "steps"), ("testbed show no.toml", "run")],
    "replay": [("replay {log}", "replay")],
    "script": [("script {scripts}/OPEN-03.pkt", "script"), ("script none.pkt", "script")],
    "diff": [("diff 1 2", "diff"), ("diff 1 1", "diff")],
    "--help": [("--help", "commands"), ("", "commands")],
    "version": [("version", "version"), ("--version", "version")],
    "contract": [("contract", "run")],
}
LINES = [pytest.param(line, name, id=line.split(" -p")[0] or "nothing")
         for calls in CALLS.values() for line, name in calls]


@dataclass
class Desk:
    """A folder with runs in it, and the command line there."""

    folder: Path
    log: str = ""

    def say(self, line: str) -> tuple[Any, int]:
        """The object a line prints with --json, and the exit code."""
        paths = (ROOT / "bindings", BUILD / "bindings", ROOT / "analysis")
        environment = {**os.environ, "TERM": "dumb", "TWINPATH_ROOT": str(ROOT),
                       "TWINPATH_BUILD": str(BUILD), "PYTHONPATH": ":".join(map(str, paths))}
        words = shlex.split(line.format(log=shlex.quote(self.log),
                                        scripts=ROOT / "tests" / "scripts" / "tcp"))
        ran = subprocess.run([PYTHON, "-m", "twinpath", *words, "--json"], cwd=self.folder,
                             env=environment, capture_output=True, text=True, check=False,
                             timeout=COMMAND_TIMEOUT_S)
        assert ran.stdout, ran.stderr[-2000:]
        return json.loads(ran.stdout), ran.returncode


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    (desk.folder / "gate.py").write_text(GATE)
    for seed in (1, 2):
        value, code = desk.say(f"run {TRANSFER} --seed {seed}")
        assert code == 0, value
    value, _ = desk.say(f"run {TRANSFER} --driver emu --testbed net_ring --turn-log")
    desk.log = next(path for path in value["artifacts"] if path.endswith(".turnlog"))
    value, code = desk.say(f"run {TRANSFER} --db other.db")
    assert code == 0, value
    return desk


@pytest.mark.timeout(COMMAND_TIMEOUT_S)
@pytest.mark.parametrize("line, name", LINES)
def test_a_command_prints_the_object_it_says(line: str, name: str, desk: Desk) -> None:
    value, code = desk.say(line)
    found = value["schema"].removeprefix("twinpath.").removesuffix("/1")
    if code == NO_VERDICT and found == "run" != name:
        holds("run", value)
        pytest.skip(f"{line}: no verdict on this machine: {value['problems']}")
    assert found == name, value
    holds(name, value)


def test_no_line_runs_this_file() -> None:
    """Neither all tiers nor that of the handbook, and of the promises one that is short."""
    tiers = [shlex.split(line)[1:] for line, _ in CALLS["test"]]
    assert all(tier and "docs" not in tier for tier in tiers)
    assert all("." in line or name == "run" for line, name in CALLS["accept"])


def commands() -> set[str]:
    tree = ast.parse((CLI / "app.py").read_text())
    values = [node.value for node in tree.body if isinstance(node, ast.Assign)
              and getattr(node.targets[0], "id", "") == "COMMANDS"]
    return set(ast.literal_eval(values[0]))


def test_every_command_is_called_here() -> None:
    assert commands() - HAND_OVER <= set(CALLS)


def test_every_object_has_a_schema_and_every_schema_an_object() -> None:
    sources = [*CLI.glob("*.py"), ROOT / "bindings" / "twinpath" / "diff.py",
               ROOT / "bindings" / "twinpath" / "checks" / "outcome.py"]
    printed = {name for path in sources
               for name in re.findall(r'"twinpath\.([a-z]+)/1"', path.read_text())}
    assert printed <= set(NAMES), printed - set(NAMES)
    shown = {name for calls in CALLS.values() for _, name in calls}
    assert set(NAMES) - shown == {"plan"}  # of no command; test_schemas holds it to every scenario


def test_the_page_names_every_schema_and_every_command() -> None:
    page = (ROOT / "docs" / "json.md").read_text()
    rows = re.findall(r"^\| `twinpath\.([a-z]+)/1` \| (.*?) \| \[.*?\]\(schemas/\1\.json\) \|",
                      page, re.MULTILINE)
    assert {name for name, _ in rows} == set(NAMES)
    told = set(re.findall(r"`(\w+)[ `]", " ".join(by for _, by in rows)))
    assert commands() - HAND_OVER <= told, commands() - HAND_OVER - told
