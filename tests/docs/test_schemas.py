"""The JSON Schemas of docs/schemas hold what the commands print, and refuse what they do not."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pages import PYTHON, ROOT

SCHEMAS = ROOT / "docs" / "schemas"
NAMES = sorted(path.stem for path in SCHEMAS.glob("*.json"))
COMMAND_TIMEOUT_S = 900  # the first bench builds the benches
SMALL = ("web_transfer", "-p", "size=20kB", "-p", "loss=1%", "-p", "server_stack=twinpath")
GATE = """import twinpath as tp
from twinpath.discover import find
suite = tp.suite("shape")
suite.add(find("web_transfer")(size="20kB"), driver="sim", seeds=[1, 2],
          expect=[tp.same("fingerprint"), tp.at_most("verify_errors", 0), tp.at_most("fct_s", 0)])
"""


def schema(name: str) -> dict[str, Any]:
    return json.loads((SCHEMAS / f"{name}.json").read_text())


def holds(name: str, value: Any) -> None:
    """Fails with the path in the object that the schema does not allow."""
    checker = jsonschema.Draft202012Validator(schema(name))
    wrong = [f"{error.json_path}: {error.message}" for error in checker.iter_errors(value)]
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def said(tmp_path: Path):
    """What a command prints with --json, and its exit code."""

    def run(*words: str, program: Path = ROOT / "twinpath") -> tuple[Any, int]:
        first = [PYTHON, str(program)] if program.suffix == ".py" else [str(program)]
        ran = subprocess.run([*first, *words, "--json"], cwd=tmp_path, text=True,
                             capture_output=True, timeout=COMMAND_TIMEOUT_S, check=False,
                             env={**os.environ, "TERM": "dumb"})
        assert ran.stdout, ran.stderr[-2000:]
        return json.loads(ran.stdout), ran.returncode

    return run


@pytest.mark.parametrize("name", NAMES)
def test_schemas_are_schemas_with_their_name(name: str) -> None:
    found = schema(name)
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["$id"] == f"urn:twinpath:{name}:1"
    assert found["properties"]["schema"]["const"] == f"twinpath.{name}/1"


def test_run_show_rerun(said) -> None:
    value, code = said("run", *SMALL)
    assert code == 0 and value["status"] == "done"
    holds("run", value)
    for words in (("show", "1"), ("show", "1", "--table", "drop_count"), ("rerun", "1")):
        holds("run", said(*words)[0])
    for row in said("show")[0]["runs"]:
        holds("run", row)


def test_an_emulated_run(said) -> None:
    value, _ = said("run", *SMALL, "--driver", "emu", "--testbed", "net_ring")
    assert value["validity"] in ("valid", "suspect", "invalid")
    holds("run", value)


@pytest.mark.parametrize("words, code, status", [
    (("run", "web_transfer", "-p", "loss=2"), 2, "refused"),
    (("run", *SMALL, "--timeout", "0.0001"), 3, "timeout"),
    (("show", "1", "--db", "none.db"), 2, "refused"),
    (("frobnicate",), 2, "refused"),
])
def test_failures(said, words: tuple[str, ...], code: int, status: str) -> None:
    value, ended = said(*words)
    assert (ended, value["status"]) == (code, status) and value["problems"]
    holds("run", value)


def test_check(said, tmp_path: Path) -> None:
    (tmp_path / "gate.py").write_text(GATE)
    holds("check", said("check", "gate.py", "--update", "--reason", "first")[0])
    value, code = said("check", "gate.py")
    assert code == value["exit_code"] == 1
    assert {row["verdict"] for row in value["rows"]} == {"pass", "fail"}
    holds("check", value)


def test_accept(said) -> None:
    value, _ = said("03.merge", program=ROOT / "tests" / "accept" / "accept.py")
    assert [line["id"] for line in value["lines"]] == ["merge"]
    holds("accept", value)


@pytest.mark.parametrize("driver", ["sim", "emu"])
def test_plans_of_every_scenario(driver: str) -> None:
    folders = ROOT / "bindings", ROOT / "build" / "release" / "bindings", ROOT / "analysis"
    sys.path[:0] = map(str, folders)
    from twinpath import discover
    from twinpath.costs import with_costs

    for name in discover.names():
        plan = discover.find(name)().plan(driver)
        holds("plan", json.loads(plan.json))
        if driver == "sim":
            holds("plan", json.loads(with_costs(plan, "constant:2us").json))


def test_what_is_not_so_is_refused(said) -> None:
    value, _ = said("run", *SMALL)
    for change in ({"status": "fine"}, {"fingerprint": "123"}, {"extra": 1}, {"seed": -1},
                   {"problems": ["text"]}, {"metrics": {"fct_s": {"value": 1}}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**copy.deepcopy(value), **change}, schema("run"))


def test_scripts(said, tmp_path: Path) -> None:
    (tmp_path / "a.pkt").write_text("0 socket(..., SOCK_STREAM, 0) = 3\n+0 listen(3, 1) = 1\n")
    value, code = said("script", "a.pkt", str(ROOT / "tests" / "scripts" / "tcp" / "OPEN-03.pkt"))
    assert code == 1 and value["passed"] == 1 and value["scripts"][0]["line"] == 2
    holds("script", value)
