"""Comparing many cases, bounds on the error, and every form of the command."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

import sample_db
import twinpath as tp
from twinpath.compare import SPARE
from twinpath.discover import find
from twinpath_analysis.database import connect
from twinpath_analysis.stats import summarize


@pytest.fixture
def db(tmp_path: Path) -> str:
    return str(sample_db.make(tmp_path / "sample.db"))


def change(db: str, statement: str) -> None:
    connection = connect(db)
    connection.execute(statement)
    connection.close()


def test_a_study_is_paired_by_case(db: str) -> None:
    study = tp.open(db)
    result = tp.compare(study, study)
    frame = result.df()
    assert list(frame["case"]) == ["loss 0%", "loss 1%"] and list(frame["n"]) == [6, 6]
    assert set(frame["verdict"]) == {"info"} and result.exit_code == 0
    assert "loss 1%" in result.table() and "<td>loss 1%</td>" in result._repr_html_()
    stored = sqlite3.connect(db).execute(
        "SELECT case_key, a, b, n, verdict FROM comparison WHERE kind = 'sim-emu'").fetchall()
    assert len(stored) == 2 and len({row[0] for row in stored}) == 2


def test_cases_of_one_driver_only_are_counted_not_compared(db: str) -> None:
    change(db, "DELETE FROM run WHERE driver = 'emu' AND params_json LIKE '%0.01%'")
    study = tp.open(db)
    result = tp.compare(study, study)
    assert "case" not in result.df() and "1 cases were run under one driver only" in result.verdict


def test_runs_of_different_cases_have_no_verdict(db: str) -> None:
    runs = tp.open(db).runs
    emu = next(run for run in runs if run.driver == "emu" and run.row.params["loss"] == 0.01)
    with pytest.raises(tp.NoVerdict, match="different cases"):
        tp.compare(runs[0], emu)


def test_a_setting_makes_another_case(sim, tmp_path: Path) -> None:
    from twinpath_analysis.compare import case_key

    path, case = str(tmp_path / "set.db"), find("udp_echo")(count=3)
    plain = case.simulate(db=path)
    late = case.with_settings({"wire.delay": "30ms"}).simulate(db=path)
    assert case_key(plain.row) == case_key(case.simulate(seed=2, db=path).row)
    assert case_key(plain.row) != case_key(late.row)


@pytest.mark.parametrize("within, verdict, code", [
    ("10%", "pass", 0), (0.04, "no-verdict", 4), ("0.5%", "fail", 1)])
def test_a_bound_is_held_against_the_whole_interval(db: str, within, verdict: str,
                                                    code: int) -> None:
    """95 predicted; 90 … 94 measured: errors from +1.1 % to +5.6 %."""
    runs = tp.open(db).runs
    result = tp.compare(runs[0], runs[1], within=within)
    assert list(result.df()["verdict"]) == [verdict] and result.exit_code == code
    bound, stored = sqlite3.connect(db).execute("SELECT bound, verdict FROM comparison").fetchone()
    assert stored == verdict and bound == pytest.approx(float(tp.Ratio(within)))
    assert verdict in result.table()


def test_a_closed_pipe_does_not_turn_failure_into_success(db: str, tmp_path: Path) -> None:
    from conftest import BUILD, ROOT

    environment = {**os.environ, "TWINPATH_ROOT": str(ROOT), "TWINPATH_BUILD": str(BUILD),
                   "PYTHONPATH": f"{ROOT / 'bindings'}:{BUILD / 'bindings'}:{ROOT / 'analysis'}"}
    for words in ((), ("--json",)):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(["/usr/bin/python3", "-m", "twinpath", "compare", "1", "2",
                               "--within", "0.5%", "--db", db, *words], cwd=tmp_path, text=True,
                              env=environment, stdout=write, stderr=subprocess.PIPE, check=False)
        os.close(write)
        assert done.returncode == 1 and "Traceback" not in done.stderr


def test_metrics_are_chosen_and_unknown_ones_named(db: str) -> None:
    runs = tp.open(db).runs
    assert len(tp.compare(runs[0], runs[1], metrics=["goodput_bps"]).df()) == 1
    with pytest.raises(tp.ConfigError, match="did you mean 'goodput_bps'"):
        tp.compare(runs[0], runs[1], metrics=["goodput"])


def test_the_command_takes_runs_databases_and_a_database(cli, db: str, tmp_path: Path) -> None:
    two = cli("compare", "1", "2", "--db", db, "--json")
    assert two.code == 0 and (two.json["sim"], two.json["emu"]) == (1, 2)
    whole = cli("compare", "--db", db, "--json")
    assert whole.code == 0 and len(whole.json["rows"]) == 2 and whole.json["scenario"] is None
    copy = Path(sample_db.make(tmp_path / "other.db"))
    files = cli("compare", db, str(copy), "--json", "--metric", "goodput_bps")
    assert files.code == 0 and len(files.json["rows"]) == 2
    assert cli("compare", "--db", db, "--within", "0.5%").code == 1
    assert cli("compare", "--db", db, "--within", "4%").code == 4


@pytest.mark.parametrize("arguments, piece", [
    (("1", "2", "3"), "give one scenario or two run ids"),
    (("1", "99"), "no run 99 in sample.db (1..14)"),
    (("none.db", "sample.db"), "no database none.db"),
    (("1", "2", "-p", "loss=1%"), "-s and --testbed belong to a scenario"),
    (("1", "2", "--within", "much"), "is not a fraction"),
    (("1", "2", "--metric", "fct"), "no metric of both drivers 'fct'"),
    (("--study", "none"), "no study in sample.db 'none'"),
])
def test_bad_comparisons_are_named(cli, db: str, arguments: tuple[str, ...], piece: str) -> None:
    ran = cli("compare", *arguments, "--db", "sample.db")
    assert ran.code == 2 and piece in ran.err and "Traceback" not in ran.err


def test_invalid_emulations_are_left_out_and_counted(db: str) -> None:
    change(db, "UPDATE run SET validity = 'invalid' WHERE run_id IN (2, 3)")
    runs = tp.open(db).runs
    result = tp.compare(runs[0], runs[3], repeats=4)
    assert list(result.df()["n"]) == [4] and "2 invalid emulations are left out" in result.verdict
    assert "4 of 6 emulations are valid" in result.verdict


@pytest.mark.parametrize("left, said", [
    (5, "the interval of 5 emulations holds the median with 93.75 %; 95 % takes 6"),
    (1, "of one emulation there is no interval; 95 % takes 6")])
def test_too_few_emulations_decide_no_bound(db: str, left: int, said: str) -> None:
    """95 predicted, at most 94 measured: without the interval's coverage all would fail."""
    change(db, f"DELETE FROM run WHERE driver = 'emu' AND attempt > {left}")
    study = tp.open(db)
    result = tp.compare(study, study, within="0.5%")
    assert set(result.df()["verdict"]) == {"no-verdict"} and result.exit_code == 4
    assert said in result.verdict


