"""A user's own C++: compiled once, kept by hash, refused in words, one object in both drivers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import twinpath as tp
from twinpath import discover
from twinpath.native import build, cache_folder, headers_sha256, object_path, recipe

STEADY = """
#include "models/native/congestion.h"
namespace tcp = twinpath::tcp;
struct Steady {
  struct Config {
    std::uint32_t segments = 8;
    static constexpr auto fields() {
      return std::tuple(twinpath::Field{"segments", "window", &Config::segments,
                                        twinpath::Limits{.unit = "segments", .min = 2, .max = 99}});
    }
  };
  static constexpr bool kOwnSlowStart = true;
  explicit Steady(const Config& config) : segments(config.segments) {}
  void on_ack(tcp::CongestionWindow& window, const tcp::AckSample&) {
    window.cwnd_bytes = segments * window.mss_bytes;
  }
  std::uint32_t ssthresh_after_loss(const tcp::CongestionWindow& window, const tcp::LossSample&) {
    return FACTOR * window.mss_bytes;
  }
  std::uint32_t segments;
};
TWINPATH_CONGESTION(Steady)
""".replace("FACTOR", "segments")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sim: None) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def steady(tmp_path: Path) -> Path:
    path = tmp_path / "steady.cc"
    path.write_text(STEADY)
    return path


def case_of(congestion, app=None) -> tp.Case:
    @tp.scenario
    def own(net: tp.Net) -> None:
        client, server = net.host("client", tcp={"congestion": congestion}), net.host("server")
        net.link(client, server, name="wire", rate="10Mbps", delay="10ms")
        got = client.run(app(server) if app else tp.Bulk(server, "300kB"))
        net.stop(when=got.done, at_most="30s")
    return own()


def problems_of(work) -> list[str]:
    with pytest.raises(tp.ConfigError) as caught:
        work()
    return [str(problem) for problem in caught.value.problems]


def test_headers_have_one_hash_in_cmake_and_in_python() -> None:
    assert recipe().abi == headers_sha256(recipe().include)


def test_a_window_of_one_s_own_is_what_the_wire_sees(steady: Path, tmp_path: Path) -> None:
    """8 segments of 1448 bytes per round trip of 21.2 ms are 4.4 Mbit/s, and no more."""
    db = str(tmp_path / "r.db")
    run = case_of(tp.native(str(steady), "Steady")).simulate(db=db)
    assert 0.9 * 4.4e6 < run.get("goodput_bps", "server/app0") < 4.4e6
    more = case_of(tp.native(str(steady), "Steady", segments=16)).simulate(db=db)
    assert more.get("goodput_bps", "server/app0") > 1.5 * run.get("goodput_bps", "server/app0")
    assert "Steady" in json.dumps(run.plan)


def test_the_hash_of_the_object_is_in_the_plan_and_follows_the_code(steady: Path) -> None:
    first = case_of(tp.native(str(steady), "Steady")).plan("sim")
    assert case_of(tp.native(str(steady), "Steady")).plan("sim").sha256 == first.sha256
    steady.write_text(STEADY.replace("return segments *", "return 2 *"))
    other = case_of(tp.native(str(steady), "Steady")).plan("sim")
    assert other.sha256 != first.sha256
    objects = [plan.data["hosts"][0]["congestion"]["object"] for plan in (first, other)]
    assert all(Path(object_path(sha256)).is_file() for sha256 in objects)
    sim, emu = (case_of(tp.native(str(steady), "Steady")).plan(d) for d in ("sim", "emu"))
    assert sim.data["hosts"][0] == emu.data["hosts"][0]


def test_equal_sources_in_two_folders_are_one_object(steady: Path, tmp_path: Path) -> None:
    (tmp_path / "else").mkdir()
    copy = tmp_path / "else" / "steady.cc"
    copy.write_text(STEADY)
    one, other = (build(tp.native(str(path), "Steady")) for path in (steady, copy))
    assert one.object == other.object


def test_a_changed_header_of_the_user_is_compiled_again(steady: Path) -> None:
    steady.with_name("factor.h").write_text("constexpr unsigned kFactor = 3;\n")
    text = STEADY.replace("return segments *", "return kFactor *")
    steady.write_text('#include "factor.h"\n' + text)
    first = build(tp.native(str(steady), "Steady"))
    assert build(tp.native(str(steady), "Steady")) == first
    steady.with_name("factor.h").write_text("constexpr unsigned kFactor = 4;\n")
    assert build(tp.native(str(steady), "Steady")).object != first.object


def test_processes_that_compile_at_once_agree(steady: Path) -> None:
    """Every process waits for the one that compiles; one object, one recipe, nothing left over."""
    code = ("import sys; sys.path[:0] = %r\n"
            "import twinpath as tp; from twinpath.native import build\n"
            "print(build(tp.native(%r, 'Steady')).object)") % (sys.path, str(steady))
    running = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
               for _ in range(3)]
    said = {process.communicate(timeout=200)[0] for process in running}
    assert len(said) == 1 and said != {""}
    folders = {path.name: len(list(path.iterdir())) for path in cache_folder().iterdir()}
    assert folders == {"objects": 1, "recipes": 1, "locks": 1}


def test_compile_errors_show_the_user_s_lines(steady: Path) -> None:
    steady.write_text(STEADY.replace("segments * window.mss_bytes", "segments * window.mss", 1))
    line = next(n for n, text in enumerate(steady.read_text().splitlines(), 1)
                if "window.mss;" in text)
    said = problems_of(lambda: build(tp.native(str(steady), "Steady")))
    assert len(said) == 1
    assert said[0].startswith(f"steady.cc:{line}: ") and "has no member named" in said[0]
    assert "window.cwnd_bytes = segments * window.mss;" in said[0]


def test_what_is_missing_when_linked_is_named(steady: Path) -> None:
    steady.write_text("std::uint32_t nowhere();\n".replace("std", "#include <cstdint>\nstd", 1) +
                      STEADY.replace("return segments *", "return nowhere() *"))
    said = problems_of(lambda: build(tp.native(str(steady), "Steady")))
    assert len(said) == 1 and "nowhere() is defined nowhere; line" in said[0]


def test_a_class_too_big_or_without_its_calls_is_told(steady: Path) -> None:
    big = STEADY.replace("std::uint32_t segments;\n}", "std::uint32_t segments, a[40];\n}")
    steady.write_text(big)
    assert "at most 120 bytes" in problems_of(lambda: build(tp.native(str(steady), "Steady")))[0]
    steady.write_text(STEADY.replace("void on_ack", "void on_acks"))
    assert "has on_ack()" in problems_of(lambda: build(tp.native(str(steady), "Steady")))[0]


def test_arguments_are_fields_with_units_ranges_and_nearest_names(steady: Path) -> None:
    def plan(**args):
        return lambda: case_of(tp.native(str(steady), "Steady", **args)).plan("sim")

    assert problems_of(plan(segmnts=3)) == [
        "client.tcp.congestion.segmnts: no argument 'segmnts' (segments); did you mean 'segments'?"]
    assert problems_of(plan(segments=100)) == [
        "client.tcp.congestion.segments: 100 is out of range (2..99 segments)"]
    own = case_of(tp.native(str(steady), "Steady")).with_settings(
        {"client.tcp.congestion.segments": "9"}).plan("sim").data["hosts"][0]["congestion"]
    assert own["args"] == {"segments": 9}


def test_wrong_names_kinds_and_places(steady: Path, tmp_path: Path) -> None:
    assert "no class in steady.cc 'Stedy'" in problems_of(
        lambda: build(tp.native(str(steady), "Stedy")))[0]
    assert "no file" in problems_of(lambda: build(tp.native(str(tmp_path / "no.cc"), "X")))[0]
    misplaced = case_of("cubic", lambda _: tp.native(str(steady), "Steady"))
    said = problems_of(lambda: misplaced.plan("sim"))
    assert said == ["client/app0: Steady is of kind congestion, not app"]
    bare = tmp_path / "bare.cc"
    bare.write_text("struct Bare {};\n")
    said = problems_of(lambda: build(tp.native(str(bare), "Bare")))
    assert "end it with TWINPATH_APP(Bare)" in said[0]


def test_an_object_of_another_build_is_refused(steady: Path, tmp_path: Path) -> None:
    """Compiled by hand with another hash, put where the cache has it."""
    how = recipe()
    made = tmp_path / "old.so"
    subprocess.run([how.compiler, *how.compile, f"-I{how.include}", '-DTWINPATH_NATIVE_ABI="0"',
                    str(steady), *how.link, how.archive, "-o", str(made)], check=True)
    plan = case_of(tp.native(str(steady), "Steady")).plan("sim")
    made.replace(object_path(plan.data["hosts"][0]["congestion"]["object"]))
    said = problems_of(lambda: case_of(tp.native(str(steady), "Steady")).simulate(
        db=str(tmp_path / "r.db")))
    assert "was compiled against another build of Twinpath" in said[0]


def test_a_rerun_finds_the_object_and_says_when_it_is_gone(steady: Path, tmp_path: Path) -> None:
    from twinpath.execute import rerun

    run = case_of(tp.native(str(steady), "Steady")).simulate(db=str(tmp_path / "r.db"))
    assert rerun(run).fingerprint == run.fingerprint
    for path in (cache_folder() / "objects").iterdir():
        path.unlink()
    assert "is not on this machine" in problems_of(lambda: rerun(run))[0]


@pytest.mark.parametrize("name", ["own_congestion", "own_app", "own_tasks"])
def test_the_examples_run_in_both_drivers(name: str, emu: None, tmp_path: Path) -> None:
    case = discover.find(name)()
    db = str(tmp_path / "r.db")
    first, again = case.simulate(db=db), case.simulate(db=db)
    assert first.fingerprint == again.fingerprint and not first.failures
    run = case.emulate(testbed="net_ring", db=db)
    assert run.status == "done" and not run.failures
    metric = {"own_app": "datagrams", "own_tasks": "requests"}.get(name, "app_sent_bytes")
    assert run.get(metric, "client/app0") == first.get(metric, "client/app0")


def test_a_source_is_found_beside_the_user_s_file(cli, steady: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    steady.rename(folder / "steady.cc")
    (folder / "mine.py").write_text(
        "import twinpath as tp\n\n@tp.scenario\ndef mine(net, *, segments: int = 8):\n"
        "    own = tp.native('steady.cc', 'Steady', segments=segments)\n"
        "    a, b = net.host('a', tcp={'congestion': own}), net.host('b')\n"
        "    net.link(a, b, rate='10Mbps', delay='1ms')\n"
        "    net.stop(when=a.run(tp.Bulk(b, '50kB')).done, at_most='9s')\n")
    assert cli("run", "mine/mine.py", "--json").json["status"] == "done"
    (folder / "steady.cc").write_text(STEADY.replace("explicit Steady", "explicit Stady"))
    ran = cli("run", "./mine/mine.py", "--json")
    assert ran.code == 2
    assert any(p["field"].startswith("steady.cc:") for p in ran.json["problems"])
