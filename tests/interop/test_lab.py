"""A laboratory in small: a testbed.toml whose ports are packet sockets on veths in namespaces this
test makes, an external device behind one of them. Everything but the NIC is real."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import pytest

from twinpath.testbed import Guard, run_command

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TWINPATH_BUILD", ROOT / "build" / "release"))
WAIT_S = 20.0
TOML = """
name = "bench"
[machine]
cores = 1
netns = "{ours}"
[port.p0]
device = "net_af_packet0,iface=lan0"
cabled_to = "p1"
[port.p1]
device = "net_af_packet0,iface=lan1"
cabled_to = "p0"
[port.p2]
device = "net_af_packet0,iface=lan2"
cabled_to = "web"
[external.web]
kind = "{kind}"
netns = "{theirs}"
address = "198.18.0.2"
mac = "02:00:00:00:00:09"
[bindings]
"client" = "p2"
"server" = "web"
"sender" = "p0"
"receiver" = "p1"
[limits]
rate = "200Mbps"
"""
SCENARIO = '''
import twinpath as tp

@tp.scenario
def fetch(net: tp.Net, *, size: tp.Bytes = "200kB", rate: tp.Rate = "200Mbps",
          at_most: tp.Time = "20s"):
    client = net.host("client", address="198.18.0.1/24")
    server = net.host("server", address="198.18.0.2/24", stack="linux")
    net.link(client, server, name="wire", rate=rate, delay="1ms")
    server.run(tp.HttpServer())
    get = client.run(tp.HttpGet(server, size=size, verify="sha256"))
    net.stop(when=get.done, at_most=at_most)

@tp.scenario
def ask(net: tp.Net):
    client = net.host("client", address="198.18.0.1/24")
    server = net.host("server", address="198.18.0.2/24", stack="linux")
    net.link(client, server, name="wire", rate="200Mbps", delay="1ms")
    server.run(tp.UdpEchoServer())
    echo = client.run(tp.UdpEcho(server, count=3, interval="50ms"))
    net.stop(when=echo.done, at_most="2s")

@tp.scenario
def stream(net: tp.Net, *, size: tp.Bytes = "1MB", at_most: tp.Time = "20s"):
    sender = net.host("sender", address="198.18.1.1/24")
    receiver = net.host("receiver", address="198.18.1.2/24")
    net.link(sender, receiver, name="wire", rate="100Mbps", delay="1ms")
    receiver.run(tp.BulkSink())
    bulk = sender.run(tp.Bulk(receiver, size=size))
    net.stop(when=bulk.done, at_most=at_most)
'''


@dataclass
class Lab:
    folder: Path
    ours: str
    theirs: str

    def write(self, kind: str = "linux", **replaced: str) -> None:
        text = TOML.format(ours=self.ours, theirs=self.theirs, kind=kind)
        for old, new in replaced.items():
            text = text.replace(old, new)
        (self.folder / "bench.toml").write_text(text)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        modules = f"{ROOT / 'bindings'}:{BUILD / 'bindings'}:{ROOT / 'analysis'}"
        environment = {**os.environ, "TWINPATH_ROOT": str(ROOT), "TWINPATH_BUILD": str(BUILD),
                       "TWINPATH_RUN": str(self.folder / "run"), "PYTHONPATH": modules}
        environment.pop("TWINPATH_DB", None)
        return subprocess.Popen(["/usr/bin/python3", "-m", "twinpath", *arguments],
                                cwd=self.folder, env=environment, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *arguments: str) -> tuple[int, dict, str]:
        process = self.start(*arguments, "--json")
        out, err = process.communicate(timeout=120)
        return process.returncode, json.loads(out or "{}"), err

    def check(self) -> tuple[int, dict, str]:
        return self.run("testbed", "check", "bench.toml")

    def emulate(self, scenario: str, *options: str) -> tuple[int, dict, str]:
        return self.run("run", f"./mine.py:{scenario}", "--driver", "emu", "--testbed",
                        "bench.toml", *options)

    def sent(self, interface: str) -> int:
        """Frames our side has sent."""
        (entry,) = json.loads(run_command("ip", "-n", self.ours, "-s", "-json", "link", "show",
                                          interface))
        return int(entry["stats64"]["tx"]["packets"])


def cable(one: tuple[str, str], other: tuple[str, str]) -> None:
    run_command("ip", "link", "add", one[1], "netns", one[0], "type", "veth", "peer", "name",
                other[1], "netns", other[0])
    for netns, name in (one, other):
        run_command("ip", "-n", netns, "link", "set", name, "addrgenmode", "none", "up")
        offloads(netns, name, "off")


def offloads(netns: str, name: str, state: str) -> None:
    words = [word for offload in ("tso", "gso", "gro", "tx") for word in (offload, state)]
    run_command("ip", "netns", "exec", netns, "ethtool", "-K", name, *words)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    prefix = f"tp-{os.getpid()}-bench"
    made = Lab(tmp_path, f"{prefix}-ours", f"{prefix}-web")
    with ExitStack() as stack:
        guard = Guard()
        stack.callback(guard.close)
        for name in (made.ours, made.theirs):
            guard.note("netns", name)
            run_command("ip", "netns", "add", name)
        cable((made.ours, "lan0"), (made.ours, "lan1"))
        cable((made.ours, "lan2"), (made.theirs, "eth0"))
        run_command("ip", "-n", made.theirs, "link", "set", "eth0", "address", "02:00:00:00:00:09")
        run_command("ip", "-n", made.theirs, "address", "add", "198.18.0.2/24", "dev", "eth0")
        made.write()
        (tmp_path / "mine.py").write_text(SCENARIO)
        yield made


def test_a_bench_as_described_is_checked_and_then_used(lab: Lab) -> None:
    code, said, err = lab.emulate("stream")
    assert code == 4 and "has not been checked" in err and "testbed check bench.toml" in err
    code, said, err = lab.check()
    assert code == 0 and said["ok"], err
    rows = {(row["item"], row["port"]): row for row in said["rows"]}
    assert rows["cabling", "p0"]["value"] == "p1" and rows["cabling", "p1"]["value"] == "p0"
    assert rows["cabling", "p2"]["value"] == "none of our ports"
    assert rows["answers", "p2"]["value"] == "198.18.0.2 is at 02:00:00:00:00:09"
    assert rows["mtu_frames", "p0"]["ok"] and rows["latency_floor", "p0 → p1"]["ok"]
    assert rows["offloads", ""]["value"] == "off"
    paths = {(p["from"], p["to"]): p for p in said["facts"]["paths"]}
    assert paths["p0", "p1"]["received_pps"] <= 2e8 / (84 * 8) * 1.01, "the rate limit holds"
    for scenario in ("stream", "fetch"):
        code, said, err = lab.emulate(scenario)
        assert code in (0, 4) and said["status"] == "done", err  # 4: too busy to be valid
    with sqlite3.connect(lab.folder / "results.db") as results:
        beds = results.execute("SELECT DISTINCT testbed.name, toml FROM run JOIN testbed "
                               "USING (testbed_id)").fetchall()
    assert beds == [("bench", (lab.folder / "bench.toml").read_text())]


def test_a_recorded_run_is_run_again_on_the_same_ports(lab: Lab) -> None:
    lab.check()
    _, first, _ = lab.emulate("stream")
    (lab.folder / "bench.toml").unlink()
    code, again, err = lab.run("rerun", str(first["run_id"]))
    assert code == 0, err
    assert again["run_key"] == first["run_key"] and again["run_id"] != first["run_id"]


def test_a_changed_file_or_a_wrong_cable_is_no_longer_trusted(lab: Lab) -> None:
    lab.write(**{'cabled_to = "web"': ""})
    assert lab.check()[0] == 0
    lab.write(**{'cabled_to = "web"': 'cabled_to = "p1"', 'cabled_to = "p0"': 'cabled_to = "p2"',
                 'iface=lan0"\ncabled_to = "p1"': 'iface=lan0"'})
    code, _, err = lab.emulate("stream")
    assert code == 2 and "p1 is cabled to p2, not to p0" in err
    code, said, _ = lab.check()
    assert code == 1 and {p["field"] for p in said["problems"]} == {"cabling p1", "cabling p2"}
    assert lab.emulate("fetch")[0] == 2


def test_a_check_expires(lab: Lab) -> None:
    lab.write(**{"[limits]": '[limits]\ncheck_lasts = "1s"'})
    assert lab.check()[0] == 0
    time.sleep(2.1)
    code, _, err = lab.emulate("stream")
    assert code == 4 and "expired at" in err


def test_a_port_that_belongs_to_somebody_is_refused(lab: Lab) -> None:
    lab.check()
    run_command("ip", "-n", lab.ours, "address", "add", "192.0.2.1/24", "dev", "lan0")
    sent = lab.sent("lan1")
    for code, _, err in (lab.emulate("stream"), lab.check()):
        assert code == 4
        assert "DPDK refused port p0: it has the address 192.0.2.1/24; choose another, see " \
               "`twinpath ports`" in err
    assert lab.sent("lan1") == sent
    (shown,) = [port for port in lab.run("ports", "--netns", lab.ours)[1]["ports"]
                if port["interface"] == "lan0"]
    assert shown["why_not"] == ["has the address 192.0.2.1/24"]


def test_a_dry_run_sends_nothing(lab: Lab) -> None:
    sent = lab.sent("lan0")
    code, said, _ = lab.run("testbed", "check", "bench.toml", "--dry-run")
    assert code == 0 and "send tagged frames out of p0, at most 200 Mbit/s" in said["would"]
    assert "lock port p0 (net_af_packet0,iface=lan0)" in said["would"]
    code, said, err = lab.emulate("fetch", "--dry-run")
    assert code == 0, err
    assert said["would"][1:] == [
        "lock port p2 and open net_af_packet0,iface=lan2 as client/eth0, sending at most 200 "
        "Mbit/s", f"start the apps of server in the namespace {lab.theirs}"]
    code, _, err = lab.emulate("fetch", "--dry-run", "-p", "rate=1Gbps")
    assert code == 2 and "is above the limit of the test-bed bench" in err
    assert lab.sent("lan0") == sent and not (lab.folder / "results.db").exists()


def test_offloads_left_on_fail_the_check_with_the_command(lab: Lab) -> None:
    offloads(lab.theirs, "eth0", "on")
    code, said, _ = lab.check()
    assert code == 1
    (problem,) = [p for p in said["problems"] if p["field"] == "offloads"]
    assert f"ip netns exec {lab.theirs} ethtool -K eth0 tso off gso off" in problem["hint"]


ANSWERER = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("198.18.0.2", 7))
server.setsockopt(socket.IPPROTO_UDP, 103, 1000)  # UDP_SEGMENT: the device cuts
print("ready", flush=True)
while True:
    _, sender = server.recvfrom(2048)
    server.sendto(bytes(5000), sender)
"""


