"""Figures and pairs of a study with known values."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as peer

import sample_db
import twinpath as tp
from twinpath_analysis.paired import paired
from twinpath_analysis.plots import Wanted, study_figure
from twinpath_analysis.stats import mean_of, t_test

METRICS = pd.DataFrame({"name": ["goodput_bps", "fct_s"], "unit": ["bit/s", "s"],
                        "better": ["higher", "lower"]})
VALUES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30)


def frame(gain: float = 1e6) -> pd.DataFrame:
    rows = [{"run_id": 0, "driver": "sim", "seed": seed, "congestion": name, "loss": loss,
             "goodput_bps": 10e6 + seed * 1e5 - loss * 1e8 + (gain if name == "reno" else 0)
             + (seed * 7 + int(loss * 100)) % 3 * 1e4 * (name == "reno"), "fct_s": 1.0 / seed}
            for seed in range(1, 6) for name in ("cubic", "reno") for loss in (0.0, 0.01)]
    return pd.DataFrame(rows)


def by(**side: object) -> tuple[dict, dict]:
    return side, side


def test_b_against_a_by_pairs() -> None:
    sides = by(congestion="cubic"), by(congestion="reno")
    found = paired(frame(), METRICS, "goodput_bps", sides)
    differences = found.df()["difference"]
    expected = peer.ttest_1samp(differences, 0)
    assert found.n == 10 == len(differences) and found.unpaired == 0
    assert found.p == pytest.approx(expected.pvalue) and found.p < 1e-6
    assert (found.lo, found.hi) == pytest.approx(expected.confidence_interval(0.95))
    assert found.verdict == "congestion reno is better" and "n = 10 pairs" in str(found)
    other = paired(frame(), METRICS, "goodput_bps", sides[::-1])
    assert other.difference == -found.difference and other.verdict == found.verdict
    assert paired(frame(), METRICS, "fct_s", sides).verdict.startswith("no difference shown")
    assert "95 % interval" in found._repr_html_()


def test_one_pair_has_no_interval_and_lone_runs_are_counted() -> None:
    one = frame().query("seed == 1 and loss == 0 or congestion == 'cubic' and seed == 2")
    found = paired(one, METRICS, "goodput_bps", (by(congestion="cubic"), by(congestion="reno")))
    assert found.n == 1 and math.isnan(found.p) and math.isnan(found.lo) and found.unpaired == 2
    assert not found.decided and "no interval from one pair" in str(found)


@pytest.mark.parametrize("metric, sides, error", [
    ("goodput", (by(loss=0), by(loss=0.01)), "no metric 'goodput'"),
    ("goodput_bps", (by(los=0), by(loss=0.01)), "no column 'los'"),
    ("goodput_bps", (by(loss=0), by(loss=0.5)), "no run has loss = 0.5; there are: 0.0 0.01"),
])
def test_pairs_that_cannot_be_are_explained(metric: str, sides: tuple, error: str) -> None:
    with pytest.raises((KeyError, ValueError), match=error):
        paired(frame(), METRICS, metric, sides)


@given(VALUES)
def test_the_t_interval_is_scipys(values: list[float]) -> None:
    found = mean_of(values)
    assert found.n == len(values) and found.lo <= found.mean <= found.hi
    error = peer.sem(values)
    if error > 1e-6:
        low, high = peer.t.interval(0.95, len(values) - 1, sum(values) / len(values), error)
        assert (found.lo, found.hi) == pytest.approx((low, high), rel=1e-6, abs=1e-3)


def test_degenerate_tests() -> None:
    assert t_test(0, 0, 4) == 1.0 and t_test(1, 0, 4) == 0.0
    assert math.isnan(mean_of([]).mean) and math.isnan(mean_of([3.0]).lo)


def wanted(y: str = "goodput_bps", **more: object) -> Wanted:
    given_values = {"x": "loss", "hue": "congestion", "style": None, "ci": 0.95, "ref": None,
                    "kind": "line", "units": {"loss": ""}, **more}
    return Wanted(y, **given_values)


@pytest.mark.parametrize("kind, words", [("line", "t-intervals"), ("box", "quartiles"),
                                         ("cdf", "its 95 % band")])
def test_figures_print_n_and_what_their_bars_are(kind: str, words: str, tmp_path: Path) -> None:
    figure = study_figure(frame(), METRICS, wanted(kind=kind, ref=9e6), "show")
    assert words in figure.title and "reference" in figure.svg
    assert f"congestion cubic (n = {10 if kind == 'cdf' else 5})" in figure.svg
    assert "#0072b2" in figure.svg.lower() and "#d55e00" in figure.svg.lower()
    assert kind == "cdf" or re.search(r">1(\.0+)? ?%<", figure.svg)
    assert "<figcaption>" in figure._repr_html_() and "SELECT" in figure.query
    assert Path(figure.save(str(tmp_path / "f.svg"))).read_text().startswith("<svg xmlns")


def test_what_a_figure_averages_over_stands_in_its_title() -> None:
    assert study_figure(frame(), METRICS, wanted(hue=None), "").title.endswith(
        "; over all congestion")
    alone = study_figure(frame().query("seed == 1"), METRICS, wanted(), "")
    assert "(n = 1)" in alone.svg


@pytest.mark.parametrize("asked, error", [
    ({"kind": "pie"}, "no kind 'pie'; there are: line box cdf"), ({"x": "los"}, "no column 'los'"),
    ({"y": "loss"}, "'loss' is no metric"), ({"ci": 95}, "between 0 and 1"),
    ({"x": None, "hue": None, "kind": "box"}, "x must be named; these vary: congestion loss size"),
])
def test_figures_that_cannot_be_are_explained(asked: dict, error: str) -> None:
    words = frame().assign(size=lambda f: f["seed"])
    with pytest.raises((KeyError, ValueError), match=error):
        study_figure(words, METRICS, wanted(**asked), "")


def test_notebook_views_of_a_database(tmp_path: Path) -> None:
    study = tp.open(str(sample_db.make(tmp_path / "sample.db")))
    assert "<table" in study._repr_html_() and "Mbit/s" in study._repr_html_()
    assert "&lt;" not in study.runs[0]._repr_html_() and "run 1" in study.runs[0]._repr_html_()
    compared = tp.compare(study.runs[0], study.runs[1])
    assert "+3.3 %" in compared._repr_html_()
    drawn = study.plot("goodput_bps", x="loss")
    assert "driver sim (n = 1)" in drawn.svg and "driver emu (n = 5)" in drawn.svg
    pair = study.paired("goodput_bps", a={"driver": "sim"}, b={"driver": "emu"})
    assert pair.n == 2 and pair.difference == pytest.approx(-3e6)
    found = study.paired("goodput_bps", a={"loss": "0%"}, b={"loss": "1%"})
    assert found.difference == 0 and found.n == 2 and "loss 1% − loss 0% = " in str(found)
