"""Expectations, verdicts and baselines: pure, no run."""

from __future__ import annotations

import json
import math
import select
import sqlite3
import threading
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sample_db
import twinpath as tp
from twinpath.checks import runner
from twinpath.checks.baseline import Baseline, Baselines
from twinpath.checks.judge import FAIL, NEW, NO_VERDICT, PASS, Sample, judge
from twinpath.checks.outcome import Outcome, Row
from twinpath.checks.seeds import default_jobs, run_seeds
from twinpath.discover import find
from twinpath_analysis.compare import ComparisonRow, store_rows
from twinpath_analysis.stats import summarize

SECONDS = {"unit": "s", "better": "lower"}
NOISE = tuple(1.0 + step / 100 for step in range(-3, 4))  # seven values around 1 s, 3 % each way


def seconds(*values: float) -> Sample:
    return Sample(values, names=tuple(f"seed {i + 1}" for i in range(len(values))), **SECONDS)


def scaled(factor: float) -> Sample:
    return seconds(*(value * factor for value in NOISE))


def test_same_is_exact_and_names_the_run() -> None:
    expect = tp.same("fct_s")
    assert judge(expect, seconds(1.0, 2.0), seconds(1.0, 2.0), False).verdict == PASS
    judged = judge(expect, seconds(1.0, 2.0000000000000004), seconds(1.0, 2.0), False)
    assert judged.verdict == FAIL and judged.differing == (1,)
    assert "seed 2" in judged.message and "baseline 2 s" in judged.message
    assert "2.0000000000000004" in judged.message
    assert judge(expect, seconds(1.0), seconds(1.0, 2.0), False).verdict == FAIL


def test_fingerprints_are_compared_as_texts() -> None:
    first, other = Sample(("00000000000000ff",)), Sample(("00000000000000fe",))
    assert judge(tp.same("fingerprint"), first, first, False).verdict == PASS
    judged = judge(tp.same("fingerprint"), first, other, False)
    assert judged.verdict == FAIL and "00000000000000fe" in judged.message


@pytest.mark.parametrize("value, verdict", [(1.0, PASS), (1.02, PASS), (1.021, FAIL), (0.1, PASS)])
def test_tolerance_has_a_direction(value: float, verdict: str) -> None:
    assert judge(tp.no_worse("fct_s", rel="2%"), seconds(value), seconds(1.0), False
                 ).verdict == verdict
    rate = Sample((1 / value,), "bit/s", "higher")
    assert judge(tp.no_worse("goodput_bps", rel=0.0205), rate, Sample((1.0,), "bit/s", "higher"),
                 False).verdict == verdict


def test_tolerance_may_be_absolute_and_none_means_none() -> None:
    assert judge(tp.no_worse("fct_s", abs="5ms"), seconds(1.005), seconds(1.0), False
                 ).verdict == PASS
    assert judge(tp.no_worse("fct_s", abs=0.005), seconds(1.006), seconds(1.0), False
                 ).verdict == FAIL
    assert judge(tp.no_worse("fct_s"), seconds(1.0000001), seconds(1.0), False).verdict == FAIL


@pytest.mark.parametrize("factor, verdict", [
    (1.0, PASS),         # 0.97 .. 1.03 against 1.05
    (1.04, NO_VERDICT),  # 1.01 .. 1.07: the bound lies inside
    (1.10, FAIL),        # 1.07 .. 1.13: wholly beyond
    (0.5, PASS)])
def test_emulations_fail_only_wholly_beyond_the_bound(factor: float, verdict: str) -> None:
    judged = judge(tp.no_worse("fct_s", rel="5%"), scaled(factor), seconds(*NOISE), True)
    assert judged.verdict == verdict, judged.message
    assert judged.n == 7 and judged.bound == pytest.approx(1.05)
    assert (judged.lo, judged.hi) == (min(scaled(factor).values), max(scaled(factor).values))


def test_too_few_emulations_have_no_verdict() -> None:
    judged = judge(tp.no_worse("fct_s", rel="5%"), seconds(*(9.0,) * 6), seconds(*NOISE), True)
    assert judged.verdict == NO_VERDICT and "6 valid emulations are too few" in judged.message


@given(st.lists(st.floats(0.5, 2.0), min_size=7, max_size=40), st.floats(0.5, 2.0))
def test_an_interval_verdict_is_never_wrong_about_its_own_ends(values, bound: float) -> None:
    judged = judge(tp.at_most("fct_s", bound), seconds(*values), None, True)
    summary = summarize(values)
    assert judged.verdict == (PASS if summary.hi <= bound else FAIL if summary.lo > bound
                              else NO_VERDICT)


def test_limits_need_no_baseline() -> None:
    assert judge(tp.at_most("fct_s", "1s"), seconds(1.0), None, False).verdict == PASS
    assert judge(tp.at_most("fct_s", "999ms"), seconds(1.0), None, False).verdict == FAIL
    assert judge(tp.at_least("fct_s", "1001ms"), seconds(1.0), None, False).verdict == FAIL
    with pytest.raises(tp.ConfigError, match="the limit is in byte, fct_s in s"):
        judge(tp.at_most("fct_s", "1kB"), seconds(1.0), None, False)
    lost = Sample((0.02,), "fraction", "lower")
    assert judge(tp.at_most("lost_fraction", "1%"), lost, None, False).verdict == FAIL


