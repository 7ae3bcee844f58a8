"""Figures and pairs of a study with known values."""

from __future__ import annotations

import math
import re
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as peer

import sample_db
import twinpath as tp
from twinpath_analysis.database import connect
from twinpath_analysis.paired import paired
from twinpath_analysis.plots import Wanted, study_figure
from twinpath_analysis.stats import holm, mean_of, t_test
from twinpath_analysis.wide import independent, summary

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


def test_b_against_a_by_pairs_within_each_cell() -> None:
    sides = by(congestion="cubic"), by(congestion="reno")
    found = paired(frame(), METRICS, "goodput_bps", sides, units={"loss": ""})
    assert [cell.title for cell in found.cells] == ["loss 0 %", "loss 1 %"]
    assert found.unpaired == 0 and len(found.pairs) == 10
    for loss, cell in zip((0.0, 0.01), found.cells):
        differences = found.pairs[found.pairs["loss"] == loss]["difference"]
        expected = peer.ttest_1samp(differences, 0)
        assert cell.n == 5 == len(differences) and cell.difference == differences.mean()
        assert cell.p == pytest.approx(expected.pvalue) and cell.p < 1e-6
        assert (cell.lo, cell.hi) == pytest.approx(expected.confidence_interval(0.95))
        assert cell.verdict == "congestion reno is better" and "n = 5 pairs" in str(cell)
    other = paired(frame(), METRICS, "goodput_bps", sides[::-1]).cells
    assert [cell.difference for cell in other] == [-cell.difference for cell in found.cells]
    assert str(found).count("95 % interval") == 2 and "<li>loss 1 %: " in found._repr_html_()
    assert "of 20 cells without a difference about 1 would show one" in str(found)


def test_cells_that_disagree_are_not_pooled() -> None:
    """Reno gains without loss what it loses with it: over both cells nothing would show."""
    rows = frame(gain=0)
    sign = rows["loss"].map({0.0: 1, 0.01: -1}) * (rows["congestion"] == "reno")
    rows["goodput_bps"] += 1e6 * sign
    found = paired(rows, METRICS, "goodput_bps", (by(congestion="cubic"), by(congestion="reno")))
    frame_of = found.df()
    assert list(frame_of["verdict"]) == ["congestion reno is better", "congestion cubic is better"]
    assert list(frame_of["n"]) == [5, 5] and list(frame_of["loss"]) == ["0.0", "0.01"]
    assert frame_of["difference"][0] > 0 > frame_of["difference"][1]
    with pytest.raises(ValueError, match="there are 2 cells"):
        found.only


def test_seeds_that_change_nothing_are_one_observation() -> None:
    """Without loss every seed gives the same run; time on the wall differs and does not count."""
    rows = frame().query("loss == 0")
    rows = rows.assign(goodput_bps=rows["congestion"].map({"cubic": 10e6, "reno": 11e6}),
                       fct_s=1.0, cpu_s=rows["seed"] / 1e3)
    metrics = pd.concat([METRICS.assign(clock="model"), pd.DataFrame(
        {"name": ["cpu_s"], "unit": ["s"], "better": ["lower"], "clock": ["cpu"]})])
    found = paired(rows, metrics, "goodput_bps", (by(congestion="cubic"), by(congestion="reno")))
    assert (found.only.n, found.only.seeds, found.only.difference) == (1, 5, 1e6)
    assert math.isnan(found.only.lo) and math.isnan(found.only.p)
    assert "differs by 1 Mbit/s; 5 seeds gave equal runs, which are one observation" in str(found)
    assert len(found.pairs) == 5
    rows.loc[rows["seed"] == 2, "fct_s"] = 1.1  # one seed did change something
    again = paired(rows, metrics, "goodput_bps", (by(congestion="cubic"), by(congestion="reno")))
    assert again.only.n == 5


def test_runs_in_real_time_are_never_one_observation() -> None:
    """Their few metrics may agree; what happened in them is not the same."""
    rows = frame().query("loss == 0").assign(fct_s=1.0)
    rows = rows.assign(goodput_bps=rows["congestion"].map({"cubic": 10e6, "reno": 11e6}))
    sides = by(congestion="cubic"), by(congestion="reno")
    assert paired(rows.assign(driver="emu"), METRICS, "goodput_bps", sides).only.n == 5
    assert paired(rows, METRICS, "goodput_bps", sides).only.n == 1
    both = rows.assign(driver=rows["congestion"].map({"cubic": "sim", "reno": "emu"}))
    both = both.drop(columns="congestion")
    assert paired(both, METRICS, "goodput_bps", (by(driver="sim"), by(driver="emu"))).only.n == 5


