"""Studies on a real dask cluster of two workers on this machine."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import twinpath as tp
from twinpath import discover, provenance

ASKED = {"grid": {"loss": ["0%", "1%"]}, "fixed": {"size": "20kB"}, "seeds": (1, 2, 3)}


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    distributed = pytest.importorskip("distributed", reason="needs python3-distributed")
    os.environ["PYTHONPATH"] = ":".join(sys.path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(n_workers=2, threads_per_worker=1,
                                      dashboard_address=None) as found:
            yield found.scheduler_address


def test_a_cluster_gives_the_rows_of_local_processes(sim, cluster: str, tmp_path: Path) -> None:
    scenario = discover.find("web_transfer")
    here = tp.study(str(tmp_path / "here.db"), scenario, **ASKED)
    there = tp.study(str(tmp_path / "there.db"), scenario, scheduler=cluster, **ASKED)
    left, right = (study.df().drop(columns="run_id") for study in (here, there))
    assert len(left) == 6 and left.equals(right)
    assert [run.fingerprint for run in here.runs] == [run.fingerprint for run in there.runs]
    tp.study(str(tmp_path / "there.db"), scenario, scheduler=cluster, **ASKED)
    assert len(tp.open(str(tmp_path / "there.db")).runs) == 6


def test_a_run_that_fails_on_the_cluster_is_a_failed_run(sim, cluster: str, tmp_path: Path) -> None:
    study = tp.study(str(tmp_path / "x.db"), discover.find("bulk_transfer"), scheduler=cluster,
                     zip={"size": ["100GB", "1kB"], "rate": ["10Gbps", "10Mbps"]},
                     fixed={"every": 0}, timeout=2.0)
    assert [run.status for run in study.runs] == ["timeout", "done"]


def test_workers_of_another_build_are_refused(sim, cluster: str, tmp_path: Path,
                                              monkeypatch) -> None:
    row = {**provenance.build_row("sim"), "sha256": "f" * 64}
    monkeypatch.setattr(provenance, "build_row", lambda driver: row)
    with pytest.raises(tp.ConfigError, match="has another build than this machine") as caught:
        tp.study(str(tmp_path / "x.db"), discover.find("web_transfer"), scheduler=cluster)
    assert len(caught.value.problems) == 2 and "here ffffffffffffffff" in str(caught.value)


def test_a_scheduler_that_does_not_answer_is_named(sim, tmp_path: Path, monkeypatch) -> None:
    pytest.importorskip("distributed", reason="needs python3-distributed")
    monkeypatch.setattr("twinpath.studies.cluster.CONNECT_S", 1.0)
    with pytest.raises(tp.ConfigError, match="no dask scheduler answers at tcp://127.0.0.1:1"):
        tp.study(str(tmp_path / "x.db"), discover.find("web_transfer"),
                 scheduler="tcp://127.0.0.1:1")


def test_without_dask_the_package_to_install_is_named(sim, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(tp.ConfigError, match="apt-get install python3-distributed"):
        tp.study(str(tmp_path / "x.db"), discover.find("web_transfer"), scheduler="tcp://x:1")
