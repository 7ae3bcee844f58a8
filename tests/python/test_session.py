"""Lock-step control: steps, reads, sets; a session that only steps is the plain run."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import twinpath as tp
from twinpath import discover


@tp.scenario
def upload(net: tp.Net, *, size: tp.Bytes = "500kB", loss: tp.Ratio = "1%"):
    """A bulk transfer over a lossy link."""
    client, server = net.host("client"), net.host("server")
    net.link(client, server, name="wire", rate="20Mbps", delay="5ms", loss=loss)
    sent = client.run(tp.Bulk(server, size))
    net.stop(when=sent.done, at_most="20s")


@pytest.fixture
def db(tmp_path: Path, sim: None) -> str:
    return str(tmp_path / "r.db")


def problems_of(work) -> list[str]:
    with pytest.raises(tp.ConfigError) as caught:
        work()
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("step", ["1ms", "7ms", "5s"])
def test_a_session_that_only_steps_is_the_plain_run(step: str, db: str) -> None:
    plain = upload().simulate(seed=3, db=db)
    with upload().session("sim", seed=3, db=db) as session:
        while not session.done:
            session.step(step)
            session.metrics()
    assert session.run.fingerprint == plain.fingerprint
    assert session.run.status == "done"
    assert session.run.row.run_key != plain.row.run_key
    assert session.run.get("fct_s") == plain.get("fct_s")


def test_reading_goes_on_while_time_does(db: str) -> None:
    with upload(size="5MB").session(db=db) as session:
        assert session.now == 0 and not session.done
        assert session.step("200ms") == tp.Time("200ms") == session.now
        early = session.read("server/app0.app_bytes")
        session.step("200ms")
        assert session.read("server/app0.app_bytes") > early > 0
        assert session.read("client/app0/flow0.cwnd_bytes") > 0
        hint = problems_of(lambda: session.read("server/app0.app_byte"))[0]
        assert "did you mean 'server/app0.app_bytes'" in hint
    assert session.run.status == "done" and session.run.row.model_s == pytest.approx(0.4)
    with pytest.raises(tp.TwinpathError, match="has ended"):
        session.step("1ms")


def test_what_is_set_changes_the_run_from_then_on(db: str) -> None:
    def run(value: str | None) -> tp.Run:
        with upload().session(seed=3, db=db) as session:
            session.step("100ms")
            if value is not None:
                session.set("client.tcp.congestion", value)
            while not session.done:
                session.step("1s")
        return session.run

    plain = run(None)
    assert run("cubic").fingerprint == plain.fingerprint
    assert run("reno").fingerprint != plain.fingerprint
    assert run("reno").fingerprint == run("reno").fingerprint


def test_a_link_is_read_and_set_in_the_loop(db: str) -> None:
    with upload(size="20MB", loss=0).session(seed=3, db=db) as session:
        assert session.read("wire.rate") == tp.Rate("20Mbps")
        assert {"wire.loss", "wire.delay", "client.tcp.delayed_ack"} <= set(session.settable())
        assert session.read("client.tcp.delayed_ack") == tp.Time("40ms")
        assert session.read("client.tcp.congestion") == "cubic"
        session.step("1s")
        assert {"wire/from_client.queued_bytes", "server/app0.app_bytes",
                "wire.rate"} <= set(session.paths())
        assert all(session.read(path) is not None for path in session.paths())
        before = session.read("server/app0.app_bytes")
        session.set("wire.rate", "2Mbps")
        assert session.read("wire.rate") == tp.Rate("2Mbps")
        session.step("2s")
        middle = session.read("server/app0.app_bytes")
        session.step("2s")
        last = session.read("server/app0.app_bytes")
        assert before > 1e6 and last - middle < 0.8e6  # not 5 MB
        assert session.read("wire/from_client.lost_frames") == 0
        session.set("wire.loss", "100%")
        session.step("4s")
        assert session.read("wire/from_client.lost_frames") > 0
        session.set("wire.loss", "0%")
        session.set("wire.rate", "unlimited")
        session.step("1s")
        for path, value, piece in (("wire.rate", 0, "carries nothing"),
                                   ("wire.loss", "200%", "above"),
                                   ("wire.delay", 5, "no unit"), ("wire.delay", "1h", "wire"),
                                   ("wire.dely", "5ms", "did you mean 'wire.delay'")):
            assert piece in problems_of(lambda: session.set(path, value))[0]


def test_a_link_set_to_what_it_is_changes_nothing(db: str) -> None:
    plain = upload().simulate(seed=3, db=db)
    with upload().session(seed=3, db=db) as session:
        while not session.done:
            session.step("7ms")
            for path, value in (("wire.rate", "20Mbps"), ("wire.loss", "1%")):
                session.set(path, value)
    assert session.run.content_hash == plain.content_hash
    runs = []
    for _ in range(2):
        with upload().session(seed=3, db=db) as session:
            session.step("50ms")
            session.set("wire.delay", "20ms")
            while not session.done:
                session.step("1s")
        runs.append(session.run.fingerprint)
    assert runs[0] == runs[1] != plain.fingerprint


def test_a_population_is_set_as_a_whole(db: str) -> None:
    @tp.scenario
    def crowd(net: tp.Net):
        many, server = net.clients("many", count=2), net.host("server")
        net.link(many, server, name="wire", rate="20Mbps", delay="5ms")
        net.stop(when=many.run(tp.Bulk(server, "200kB")).done, at_most="60s")

    with crowd().session(db=db) as session:
        session.set("many.tcp.nagle", False)
        session.set("wire.rate", "1Mbps")
        while not session.done:
            session.step("1s")
    assert session.run["fct_s"] > 1


def test_a_session_is_for_simulations_and_entered_once(db: str) -> None:
    assert "real time does not wait" in problems_of(lambda: upload().session("emu"))[0]
    assert "did you mean 'sim'" in problems_of(lambda: upload().session("smi"))[0]
    session = upload().session(db=db)
    with pytest.raises(tp.TwinpathError, match="enter the session first"):
        session.step("1ms")
    with session:
        session.step("1ms")
    with pytest.raises(tp.TwinpathError, match="entered before"):
        session.__enter__()


def test_only_what_may_change_can_be_set(db: str) -> None:
    with upload().session(db=db) as session:
        assert "client.tcp.delayed_ack" in session.settable()
        assert problems_of(lambda: session.set("client.tcp.mss_bytes", "500B"))[0].startswith(
            "client.tcp.mss_bytes: mss_bytes cannot change while a run goes on")
        hint = problems_of(lambda: session.set("client.tcp.delayed_ak", "1ms"))[0]
        assert "did you mean 'client.tcp.delayed_ack'" in hint
        assert "out of range" in problems_of(lambda: session.set("client.tcp.delayed_ack", "1s"))[0]
        assert "no unit" in problems_of(lambda: session.set("client.tcp.delayed_ack", 10))[0]
        # Each is in range, together they are not: the worker's own check answers.
        said = problems_of(lambda: session.set("client.tcp.rto_max", "1ms"))
        assert any("must not exceed rto_max" in text for text in said)
        assert problems_of(lambda: session.step(0)) == ["step: must be above 0"]
        session.step("10ms")


def test_a_dead_worker_is_a_failed_run(db: str) -> None:
    with pytest.raises(tp.RunFailed, match="killed by SIGKILL") as caught:
        with upload().session(db=db) as session:
            session.step("10ms")
            os.kill(worker_of(os.getpid()), signal.SIGKILL)
            session.step("10ms")
    assert caught.value.run.status == "failed"


def worker_of(parent: int) -> int:
    """The only child of this process that runs the worker."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rsplit(")", 1)[1].split()
            command = path.with_name("cmdline").read_text()
        except OSError:
            continue
        if int(words[1]) == parent and "_worker.py" in command:
            return int(path.parent.name)
    raise AssertionError("no worker")


def test_an_exception_of_the_caller_passes_and_the_run_is_kept(db: str) -> None:
    with pytest.raises(ZeroDivisionError):
        with upload().session(db=db) as session:
            session.step("10ms")
            _ = 1 // 0
    assert tp.open(db).df(valid_only=False)["status"].tolist() == ["interrupted"]


def test_the_parameter_of_a_congestion_control_of_one_s_own_is_tuned(
        db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with discover.find("own_congestion")().session(db=db) as session:
        session.step("100ms")
        session.set("client.tcp.congestion.beta", 0.5)
        assert "out of range" in problems_of(
            lambda: session.set("client.tcp.congestion.beta", 3))[0]
        while not session.done:
            session.step("1s")
    plain = discover.find("own_congestion")().simulate(db=db)
    assert session.run.fingerprint != plain.fingerprint
