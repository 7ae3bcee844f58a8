"""Reading, merging, comparing and reporting a database with known rows."""

from __future__ import annotations

import html.parser
import re
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sample_db
import twinpath as tp
from twinpath.cli.results import spans
from twinpath.errors import unknown
from twinpath_analysis import Results, merge
from twinpath_analysis.cases import comparison, group
from twinpath_analysis.database import DatabaseError, connect
from twinpath_analysis.glossary import NOTES
from twinpath_analysis.report import write_report
from twinpath_analysis.stats import coverage_of, relative, summarize
from twinpath_analysis.units import show


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return sample_db.make(tmp_path / "sample.db")


def test_a_run_reads_as_the_api_says(db: Path) -> None:
    run = tp.open(str(db)).runs[0]
    assert run["goodput_bps"] == tp.Rate("95Mbps")
    assert run.get("goodput_bps", "client/app0") == 95e6
    assert len(run.series("cwnd_bytes", "client/app0")) == 20
    assert run.seed == 7 and run.status == "done" and run.validity is None
    with pytest.raises(KeyError, match="did you mean 'goodput_bps'"):
        run["godput_bps"]
    with pytest.raises(KeyError):
        run.df("nonsense")


def test_a_study_has_one_row_per_run(db: Path) -> None:
    frame = tp.open(str(db)).df()
    assert len(frame) == 14 and set(frame["driver"]) == {"sim", "emu"}
    assert frame["goodput_bps"].max() == 95e6


def test_compare_gives_error_interval_and_n(db: Path) -> None:
    runs = tp.open(str(db)).runs
    result = tp.compare(runs[0], runs[1])
    row = result.df().iloc[0]
    assert (row["sim"], row["emu"], row["n"]) == (95e6, 92e6, 6)
    assert row["rel_error"] == pytest.approx(3 / 92)
    assert (row["lo"], row["hi"]) == (90e6, 94e6)
    assert "error +3.3 %" in result.verdict and "CPU time is not modelled" in result.table()
    stored = sqlite3.connect(db).execute("SELECT a, b, n FROM comparison").fetchall()
    assert stored == [(95e6, 92e6, 6)]


def test_compare_leaves_out_invalid_emulations(db: Path) -> None:
    connection = connect(db)
    connection.execute("UPDATE run SET validity = 'invalid' WHERE driver = 'emu'")
    connection.close()
    study = tp.open(str(db))
    with pytest.raises(tp.NoVerdict):
        tp.compare(study, study)


def test_merging_keeps_rows_and_counts_attempts(db: Path, tmp_path: Path) -> None:
    target = tmp_path / "target.db"
    first, second = merge(db, target), merge(db, target)
    assert len(first) == len(second) == 14 and not set(first) & set(second)
    with Results(target) as merged, Results(db) as source:
        assert len(merged.runs()) == 28 and len(merged.metrics()) == 3
        assert merged.run(second[0]).attempt == 2
        for table in ("scalar", "series", "histogram", "drop_count", "param"):
            assert merged.table(table, second[3]).equals(source.table(table, 4)), table


def test_merging_into_a_locked_database_changes_nothing(db: Path, tmp_path: Path,
                                                        monkeypatch) -> None:
    target = tmp_path / "target.db"
    merge(db, target)
    before = target.read_bytes()
    holder = sqlite3.connect(target, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    monkeypatch.setattr("twinpath_analysis.database.connect.__defaults__", (0.05,))
    with pytest.raises(DatabaseError, match="locked by another process"):
        merge(db, target)
    holder.execute("ROLLBACK")
    holder.close()
    assert target.read_bytes() == before


class Page(html.parser.HTMLParser):
    """Collects what could reach for the network, the order of sections, and unbalanced tags."""

    VOID = {"meta", "br", "link", "img", "input"}

    def __init__(self) -> None:
        super().__init__()
        self.outside: list[str] = []
        self.sections: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attributes) -> None:
        for name, value in attributes:
            reaches = name in ("src", "href", "xlink:href", "action")
            if reaches and not (value or "").startswith("#"):
                self.outside.append(f"{tag} {name}={value}")
        named = dict(attributes)
        if tag in ("h2", "p") and "id" in named:
            self.sections.append(named["id"])
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()


def test_the_report_is_one_file_in_the_promised_order(db: Path, tmp_path: Path) -> None:
    text = Path(write_report(str(db), None, str(tmp_path / "report.html"))).read_text()
    page = Page()
    page.feed(text)
    assert page.outside == [] and page.open == []
    assert not re.search(r"https?:|//[a-z]+\.[a-z]|@import|url\((?!#)", text)
    assert page.sections == ["verdict", "comparison", "validity", "drops", "figures",
                             "provenance", "glossary"]
    assert text.index('id="provenance"') < text.index('id="runs"') < text.index('id="glossary"')
    assert text.count("<svg") >= 3 and "+3.3 %" in text and "n = 6" in text
    assert "CPU time is not modelled" in text and "SELECT" in text and "./twinpath show" in text
    assert "<b>host</b>" not in text and "&lt;b&gt;host" in text


def test_ids_of_figures_do_not_collide(db: Path, tmp_path: Path) -> None:
    text = Path(write_report(str(db), None, str(tmp_path / "report.html"))).read_text()
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert len(ids) == len(set(ids))


def test_a_report_is_rebuilt_from_the_database_alone(db: Path, tmp_path: Path) -> None:
    one = Path(write_report(str(db), None, str(tmp_path / "one.html"))).read_text()
    other = Path(write_report(str(db), None, str(tmp_path / "other.html"))).read_text()
    assert one == other


