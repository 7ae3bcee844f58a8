"""Net.on: events reach callbacks, complete in sim, and what a callback raises ends the run."""

from __future__ import annotations

from pathlib import Path

import pytest

import twinpath as tp


def upload_case(*wishes, at_most: str = "20s") -> tp.Case:
    @tp.scenario
    def upload(net: tp.Net) -> None:
        client, server = net.host("client"), net.host("server")
        net.link(client, server, name="wire", rate="20Mbps", delay="5ms", loss="1%")
        sent = client.run(tp.Bulk(server, "500kB"))
        for kind, fn, entity in wishes:
            net.on(kind, fn, entity=entity)
        net.stop(when=sent.done, at_most=at_most)
    return upload()


@pytest.fixture
def db(tmp_path: Path, sim: None) -> str:
    return str(tmp_path / "r.db")


def test_every_event_comes_once_in_order(db: str) -> None:
    resent: list[tp.Event] = []
    all_of_tcp: list[tp.Event] = []
    wishes = ("tcp.retransmit", resent.append, "*"), ("tcp", all_of_tcp.append, "client*")
    case = upload_case(*wishes)
    run = case.simulate(seed=2, db=db)
    assert len(resent) == run.get("retransmits", "client/app0/flow0") > 0
    assert {event.entity for event in all_of_tcp} == {"client/app0/flow0"}
    assert [event.at for event in all_of_tcp] == sorted(event.at for event in all_of_tcp)
    kinds = {event.kind for event in all_of_tcp}
    assert {"tcp.cwnd", "tcp.state", "tcp.rtt", "tcp.data.sent"} <= kinds
    sent = [event.data["bytes"] for event in all_of_tcp if event.kind == "tcp.data.sent"]
    assert sum(sent) == 500_000
    state = next(event for event in all_of_tcp if event.kind == "tcp.state")
    assert state.data == {"before": "CLOSED", "after": "SYN-SENT"}


def test_listening_changes_nothing(db: str) -> None:
    heard: list[tp.Event] = []
    plain, told = upload_case(), upload_case(("tcp", heard.append, "*"))
    assert plain.plan("sim").sha256 == told.plan("sim").sha256
    assert plain.simulate(db=db).fingerprint == told.simulate(db=db).fingerprint
    assert heard


def test_what_a_callback_raises_ends_the_run(db: str) -> None:
    def stumble(event: tp.Event) -> None:
        raise ValueError(f"no room for {event.kind}")

    with pytest.raises(tp.RunFailed, match="stumble failed on tcp.state of client/app0/flow0 at "
                       ".*ValueError: no room for tcp.state") as caught:
        upload_case(("tcp.state", stumble, "*")).simulate(db=db)
    assert caught.value.run.status == "failed"
    assert isinstance(caught.value.__cause__.__cause__, ValueError)


def test_unknown_events_and_what_cannot_be_called_are_refused() -> None:
    with pytest.raises(tp.ConfigError) as caught:
        upload_case(("tcp.cwn", print, "*"), ("tcp", 3, "*")).plan("sim")
    said = [str(problem) for problem in caught.value.problems]
    assert "did you mean 'tcp.cwnd'" in said[0]
    assert said[1] == "net.on: 3 cannot be called (fn(event))"


def test_an_emulation_tells_them_too(db: str, emu: None) -> None:
    heard: list[tp.Event] = []
    run = upload_case(("tcp.data.sent", heard.append, "client*")).emulate(testbed="net_ring", db=db)
    assert run.status == "done"
    assert sum(event.data["bytes"] for event in heard) == 500_000


def test_an_emulation_does_not_wait_for_a_slow_callback(db: str, emu: None) -> None:
    """The pipe and a mebibyte beside it fill up; what is beyond is counted, not waited for."""
    import time

    def slow(_: tp.Event) -> None:
        time.sleep(0.0005)

    @tp.scenario
    def flood(net: tp.Net) -> None:
        client, server = net.host("client"), net.host("server")
        net.link(client, server, rate="400Mbps", delay="1ms")
        client.run(tp.Bulk(server, duration="1500ms"))
        net.on("tcp.data", slow)
        net.stop(at_most="2s")

    with pytest.warns(UserWarning, match="came faster than they were read"):
        run = flood().emulate(testbed="net_ring", db=db)
    assert run.status == "done" and 1.5 < run.row.model_s < 2.5


def test_a_study_says_that_it_hears_no_events(sim, tmp_path) -> None:
    @tp.scenario
    def heard(net: tp.Net):
        a, b = (net.host(name, address=f"198.18.0.{i}/24") for i, name in ((1, "a"), (2, "b")))
        net.link(a, b, rate="10Mbps", delay="1ms")
        b.run(tp.HttpServer())
        get = a.run(tp.HttpGet(b, size="1kB"))
        net.on("tcp.state", print)
        net.stop(when=get.done, at_most="1s")

    with pytest.warns(UserWarning, match="net.on hears nothing in a study"):
        tp.study(str(tmp_path / "s.db"), heard, progress=False)
