"""`check` and the pytest plugin on real simulations: record, pass, change, nondeterminism."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

import twinpath as tp
from twinpath.discover import find

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TWINPATH_BUILD", ROOT / "build" / "release"))

GATE = """import twinpath as tp
from twinpath.discover import find
suite = tp.suite("mine")
suite.add(find("udp_echo")(loss="10%", count=20), driver="sim", seeds=[1, 2],
          expect=[tp.same("fingerprint"), tp.no_worse("latency_p50_s", rel="1%"),
                  tp.at_most("lost_fraction", "50%")])
suite.add(find("udp_echo")(), driver="sim", name="plain", tags=["short"],
          expect=[tp.same("datagrams")])
"""
FIRST = "udp_echo-count=20,loss=10pct-sim"


def module_run(folder: Path, *arguments: str,
               ahead: str = "") -> subprocess.CompletedProcess[str]:
    """`python3 -m ...` in a folder; `ahead` stands first on the module path."""
    path = f"{ROOT / 'bindings'}:{BUILD / 'bindings'}:{ROOT / 'analysis'}"
    environment = {**os.environ, "TWINPATH_ROOT": str(ROOT), "TWINPATH_BUILD": str(BUILD),
                   "PYTHONPATH": f"{ahead}:{path}" if ahead else path}
    return subprocess.run(["/usr/bin/python3", "-m", *arguments], cwd=folder, env=environment,
                          capture_output=True, text=True, timeout=240)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Path:
    """The suite with its baselines recorded, once."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "gate.py").write_text(GATE)
    ran = module_run(folder, "twinpath", "check", "gate.py", "--update", "--reason",
                     "first numbers", "--db", str(folder / "first.db"))
    assert ran.returncode == 0, ran.stderr
    return folder


@pytest.fixture
def gate(sim, recorded: Path, tmp_path: Path) -> Path:
    """A copy of the suite in an empty folder; the folder of its baselines."""
    shutil.copy(recorded / "gate.py", tmp_path)
    shutil.copytree(recorded / "baselines", tmp_path / "baselines")
    return tmp_path / "baselines" / "mine"


def edit(path: Path, change) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_a_missing_baseline_says_how_to_record_it(cli, sim, tmp_path: Path) -> None:
    (tmp_path / "gate.py").write_text(GATE)
    ran = cli("check", "gate.py")
    assert ran.code == 2 and not (tmp_path / "results.db").exists()
    for name in ("udp_echo-count=20,loss=10%-sim", "plain"):
        assert f"--only {name} --update --reason" in ran.err
    ran = cli("check", "gate.py", "--update")
    assert ran.code == 2 and "--update needs --reason" in ran.err


def test_what_was_recorded_passes_and_stands_in_the_database(cli, gate: Path) -> None:
    ran = cli("check", "gate.py", "--json", "--junit", "out.xml", "--db", "check.db")
    assert ran.code == 0, ran.out
    assert ran.json["schema"] == "twinpath.check/1" and ran.json["problems"] == []
    found = {(row["entry"], row["metric"]): row["verdict"] for row in ran.json["rows"]}
    assert len(found) == 4 and set(found.values()) == {"pass"}
    here = gate.parents[1]
    cases = list(ElementTree.parse(here / "out.xml").getroot().iter("testcase"))
    assert len(cases) == 4 and all("--only" in (c.findtext("system-out") or "") for c in cases)
    rows = sqlite3.connect(here / "check.db").execute(
        "SELECT name, case_key, verdict FROM comparison JOIN metric USING (metric_id) "
        "WHERE comparison.kind = 'baseline' ORDER BY name").fetchall()
    assert [row[0] for row in rows] == ["datagrams", "fingerprint", "latency_p50_s",
                                        "lost_fraction"]
    assert {row[2] for row in rows} == {"pass"} and rows[0][1] == "mine/plain"
    baseline = json.loads((gate / f"{FIRST}.json").read_text())
    assert baseline["why"] == "first numbers" and len(baseline["fingerprint"]) == 2
    assert "busy_s" not in baseline["metrics"]


