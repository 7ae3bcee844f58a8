"""`explain`, `export`, `notebook`, and how `rerun` words what came out."""

from __future__ import annotations

import csv
import importlib.util
import io
import re
import sqlite3
from pathlib import Path

import pytest

import sample_db
from twinpath_analysis.glossary import CLOCKS, METRICS

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = re.compile(
    r'MetricInfo\s+\w+\s*\{\s*"(\w+)",\s*"([^"]*)",\s*MetricKind::k(\w+),\s*'
    r"Better::k(\w+),\s*MetricClock::k(\w+),")


def defined() -> dict[str, tuple[str, str, str, str]]:
    """Metrics as the C++ code defines them: unit, kind, better, clock."""
    found = {}
    for folder in ("models", "bindings", "sim", "emu"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".h", ".cc"):
                for match in DEFINITION.finditer(path.read_text()):
                    name, unit, *words = match.groups()
                    found[name] = (unit, *(word.lower() for word in words))
    return found


def test_the_glossary_says_what_the_code_defines() -> None:
    known = {name: (m.unit, m.kind, m.better, m.clock) for name, m in METRICS.items()}
    assert known.pop("fingerprint") == ("", "scalar", "neither", "none")
    assert known == defined()
    assert all(m.point and m.layer and m.clock in CLOCKS for m in METRICS.values())


def test_explain_gives_unit_layer_point_clock_and_better(cli) -> None:
    ran = cli("explain", "goodput_bps")
    assert ran.code == 0
    for piece in ("verified bytes × 8", "bit/s", "application", "model time", "higher"):
        assert piece in ran.out
    assert cli("explain", "fct_s", "--json").json["better"] == "lower"
    assert {m["name"] for m in cli("explain", "--json").json["metrics"]} == set(METRICS)


def test_explain_offers_the_nearest_and_knows_a_databases_own(cli, tmp_path: Path) -> None:
    ran = cli("explain", "godput")
    assert ran.code == 2 and "did you mean 'goodput_bps'?" in ran.err
    sample_db.make(tmp_path / "sample.db")
    ran = cli("explain", "rtt_s", "--db", "sample.db")
    assert ran.code == 0 and "a distribution" in ran.out


def test_export_writes_one_row_per_run_or_a_table(cli, tmp_path: Path) -> None:
    sample_db.make(tmp_path / "sample.db")
    rows = list(csv.DictReader(io.StringIO(cli("export", "--db", "sample.db").out)))
    assert len(rows) == 14 and {row["driver"] for row in rows} == {"sim", "emu"}
    assert float(rows[0]["goodput_bps"]) == 95e6 and rows[0]["loss"] == "0.0"
    found = cli("export", "1", "7", "--db", "sample.db", "--table", "histogram", "--json").json
    assert {row["run_id"] for row in found["rows"]} == {1, 7} and len(found["rows"]) == 10
    ran = cli("export", "--db", "sample.db", "-o", "out.json", "--json")
    assert ran.code == 0 and ran.json["rows"] == 14
    assert (tmp_path / "out.json").read_text().count('"run_id"') == 14


@pytest.mark.parametrize("arguments, piece", [
    (("--table", "scalr"), "did you mean 'scalar'?"),
    (("-o", "x.xls"), "no format 'xls'"),
    (("99",), "no run 99 in sample.db (1..14)"),
    (("--study", "none"), "no study in sample.db 'none'"),
])
def test_bad_exports_are_named(cli, tmp_path: Path, arguments: tuple[str, ...],
                               piece: str) -> None:
    sample_db.make(tmp_path / "sample.db")
    ran = cli("export", "--db", "sample.db", *arguments)
    assert ran.code == 2 and piece in ran.err and "Traceback" not in ran.err


def test_an_unwritable_file_is_named(cli, tmp_path: Path) -> None:
    sample_db.make(tmp_path / "sample.db")
    ran = cli("export", "--db", "sample.db", "-o", "no/such/x.csv")
    assert ran.code == 2 and "cannot write no/such/x.csv" in ran.err


def test_parquet_is_written_or_the_missing_library_named(cli, tmp_path: Path) -> None:
    sample_db.make(tmp_path / "sample.db")
    ran = cli("export", "--db", "sample.db", "-o", "x.parquet")
    if any(importlib.util.find_spec(name) for name in ("pyarrow", "fastparquet")):
        assert ran.code == 0 and (tmp_path / "x.parquet").read_bytes()[:4] == b"PAR1"
    else:
        assert ran.code == 2 and "no Parquet library" in ran.err and "(csv json)" in ran.err


def test_notebook_starts_jupyter_or_names_its_package(cli) -> None:
    ran = cli("notebook", "--version")
    if importlib.util.find_spec("notebook") and importlib.util.find_spec("ipykernel"):
        assert ran.code == 0 and re.match(r"\d+\.\d+", ran.out)
    else:
        assert ran.code == 4 and "sudo apt-get install" in ran.err


def test_rerun_says_equal_and_another_build_says_so(cli, sim, tmp_path: Path) -> None:
    first = cli("run", "udp_echo", "--seed", "3", "--json").json
    ran = cli("rerun", "1")
    assert ran.code == 0 and "fingerprint equal to that of run 1" in ran.out
    again = cli("rerun", "1", "--json").json
    assert again["same_fingerprint"] and again["fingerprint"] == first["fingerprint"]
    assert (again["seed"], again["rerun_of"]) == (3, 1) and again["run_key"] == first["run_key"]
    edit_database(tmp_path, "UPDATE run SET fingerprint = '00000000000000ff' WHERE run_id = 1")
    ran = cli("rerun", "1")
    assert ran.code == 1 and "this is nondeterminism" in ran.out
    edit_database(tmp_path, "UPDATE build SET sha256 = 'older'")
    ran = cli("rerun", "1")
    assert ran.code == 0 and "another build: the change shows" in ran.out


def edit_database(folder: Path, statement: str) -> None:
    connection = sqlite3.connect(folder / "results.db")
    connection.execute(statement)
    connection.commit()
    connection.close()
