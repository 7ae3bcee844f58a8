"""Recorded traffic: columns of CSV and captures become lists of a Plan, and runs follow them."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import twinpath as tp
from hypothesis import given
from hypothesis import strategies as st
from twinpath import recorded


def write_pcap(path: Path, packets: list[tuple[int, int]], order: str = "<",
               magic: int = 0xA1B23C4D) -> str:
    """(time in units of the magic's stamps, frame length) as a capture without the frames' ends."""
    unit = 10**9 // recorded.MAGICS[magic]
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 64, 1)
    for time, length in packets:
        kept = min(length, 14)
        data += struct.pack(order + "4I", time // unit, time % unit, kept, length) + bytes(kept)
    path.write_bytes(data)
    return str(path)


def problem_of(build) -> str:
    with pytest.raises(tp.ConfigError) as caught:
        build()
    return str(caught.value.problems[0])


def csv_of(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


@tp.scenario
def replayed(net: tp.Net, *, file: tp.File, rate: float = 1.0, loops: int = 1):
    """A capture over a clean link."""
    client, server = net.host("client"), net.host("server")
    net.link(client, server, name="wire", delay="1ms")
    server.run(tp.UdpSink())
    client.run(tp.Replay(file, server, rate=rate, loops=loops))
    net.stop(at_most="1s")


@tp.scenario
def driven(net: tp.Net, *, kind: tp.Choice["cbr", "poisson"] = "cbr"):
    """Datagrams by one of the built-in clocks."""
    client, server = net.host("client"), net.host("server")
    net.link(client, server, name="wire")
    client.run(tp.UdpBulk(server, rate="8Mbps", size="1000B", duration="1s", arrivals=kind))
    net.stop(at_most="2s")


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", list(recorded.MAGICS))
def test_captures_of_both_orders_and_both_stamps(tmp_path: Path, order: str, magic: int) -> None:
    ns = recorded.MAGICS[magic]
    packets = recorded.read_capture(write_pcap(tmp_path / "a.pcap", [(7, 60), (4000009, 1514)],
                                               order, magic))
    assert packets.times == [7 * ns, 4000009 * ns] and packets.lengths == [60, 1514]


def test_a_capture_of_ours_reads_the_same_as_pcap_and_pcapng(sim, tmp_path: Path) -> None:
    sent = write_pcap(tmp_path / "a.pcap", [(0, 60), (5000, 1000), (9000, 200)])
    case = replayed(file=sent)
    case.simulate(1, db=str(tmp_path / "r.db"), pcap=str(tmp_path / "out"))
    case.simulate(1, db=str(tmp_path / "r.db"), pcap=str(tmp_path / "out.pcapng"))
    plain = recorded.read_capture(str(tmp_path / "out" / "client-eth0.pcap"))
    # ARP asks first; the datagrams follow once it is answered.
    assert [n for n in plain.lengths if n in (60, 1000, 200)][-2:] == [1000, 200]
    both = recorded.read_capture(str(tmp_path / "out.pcapng"))
    assert sorted(both.lengths) == sorted(2 * plain.lengths)


@pytest.mark.parametrize("data, said", [
    (b"", "is no packet capture"), (b"hello, world", "is no packet capture"),
    (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 64, 1), "holds 0 packets"),
    (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 64, 113), "has link type 113"),
    (struct.pack("<IHHiIII4I", 0xA1B2C3D4, 2, 4, 0, 0, 64, 1, 0, 0, 9, 9), "ends within a packet"),
    (struct.pack("<IHHiIIII", 0xA1B2C3D4, 2, 4, 0, 0, 64, 1, 0), "ends within a packet"),
    (struct.pack("<III", 0x0A0D0D0A, 9999, 0x1A2B3C4D), "ends within a packet")])
def test_what_is_no_capture_is_refused(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "a.pcap").write_bytes(data)
    assert said in problem_of(lambda: recorded.read_capture(str(tmp_path / "a.pcap")))


def test_frames_a_device_would_have_cut_are_refused(tmp_path: Path) -> None:
    path = write_pcap(tmp_path / "a.pcap", [(0, 60), (1, 65226)])
    assert "65226 bytes" in problem_of(lambda: recorded.read_capture(path))
    assert "cannot be read" in problem_of(lambda: recorded.read_capture("/nowhere.pcap"))


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(tmp_path_factory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "a"
    for head in (b"", b"\n\r\r\n", struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 64, 1)):
        path.write_bytes(head + data)
        try:
            recorded.read_capture(str(path))
        except tp.ConfigError:
            pass


@given(st.lists(st.integers(0, 10**9), min_size=2, max_size=50).filter(sum),
       st.floats(0.01, 100))
def test_scaling_keeps_every_offset_within_a_nanosecond(gaps: list[int], factor: float) -> None:
    at = exact = 0
    for gap, made in zip(gaps, recorded.scaled(gaps, factor)):
        at, exact = at + made, exact + gap
        assert made >= 0 and abs(at - exact / factor) <= 1


def test_a_replay_sends_the_frames_again_at_their_times(sim, tmp_path: Path) -> None:
    sent = [(0, 42), (1_000_000, 1514), (1_000_000, 60), (4_000_000, 700)]
    case = replayed(file=write_pcap(tmp_path / "a.pcap", sent), loops=2, rate=0.5)
    run = case.simulate(1, db=str(tmp_path / "r.db"), pcap=str(tmp_path / "out"))
    assert run.get("datagrams", "server/app0") == 8
    assert run["verify_errors"] == 0 and run["duplicates"] == 0
    got = recorded.read_capture(str(tmp_path / "out" / "client-eth0.pcap"))
    datagrams = [(t, n) for t, n in zip(got.times, got.lengths)][-7:]  # the first waits for ARP
    assert [n for _, n in datagrams] == [1514, 60, 700, 50, 1514, 60, 700]
    # Half as fast; a round is 8 ms and the mean gap, 8 / 3 ms.
    assert [t for t, _ in datagrams] == [2_000_000, 2_000_000, 8_000_000, 10_666_666, 12_666_666,
                                         12_666_666, 18_666_666]


def test_the_plan_holds_the_capture_not_its_name(tmp_path: Path) -> None:
    one = write_pcap(tmp_path / "a.pcap", [(0, 60), (1000, 60)])
    plan = replayed(file=one).plan("sim")
    args = plan.data["apps"][0]["args"]
    assert (args["gaps"], args["sizes"], args["count"]) == ("1000 1000", "18 18", 2)
    write_pcap(tmp_path / "a.pcap", [(0, 60), (2000, 60)])
    assert replayed(file=one).plan("sim").sha256 != plan.sha256


def test_columns_of_times_gaps_and_sizes(tmp_path: Path) -> None:
    path = csv_of(tmp_path / "t.csv", "when, gap ,bytes\n0.5,10,100\n0.5,0,1400\n2.5,20,9\n")
    assert tp.Trace(path, "when").times() == [10**9, 0, 2 * 10**9]
    assert tp.Trace(path, "when", unit="ms").times() == [10**6, 0, 2 * 10**6]
    assert tp.Trace(path, "gap", unit="us", gaps=True).times() == [10_000, 0, 20_000]
    assert tp.Trace(path, "bytes").sizes() == [100, 1400, 9]
    assert "bytes" in problem_of(lambda: tp.Trace(path, "byte").sizes())


@pytest.mark.parametrize("text, said", [
    ("when\n1\nx\n", "line 3: 'x' is not a number"), ("when\n2\n1\n", "item 2 goes back"),
    ("when\n1\n", "too few times"), ("when\n1\n1\n", "takes no time"), ("", "when"),
    ("when\n-1\n", "not a number of 0 or more"), ("when\nNaN\n", "not a number"),
    ("when\n0\n1e9\n", "too long")])
def test_a_column_that_is_none_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = csv_of(tmp_path / "t.csv", text)
    assert said in problem_of(lambda: tp.Trace(path, "when").times())


def test_arguments_are_refused_together(tmp_path: Path) -> None:
    host = tp.Net().host("h")
    path = csv_of(tmp_path / "t.csv", "n\n4\n5\n")
    with pytest.raises(tp.ConfigError) as caught:
        tp.UdpBulk(host, size=tp.Trace(path, "n"), arrivals="often")
    said = " ".join(str(problem) for problem in caught.value.problems)
    assert "8..65507" in said and "'often' is not a choice" in said and "udp_bulk.rate" in said
    assert "open_loop.rate" in problem_of(lambda: tp.OpenLoop(host))
    assert "is not a factor" in problem_of(lambda: tp.Replay(path, host, rate=0))


def test_a_rate_scales_a_trace(tmp_path: Path) -> None:
    host = tp.Net().host("h")
    trace = tp.Trace(csv_of(tmp_path / "t.csv", "t\n0\n1\n3\n"), "t")
    own = tp.OpenLoop(host, arrivals=trace)
    assert own.args["gaps"] == "1500000000 1000000000 2000000000"
    assert own.args["rate_per_s"] == pytest.approx(3 / 4.5)
    fast = tp.OpenLoop(host, "1kpps", arrivals=trace)
    assert fast.args["rate_per_s"] == 1000
    assert sum(map(int, fast.args["gaps"].split())) == pytest.approx(3e6, abs=2)
    udp = tp.UdpBulk(host, "8Mbps", size="1000B", arrivals=trace)
    assert udp.args["gaps"] == fast.args["gaps"]


def test_plans_without_lists_are_what_they_were() -> None:
    host = tp.Net().host("h")
    assert tp.UdpBulk(host, "1Mbps").args == {"rate_bps": 10**6, "size_bytes": 1400,
                                              "duration_ns": 0, "port": 5001}
    assert "arrivals" not in tp.OpenLoop(host, "1kpps").args


def test_poisson_datagrams_are_seeded(sim, tmp_path: Path) -> None:
    db = str(tmp_path / "r.db")
    even, random = driven(), driven(kind="poisson")
    assert even.simulate(1, db=db).get("datagrams", "client/app0") == 1000
    first, again, other = (random.simulate(seed, db=db) for seed in (1, 1, 2))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert first.get("datagrams", "client/app0") == pytest.approx(1000, abs=130)  # 4 deviations


def test_a_replay_under_emulation(emu, tmp_path: Path) -> None:
    sent = write_pcap(tmp_path / "a.pcap", [(i * 2_000_000, 60 + 10 * i) for i in range(100)])
    run = replayed(file=sent).emulate(1, testbed="net_ring", db=str(tmp_path / "r.db"))
    assert run.get("datagrams", "server/app0") == 100 and run["verify_errors"] == 0
