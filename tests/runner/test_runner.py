"""The runner counts what the tools report, and a broken tool is a failure, never silence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from outcome import Case, Outcome, read_junit
from tiers import TIERS, Context, from_report

CTEST = """<testsuite>
<testcase name="unit.A" classname="unit.A" status="run"/>
<testcase name="unit.B" classname="unit.B" status="fail"><failure message=""/>
<system-out>expected 1, got 2</system-out></testcase>
<testcase name="unit.C" classname="unit.C"><skipped message="SKIP_REGULAR_EXPRESSION"/>
<system-out>a_test.cc:3: Skipped
needs root</system-out></testcase></testsuite>"""
PYTEST = """<testsuites><testsuite>
<testcase classname="tests.t" name="one"/>
<testcase classname="tests.t" name="two"><error message="boom">trace</error></testcase>
<testcase classname="tests.t" name="three"><skipped message="no hugepages"/></testcase>
</testsuite></testsuites>"""


@pytest.mark.parametrize("text, reason", [(CTEST, "needs root"), (PYTEST, "no hugepages")])
def test_reports_are_counted(text: str, reason: str, tmp_path: Path) -> None:
    report = tmp_path / "r.xml"
    report.write_text(text)
    outcome = read_junit(report)
    assert str(outcome) == "1 passed, 1 failed, 1 skipped"
    assert outcome.skipped[0].skipped == reason


def test_the_output_of_a_failure_is_shown(tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_text(CTEST)
    assert "expected 1, got 2" in (read_junit(tmp_path / "r.xml").failed[0].problem or "")


def test_a_tool_that_dies_without_a_report_fails(tmp_path: Path) -> None:
    outcome = from_report(tmp_path / "none.xml", "unit", 139, "segmentation fault")
    assert "segmentation fault" in (outcome.failed[0].problem or "")


def test_a_tool_that_ends_badly_after_good_cases_fails(tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_text("<testsuite><testcase name='a'/></testsuite>")
    assert (
        str(from_report(tmp_path / "r.xml", "unit", 1, "leak")) == "1 passed, 1 failed, 0 skipped"
    )
    assert str(from_report(tmp_path / "r.xml", "unit", 0, "")) == "1 passed, 0 failed, 0 skipped"


def test_outcomes_add_up() -> None:
    total = Outcome([Case("a")]) + Outcome([Case("b", problem="x"), Case("c", skipped="y")])
    assert str(total) == "1 passed, 1 failed, 1 skipped"


def test_a_command_that_hangs_is_stopped(tmp_path: Path) -> None:
    context = Context(quick=True, reports=tmp_path)
    code, output = context.run(["sleep", "20"], "hang", timeout_s=1)
    assert code == 124 and "stopped after 1 s" in output


def test_every_tier_has_its_own_name() -> None:
    assert len({t.name for t in TIERS}) == len(TIERS)


def test_every_folder_of_tests_is_a_tier_or_named_here() -> None:
    tests = Path(__file__).resolve().parents[1]
    helpers = {"bench", "fakes", "support", "golden", "scripts", "data"}
    folders = {
        e.name for e in os.scandir(tests) if e.is_dir() and not e.name.startswith(("_", "."))
    }
    assert folders - helpers <= {Path(t.sources).name for t in TIERS}