def test_the_table_has_the_coverage_of_the_interval(db: str) -> None:
    runs = tp.open(db).runs
    result = tp.compare(runs[0], runs[1])
    assert list(result.df()["coverage"]) == [1 - 2 / 64]
    assert "(96.8 %)" in result.table() and "90 Mbit/s … 94 Mbit/s" in result.table()
    assert "(96.8 %)" in result._repr_html_()
    assert summarize([1.0] * tp.compare.__kwdefaults__["repeats"]).coverage >= 0.95


def test_the_broken_rule_is_named_with_its_value(db: str) -> None:
    change(db, "UPDATE run SET validity = 'invalid' WHERE driver = 'emu'")
    change(db, "UPDATE validity SET value = 250, ok = 0 WHERE run_id % 2 = 0")
    study = tp.open(db)
    with pytest.raises(tp.NoVerdict, match="0 of 12 are; timer_lag_p999 250 us beyond its bound "
                                           "100 us in 6 of 12"):
        tp.compare(study, study)


def test_invalid_emulations_are_made_up_for(sim, emu, tmp_path: Path) -> None:
    path = str(tmp_path / "again.db")
    case = find("udp_echo")(count=3, delay="100ms")  # valid up to 5 ms of timer lag
    predicted = case.simulate(db=path)
    measured = case.emulate(testbed="net_ring", db=path)
    change(path, "UPDATE run SET validity = 'invalid' WHERE driver = 'emu'")
    change(path, "UPDATE validity SET value = bound + 1, ok = 0 WHERE rule = 'clock_step'")
    result = tp.compare(predicted, measured, repeats=2)
    emus = [run for run in tp.open(path).runs if run.driver == "emu"]
    assert len(emus) >= 3 and set(result.df()["n"]) <= {2, len(emus) - 1}
    assert "clock_step" in result.verdict and f"of {len(emus)} emulations" in result.verdict


