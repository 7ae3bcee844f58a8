"""What a run records of its flows, content and events, the same under both drivers."""

from __future__ import annotations

import json
import resource
import sqlite3
from pathlib import Path

import pytest

import twinpath as tp
from twinpath import discover
from twinpath_analysis.database import connect


@pytest.fixture
def db(tmp_path: Path) -> str:
    return str(tmp_path / "results.db")


@tp.scenario
def observed(net: tp.Net, *, size: tp.Bytes = "300kB", loss: tp.Ratio = 0,
             kinds: str = "tcp.state") -> None:
    """A bulk transfer of which events are recorded."""
    sender = net.host("sender", address="198.18.0.1/24")
    receiver = net.host("receiver", address="198.18.0.2/24")
    net.link(sender, receiver, name="wire", rate="100Mbps", delay="2ms", loss=loss)
    bulk = sender.run(tp.Bulk(receiver, size=size))
    net.measure(events=kinds.split(",") if kinds else None)
    net.stop(when=bulk.done, at_most="60s")


def run_by(driver: str, case: tp.Case, db: str, seed: int = 3) -> tp.Run:
    if driver == "sim":
        return case.simulate(seed=seed, db=db)
    return case.emulate(seed=seed, testbed="net_ring", db=db)


@pytest.mark.parametrize("driver", ["sim", "emu"])
def test_a_connection_has_a_row_at_both_ends(request, driver: str, db: str) -> None:
    request.getfixturevalue(driver)
    case = discover.find("bulk_transfer")(size="500kB", loss="1%")
    flows = run_by(driver, case, db).flows().set_index("entity")
    assert set(flows.index) == {"sender/app0/flow0", "receiver/app0/flow0"}
    sent, got = flows.loc["sender/app0/flow0"], flows.loc["receiver/app0/flow0"]
    assert (sent["src"], sent["src_port"]) == (got["dst"], got["dst_port"])
    assert (sent["dst"], sent["dst_port"]) == (got["src"], got["src_port"]) == (got["src"], 5001)
    assert sent["proto"] == "tcp" and got["rx_bytes"] == 500_000
    assert sent["tx_bytes"] > 500_000 and sent["retransmitted"] > 0 and sent["lost_packets"] > 0
    assert 0 < sent["first_tx_ns"] < got["last_rx_ns"] or sent["first_tx_ns"] == 0
    assert sent["tx_packets"] >= got["rx_packets"] > 0
    assert {sent["end_reason"], got["end_reason"]} <= {"closing", "closed"}
    assert flows.notna().all(axis=None)


@pytest.mark.parametrize("driver", ["sim", "emu"])
def test_what_a_download_had_to_send_again_is_its_servers(request, driver: str, db: str) -> None:
    request.getfixturevalue(driver)
    case = discover.find("web_transfer")(size="300kB", loss="2%", server_stack="twinpath")
    run = run_by(driver, case, db)
    assert run.get("retransmits", "server/app0/flow0") > 0
    assert run["retransmits"] == run.flows()["retransmitted"].sum()


def test_a_sender_that_does_not_count_gives_no_figure(sim, db: str) -> None:
    run = discover.find("web_transfer")(size="100kB", loss="1%", server_stack="ns3").simulate(db=db)
    assert "retransmits" not in set(run.df()["metric"]) and run["srtt_s"] > 0


@pytest.mark.parametrize("driver", ["sim", "emu"])
def test_datagrams_have_flows_too(request, driver: str, db: str) -> None:
    request.getfixturevalue(driver)
    flows = run_by(driver, discover.find("udp_echo")(count=5), db).flows()
    assert len(flows) == 2 and set(flows["proto"]) == {"udp"}
    assert list(flows["tx_packets"]) == list(flows["rx_packets"]) == [5, 5]
    assert flows["retransmitted"].isna().all() and flows["end_reason"].isna().all()


def test_series_and_flows_name_a_connection_alike(sim, db: str) -> None:
    run = discover.find("web_transfer")(size="1MB", series="5ms").simulate(db=db)
    assert set(run.df("series")["entity"]) <= set(run.flows()["entity"])


def test_content_is_the_same_in_sim_and_emu_whatever_is_lost(sim, emu, db: str) -> None:
    lossy = discover.find("bulk_transfer")(size="500kB", loss="2%")
    simulated, emulated = run_by("sim", lossy, db), run_by("emu", lossy, db)
    assert simulated.content_hash == emulated.content_hash
    assert len(simulated.content_hash) == 16 and int(simulated.content_hash, 16) != 0
    assert simulated.fingerprint != emulated.fingerprint
    other = discover.find("bulk_transfer")(size="500001B", loss="2%").simulate(seed=3, db=db)
    assert other.content_hash != simulated.content_hash


