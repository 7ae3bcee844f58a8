"""The framework itself: verdicts, exit codes, the shape of the JSON, no promise missing."""

from __future__ import annotations

import json
import sys
import types

import accept
import pytest
from promise import Answer, Promise, run, scratch

PASSING = Promise("good", "true", "passes", lambda quick: Answer("fine"))
FAILING = Promise("bad", "false", "passes", lambda quick: Answer("broken", ["it broke"]))
BUSY = Promise("busy", "true", "passes", lambda quick: Answer("?", undecided="machine too busy"))
SLOW = Promise("slow", "sleep", "passes", lambda quick: Answer("fine"), long=True)
ISSUE_02 = {"demo", "transfer", "swarm", "determinism", "bench", "sanitize", "tidy", "outside"}
ISSUE_03 = {"contrib", "resume", "dask", "study-overhead", "merge", "report-1000", "testbed"}
ISSUE_03 |= {"diff", "replay", "pcapng", "report", "recover", "tour", "docs"}


@pytest.fixture
def issue(monkeypatch):
    """An issue 99 made of the given promises."""

    def make(*promises: Promise) -> None:
        monkeypatch.setitem(sys.modules, "accept_99", types.SimpleNamespace(PROMISES=promises))
        monkeypatch.setattr(accept, "known_issues", lambda: ["99"])

    return make


@pytest.mark.parametrize(
    "promises, code",
    [((PASSING,), 0), ((PASSING, FAILING), 1), ((PASSING, BUSY), 4), ((BUSY, FAILING), 1)],
)
def test_exit_code_is_the_worst_verdict(promises, code: int, issue) -> None:
    issue(*promises)
    assert accept.main(["99"]) == code


def test_json_has_every_field(issue, capsys) -> None:
    issue(PASSING, FAILING)
    accept.main(["99", "--json"])
    said = json.loads(capsys.readouterr().out)
    assert [line["verdict"] for line in said["lines"]] == ["pass", "fail"]
    assert set(said["lines"][0]) == {"id", "command", "measured", "bound", "verdict", "long"}


def test_quick_says_what_it_leaves_out(issue, capsys) -> None:
    issue(PASSING, SLOW)
    assert accept.main(["99", "--quick", "--json"]) == 0
    said = capsys.readouterr()
    assert (
        json.loads(said.out)["left_out"] == ["slow"] and "left out by --quick: 99.slow" in said.err
    )


def test_an_unknown_line_is_a_usage_error(issue) -> None:
    issue(PASSING)
    with pytest.raises(SystemExit) as stopped:
        accept.main(["99.none"])
    assert stopped.value.code == 2


def test_every_promise_of_the_first_run_is_there() -> None:
    assert {p.id for p in accept.promises("02")} == ISSUE_02
    assert {p.id for p in accept.promises("03")} >= ISSUE_03


def test_a_command_that_fails_is_seen() -> None:
    with scratch("test") as folder:
        assert run(["sh", "-c", "echo out; echo err >&2; exit 3"], cwd=folder).code == 3
        assert folder.is_dir()
    assert not folder.exists()
