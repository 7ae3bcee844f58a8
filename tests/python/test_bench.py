"""`twinpath bench`: which trials a bench runs, and what becomes of their values."""

from __future__ import annotations

from pathlib import Path

import pytest

import twinpath as tp
from twinpath.cli.bench import measure
from twinpath.cli.bench_entries import BENCHES, Bench, Point

PROGRAM = """#!/bin/sh
echo "$@" >> {log}
case "$2" in ours) echo '{{"value": 12.0}}' ;; *) echo "{{\\"value\\": $6.0}}" ;; esac
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of trials: ours is always 12, the peer is its seed. The log of its calls."""
    log = tmp_path / "calls"
    (tmp_path / "tests").mkdir()
    path = tmp_path / "tests" / "bench_counting"
    path.write_text(PROGRAM.format(log=log))
    path.chmod(0o755)
    monkeypatch.setenv("TWINPATH_BUILD", str(tmp_path))
    return log


def bench(*points: Point) -> Bench:
    return Bench("counting", "bench_counting", "itself", "", points, seeded=True)


def test_pairs_alternate_and_share_a_seed(program: Path) -> None:
    point = Point("a", "Mb/s")
    found = measure(bench(point), point, 3)
    assert found.ratios == [12, 6, 4]
    calls = [line.split() for line in program.read_text().splitlines()]
    assert [(words[1], words[5]) for words in calls] == [
        ("ours", "1"), ("peer", "1"), ("peer", "2"), ("ours", "2"), ("ours", "3"), ("peer", "3")]


def test_trials_together_keep_their_pairs(program: Path) -> None:
    point = Point("a", "Mb/s", together=4)
    assert measure(bench(point), point, 5).ratios == [12, 6, 4, 3, 2.4]


def test_a_point_may_take_its_peer_from_another(program: Path) -> None:
    first, second = Point("a", "Mb/s"), Point("b", "Mb/s", peer_of="a")
    known = measure(bench(first, second), first, 2)
    assert measure(bench(first, second), second, 2, known).ratios == [12, 6]
    assert program.read_text().count("--side peer") == 2


def test_a_printed_point_runs_few_pairs(program: Path) -> None:
    point = Point("a", "Mb/s", pairs_max=1)
    assert measure(bench(point), point, 7).ratios == [12]


def test_a_trial_that_fails_ends_the_bench(program: Path) -> None:
    (program.parent / "tests" / "bench_counting").write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(tp.TwinpathError, match="ended with 3"):
        measure(bench(Point("a", "Mb/s")), Point("a", "Mb/s", together=4), 7)


def test_peers_of_points_are_measured_before_them() -> None:
    for entry in BENCHES.values():
        labels = [point.label for point in entry.points]
        for point in entry.points:
            assert not point.peer_of or labels.index(point.peer_of) < labels.index(point.label)
