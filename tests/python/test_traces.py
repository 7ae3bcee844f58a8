"""What happened, run again, compared and shown: turn logs, first differences, captures, traces."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import twinpath as tp
from twinpath import discover, frames
from twinpath.builds import Build
from twinpath_analysis.perfetto import write_trace


@pytest.fixture
def db(tmp_path: Path) -> str:
    return str(tmp_path / "results.db")


@pytest.fixture
def logged(emu, sim, db: str) -> tp.Run:
    case = discover.find("bulk_transfer")(size="200kB", loss="2%")
    return case.emulate(seed=4, testbed="net_ring", db=db, log=True)


def log_of(run: tp.Run) -> str:
    files = run.df("artifact")
    return str(files[files["kind"] == "log"]["path"].iloc[0])


def test_a_replay_gives_the_emulations_bytes(logged: tp.Run) -> None:
    done = tp.replay(log_of(logged))
    assert done.equal and done.difference is None, done.verdict
    assert done.fingerprint == logged.fingerprint and done.turns > 100
    recorded = logged.df("chunk")
    assert {entity: [(t, h)] for entity, t, h in
            zip(recorded["entity"], recorded["t_ns"], recorded["hash"])} == done.chunks
    assert logged.df("artifact")["sha256"].str.len().eq(64).all()


def test_an_emulation_and_its_replay_do_not_differ(logged: tp.Run) -> None:
    found = tp.diff(logged, log_of(logged))
    assert found.equal and "are equal" in found.verdict


def test_a_damaged_log_is_told(logged: tp.Run, tmp_path: Path, cli) -> None:
    whole = Path(log_of(logged)).read_bytes()
    middle = bytearray(whole)
    middle[len(whole) // 2] ^= 1
    damaged = {"flipped": (bytes(middle), "SHA-256"), "cut": (whole[:5000], "has no end"),
               "short": (whole[:10], "ends within its header"), "empty": (b"", "is no turn log"),
               "other": (b"PK" + whole, "is no turn log")}
    for name, (data, words) in damaged.items():
        (tmp_path / name).write_bytes(data)
        ran = cli("replay", name)
        assert ran.code == 2 and words in ran.err, (name, ran.err)
    assert cli("replay", "nothing.turnlog").code == 2


def sealed(whole: bytes, header: dict) -> bytes:
    """A log with another header and a footer that fits it."""
    import hashlib
    import struct

    begin = 12 + struct.unpack_from("<I", whole, 8)[0]
    length = struct.unpack_from("<I", whole, len(whole) - 12)[0]
    records, footer = whole[begin:-12 - length], json.loads(whole[-12 - length:-12])
    text = json.dumps(header).encode()
    front = b"TWPTLOG1" + struct.pack("<I", len(text)) + text + records
    footer["sha256"] = hashlib.sha256(front).hexdigest()
    end = json.dumps(footer).encode()
    return front + end + struct.pack("<I", len(end)) + b"TWPTEND1"


def test_a_log_sealed_with_a_wrong_header_is_told(logged: tp.Run, tmp_path: Path) -> None:
    from twinpath import turn_log

    log = turn_log.read(log_of(logged))
    whole, path = Path(log.path).read_bytes(), tmp_path / "crafted.turnlog"
    native = {"object": "../../evil", "class": "X", "source": "x.cc", "args": {}}
    wrong = {"no JSON object": [1, 2], "usable plan": {**log.header, "plan": {}},
             "usable seed": {**log.header, "seed": "x"},
             "usable build": {**log.header, "build": None},
             "no usable plan": {**log.header, "plan": {
                 **log.plan, "apps": [{**log.plan["apps"][0], "native": native}]}}}
    for words, header in wrong.items():
        path.write_bytes(sealed(whole, header))
        with pytest.raises(tp.ConfigError, match=words):
            tp.replay(str(path))


def test_a_log_of_another_build_is_refused(logged: tp.Run, tmp_path: Path) -> None:
    from twinpath import turn_log

    log = turn_log.read(log_of(logged))
    header = {**log.header, "build": {**log.header["build"], "sim": "0" * 64}}
    other = tmp_path / "other.turnlog"
    other.write_bytes(sealed(Path(log.path).read_bytes(), header))
    with pytest.raises(tp.ConfigError, match="is of another build"):
        tp.replay(str(other))


def test_a_replay_that_parts_names_the_first_frame(logged: tp.Run, tmp_path: Path) -> None:
    """The same turns with another seed: the connection's first segment is another."""
    from twinpath import turn_log

    log = turn_log.read(log_of(logged))
    other = tmp_path / "other.turnlog"
    other.write_bytes(sealed(Path(log.path).read_bytes(), {**log.header, "seed": 5}))
    done = tp.replay(str(other))
    assert not done.equal and done.difference["what"] == "sent"
    assert done.difference["port"] == "sender/eth0" and done.difference["index"] <= 3
    assert done.difference["logged"] != done.difference["replayed"]


