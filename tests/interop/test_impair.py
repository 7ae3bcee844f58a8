"""`twinpath impair` between two veth ports, a Linux host behind each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from twinpath.peers import LINUX_PEER
from twinpath.testbed import Guard, run_command

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TWINPATH_BUILD", ROOT / "build" / "release"))
START_S = 10.0


@pytest.fixture
def hosts() -> tuple[str, str, str]:
    """Two Linux hosts whose cables end in the namespace of the box: (box, left, right)."""
    prefix = f"tp-{os.getpid()}-impair"
    names = (f"{prefix}-box", f"{prefix}-left", f"{prefix}-right")
    with ExitStack() as stack:
        guard = Guard()
        stack.callback(guard.close)
        for name in names:
            guard.note("netns", name)
            run_command("ip", "netns", "add", name)
        for number, host in enumerate(names[1:]):
            run_command("ip", "link", "add", f"box{number}", "netns", names[0], "type", "veth",
                        "peer", "name", "eth0", "netns", host)
            for netns, name in ((names[0], f"box{number}"), (host, "eth0")):
                run_command("ip", "-n", netns, "link", "set", name, "addrgenmode", "none", "up")
                run_command("ip", "netns", "exec", netns, "ethtool", "-K", name, "tso", "off",
                            "gso", "off", "gro", "off", "tx", "off")
            run_command("ip", "-n", host, "address", "add", f"198.18.0.{number + 1}/24", "dev",
                        "eth0")
        spec = [{"path": "echo", "kind": "udp_echo_server", "address": "0.0.0.0", "port": 7}]
        server = subprocess.Popen(["ip", "netns", "exec", names[2], "/usr/bin/python3", "-I",
                                   LINUX_PEER, json.dumps(spec)], stdout=subprocess.PIPE,
                                  text=True)
        stack.callback(server.wait)
        stack.callback(server.kill)
        assert server.stdout is not None and server.stdout.readline() == "ready\n"
        yield names


def start_box(netns: str, *options: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "TWINPATH_ROOT": str(ROOT), "TWINPATH_BUILD": str(BUILD),
                   "PYTHONPATH": f"{ROOT / 'bindings'}:{BUILD / 'bindings'}:{ROOT / 'analysis'}"}
    return subprocess.Popen(
        ["ip", "netns", "exec", netns, "/usr/bin/python3", "-m", "twinpath", "impair", "box0",
         "box1", "--seed", "7", "--json", *options], env=environment, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)


ASK = """
import json, socket, sys, time
count, wait = int(sys.argv[1]), float(sys.argv[2])
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.connect(("198.18.0.2", 7))
sock.settimeout(wait)
times = []
for number in range(count):
    sent = time.monotonic()
    sock.send(number.to_bytes(8, "big"))
    try:
        while int.from_bytes(sock.recv(64), "big") != number:
            pass
        times.append(time.monotonic() - sent)
    except OSError:
        pass
print(json.dumps(times))
"""


def ask(netns: str, count: int, wait_s: float) -> list[float]:
    """Sends datagrams one after the other; the seconds each answer took."""
    done = subprocess.run(["ip", "netns", "exec", netns, "/usr/bin/python3", "-c", ASK, str(count),
                           str(wait_s)], capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


def wait_until_up(netns: str) -> None:
    deadline = time.monotonic() + START_S
    while not ask(netns, 1, 0.3):
        assert time.monotonic() < deadline, "nothing passes the box"


def stop(box: subprocess.Popen[str]) -> dict:
    box.send_signal(signal.SIGINT)
    output, errors = box.communicate(timeout=20)
    assert output, errors
    return json.loads(output)


def test_frames_pass_after_the_delay_asked_for(hosts: tuple[str, str, str]) -> None:
    netns, left, _ = hosts
    box = start_box(netns, "--delay", "10ms")
    wait_until_up(left)
    times = ask(left, 10, 1.0)
    counters = stop(box)["counters"]
    assert len(times) == 10
    assert 0.020 <= min(times) < 0.1  # a busy machine adds, never takes away
    assert counters["a_to_b"]["lost"] == 0
    assert counters["a_to_b"]["delivered"] >= 10


def test_losses_are_those_asked_for_and_counted(hosts: tuple[str, str, str]) -> None:
    netns, left, _ = hosts
    box = start_box(netns, "--loss", "20%")
    wait_until_up(left)
    answered = len(ask(left, 200, 0.1))
    there = stop(box)["counters"]["a_to_b"]
    assert 0.5 < answered / 200 < 0.78  # 0.8 there times 0.8 back is 0.64
    assert there["lost"] > 20
    assert there["lost"] + there["delivered"] == there["frames"]


def test_a_missing_port_is_named(hosts: tuple[str, str, str]) -> None:
    box = start_box(hosts[0])
    box.kill()
    box.communicate()
    command = ["ip", "netns", "exec", hosts[0], "/usr/bin/python3", "-m", "twinpath", "impair",
               "box0", "net_af_packet1,iface=nowhere", "--json"]
    environment = {**os.environ, "TWINPATH_BUILD": str(BUILD),
                   "PYTHONPATH": f"{ROOT / 'bindings'}:{BUILD / 'bindings'}:{ROOT / 'analysis'}"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (2, 4), done
    assert "no network interface nowhere" in done.stdout + done.stderr
