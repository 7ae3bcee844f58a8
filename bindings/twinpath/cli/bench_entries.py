"""The benches: what is measured, against whom, in which unit, and which way is better."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """One measured situation. `gate`: it counts for the top ratio, which is the worst of them.
    `kind`: `rate` (work per CPU second, higher is better), `cost` (value, lower is better) or
    `share` (the share of CPU time that `ours` spends beyond `peer`). `peer_of`: an earlier point
    whose peer's trials serve here too. `pairs_max`: printed only, and not worth more. `together`:
    so many trials at once, because they wait for a path and not for the CPU."""

    label: str
    unit: str
    kind: str = "rate"
    gate: bool = True
    peer_of: str = ""
    pairs_max: int = 0
    together: int = 1


@dataclass(frozen=True)
class Bench:
    """One bench: the program of tests/bench and its points. `peer_script`: a Python program there
    that does the peer's trials. `seeded`: a pair's trials are told its number as their seed."""

    name: str
    program: str
    peer: str
    help: str
    points: tuple[Point, ...]
    real_time: bool = False  # its pollers need the cores: one at a time on a machine
    peer_script: str = ""
    seeded: bool = False


SEGMENTS = "segments/cpu-second"
FRAMES = "frames/cpu-second"
TRANSACTION = "us/transaction"
PER_GIGABYTE = "cpu-s/GB"
TRIP = "us/round-trip"
GOODPUT = "Mb/s"
TRICKS = ("rx-batch", "tx-batch", "events", "transmit", "order", "none", "threads")
PATHS = ("loss0", "loss0.1", "loss1", "reorder")
SLOW_PATHS = PATHS[1:3]  # a few Mb/s
PER_CONNECTION = ("1", "2", "4", "8", "16", "32", "64", "128")

BENCHES = {bench.name: bench for bench in (
    Bench("sim-bulk", "bench_sim_bulk", "ns-3 TcpSocketBase",
          "one bulk flow in ns-3 against ns-3's own TCP on the same topology",
          (Point("10G", SEGMENTS), Point("1G", SEGMENTS), Point("10G-p2p", SEGMENTS, gate=False))),
    Bench("sim-flows", "bench_sim_flows", "ns-3 TcpSocketBase",
          "1,000 flows over a dumbbell in ns-3 against ns-3's own TCP",
          (Point("1000", SEGMENTS), Point("memory", "bytes/flow", kind="cost", gate=False))),
    Bench("forward", "bench_forward", "dpdk-testpmd io",
          "frames moved port to port through PacketBuf against testpmd on the same vdevs",
          (Point("net_null", FRAMES), Point("net_ring", FRAMES, gate=False),
           Point("no-huge", FRAMES, gate=False))),
    Bench("bridge", "bench_bridge", "ns-3 FdNetDevice",
          "UDP frames a second from a veth into ns-3 in real time, none lost",
          (Point("device", "packets/s"), Point("socket", "packets/s"),
           Point("socket-deep", "packets/s", gate=False)),
          real_time=True),
    Bench("rps-short", "bench_echo", "Linux loopback, lwIP",
          "a connection per request of 64 B: CPU time of both ends on one core; Linux as fast as "
          "its calls go, then as commonly programmed; lwIP over the same rings with few "
          "connections in TIME-WAIT, then with 16,000, which is all its ports",
          (Point("linux", TRANSACTION, kind="cost"),
           Point("linux-default", TRANSACTION, kind="cost", gate=False),
           Point("lwip", TRANSACTION, kind="cost"),
           Point("lwip-time-wait", TRANSACTION, kind="cost", gate=False))),
    Bench("ping-pong", "bench_echo", "Linux loopback",
          "one connection, 64 B there and back: median and 99th percentile of round trips; "
          "-default: Linux as commonly programmed",
          (Point("p50", TRIP, kind="cost"), Point("p99", TRIP, kind="cost"),
           Point("p50-default", TRIP, kind="cost", gate=False),
           Point("p99-default", TRIP, kind="cost", gate=False))),
    Bench("msgs-per-conn", "bench_echo", "Linux loopback",
          "1 to 128 requests of 64 B per connection: CPU time of both ends on one core; -default: "
          "Linux as commonly programmed",
          (*(Point(count, TRANSACTION, kind="cost") for count in PER_CONNECTION),
           *(Point(f"{count}-default", TRANSACTION, kind="cost", gate=False)
             for count in (PER_CONNECTION[0], PER_CONNECTION[-1])))),
    Bench("batching", "bench_echo", "the same stack without the trick",
          "a connection per request of 64 B: what the absence of each trick of the engine costs; "
          "none: of all of them; threads: applications on a thread of their own",
          tuple(Point(trick, TRANSACTION, kind="cost", gate=False) for trick in TRICKS)),
    Bench("bulk-cpu", "bench_bulk_cpu", "Linux loopback",
          "CPU time of both ends per gigabyte by size of writes; 8k with the loopback's own frames "
          "and no check of sums, 8k-1500 without these",
          (Point("64", PER_GIGABYTE, kind="cost"), Point("256", PER_GIGABYTE, kind="cost"),
           Point("1k", PER_GIGABYTE, kind="cost"),
           *(Point(size, PER_GIGABYTE, kind="cost", gate=False)
             for size in ("2k", "4k", "8k", "8k-1500", "64-default", "8k-default")))),
    Bench("bdp-loss", "bench_bdp_loss", "Linux, the same congestion control",
          "goodput of one connection over 1 Gb/s and 100 ms through our impairment box, 60 s a "
          "run, without faults, with 0.1 and 1 % loss and with reordering; in real time and in sim",
          (*(Point(path, GOODPUT, together=4 if path in SLOW_PATHS else 2) for path in PATHS),
           *(Point(f"sim-{path}", GOODPUT, peer_of=path) for path in PATHS),
           *(Point(f"{path}-bbr", GOODPUT, gate=False, pairs_max=1, together=2) for path in PATHS),
           Point("loss0-default", GOODPUT, gate=False, pairs_max=1, together=2)),
          real_time=True, peer_script="bdp_linux.py", seeded=True),
    Bench("conn-scale", "bench_conn_scale", "the same stack with 10,000 connections",
          "10,000 to a million idle connections: bytes of each, and CPU time per request of 64 B "
          "when they are asked in random order",
          (Point("10k", TRANSACTION, kind="cost", gate=False),
           Point("100k", TRANSACTION, kind="cost", gate=False),
           Point("1M", TRANSACTION, kind="cost"))),
    Bench("store", "bench_store", "the same run without recording",
          "recording's share of CPU time with 1 ms series on",
          (Point("share", "fraction", kind="share"),)),
)}