def serve(lab: Lab, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(["ip", "netns", "exec", lab.theirs, "/usr/bin/python3", "-u", *words],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def with_server(lab: Lab, words: list[str], scenario: list[str]) -> tuple[dict, list[str]]:
    """What a run against a server of somebody else says, and its problems."""
    server = serve(lab, *words)
    try:
        assert server.stdout is not None and server.stdout.readline()
        _, said, _ = lab.emulate(*scenario)
    finally:
        server.kill()
        server.communicate()
    return said, [problem["message"] for problem in said["problems"]]


def test_frames_no_wire_carries_make_a_run_invalid(lab: Lab) -> None:
    lab.write(kind="server", **{f'netns = "{lab.theirs}"': ""})
    offloads(lab.theirs, "eth0", "on")
    assert lab.check()[0] == 0, "what runs elsewhere cannot be asked for its offloads"
    said, texts = with_server(lab, ["-c", ANSWERER], ["ask"])
    assert said["validity"] == "invalid"
    assert "server: peer answered with TSO frames (5,042 B); run `ethtool -K INTERFACE tso off " \
           "gso off gro off tx off` there" in texts


def test_sums_left_to_a_device_make_a_run_invalid(lab: Lab) -> None:
    offloads(lab.theirs, "eth0", "on")
    lab.write(kind="server", **{f'netns = "{lab.theirs}"': ""})
    assert lab.check()[0] == 0
    said, texts = with_server(lab, ["-m", "http.server", "80"], ["fetch", "-p", "at_most=2s"])
    assert (said["status"], said["validity"]) == ("timeout", "invalid")
    assert any(text.startswith("bad_checksums: ") and "ethtool -K INTERFACE tx off" in text
               for text in texts)


def wait_for(what: str, condition) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_ports_in_use_are_locked_and_transmission_ends_with_the_parent(lab: Lab) -> None:
    assert lab.check()[0] == 0
    before = lab.sent("lan0")
    parent = lab.start("run", "./mine.py:stream", "-p", "size=200MB", "-p", "at_most=60s",
                       "--driver", "emu", "--testbed", "bench.toml")
    wait_for("frames", lambda: lab.sent("lan0") > before + 100)
    code, _, err = lab.check()
    assert code == 4 and f"is in use by process {parent.pid}" in err
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    stopped = time.monotonic()
    counts = [lab.sent("lan0"), -1]

    def is_silent() -> bool:
        time.sleep(0.3)
        counts[:] = [lab.sent("lan0"), counts[0]]
        return counts[0] == counts[1]

    wait_for("silence", is_silent)
    assert time.monotonic() - stopped < 5.0
    wait_for("a free port", lambda: lab.check()[0] == 0)


def test_clean_undoes_what_parent_and_guard_could_not(lab: Lab) -> None:
    assert lab.check()[0] == 0
    before = lab.sent("lan0")
    parent = lab.start("run", "./mine.py:stream", "-p", "size=200MB", "-p", "at_most=60s",
                       "--driver", "emu", "--testbed", "bench.toml")
    wait_for("frames", lambda: lab.sent("lan0") > before + 100)
    guards = subprocess.run(["pgrep", "-P", str(parent.pid), "-f", "testbed_guard"],
                            capture_output=True, text=True, check=True).stdout.split()
    assert guards
    for pid in [*map(int, guards), parent.pid]:
        os.kill(pid, signal.SIGKILL)
    parent.wait()
    (journal,) = (lab.folder / "run").glob(f"{parent.pid}-*.journal")
    (folder,) = [line.split(" ", 1)[1] for line in journal.read_text().splitlines()]
    assert os.path.isdir(folder)
    _, said, _ = lab.run("testbed", "clean", "--dry-run")
    assert f"remove {folder}" in said["would"] and os.path.isdir(folder)
    code, said, _ = lab.run("testbed", "clean")
    assert code == 0 and folder in said["removed"] and not os.path.exists(folder)
    assert not journal.exists()