def test_equal_seeds_are_equal_and_others_part_at_a_frame(sim, db: str, tmp_path: Path) -> None:
    case = discover.find("web_transfer")(size="100kB", loss="1%")
    one, again, other = (case.simulate(seed=seed, db=db) for seed in (1, 1, 2))
    assert tp.diff(one, again).equal
    found = tp.diff(one, other, folder=str(tmp_path))
    assert not found.equal and found.by == "frames" and found.port == "client/eth0/tx"
    assert "tcp.seq" in found.differs and "first in frame 1 of client/eth0/tx" in found.verdict
    assert frames.decode(found.frame_a.data)["tcp.flags"] == "SYN"
    assert [Path(path).exists() for path in found.slices] == [True, True]
    assert Path(found.slices[0]).read_bytes() != Path(found.slices[1]).read_bytes()


def test_a_difference_beyond_the_first_chunk_is_found_there(sim, db: str, tmp_path: Path) -> None:
    """Equal up to the end of the shorter transfer, in the second 10,000 frames."""
    scenario = discover.find("bulk_transfer")
    short, long = (scenario(size=size, rate="10Gbps", delay="10us").simulate(db=db)
                   for size in ("21MB", "22MB"))
    found = tp.diff(short, long, folder=str(tmp_path))
    assert found.by == "frames" and found.index > 10_000 and found.port == "sender/eth0/tx"


def test_simulation_and_live_emulation_are_compared_by_content_only(logged: tp.Run,
                                                                    db: str) -> None:
    case = discover.find("bulk_transfer")(size="200kB", loss="2%")
    found = tp.diff(case.simulate(seed=4, db=db), logged)
    assert found.by == "content_hash" and "without their times" in found.verdict


def test_another_stack_is_no_difference_in_content(logged: tp.Run, sim, db: str) -> None:
    import sqlite3

    run = discover.find(logged.row.scenario)().simulate(db=db)
    with sqlite3.connect(db) as connection:
        connection.execute("""UPDATE plan SET json = replace(json, '"stack":"twinpath"',
                           '"stack":"ns3"')""")
    with pytest.raises(tp.NoVerdict, match="ran another stack"):
        tp.diff(run, logged)


def test_the_command_line_of_diff(sim, cli) -> None:
    for seed in ("1", "1", "2"):
        assert cli("run", "udp_echo", "--seed", seed, "-p", "count=3").code == 0
    assert cli("diff", "1", "2").code == 0
    told = cli("diff", "1", "results.db:3", "--json")
    assert told.code == 1 and told.json["by"] == "frames" and len(told.json["slices"]) == 2
    assert cli("diff", "1", "9").code == 2 and cli("diff", "1", "nonsense").code == 2
    assert cli("diff", "1", "3", "--build", "/nowhere").code == 2


def test_runs_without_frames_are_not_called_equal(sim, cli, tmp_path: Path) -> None:
    import sqlite3

    for _ in range(2):
        assert cli("run", "udp_echo", "-p", "count=3").code == 0
    with sqlite3.connect(tmp_path / "results.db") as connection:
        connection.execute("UPDATE run SET error = 'stopped by the parent (timeout)'")
        connection.execute("UPDATE chunk SET hash = '00' WHERE entity_id IN (SELECT entity_id "
                           "FROM entity WHERE run_id = 2)")
    told = cli("diff", "1", "2")
    assert told.code == 1 and "stopped at no certain moment" in told.out
    with sqlite3.connect(tmp_path / "results.db") as connection:
        connection.execute("UPDATE run SET fingerprint = NULL, status = 'failed' WHERE run_id = 2")
    told = cli("diff", "1", "2")
    assert told.code == 2 and "it recorded no frames (failed" in told.err