def test_recording_the_same_again_changes_no_file(cli, gate: Path) -> None:
    before = {path: path.read_bytes() for path in gate.iterdir()}
    ran = cli("check", "gate.py", "--update", "--reason", "again")
    assert ran.code == 0 and ran.out.count(": unchanged") == 2
    assert {path: path.read_bytes() for path in gate.iterdir()} == before


def test_a_changed_result_is_called_changed_and_ends_1(cli, gate: Path) -> None:
    def change(data: dict) -> None:
        data["fingerprint"][1] = "00000000000000ff"
        data["metrics"]["latency_p50_s"]["values"] = [0.001, 0.001]

    edit(gate / f"{FIRST}.json", change)
    ran = cli("check", "gate.py", "--junit", "out.xml")
    assert ran.code == 1
    assert "FAIL fingerprint: changed:" in ran.out and "a second run gave the same" in ran.out
    assert "FAIL latency_p50_s:" in ran.out and "baseline 1 ms + 1 %" in ran.out
    assert "again: ./twinpath check gate.py --only udp_echo-count=20,loss=10%-sim" in ran.out
    suite = ElementTree.parse(gate.parents[1] / "out.xml").getroot().find("testsuite")
    assert suite is not None and suite.get("failures") == "2"


def test_metrics_that_vanish_fail_and_new_ones_are_new(cli, gate: Path) -> None:
    def change(data: dict) -> None:
        data["metrics"]["gone_s"] = data["metrics"].pop("tx_frames")

    edit(gate / "plain.json", change)
    ran = cli("check", "gate.py", "--only", "short", "--json")
    assert ran.code == 1
    found = {row["metric"]: row["verdict"] for row in ran.json["rows"]}
    assert found == {"datagrams": "pass", "gone_s": "fail", "tx_frames": "new"}


def test_another_experiment_is_not_compared_silently(cli, gate: Path) -> None:
    edit(gate / "plain.json", lambda data: data.update(plan_sha256="0" * 64))
    ran = cli("check", "gate.py", "--only", "plain")
    assert ran.code == 1 and "the experiment changed since the baseline (plan)" in ran.out


def test_more_simulations_at_a_time_find_the_same(cli, gate: Path) -> None:
    one, three = (cli("check", "gate.py", "--json", "--jobs", jobs) for jobs in "13")
    assert one.code == three.code == 0 and one.json["rows"] == three.json["rows"]
    assert cli("check", "gate.py", "--jobs", "0").code == 2


def test_modelled_costs_are_checked(sim, tmp_path: Path) -> None:
    @tp.scenario
    def pings(net: tp.Net):
        a, b = net.host("a"), net.host("b", cores=1)
        net.link(a, b, delay="1ms")
        net.stop(when=a.run(tp.UdpEcho(b, count=3)).done, at_most="1s")

    db, suite = str(tmp_path / "r.db"), tp.suite("costs")
    for costs in ("zero", "constant:10ms"):
        suite.add(pings(), driver="sim", seeds=[1, 2], costs=costs,
                  expect=[tp.same("fingerprint"), tp.at_most("latency_p50_s", "8ms")])
    suite.update(tmp_path, reason="first", db=db)
    rows = suite.check(tmp_path, db=db).rows
    assert [row.verdict for row in rows] == ["pass", "pass", "pass", "fail"]
    moved = tp.suite("costs")
    moved.add(pings(), driver="sim", seeds=[1, 2], costs="constant:11ms",
              name="pings-costs=constant:10ms-sim", expect=[tp.same("fingerprint")])
    told = moved.check(tmp_path, db=db).rows[0]
    assert told.metric == "plan" and "profile" in told.message


def test_a_closed_pipe_does_not_turn_failure_into_success(gate: Path) -> None:
    edit(gate / "plain.json", lambda data: data.update(plan_sha256="0" * 64))
    path = f"{ROOT / 'bindings'}:{BUILD / 'bindings'}:{ROOT / 'analysis'}"
    environment = {**os.environ, "TWINPATH_ROOT": str(ROOT), "TWINPATH_BUILD": str(BUILD),
                   "PYTHONPATH": path}
    for words in ((), ("--json",)):
        read, write = os.pipe()
        os.close(read)
        done = subprocess.run(["/usr/bin/python3", "-m", "twinpath", "check", "gate.py", "--only",
                               "plain", *words], cwd=gate.parents[1], env=environment,
                              stdout=write, stderr=subprocess.PIPE, text=True, check=False)
        os.close(write)
        assert done.returncode == 1 and "Traceback" not in done.stderr