def test_drivers_are_paired_whatever_the_simulations_cost(tmp_path: Path) -> None:
    db = str(sample_db.make(tmp_path / "sample.db"))
    connection = connect(db)
    connection.execute("DELETE FROM run WHERE driver = 'sim'")
    add_charged(connection)
    study, sides = tp.open(db), ({"driver": "sim"}, {"driver": "emu"})
    assert set(study.df()["costs"]) == {"2 µs per turn", ""} and "settings" not in study.df()
    pair = study.paired("goodput_bps", *sides)
    assert [cell.title for cell in pair.cells] == ["loss 0 %", "loss 1 %"]
    sample_db.add_run(connection, "sim", 0.0, 95e6, 3)
    connection.close()
    with pytest.raises(tp.ConfigError, match="add 'costs': '2 µs per turn' or 'costs': ''"):
        study.paired("goodput_bps", *sides)
    named = study.paired("goodput_bps", a={"driver": "sim", "costs": "2 µs per turn"},
                         b={"driver": "emu"})
    assert [cell.title for cell in named.cells] == ["loss 0 %", "loss 1 %"]


def add_charged(connection: Any) -> None:
    for loss in (0.0, 0.01):
        sample_db.add_run(connection, "sim", loss, 92.5e6, 2, more={
            "costs": {"kind": "constant", "per_turn_ns": 2000, "per_frame_ns": 0}})


def test_a_figure_that_cannot_be_saved_is_told_as_all_else_is(tmp_path: Path) -> None:
    drawn = tp.open(str(sample_db.make(tmp_path / "sample.db"))).plot("goodput_bps", x="loss")
    for path in ("x.bmp", "none/x.svg"):
        with pytest.raises(tp.ConfigError, match="save.path"):
            drawn.save(tmp_path / path)
    assert Path(drawn.save(tmp_path / "x.svg")).read_bytes().startswith(b"<svg")


def test_one_pair_has_no_interval_and_lone_runs_are_counted() -> None:
    one = frame().query("seed == 1 and loss == 0 or congestion == 'cubic' and seed == 2")
    found = paired(one, METRICS, "goodput_bps", (by(congestion="cubic"), by(congestion="reno")))
    assert found.only.n == 1 and math.isnan(found.only.p) and math.isnan(found.only.lo)
    assert found.unpaired == 2 and not found.only.decided
    assert "no interval from one pair" in str(found) and "one pair decides nothing" in str(found)


@pytest.mark.parametrize("metric, sides, error", [
    ("goodput", (by(loss=0), by(loss=0.01)), "no metric 'goodput'"),
    ("goodput_bps", (by(los=0), by(loss=0.01)), "no column 'los'"),
    ("goodput_bps", (by(loss=0), by(loss=0.5)), "no run has loss = 0.5; there are: 0.0 0.01"),
])
def test_pairs_that_cannot_be_are_explained(metric: str, sides: tuple, error: str) -> None:
    with pytest.raises(ValueError, match=error):
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


def test_many_tests_are_corrected_together() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, math.nan, 0.6])[0] == 1.0 and math.isnan(holm([0.5, math.nan])[1])
    assert holm([0.02]) == [0.02] and holm([]) == []


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


@pytest.mark.parametrize("ending, magic", [("svg", b"<svg xmlns"), ("png", b"\x89PNG"),
                                           ("pdf", b"%PDF"), ("PNG", b"\x89PNG")])
def test_a_figure_is_saved_as_its_name_ends_in_the_same_bytes(tmp_path: Path, ending: str,
                                                              magic: bytes) -> None:
    found = []
    for number in (1, 2):
        figure = study_figure(frame(), METRICS, wanted(), "show")
        path = tmp_path / f"{number}.{ending}"
        assert figure.save(path) == str(path)
        found.append(path.read_bytes())
        time.sleep(1.1 * (number == 1))  # what is dated to the second would differ
    assert found[0] == found[1] and found[0].startswith(magic) and len(found[0]) > 5000
    with pytest.raises(ValueError, match=r"no kind of figure 'f.bmp'; there are: \*.svg"):
        study_figure(frame(), METRICS, wanted(), "").save("f.bmp")


def test_what_a_figure_averages_over_stands_in_its_title() -> None:
    assert study_figure(frame(), METRICS, wanted(hue=None), "").title.endswith(
        "; over all congestion")
    alone = study_figure(frame().query("seed == 1"), METRICS, wanted(), "")
    assert "(n = 1)" in alone.svg


@pytest.mark.parametrize("asked, error", [
    ({"kind": "pie"}, "no kind 'pie'; there are: line box cdf"), ({"x": "los"}, "no column 'los'"),
    ({"y": "loss"}, "no metric 'loss'"), ({"ci": 95}, "between 0 and 1"),
    ({"x": None, "hue": None, "kind": "box"}, "x must be named; these vary: congestion loss size"),
])
def test_figures_that_cannot_be_are_explained(asked: dict, error: str) -> None:
    words = frame().assign(size=lambda f: f["seed"])
    with pytest.raises(ValueError, match=error):
        study_figure(words, METRICS, wanted(**asked), "")