def test_a_run_of_a_lost_build_says_what_it_can(sim, db: str) -> None:
    import sqlite3

    case = discover.find("udp_echo")(count=3)
    one, other = case.simulate(seed=1, db=db), case.simulate(seed=2, db=db)
    with sqlite3.connect(db) as connection:
        connection.execute("UPDATE build SET sha256 = 'gone'")
    found = tp.diff(one, other)
    assert found.by == "chunks" and "frames 0 to 9999" in found.verdict
    assert "another build" in found.notes[0] and "--build" in found.notes[0]
    assert Build.current().sha256 != "gone"


needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def tshark(path: Path, *options: str) -> list[str]:
    done = subprocess.run(["tshark", "-n", "-r", str(path), *options], capture_output=True,
                          text=True, check=True)
    return done.stdout.splitlines()


@needs_tshark
@pytest.mark.parametrize("driver", ["sim", "emu"])
def test_tshark_reads_the_pcapng_and_shows_the_drops(driver: str, db: str, tmp_path: Path,
                                                     request) -> None:
    request.getfixturevalue(driver)
    path = tmp_path / "all.pcapng"
    case = discover.find("bulk_transfer")(size="300kB", loss="2%")
    bed = {} if driver == "sim" else {"testbed": "net_ring"}
    run = getattr(case, "simulate" if driver == "sim" else "emulate")(db=db, pcap=str(path), **bed)
    drops = run.df("drop_count")
    lost = int(drops[drops["reason"] == "loss"]["packets"].sum())
    fields = ("-T", "fields", "-e", "frame.interface_name", "-e", "frame.comment")
    told = [line for line in tshark(path, *fields) if "dropped: loss (asked)" in line]
    assert len(told) == lost > 0 and all(line.startswith("wire\t") for line in told)
    assert all("tcp 198.18." in line for line in told)
    names = {line.split("\t")[0] for line in tshark(path, *fields)}
    assert names == {"sender/eth0", "receiver/eth0", "wire"}
    assert tshark(path, "-Y", "_ws.malformed") == []
    assert str(path) in run.artifacts


def test_a_trace_is_json_with_cores_queues_and_flows(logged: tp.Run, tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    count = write_trace(logged.db, logged.run_id, str(path))
    trace = json.loads(path.read_text())
    events = trace["traceEvents"]
    assert len(events) == count > 100 and trace["otherData"]["events left out"] == 0
    processes = {e["args"]["name"] for e in events if e["name"] == "process_name"}
    assert {"cores", "queues", "run"} <= processes
    turns = [e for e in events if e["ph"] == "X" and e["pid"] == 1]
    assert len(turns) == tp.replay(log_of(logged)).turns
    model_us = logged.row.model_s * 1e6
    assert all(0 <= e["ts"] <= model_us + 1e6 for e in events if "ts" in e)
    waiting = [e["args"]["frames"] for e in events if e["name"].endswith(" waiting")]
    assert waiting and min(waiting) >= 0 and waiting[-1] == 0


def test_export_shows_series_of_a_simulation(sim, cli, tmp_path: Path) -> None:
    assert cli("run", "web_transfer", "-p", "size=300kB", "-p", "series=10ms").code == 0
    assert cli("export", "1", "--perfetto", "trace.json").code == 0
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    counters = {e["name"].split()[-1] for e in events if e["ph"] == "C"}
    assert {"cwnd_bytes", "delivery_rate_bps"} <= counters
    assert any(e["ph"] == "X" and e["pid"] == 3 for e in events)
    assert cli("export", "--perfetto", "x").code == 2
    assert cli("export", "7", "--perfetto", "x").code == 2
