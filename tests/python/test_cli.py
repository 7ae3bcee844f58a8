"""The command line: exit codes, messages, JSON on failure, help."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

import sample_db


def test_help_names_every_command(cli) -> None:
    ran = cli()
    assert ran.code == 0
    for command in ("setup", "doctor", "demo", "test", "list", "run", "compare", "sweep", "show",
                    "rerun", "bench", "impair", "report", "python", "check", "explain", "export",
                    "notebook", "plot"):
        assert command in ran.out


def test_an_unknown_command_offers_the_nearest(cli) -> None:
    ran = cli("shwo")
    assert ran.code == 2 and "did you mean 'show'?" in ran.err


def test_a_later_command_says_so(cli) -> None:
    ran = cli("calibrate")
    assert ran.code == 2 and "calibrate is not available yet" in ran.err


def test_an_unknown_scenario_offers_the_nearest(cli) -> None:
    ran = cli("run", "web_transfr")
    assert ran.code == 2 and "did you mean 'web_transfer'" in ran.err and ran.out == ""


def test_every_problem_stands_in_the_json(cli) -> None:
    ran = cli("run", "web_transfer", "-p", "size=10", "-p", "los=1", "-p", "x", "--driver", "smi",
              "--json")
    assert ran.code == 2
    found = ran.json
    assert found["schema"] == "twinpath.run/1" and found["status"] == "refused"
    assert {p["field"] for p in found["problems"]} == {"-p", "los", "size", "--driver"}
    assert all(set(p) == {"field", "value", "message", "allowed", "hint"}
               for p in found["problems"])
    assert found["metrics"] == {} and found["run_id"] is None


@pytest.mark.parametrize("arguments, piece", [
    (("run", "web_transfer", "--driver", "smi"), "did you mean 'sim'?"),
    (("run", "web_transfer", "--sed", "3"), "--seed"),
    (("run", "web_transfer", "--seed", "x"), "not a valid integer"),
    (("run", "web_transfer", "--seed", "-1"), "0..2^64-1"),
    (("run", "web_transfer", "--db", "no/such/folder/x.db"), "no folder"),
    (("run", "web_transfer", "-s", "clint.tcp.x=1"), "did you mean 'client'?"),
    (("run", "web_transfer", "--driver", "emu", "--testbed", "vet"), "did you mean 'veth'?"),
    (("run", "web_transfer", "--driver", "emu", "--testbed", "net_ring"),
     "net_ring has no Linux peer"),
    (("run", "./none.py"), "no file"),
    (("run",), "name a scenario"),
    (("show",), "no database results.db"),
    (("report", "--db", "none.db"), "no database none.db"),
    (("compare", "web_transfer", "--repeats", "0"), "must be 1 or more"),
    (("bench", "sim-blk"), "did you mean 'sim-bulk'"),
    (("run", "web_transfer", "loss=1%"), "given as -p NAME=VALUE"),
    (("run", "web_transfer", "--loss", "1%"), "given as -p loss=VALUE"),
    (("run", "web_transfer", "-p", "loss=1%", "-p", "loss=2%"), "-p: loss stands twice"),
    (("show", "one"), "see `twinpath show --help`"),
    (("run", "udp_echo", "--testbed", "net_ring"), "testbed: a simulation has no test-bed"),
    (("run", "udp_echo", "--testbed", "net_ring", "--dry-run"), "a simulation has no test-bed"),
    (("sweep", "udp_echo", "--testbed", "net_ring"), "testbed: a simulation has no test-bed"),
    (("compare", "1", "2", "--testbed", "net_ring"), "--testbed belong to a scenario"),
])
def test_bad_input_ends_2_with_words(cli, arguments: tuple[str, ...], piece: str) -> None:
    ran = cli(*arguments)
    assert ran.code == 2, ran.err
    assert piece in ran.err
    assert "Traceback" not in ran.err


def test_run_help_lists_parameters_with_units_and_ranges(cli) -> None:
    ran = cli("run", "web_transfer", "--help")
    assert ran.code == 0
    for piece in ("size", "Bytes", "1MB", "ns us ms s", "cubic reno", "delayed_ack", "--seed"):
        assert piece in ran.out


def test_list_shows_scenarios_and_the_matrix(cli) -> None:
    ran = cli("list", "--json")
    assert ran.code == 0
    assert ran.json["schema"] == "twinpath.list/1"
    assert "web_transfer" in [s["name"] for s in ran.json["scenarios"]]
    assert "emu:linux" in ran.json["matrix"]["http_server"]


def test_a_file_of_ones_own_is_found_and_its_mistakes_are_told(cli, tmp_path) -> None:
    (tmp_path / "mine.py").write_text(
        "import twinpath as tp\n@tp.scenario\ndef mine(net: tp.Net, *, n: int):\n    pass\n")
    assert "n: must be given" in cli("run", "./mine.py").err
    assert "did you mean 'mine'?" in cli("run", "./mine.py:mien").err
    (tmp_path / "bad.py").write_text("import twinpth\n")
    assert "does not load: ModuleNotFoundError" in cli("run", "./bad.py").err
    (tmp_path / "empty.py").write_text("")
    assert "has no @scenario" in cli("run", "./empty.py").err


def test_doctor_answers_in_json(cli) -> None:
    ran = cli("doctor", "--json")
    assert ran.code in (0, 4)
    assert all(f["found"] or f["command"] for f in ran.json["findings"])


def test_a_foreign_file_is_not_taken_for_a_database(cli, tmp_path) -> None:
    (tmp_path / "notes.db").write_text("not a database at all, but long enough to be one" * 40)
    ran = cli("show", "--db", "notes.db")
    assert ran.code == 2 and "is not an SQLite database" in ran.err


def test_python_is_the_right_interpreter(cli) -> None:
    ran = cli("python", "-c", "import twinpath, sys; print(sys.executable)")
    assert ran.code == 0 and ran.out.strip() == "/usr/bin/python3"


def imported_by(program: Path) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).resolve().parents[2]
    environment = {"PYTHONPATH": f"{root / 'bindings'}:{root / 'analysis'}", "PATH": "/bin"}
    return subprocess.run([program, "-c", "import twinpath; print('fine')"], env=environment,
                          capture_output=True, text=True, timeout=60)


def test_another_interpreter_is_named(tmp_path: Path) -> None:
    other, link = tmp_path / "python3", tmp_path / "link"
    shutil.copy("/usr/bin/python3", other)
    ran = imported_by(other)
    assert ran.returncode == 1
    assert (f"twinpath is built for /usr/bin/python3 (3.11); this is {other} (3.11." in ran.stderr
            and "; use `./twinpath python`" in ran.stderr)
    link.symlink_to("/usr/bin/python3")
    assert imported_by(link).stdout == "fine\n"


def test_version_is_one_line(cli) -> None:
    ran = cli("--version")
    assert ran.code == 0 and ran.out.startswith("twinpath ") and ran.out.count("\n") == 1


def test_importing_the_package_waits_for_no_pandas(cli) -> None:
    ran = cli("python", "-c", "import sys, twinpath; print('pandas' in sys.modules)")
    assert ran.out.strip() == "False"


def test_a_file_that_is_no_scenario_is_told_so(cli, tmp_path: Path) -> None:
    (tmp_path / "half.cc").write_text("int main() {}\n")
    ran = cli("run", str(tmp_path / "half.cc"))
    assert ran.code == 2 and "half.cc" in ran.err and "unknown scenario" not in ran.err


SLOW = '''
import twinpath as tp
@tp.scenario
def slow(net: tp.Net):
    a = net.host("a", address="198.18.0.1/24")
    b = net.host("b", address="198.18.0.2/24")
    net.link(a, b, rate="1Mbps", delay="1ms")
    b.run(tp.HttpServer())
    net.stop(when=a.run(tp.HttpGet(b, size="10MB")).done, at_most="200ms")
'''


def test_a_timeout_says_what_was_waited_for(cli, sim, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    ran = cli("run", str(tmp_path / "slow.py"))
    assert ran.code == 3 and "waited for a/app0 until at_most=200ms; run 1 is kept" in ran.err


def test_a_database_that_is_none_is_refused_before_the_run(cli, sim, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database at all\n")
    ran = cli("run", "udp_echo", "--db", str(tmp_path / "notes.txt"))
    assert ran.code == 2 and "is not an SQLite database" in ran.err


PRINTING = '''
import twinpath as tp
@tp.scenario
def printing(net: tp.Net):
    print("hello")
    a = net.host("a", address="198.18.0.1/24")
    b = net.host("b", address="198.18.0.2/24")
    net.link(a, b, delay="1ms")
    b.run(tp.UdpEchoServer())
    net.stop(when=a.run(tp.UdpEcho(b)).done, at_most="2s")
'''


def test_what_a_scenario_prints_is_no_part_of_the_object(cli, sim, tmp_path: Path) -> None:
    (tmp_path / "printing.py").write_text(PRINTING)
    ran = cli("run", str(tmp_path / "printing.py"), "--json")
    assert ran.code == 0 and ran.json["status"] == "done" and "hello" in ran.err


@pytest.mark.parametrize("words", [("show",), ("report",), ("export",), ("rerun", "1"),
                                   ("diff", "1", "2"), ("plot", "fct_s")])
def test_an_empty_file_has_no_run_yet(cli, tmp_path, words: tuple[str, ...]) -> None:
    (tmp_path / "zero.db").touch()
    ran = cli(*words, "--db", "zero.db", "--json")
    assert ran.code == 2 and "is empty: no run is recorded in it yet" in ran.err
    assert ran.json["status"] == "refused"


@pytest.mark.parametrize("words", [("run", "web_transfer"), ("sweep", "web_transfer")])
def test_no_run_is_made_for_a_database_of_another_program(cli, tmp_path,
                                                          words: tuple[str, ...]) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE theirs (a)")
    ran = cli(*words, "--db", "other.db", "--json")
    assert ran.code == 2 and "SQLite database of another program" in ran.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.db"]


@pytest.mark.parametrize("words", [("report", "-o", "no/x.html"), ("export", "-o", "no/x.csv"),
                                   ("plot", "goodput_bps", "-x", "driver", "-o", "no/x.svg")])
def test_a_folder_that_is_not_there_is_a_mistake(cli, tmp_path, words: tuple[str, ...]) -> None:
    sample_db.make(tmp_path / "results.db")
    ran = cli(*words)
    assert ran.code == 2 and ("cannot write no/x." in ran.err or "no folder" in ran.err)


@pytest.mark.parametrize("name", ["sweep", "script", "testbed", "show"])
def test_the_help_of_a_command_is_an_object_too(cli, name: str) -> None:
    ran = cli(name, "--help", "--json")
    assert ran.code == 0 and ran.json["schema"] == "twinpath.commands/1" and ran.json["commands"]
    assert any(item["help"] for item in ran.json["options"]) or name == "testbed"


def test_a_folder_that_was_removed_is_said(cli, tmp_path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    ran = cli("list", preexec_fn=lambda: (os.chdir(gone), gone.rmdir()))
    assert ran.code == 2 and "the current folder was removed" in ran.err