def test_a_database_without_runs_still_reports(tmp_path: Path) -> None:
    connect(tmp_path / "empty.db").close()
    text = Path(write_report(str(tmp_path / "empty.db"), None,
                             str(tmp_path / "report.html"))).read_text()
    assert "There are no runs to report" in text


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40))
def test_the_interval_holds_the_median(values: list[float]) -> None:
    found = summarize(values)
    assert found.lo <= found.median <= found.hi and found.n == len(values)
    assert found.n < 6 or found.coverage >= 0.95


def test_coverage_is_that_of_the_binomial() -> None:
    assert coverage_of(6, 1) == pytest.approx(1 - 2 / 64)
    assert coverage_of(9, 2) == pytest.approx(1 - 2 * (1 + 9) / 512)
    assert relative(0, 0) == 0 and relative(1, 2) == -0.5


@pytest.mark.parametrize("value, unit, text", [
    (94.3e6, "bit/s", "94.3 Mbit/s"), (0.0123, "s", "12.3 ms"), (0.01, "fraction", "1 %"),
    (1500, "byte", "1.5 kB"), (7, "segments", "7 segments"), (None, "s", "–"), (0, "s", "0 s")])
def test_numbers_read_well(value, unit: str, text: str) -> None:
    assert show(value, unit) == text


def test_parameters_have_units_and_runs_are_counted_as_numbers(cli, db: Path) -> None:
    shown = cli("show", "--db", "sample.db")
    assert "loss=1% size=1MB" in " ".join(shown.out.split()) and "0.01" not in shown.out
    ran = cli("show", "999", "--db", "sample.db")
    assert ran.code == 2 and "no run 999 in sample.db (1..14)" in ran.err
    assert "did you mean" not in ran.err
    assert unknown("app", "x", "app", ["app10", "app9", "2x", "10x"]).allowed == "2x 10x app9 app10"
    assert spans([7, 3, 1, 2, 12]) == "1..3 7 12" and spans([]) == ""


def test_how_several_entities_become_one_number_is_said(cli, db: Path) -> None:
    assert re.search(r"of several entities +their sum", cli("explain", "goodput_bps").out)
    assert re.search(r"of several entities +their median", cli("explain", "fct_s").out)
    assert "of several entities" not in cli("explain", "cwnd_bytes").out
    assert any("are summed" in note for note in NOTES)
    for text in (tp.Run.__getitem__.__doc__, tp.Study.df.__doc__):
        assert "sum" in text and "median" in text


LINK = {"name": "wire", "a": "c", "b": "s", "rate_bps": 10**8, "delay_ns": 10**7, "loss": 0.0,
        "queue_bytes": 262144}


def settled(db: Path) -> None:
    """The cases twice more, with a link of another delay each."""
    connection = connect(db)
    for attempt, delay in ((11, 10**7), (12, 3 * 10**7)):
        for driver in ("sim", "emu"):
            sample_db.add_run(connection, driver, 0.0, 80e6, attempt,
                              more={"links": [LINK | {"delay_ns": delay}]})
    connection.close()


def test_settings_tell_cases_apart_in_titles_and_tables(db: Path) -> None:
    settled(db)
    with Results(db) as results:
        titles = [case.title for case in group(results, results.runs())]
    assert titles[2:] == ["loss 0% [wire.rate 100 Mbit/s, wire.delay 10 ms, wire.loss 0 %, "
                          "wire.queue 262.1 kB]",
                          "loss 0% [wire.rate 100 Mbit/s, wire.delay 30 ms, wire.loss 0 %, "
                          "wire.queue 262.1 kB]"]
    connection = connect(db)
    connection.execute("DELETE FROM run WHERE attempt < 11")
    connection.close()
    study = tp.open(str(db))
    assert list(study.df()["settings"]) == ["wire.delay 10 ms", "wire.delay 10 ms",
                                            "wire.delay 30 ms", "wire.delay 30 ms"]
    assert "[wire.delay 30 ms]" in tp.compare(study, study).table().replace("\n", " ")
    assert {cell.title for cell in study.paired(
        "goodput_bps", a={"driver": "sim"}, b={"driver": "emu"}).cells} == {
        "settings wire.delay 10 ms", "settings wire.delay 30 ms"}


def test_the_report_has_both_predictions(db: Path, tmp_path: Path) -> None:
    connection = connect(db)
    sample_db.add_run(connection, "sim", 0.0, 92.5e6, 2, more={
        "costs": {"kind": "constant", "per_turn_ns": 0, "per_frame_ns": 1500}})
    connection.close()
    text = Path(write_report(str(db), None, str(tmp_path / "report.html"))).read_text()
    rows = re.findall(r"<tr><td>loss 0%</td>.*?</tr>", text)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", rows[0])
    assert cells == ["loss 0%", "client/app0", "goodput_bps", "95 Mbit/s", "92.5 Mbit/s",
                     "92 Mbit/s", "+3.3 %", "+0.5 %", "90 Mbit/s … 94 Mbit/s (96.8 %)", "6"]
    assert "cost 1.5 µs per frame: the calibrated prediction" in text
    assert "sim, costs 1.5 µs per frame" in text  # a line of its own in the figure


def test_what_only_simulations_have_stands_in_one_row_with_both_predictions(db: Path) -> None:
    connection = connect(db)
    connection.execute("DELETE FROM run WHERE driver = 'emu'")
    sample_db.add_run(connection, "sim", 0.0, 92.5e6, 2, more={
        "costs": {"kind": "constant", "per_turn_ns": 2000, "per_frame_ns": 0}})
    connection.close()
    with Results(db) as results:
        frame = comparison(results, group(results, results.runs())[0])
    assert len(frame) == 1
    assert (frame["sim"][0], frame["calibrated"][0]) == (95e6, 92.5e6)
    assert frame["emu"].isna().all() and frame["calibrated_error"].isna().all()