def test_a_missing_metric_fails_and_a_new_one_is_new() -> None:
    missing = judge(tp.same("fct_s"), None, seconds(1.0), False)
    assert missing.verdict == FAIL and missing.message.startswith("missing")
    new = judge(tp.no_worse("fct_s"), seconds(1.0), None, False)
    assert new.verdict == NEW and "--update --reason" in new.message


def test_a_metric_without_a_better_side_has_no_worse() -> None:
    sample = Sample((1.0,), "", "neither")
    with pytest.raises(tp.ConfigError, match="no better side"):
        judge(tp.no_worse("turns"), sample, sample, False)


@pytest.mark.parametrize("make, piece", [
    (lambda: tp.no_worse("x", rel=0.1, abs=1), "rel or abs, not both"),
    (lambda: tp.no_worse("x", rel="much"), "is not a fraction"),
    (lambda: tp.no_worse("x", rel=-1), "is not a fraction"),
    (lambda: tp.no_worse("x", rel=2), r"rel 2 has no unit \('2%' or '200%'\)"),
    (lambda: tp.no_worse("x", abs="1"), "'1' is not a number with a unit"),
    (lambda: tp.no_worse("x", abs=-1), "abs must be 0 or more"),
    (lambda: tp.no_worse("x", confidence=1), "is not a confidence"),
    (lambda: tp.at_most("x", "5 parrots"), "not a number with a unit"),
    (lambda: tp.suite("a/b"), "is not a name"),
])
def test_bad_expectations_are_refused(make, piece: str) -> None:
    with pytest.raises(tp.ConfigError, match=piece):
        make()


@pytest.mark.parametrize("options, piece", [
    ({"driver": "sim", "seeds": [1], "reps": 3}, "seeds or reps, not both"),
    ({"driver": "sim", "reps": 3}, "give seeds"),
    ({"driver": "sim", "seeds": []}, "no run"),
    ({"driver": "sim", "seeds": [1, 1]}, "stands twice"),
    ({"driver": "sim", "seeds": [-1]}, "is not a seed"),
    ({"driver": "smi"}, "did you mean 'sim'"),
    ({"driver": "sim", "expect": ["fct_s"]}, "is not an expectation"),
    ({"driver": "sim", "expect": [tp.at_most("fingerprint", 1)]}, "same or not"),
    ({"driver": "emu", "expect": [tp.same("fingerprint")]}, "never repeats"),
    ({"driver": "emu", "reps": 6, "expect": [tp.no_worse("fct_s")]}, "needs 7 emulations"),
    ({"driver": "emu", "reps": 7, "expect": [tp.no_worse("fct_s", confidence=0.99)]},
     "needs 8 emulations"),
    ({"driver": "sim", "costs": "measured"}, "no profile and no file"),
    ({"driver": "emu", "costs": "constant:2us"}, "is for simulations"),
])
def test_adding_says_what_is_wrong(options: dict, piece: str) -> None:
    suite = tp.suite("s")
    with pytest.raises(tp.ConfigError, match=piece):
        suite.add(find("udp_echo")(), **options)
    assert suite.entries == []


def test_entries_are_named_by_what_tells_them_apart() -> None:
    echo, suite = find("udp_echo"), tp.suite("s")
    suite.add(echo(), driver="sim")
    suite.add(echo(loss="1%", count=3), driver="sim", tags=["few"])
    suite.add(echo(), driver="emu", expect=[tp.no_worse("latency_p50_s", rel=0.1)])
    assert [e.name for e in suite.entries] == ["udp_echo-sim", "udp_echo-count=3,loss=1%-sim",
                                               "udp_echo-emu"]
    assert len(suite.entries[2].seeds) == 7
    assert [e.name for e in suite.choose("few")] == ["udp_echo-count=3,loss=1%-sim"]
    with pytest.raises(tp.ConfigError, match="already has an entry"):
        suite.add(echo(), driver="sim")
    suite.add(echo(), driver="sim", costs="constant:2us")
    free, priced = suite.entries[0].subject(), suite.entries[3].subject()
    assert priced["entry"] == "udp_echo-costs=constant:2us-sim"
    assert (free["profile"], free["profile_sha256"]) == ("zero", None)
    assert priced["profile"] == "constant:2us" and len(priced["profile_sha256"]) == 64
    assert priced["plan_sha256"] != free["plan_sha256"]


