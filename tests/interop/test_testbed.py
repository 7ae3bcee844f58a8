"""A test-bed leaves nothing behind, however its maker ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from twinpath.peers import PeeredBed
from twinpath.testbed import clean_stale

ROOT = Path(__file__).resolve().parents[2]
GONE_S = 10.0
PLAN = {
    "hosts": [{"name": "client", "stack": "twinpath", "tcp": {},
               "addresses": ["198.18.0.1/24"]},
              {"name": "server", "stack": "linux", "tcp": {},
               "addresses": ["198.18.0.2/24"]}],
    "links": [{"name": "wire", "a": "client", "b": "server"}],
    "apps": [{"path": "server/app0", "host": "server", "kind": "http_server", "to": None,
              "start_ns": 0, "args": {}},
             {"path": "server/app1", "host": "server", "kind": "bulk_sink", "to": None,
              "start_ns": 0, "args": {}}],
}
MAKER = f"""
import sys, time
sys.path[:0] = [{str(ROOT / 'bindings')!r}, {str(ROOT / 'analysis')!r}]
from twinpath.peers import PeeredBed
with PeeredBed({PLAN!r}):
    print("made", flush=True)
    time.sleep(60)
"""


def left_of(pid: int) -> list[str]:
    """Namespaces, folders and processes whose names carry a maker's process id."""
    prefix = f"tp-{pid}-"
    folders = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
    found = [name for name in [*folders, *os.listdir(tempfile.gettempdir())]
             if name.startswith(prefix)]
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return found + [line for line in listed.stdout.splitlines() if prefix in line]


def gone(pid: int) -> bool:
    deadline = time.monotonic() + GONE_S
    while left_of(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not left_of(pid)


def start_maker() -> subprocess.Popen[str]:
    maker = subprocess.Popen([sys.executable, "-c", MAKER], stdout=subprocess.PIPE, text=True)
    assert maker.stdout is not None and maker.stdout.readline() == "made\n"
    return maker


def test_closed_it_leaves_nothing() -> None:
    with PeeredBed(PLAN):
        assert left_of(os.getpid())
    assert left_of(os.getpid()) == []


def test_offloads_are_off_at_both_ends() -> None:
    with PeeredBed(PLAN) as bed:
        assert bed.job()["offloads_on"] == []


def test_killed_it_leaves_nothing() -> None:
    maker = start_maker()
    assert left_of(maker.pid)
    maker.send_signal(signal.SIGKILL)
    maker.wait()
    assert gone(maker.pid)


def test_what_a_killed_guard_left_is_found_by_the_next() -> None:
    maker = start_maker()
    guards = subprocess.run(["pgrep", "-P", str(maker.pid), "-f", "testbed_guard"],
                            capture_output=True, text=True, check=True).stdout.split()
    for guard in guards:
        os.kill(int(guard), signal.SIGKILL)
    maker.send_signal(signal.SIGKILL)
    maker.wait()
    assert left_of(maker.pid)
    cleaned = clean_stale()
    assert any(name.startswith(f"tp-{maker.pid}-") for name in cleaned)
    assert gone(maker.pid)