def test_tries_are_bounded_and_said(sim, emu, tmp_path: Path) -> None:
    """No machine sends a terabit: the generator's rule is broken every time."""
    path = str(tmp_path / "never.db")
    case = find("udp_load")(load="100Mpps", duration="50ms")
    predicted = find("udp_load")(duration="50ms").simulate(db=path)
    measured = case.emulate(testbed="net_ring", db=path)
    with pytest.raises(tp.NoVerdict, match=f"0 of {2 + SPARE} are; .*generator_shortfall"):
        tp.compare(predicted, measured, repeats=1)


def charge(db: str) -> None:
    """The simulations once more, 2 us a turn, with less goodput."""
    connection = connect(db)
    connection.execute("BEGIN")
    for loss in (0.0, 0.01):
        sample_db.add_run(connection, "sim", loss, 92.5e6, 2, more={
            "costs": {"kind": "constant", "per_turn_ns": 2000, "per_frame_ns": 0}})
    connection.execute("COMMIT")
    connection.close()


def test_a_calibrated_prediction_stands_beside_the_raw_one(db: str) -> None:
    charge(db)
    study = tp.open(db)
    result = tp.compare(study, study, within="2%")
    row = result.df().iloc[0]
    assert (row["sim"], row["calibrated"], row["emu"]) == (95e6, 92.5e6, 92e6)
    assert row["rel_error"] == pytest.approx(3 / 92)
    assert row["calibrated_error"] == pytest.approx(0.5 / 92) and row["costs"] == "2 µs per turn"
    table = result.table()
    assert "sim with" in table and "+0.5 %" in table and "+3.3 %" in table
    assert "2 µs per turn" in result.verdict and "error with costs" in result._repr_html_()


def test_a_prediction_with_costs_only_is_judged_by_them(db: str) -> None:
    charge(db)
    runs = tp.open(db).runs
    charged = next(run for run in runs if "costs" in run.plan)
    result = tp.compare(charged, runs[1], within="5%")
    assert result.df()["sim"].isna().all() and list(result.df()["verdict"]) == ["pass"]
    assert "predicted 92.5 Mbit/s" in result.verdict and result.exit_code == 0


def test_emulations_of_two_builds_are_not_mixed(sim, emu, tmp_path: Path) -> None:
    path = str(tmp_path / "built.db")
    case = find("udp_echo")(count=3, delay="100ms")
    predicted, measured = case.simulate(db=path), case.emulate(testbed="net_ring", db=path)
    change(path, "UPDATE build SET sha256 = 'another' WHERE build_id = "
                 "(SELECT build_id FROM run WHERE driver = 'emu')")
    change(path, "UPDATE run SET validity = 'valid'")
    measured = tp.open(path).runs[1]
    for _ in range(2):
        with pytest.raises(tp.NoVerdict, match="1 more emulations are missing of run 2, .*build "
                                               "another .*, this is "):
            tp.compare(predicted, measured, repeats=2)
    assert len(tp.open(path).runs) == 2
    assert set(tp.compare(predicted, measured, repeats=1).df()["n"]) == {1}
