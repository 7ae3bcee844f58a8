"""An installed prefix is enough: C++ of the user's own is compiled against its headers, without the
source tree, and a CMake project finds the package."""

from __future__ import annotations

import importlib
import shutil
import subprocess
from pathlib import Path
from typing import Any, Callable

import pytest
from conftest import BUILD, ROOT

import twinpath as tp
from twinpath import discover

PROJECT = """cmake_minimum_required(VERSION 3.25)
project(mine CXX)
find_package(Twinpath 0.1 REQUIRED COMPONENTS models)
add_executable(mine mine.cc)
target_link_libraries(mine PRIVATE twinpath::models)
"""
PROGRAM = """#include <cstdio>
#include "models/port/link.h"
int main() {
  twinpath::LinkConfig config;
  config.faults.loss = 2;
  return std::printf("%zu", twinpath::validate(config).size()) < 0;
}
"""


def run(*command: Any, cwd: Path) -> str:
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True,
                          timeout=280, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}{done.stdout[-1000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This build, installed."""
    if not (BUILD / "cmake_install.cmake").is_file():
        pytest.skip(f"{BUILD} is no build folder that can be installed")
    folder = tmp_path_factory.mktemp("sdk") / "prefix"
    run("cmake", "--install", BUILD, "--prefix", folder, cwd=ROOT)
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sim: None) -> Callable[[str], None]:
    """Chooses an empty cache of compiled objects."""
    def choose(name: str) -> None:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))

    return choose


def congestion(folder: Path) -> tp.Case:
    """The example of docs/own-code.md's kind, copied to where no tree is."""
    (folder / "native").mkdir(exist_ok=True)
    shutil.copy(ROOT / "scenarios" / "native" / "gentle.cc", folder / "native")
    shutil.copy(ROOT / "scenarios" / "own_congestion.py", folder / "mine.py")
    return discover.find(str(folder / "mine.py"))(size="200kB")


def spied(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Every command of the compiler from now on."""
    commands: list[list[str]] = []
    native = importlib.import_module("twinpath.native")  # the package has a function of that name
    original = native._run

    def note(spec: Any, how: Any, command: list[str], work: str) -> None:
        commands.append(command)
        original(spec, how, command, work)

    monkeypatch.setattr(native, "_run", note)
    return commands


def test_a_congestion_control_is_compiled_against_the_prefix_alone(
        prefix: Path, tmp_path: Path, cache: Callable[[str], None],
        monkeypatch: pytest.MonkeyPatch) -> None:
    case, db = congestion(tmp_path), str(tmp_path / "r.db")
    cache("tree")
    of_tree = case.simulate(db=db)
    cache("sdk")
    monkeypatch.chdir(prefix.parent)
    monkeypatch.setenv("TWINPATH_SDK", prefix.name)  # a relative one is right too
    commands = spied(monkeypatch)
    of_prefix = case.simulate(db=db)
    assert len(commands) == 2
    assert not [word for command in commands for word in command if str(ROOT) in word]
    assert of_prefix.fingerprint == of_tree.fingerprint
    objects = [run.plan["hosts"][0]["congestion"]["object"] for run in (of_tree, of_prefix)]
    assert objects[0] == objects[1], "equal sources and headers give equal objects"


def test_an_app_is_compiled_against_the_prefix(prefix: Path, tmp_path: Path,
                                               cache: Callable[[str], None],
                                               monkeypatch: pytest.MonkeyPatch) -> None:
    cache("sdk")
    monkeypatch.setenv("TWINPATH_SDK", str(prefix))
    run = discover.find("own_app")(count=3).simulate(db=str(tmp_path / "r.db"))
    assert run.status == "done" and not run.failures


def test_a_prefix_of_another_build_is_refused(prefix: Path, tmp_path: Path,
                                              cache: Callable[[str], None],
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    cache("sdk")
    other = tmp_path / "other"
    shutil.copytree(prefix, other)
    header = other / "include" / "twinpath" / "models" / "tcp" / "config.h"
    header.write_text(header.read_text() + "// edited\n")
    for path, piece in ((other, "are not those of this build"),
                        (tmp_path, "has no libtwinpath_models.a")):
        monkeypatch.setenv("TWINPATH_SDK", str(path))
        with pytest.raises(tp.ConfigError, match=piece) as caught:
            congestion(tmp_path).plan("sim")
        assert {problem.field for problem in caught.value.problems} == {"TWINPATH_SDK"}


def test_a_cmake_project_finds_the_package(prefix: Path, tmp_path: Path) -> None:
    (tmp_path / "CMakeLists.txt").write_text(PROJECT)
    (tmp_path / "mine.cc").write_text(PROGRAM)
    run("cmake", "-G", "Ninja", "-B", "built", f"-DCMAKE_PREFIX_PATH={prefix}", cwd=tmp_path)
    run("ninja", "-C", "built", cwd=tmp_path)
    assert run(tmp_path / "built" / "mine", cwd=tmp_path) == "1"
