"""Linux over 1 Gb/s and 100 ms of round trip: one TCP connection between two namespaces through
our own impairment box, in real time. The other side of bench_bdp_loss, called the same way.

The hosts are new for every trial, so nothing is remembered of paths, and tuned: buffers of up to
64 MiB, no offloads, neighbours known. The seed decides by frame index what the box does, so a
trial of ours with the same seed loses the same frames.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from twinpath.testbed import Guard, run_command

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("TWINPATH_BUILD") or ROOT / "build" / "release")

FAULTS = {"loss0": (), "loss0.1": ("--loss", "0.1%"), "loss1": ("--loss", "1%"),
          "reorder": ("--reorder", "1%")}
CONGESTION = {"bbr": "bbr"}  # by the end of a point's name; else cubic
PORT = 5001
PIECE_BYTES = 1 << 20
BUFFER_MAX_BYTES = 64 << 20
START_S = 60.0
NO_VERDICT = 4


def make_hosts(stack: ExitStack, tuned: bool) -> tuple[str, str, str]:
    """Namespaces (box, left, right), a cable from each host to the box."""
    prefix = f"tp-{os.getpid()}-bdp"
    names = (f"{prefix}-box", f"{prefix}-left", f"{prefix}-right")
    guard = Guard()
    stack.callback(guard.close)
    for name in names:
        guard.note("netns", name)
        run_command("ip", "netns", "add", name)
    for number, host in enumerate(names[1:]):
        run_command("ip", "link", "add", f"box{number}", "netns", names[0], "type", "veth", "peer",
                    "name", "eth0", "netns", host)
        for netns, name in ((names[0], f"box{number}"), (host, "eth0")):
            run_command("ip", "-n", netns, "link", "set", name, "addrgenmode", "none",
                        "txqueuelen", "10000", "up")
            run_command("ip", "netns", "exec", netns, "ethtool", "-K", name, "tso", "off", "gso",
                        "off", "gro", "off", "tx", "off")
        run_command("ip", "-n", host, "address", "add", f"198.18.0.{number + 1}/24", "dev", "eth0")
        if tuned:
            set_buffers(host)
    for host, other, address in ((names[1], names[2], "198.18.0.2"),
                                 (names[2], names[1], "198.18.0.1")):
        mac = json.loads(run_command("ip", "-j", "-n", other, "link", "show", "eth0"))[0]["address"]
        run_command("ip", "-n", host, "neigh", "replace", address, "lladdr", mac, "dev", "eth0",
                    "nud", "permanent")
    return names


def set_buffers(host: str) -> None:
    """What a host on such a path is given."""
    for name in ("rmem", "wmem"):
        run_command("ip", "netns", "exec", host, "sysctl", "-qw",
                    f"net.ipv4.tcp_{name}=4096 1048576 {BUFFER_MAX_BYTES}")


def start_box(netns: str, seed: int, faults: tuple[str, ...],
              queue: str) -> subprocess.Popen[str]:
    """The box, polling both cables."""
    environment = {**os.environ, "TWINPATH_ROOT": str(ROOT), "TWINPATH_BUILD": str(BUILD),
                   "PYTHONPATH": f"{ROOT / 'bindings'}:{BUILD / 'bindings'}:{ROOT / 'analysis'}"}
    box = subprocess.Popen(
        ["ip", "netns", "exec", netns, "/usr/bin/python3", "-m", "twinpath", "impair", "box0",
         "box1", "--rate", "1Gbps", "--delay", "50ms", "--queue", queue, "--seed", str(seed),
         "--json", *faults],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A shell's background jobs ignore it, and so would their children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    deadline = time.monotonic() + START_S
    # A packet socket at each cable, below a heading: no frame may be spent on asking.
    ask = ("ip", "netns", "exec", netns, "cat", "/proc/net/packet")
    while len(run_command(*ask).splitlines()) < 3:
        if box.poll() is not None or time.monotonic() > deadline:
            box.kill()
            raise RuntimeError(f"the box did not start: {box.communicate()[1][-500:]}")
        time.sleep(0.05)
    time.sleep(0.5)
    return box


def run_side(role: str, time_s: float, congestion: str) -> int:
    """Inside a namespace: `send` or `receive` for that long; the receiver prints the bytes."""
    if role == "receive":
        with socket.create_server(("198.18.0.2", PORT)) as server:
            print("ready", flush=True)
            connection, _ = server.accept()
        begin = struct.unpack("<d", connection.recv(8, socket.MSG_WAITALL))[0]
        connection.settimeout(1.0)
        received, into = 0, bytearray(PIECE_BYTES)
        while time.monotonic() < begin + time_s:
            try:
                received += connection.recv_into(into)
            except TimeoutError:
                continue
        print(received, flush=True)
        return 0
    connection = socket.socket()
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())
    begin = time.monotonic()
    connection.connect(("198.18.0.2", PORT))
    connection.sendall(struct.pack("<d", begin))
    connection.settimeout(1.0)
    data = bytes(PIECE_BYTES)
    while time.monotonic() < begin + time_s:
        try:
            connection.send(data)
        except TimeoutError:
            continue
        except OSError:
            break
    return 0


def transfer(left: str, right: str, time_s: float, congestion: str) -> int:
    """Bytes that reached the reader in that time from the first SYN on."""
    command = ["/usr/bin/python3", str(Path(__file__).resolve()), "--time", str(time_s),
               "--congestion", congestion, "--role"]
    receiver = subprocess.Popen(["ip", "netns", "exec", right, *command, "receive"],
                                stdout=subprocess.PIPE, text=True)
    assert receiver.stdout is not None and receiver.stdout.readline() == "ready\n"
    sender = subprocess.Popen(["ip", "netns", "exec", left, *command, "send"])
    try:
        output, _ = receiver.communicate(timeout=time_s + START_S)
    finally:
        for process in (sender, receiver):
            process.kill()
            process.wait()
    return int(output)


def trial(point: str, seed: int, time_s: float, queue: str) -> int:
    """One trial; prints its JSON line."""
    name, _, control = point.removeprefix("sim-").partition("-")
    with ExitStack() as stack:
        box_netns, left, right = make_hosts(stack, tuned=control != "default")
        box = start_box(box_netns, seed, FAULTS[name], queue)
        stack.callback(box.wait)
        stack.callback(box.kill)
        received = transfer(left, right, time_s, CONGESTION.get(control, "cubic"))
        box.send_signal(signal.SIGINT)
        output, problem = box.communicate(timeout=START_S)
    there = json.loads(output)["counters"]["a_to_b"] if output else {"error": problem[-300:]}
    print(json.dumps({"value": received * 8 / time_s / 1e6, "unit": "Mb/s", "box": there,
                      "offloads": "Linux: none; buffers " + (
                          "as installed" if control == "default" else "of up to 64 MiB")}))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", default="peer")
    parser.add_argument("--point", default="loss0")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--time", type=float, default=60.0, help="seconds")
    parser.add_argument("--queue", default="12.5MB", help="1 Gb/s for 100 ms")
    parser.add_argument("--role", choices=("send", "receive"))
    parser.add_argument("--congestion", default="cubic")
    given = parser.parse_args()
    if given.role:
        return run_side(given.role, given.time, given.congestion)
    if os.geteuid() != 0:
        print("network namespaces need root", file=sys.stderr)
        return NO_VERDICT
    return trial(given.point, given.seed, given.time, given.queue)


if __name__ == "__main__":
    sys.exit(main())