def test_datagrams_are_content_too(sim, emu, db: str, cli) -> None:
    """Equal where all came, and told apart where one more did, by the flow that brought it."""
    case = discover.find("udp_echo")(count=5)
    simulated, emulated = run_by("sim", case, db), run_by("emu", case, db)
    assert simulated.content_hash == emulated.content_hash is not None
    assert tp.diff(simulated, emulated).equal
    more = run_by("sim", discover.find("udp_echo")(count=6), db)
    found = tp.diff(more, emulated)
    assert not found.equal and found.by == "content_hash"
    assert "received 384 B in 6 datagrams in run 3, 320 B in 5 datagrams in run 2" in found.notes[0]
    assert "384 B" in found.verdict
    larger = run_by("sim", discover.find("udp_echo")(count=5, size="65B"), db)
    assert larger.content_hash not in (simulated.content_hash, more.content_hash)


@tp.scenario
def silent(net: tp.Net) -> None:
    """Every datagram is lost: nothing is delivered."""
    a, b = net.host("a"), net.host("b")
    net.link(a, b, name="wire", loss="100%")
    a.run(tp.UdpEcho(b, count=2))
    net.stop(at_most="50ms")


def test_runs_without_content_are_not_called_equal(sim, emu, db: str) -> None:
    case = silent()
    simulated, emulated = run_by("sim", case, db), run_by("emu", case, db)
    assert simulated.content_hash is None and emulated.content_hash is None
    with pytest.raises(tp.NoVerdict, match="no content to compare") as caught:
        tp.diff(simulated, emulated)
    assert caught.value.exit_code == 4


def test_the_json_of_a_run_has_its_content(sim, cli, db: str) -> None:
    ran = cli("run", "web_transfer", "-p", "size=10kB", "--db", db, "--json")
    assert ran.code == 0 and len(ran.json["content_hash"]) == 16


def test_a_database_without_the_column_is_read_and_brought_up_to_date(sim, db: str) -> None:
    case = discover.find("web_transfer")(size="10kB")
    case.simulate(db=db)
    connection = sqlite3.connect(db)
    connection.executescript("DROP VIEW result; ALTER TABLE run DROP COLUMN content_hash; "
                             "PRAGMA user_version = 2;")
    connection.close()
    assert tp.open(db).runs[0].content_hash is None
    assert case.simulate(db=db).content_hash
    connect(db).close()
    assert [run.content_hash is None for run in tp.open(db).runs] == [True, False]


@pytest.mark.parametrize("driver", ["sim", "emu"])
def test_events_are_recorded_by_kind(request, driver: str, db: str) -> None:
    request.getfixturevalue(driver)
    events = run_by(driver, observed(loss="2%", kinds="tcp.state,tcp.retransmit"), db).df("event")
    assert set(events["kind"]) == {"tcp.state", "tcp.retransmit"}
    states = events[(events["kind"] == "tcp.state") & (events["entity"] == "sender/app0/flow0")]
    said = [json.loads(text)["after"] for text in states["data_json"]]
    assert said[:3] == ["SYN-SENT", "ESTABLISHED", "FIN-WAIT-1"]
    assert list(states["t_ns"]) == sorted(states["t_ns"])
    sent_again = events[events["kind"] == "tcp.retransmit"]
    assert {json.loads(text)["cause"] for text in sent_again["data_json"]} <= {
        "fast", "timeout", "handshake"}


def test_events_do_not_change_a_run(sim, db: str) -> None:
    quiet, loud = (observed(loss="2%", kinds=kinds).simulate(db=db)
                   for kinds in ("", "tcp.state,tcp.data.sent,tcp.cwnd,host.drop"))
    assert quiet.fingerprint == loud.fingerprint
    assert quiet.df("event").empty and len(loud.df("event")) > 200


def test_events_beyond_the_limit_are_counted(sim, db: str) -> None:
    kinds = "tcp.data.sent,tcp.data.delivered"
    events = observed(size="100MB", kinds=kinds).simulate(db=db).df("event")
    last = events.iloc[-1]
    assert last["kind"] == "recorder.left_out" and len(events) == 90_001
    assert json.loads(last["data_json"])["events"] > 40_000


def test_an_unknown_kind_is_refused_with_the_known(db: str) -> None:
    with pytest.raises(tp.ConfigError) as caught:
        observed(kinds="tcp.rot").plan("sim")
    (problem,) = caught.value.problems
    assert problem.field == "measure.events" and "tcp.rto" in problem.allowed