def test_a_renamed_case_ends_2_and_is_an_error_in_junit(cli, gate: Path) -> None:
    file = gate.parents[1] / "gate.py"
    file.write_text(file.read_text().replace('name="plain"', 'name="renamed"'))
    ran = cli("check", "gate.py", "--junit", "out.xml")
    assert ran.code == 2 and "no baseline" in ran.err
    (suite,) = ElementTree.parse(gate.parents[1] / "out.xml").getroot().iter("testsuite")
    assert (suite.get("name"), suite.get("errors"), suite.get("tests")) == ("mine", "1", "1")
    (case,) = suite.iter("testcase")
    assert case.get("classname") == "mine.renamed"
    error = case.find("error")
    assert error is not None and "no baseline" in (error.get("message") or "")
    assert "--only renamed --update --reason" in (error.text or "")
    file.write_text("suite = None\n")
    assert cli("check", "gate.py", "--junit", "out.xml").code == 2
    assert 'errors="1"' in (gate.parents[1] / "out.xml").read_text()


def test_a_baseline_of_no_entry_is_named(cli, gate: Path) -> None:
    (gate / "old.json").write_text("{}")
    assert "old.json belongs to no entry of mine" in cli("check", "gate.py", "--only", "plain").out


@pytest.mark.parametrize("arguments, text, piece", [
    (("--only", "plian"), GATE, "did you mean 'plain'?"),
    ((), "import twinpath as tp\n", "has no suite"),
    ((), "import twinpath as tp\nsuite = tp.suite('s')\n", "nothing to check"),
    ((), "import twinpath as tp\na, b = tp.suite('s'), tp.suite('s')\n", "two suites 's'"),
    (("--reason", "x"), GATE, "belongs to --update"),
    (("--junit", "no/such/out.xml"), GATE, "no folder"),
    (("--retries", "-1"), GATE, "--retries"),
])
def test_mistakes_end_2_before_anything_runs(cli, tmp_path: Path, arguments: tuple[str, ...],
                                             text: str, piece: str) -> None:
    (tmp_path / "gate.py").write_text(text)
    ran = cli("check", "gate.py", *arguments)
    assert ran.code == 2 and piece in ran.err and not (tmp_path / "results.db").exists()


def test_a_run_that_crashes_ends_3(cli, gate: Path) -> None:
    (gate / "broken").mkdir()
    (gate / "broken" / "_sim.cpython-311-x86_64-linux-gnu.so").write_bytes(b"not a library")
    done = module_run(gate.parents[1], "twinpath", "check", "gate.py", "--only", "plain", "--junit",
                      "out.xml", ahead=str(gate / "broken"))
    assert done.returncode == 3 and "ERROR run:" in done.stdout, done.stderr
    assert 'errors="1"' in (gate.parents[1] / "out.xml").read_text()


IMPURE = """import time
from pathlib import Path
import twinpath as tp
@tp.scenario
def impure(net: tp.Net, *, count: int = 5):
    extra = 0 if Path("steady").exists() else time.monotonic_ns() % 1_000_000
    a, b = (net.host(name, address=f"198.18.0.{i}/24") for i, name in enumerate("ab", 1))
    net.link(a, b, delay=f"{1_000_000 + extra}ns")
    b.run(tp.UdpEchoServer())
    net.stop(when=a.run(tp.UdpEcho(b, count=count)).done, at_most="10s")
suite = tp.suite("impure")
suite.add(impure(), driver="sim", seeds=[1, 2], expect=[tp.same("fingerprint")])
"""