def test_a_baseline_is_sorted_text_and_comes_back_equal(tmp_path: Path) -> None:
    kept = Baselines(tmp_path, "s")
    baseline = Baseline({"plan_sha256": "p", "driver": "sim"},
                        {"fct_s": Sample((1.0, 2.5), "s", "lower"),
                         "fingerprint": Sample(("00000000000000ff", "0f"))}, "me", "because")
    text = kept.put("one", baseline).read_text()
    data = json.loads(text)
    assert list(data) == sorted(data) and data["who"] == "me" and data["why"] == "because"
    assert data["metrics"]["fct_s"] == {"better": "lower", "median": 1.75, "n": 2,
                                        "spread": [1.0, 2.5], "unit": "s", "values": [1.0, 2.5]}
    assert kept.get("one") == baseline and baseline.equals(kept.get("one"))
    assert kept.get("two") is None and kept.orphans(set()) == [kept.path("one")]
    kept.path("one").write_text(text[:40])
    with pytest.raises(tp.ConfigError, match="is not a baseline"):
        kept.get("one")


def row(verdict: str, metric: str = "fct_s", message: str = "m") -> Row:
    return Row("s", "e", metric, verdict, message, "./twinpath check gate.py --only e")


@pytest.mark.parametrize("verdicts, code", [
    ((PASS, NEW), 0), ((PASS, FAIL, NO_VERDICT, "error"), 1), ((NO_VERDICT, "error"), 3),
    ((PASS, NO_VERDICT), 4)])
def test_the_exit_code_is_the_worst_verdict(verdicts: tuple[str, ...], code: int) -> None:
    assert Outcome([row(verdict) for verdict in verdicts]).exit_code == code


def test_junit_has_a_case_per_metric_with_its_command(tmp_path: Path) -> None:
    outcome = Outcome([row(PASS, "a"), row(FAIL, "b", "changed: <1> \x1b[31m"), row("error", "run"),
                       row(NO_VERDICT, "c", "too wide"), row(NEW, "d")], seconds={"e": 1.5})
    outcome.junit(str(tmp_path / "j.xml"))
    suite = ElementTree.parse(tmp_path / "j.xml").getroot().find("testsuite")
    assert suite is not None
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "5", "failures": "1", "errors": "1", "skipped": "1"}
    cases = {case.get("name"): case for case in suite}
    assert cases["b"].find("failure").get("message") == "changed: <1> [31m"
    assert cases["c"].find("skipped").get("message") == "no verdict: too wide"
    assert all("./twinpath check gate.py --only e" in case.findtext("system-out")
               for case in suite)


def test_comparison_rows_replace_those_of_the_same_case(tmp_path: Path) -> None:
    db = str(sample_db.make(tmp_path / "sample.db"))
    for verdict in ("pass", "fail"):
        store_rows(db, "baseline", "s/e", [
            ComparisonRow("goodput_bps", "*", 90.0, 100.0, 80.0, 95.0, 7, 98.0, verdict),
            ComparisonRow("fingerprint", "*", math.nan, math.nan, math.nan, math.nan, 1)])
    rows = sqlite3.connect(db).execute(
        "SELECT name, a, b, rel, bound, n, verdict FROM comparison JOIN metric USING (metric_id) "
        "WHERE comparison.kind = 'baseline' ORDER BY name").fetchall()
    assert rows == [("fingerprint", None, None, None, None, 1, "info"),
                    ("goodput_bps", 90.0, 100.0, pytest.approx(-0.1), 98.0, 7, "fail")]


def test_seeds_run_side_by_side_and_come_in_their_order() -> None:
    together, taken = threading.Barrier(3), []

    def once(seed: int, stop_fd: int) -> int:
        together.wait(20)
        time.sleep(0.1 * (3 - seed))
        return seed

    run_seeds(once, [1, 2, 3], 3, taken.append)
    assert taken == [1, 2, 3]
    run_seeds(lambda seed, stop_fd: seed, [4, 5], 1, taken.append)
    assert taken == [1, 2, 3, 4, 5]


def test_a_seed_that_fails_ends_the_others() -> None:
    stopped, taken = [], []

    def once(seed: int, stop_fd: int) -> int:
        if seed == 2:
            raise tp.RunFailed("seed 2")
        if seed == 3:
            stopped.append(bool(select.select([stop_fd], [], [], 20)[0]))
        return seed

    with pytest.raises(tp.RunFailed, match="seed 2"):
        run_seeds(once, [1, 2, 3], 3, taken.append)
    assert taken == [1] and stopped == [True]


def test_emulations_run_alone_whatever_is_asked(monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(runner, "run_seeds", lambda once, seeds, jobs, take: asked.append(jobs))
    suite = tp.suite("s")
    for driver in ("sim", "emu"):
        suite.add(find("udp_echo")(), driver=driver)
    for jobs in (5, None):
        options = runner.Options(jobs=jobs, retries=0)
        for entry in suite.entries:
            runner.EntryCheck(entry, Baselines(Path("none"), "s"), options).run()
    assert asked == [5, 1, default_jobs(), 1] and default_jobs() >= 1


def test_adding_says_everything_that_is_wrong() -> None:
    with pytest.raises(tp.ConfigError) as refused:
        tp.suite("s").add(5, driver="sim", reps=1.5, expect=[3], tags=7, testbed="veth",
                          name=["x"])
    fields = [problem.field for problem in refused.value.problems]
    assert fields == ["case", "name", "reps", "tags", "testbed", "expect"]
