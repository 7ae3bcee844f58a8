"""Checking captures with tshark: no malformed frame, no bad checksum."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

# Streams are not put together: tshark calls it malformed when a retransmission is cut differently
# than the segments it repeats.
CHECKS = ("ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE",
          "tcp.desegment_tcp_streams:FALSE")
BAD = ("_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || "
       "udp.checksum.status == 0 || icmp.checksum.status == 0")
TSHARK_S = 120.0


@dataclass(frozen=True)
class Capture:
    """One file: how many frames it has, and the first that are wrong. `error`: tshark failed."""

    path: str
    frames: int
    bad: list[str]
    error: str = ""

    @property
    def clean(self) -> bool:
        return not self.bad and not self.error and self.frames > 0


def _lines(path: str, *options: str) -> list[str]:
    command = ["tshark", "-n", "-r", path]
    for check in CHECKS:
        command += ["-o", check]
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=TSHARK_S)
    if done.returncode != 0:
        raise subprocess.SubprocessError(done.stderr.strip()[-300:])
    return done.stdout.splitlines()


def check(path: str) -> Capture | None:
    """Reads a capture with tshark; None when tshark is not installed."""
    if shutil.which("tshark") is None:
        return None
    try:
        frames = len(_lines(path, "-T", "fields", "-e", "frame.number"))
        bad = _lines(path, "-Y", BAD)
    except (OSError, subprocess.SubprocessError) as error:
        return Capture(path, 0, [], str(error))
    return Capture(path, frames, bad[:5])


def check_all(folder: str) -> list[Capture]:
    """Every capture below `folder`; empty when there is none or no tshark."""
    found = sorted(str(path) for path in Path(folder).rglob("*.pcap"))
    return [capture for capture in map(check, found) if capture is not None]
