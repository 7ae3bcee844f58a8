"""The servers of a Linux peer count what is right, and each datagram once."""

from __future__ import annotations

import json
import selectors
import signal
import socket
import subprocess
import sys

from twinpath import linux_peer

SPEC = {"address": "127.0.0.1", "port": 0, "path": "peer/app0"}


def test_numbers_are_told_once_within_their_window() -> None:
    seen = linux_peer.SeenNumbers()
    window = seen.WINDOW
    assert [seen.add(n) for n in (5, 3, 3, 5)] == [True, True, False, False]
    assert seen.add(5 + window) and not seen.add(5), "too old to tell"
    assert seen.add(6) and not seen.add(6)
    assert seen.add(10**6) and seen.add(10**6 - 1) and not seen.add(10**6)
    assert seen.end == 10**6 + 1


def test_a_sink_counts_verified_bytes_only() -> None:
    spec = [{**SPEC, "kind": "bulk_sink", "port": _free_port()}]
    process = subprocess.Popen([sys.executable, "-I", linux_peer.__file__, json.dumps(spec)],
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for payload in (linux_peer.content(0, 1000), b"wrong" * 1000):
        with socket.create_connection(("127.0.0.1", spec[0]["port"])) as connection:
            connection.sendall(payload)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(10)
            assert connection.recv(1) == b""
    process.send_signal(signal.SIGTERM)
    metrics = json.loads(process.communicate(timeout=10)[0])["peer/app0"]
    assert metrics["app_bytes"] == 1000 and metrics["verify_errors"] == 1


def test_datagrams_count_in_one_metric_each() -> None:
    with selectors.DefaultSelector() as selector:
        sink = linux_peer.UdpSink(SPEC, selector)
        right = [n.to_bytes(8, "big") + linux_peer.content(8, 92) for n in (0, 1, 1, 3)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for data in [*right, b"short", b"\0" * 100]:
                sender.sendto(data, sink.socket.getsockname())
        for _ in range(6):
            sink.on_datagrams()
        metrics = sink.report()
        sink.socket.close()
    assert (metrics["datagrams"], metrics["duplicates"], metrics["verify_errors"]) == (3, 1, 2)
    assert metrics["app_bytes"] == 300 and metrics["lost_fraction"] == 0.25


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
