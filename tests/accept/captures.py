"""Packet captures as tshark judges them: malformed frames and bad checksums are counted."""

from __future__ import annotations

from pathlib import Path

from promise import run

BAD = " || ".join(["_ws.malformed", *(f"{p}.checksum.status == 0" for p in ("ip", "tcp", "udp"))])
CHECKSUMS = ["ip.check_checksum", "tcp.check_checksum", "udp.check_checksum"]


def bad_frames(capture: Path) -> list[str]:
    """One line per frame tshark finds malformed or wrongly summed; its error if it cannot read."""
    options = [word for name in CHECKSUMS for word in ("-o", f"{name}:TRUE")]
    # A retransmission cut differently than what it repeats is no malformed frame.
    options += ["-o", "tcp.desegment_tcp_streams:FALSE"]
    ran = run(["tshark", "-n", "-r", capture, *options, "-Y", BAD], timeout_s=600)
    if ran.code != 0:
        return [f"{capture.name}: tshark ended {ran.code}: {ran.errors.strip()[-200:]}"]
    return [f"{capture.name}: {line.strip()}" for line in ran.output.splitlines()]


def frames(capture: Path) -> int:
    ran = run(["tshark", "-n", "-r", capture, "-T", "fields", "-e", "frame.number"], timeout_s=600)
    return len(ran.output.split())