def test_notebook_views_of_a_database(tmp_path: Path) -> None:
    study = tp.open(str(sample_db.make(tmp_path / "sample.db")))
    assert "<table" in study._repr_html_() and "Mbit/s" in study._repr_html_()
    assert "&lt;" not in study.runs[0]._repr_html_() and "run 1" in study.runs[0]._repr_html_()
    compared = tp.compare(study.runs[0], study.runs[1])
    assert "+3.3 %" in compared._repr_html_()
    drawn = study.plot("goodput_bps", x="loss")
    assert "driver sim (n = 1)" in drawn.svg and "driver emu (n = 6)" in drawn.svg
    pair = study.paired("goodput_bps", a={"driver": "sim"}, b={"driver": "emu"})
    assert [cell.title for cell in pair.cells] == ["loss 0 %", "loss 1 %"]
    assert [cell.difference for cell in pair.cells] == pytest.approx([-3e6, -3e6])
    found = study.paired("goodput_bps", a={"loss": "0%"}, b={"loss": "1%"})
    assert [cell.title for cell in found.cells] == ["driver sim", "driver emu"]
    assert [cell.difference for cell in found.cells] == [0, 0] and "loss 1% − loss 0%" in str(found)
    assert "loss 1%" in study.runs[8]._repr_html_() and "<td>1 %</td>" in study._repr_html_()
    assert "are summed" in study._repr_html_()


@pytest.mark.parametrize("call, said", [
    (lambda s: s.plot("gudput_bps"), "did you mean 'goodput_bps'?"),
    (lambda s: s.plot("gudput_bps"), "no metric 'gudput_bps' (goodput_bps)"),
    (lambda s: s.plot("goodput_bps", x="los"), "plot.x: no column 'los'"),
    (lambda s: s.plot("goodput_bps", kind="pie"), "no kind 'pie' (box cdf line)"),
    (lambda s: s.plot("goodput_bps", x="loss", ci=95), "above 0, below 1"),
    (lambda s: s.paired("goodput", a={"loss": "0%"}, b={"loss": "1%"}),
     "did you mean 'goodput_bps'?"),
    (lambda s: s.paired("goodput_bps", a={"los": "0%"}, b={"loss": "1%"}), "did you mean 'loss'"),
    (lambda s: s.paired("goodput_bps", a={"loss": "0%"}, b={"loss": "9%"}), "no run has loss"),
])
def test_a_study_names_what_does_not_exist(tmp_path: Path, call, said: str) -> None:
    study = tp.open(str(sample_db.make(tmp_path / "sample.db")))
    with pytest.raises(tp.TwinpathError) as caught:
        call(study)
    assert said in str(caught.value) and isinstance(caught.value, tp.ConfigError)


def test_the_command_draws_what_its_file_is_named(cli, tmp_path: Path) -> None:
    sample_db.make(tmp_path / "sample.db")
    for name, magic in (("a.svg", b"<svg"), ("a.png", b"\x89PNG"), ("a.pdf", b"%PDF")):
        ran = cli("plot", "goodput_bps", "-x", "loss", "--db", "sample.db", "-o", name, "--json")
        assert ran.code == 0 and ran.json["path"] == name and "t-intervals" in ran.json["title"]
        assert (tmp_path / name).read_bytes().startswith(magic)
    for words, said in ((("goodput",), "did you mean 'goodput_bps'?"),
                        (("goodput_bps", "-x", "loss", "-o", "a.bmp"), "*.pdf *.png *.svg"),
                        (("goodput_bps", "-x", "los"), "did you mean 'loss'")):
        ran = cli("plot", *words, "--db", "sample.db")
        assert ran.code == 2 and said in ran.err and "Traceback" not in ran.err


def test_a_point_whose_seeds_change_nothing_has_no_interval() -> None:
    """Equal seeds are one observation, of which nothing is known but its value."""
    rows = frame().query("congestion == 'cubic'")
    equal = rows["loss"] == 0
    rows = rows.assign(goodput_bps=rows["goodput_bps"].where(~equal, 0.1 + 0.2), fct_s=1.0)
    found = summary(rows, {"goodput_bps": "bit/s", "fct_s": "s"}, {"loss": ""}, points=["loss"])
    told = dict(zip(found["loss"], zip(found["n"], found["goodput_bps"])))
    assert told["0 %"][0] == 1 and "±" not in told["0 %"][1]
    assert told["1 %"][0] == 5 and "±" in told["1 %"][1]


def test_real_time_is_never_collapsed() -> None:
    rows = frame().query("loss == 0").assign(goodput_bps=1e6, fct_s=1.0, driver="emu")
    assert len(independent(rows, ["goodput_bps", "fct_s"])) == len(rows)