def test_what_never_repeats_is_called_nondeterministic(cli, sim, tmp_path: Path) -> None:
    """A scenario that asks the clock; an edited stack is tried by the acceptance line."""
    (tmp_path / "gate.py").write_text(IMPURE)
    recording = ("check", "gate.py", "--update", "--reason", "x")
    refused = cli(*recording)
    assert refused.code == 1 and "nondeterministic: seed 1 gave two results" in refused.out
    assert not (tmp_path / "baselines").exists()
    (tmp_path / "steady").touch()
    assert cli(*recording).code == 0
    (tmp_path / "steady").unlink()
    ran = cli("check", "gate.py")
    assert ran.code == 1 and "FAIL fingerprint: nondeterministic:" in ran.out
    assert "seed 1 run again gave" in ran.out


def test_the_same_from_python(sim, tmp_path: Path) -> None:
    suite = tp.suite("api")
    suite.add(find("udp_echo")(count=3), driver="sim", seeds=[1],
              expect=[tp.same("fingerprint"), tp.at_most("requests", 2)])
    db = str(tmp_path / "api.db")
    with pytest.raises(tp.ConfigError, match="no baseline"):
        suite.check(tmp_path, db=db)
    with pytest.raises(tp.ConfigError, match="say why"):
        suite.update(tmp_path, reason=" ", db=db)
    suite.update(tmp_path, reason="first", db=db)
    outcome = suite.check(tmp_path, db=db)
    assert list(outcome.df()["verdict"]) == ["pass", "fail"] and outcome.exit_code == 1
    assert "3 is beyond the limit 2" in repr(outcome) and "<td>fail</td>" in outcome._repr_html_()
    assert f"--baseline {tmp_path}" in outcome.rows[1].command


def test_emulations_are_judged_by_their_interval(cli, emu, tmp_path: Path) -> None:
    """A machine too busy to tell has no verdict and says what was wrong with its emulations."""
    (tmp_path / "gate.py").write_text(
        "import twinpath as tp\nfrom twinpath.discover import find\nsuite = tp.suite('emu')\n"
        "suite.add(find('udp_echo')(delay='40ms', count=3), driver='emu', testbed='net_ring',\n"
        "          expect=[tp.same('datagrams'), tp.no_worse('latency_p50_s', rel='20%')])\n")
    recorded = cli("check", "gate.py", "--update", "--reason", "first", "--json")
    if recorded.code == 0:
        ran = cli("check", "gate.py", "--json")
        assert ran.code in (0, 4)
        assert {row["metric"]: row["n"] for row in ran.json["rows"]}["latency_p50_s"] >= 7
    else:
        assert recorded.code == 4 and not (tmp_path / "baselines").exists()
        assert "invalid, the last:" in recorded.json["rows"][0]["message"]


def pytest_run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return module_run(folder, "pytest", "-v", "-p", "no:cacheprovider", *arguments)


@pytest.mark.parametrize("how", [("-p", "twinpath.pytest_plugin"), ("gate.py",)],
                         ids=["-p", "entry point"])
def test_pytest_has_an_item_per_entry_and_metric(gate: Path, how: tuple[str, ...]) -> None:
    edit(gate / f"{FIRST}.json", lambda data: data.update(fingerprint=["0", "0"]))
    ran = pytest_run(gate.parents[1], *how)
    assert ran.returncode == 1
    assert "gate.py::plain::datagrams PASSED" in ran.stdout
    assert "gate.py::udp_echo-count=20,loss=10%-sim::fingerprint FAILED" in ran.stdout
    assert "fingerprint: changed:" in ran.stdout and "--only" in ran.stdout
    assert "Traceback" not in ran.stdout and "1 failed, 5 passed" in ran.stdout
    assert not (gate.parents[1] / "results.db").exists()


def test_pytest_collects_suites_only_when_asked(gate: Path) -> None:
    assert "no tests ran" in pytest_run(gate.parents[1]).stdout
    asked = pytest_run(gate.parents[1], "--twinpath-suite")
    assert asked.returncode == 0 and "6 passed" in asked.stdout


def test_pytest_shows_a_missing_baseline_as_our_message(gate: Path) -> None:
    (gate / "plain.json").unlink()
    ran = pytest_run(gate.parents[1], "-p", "twinpath.pytest_plugin", "-k", "plain")
    assert ran.returncode == 1 and "--update --reason" in ran.stdout
