"""A worker's pipes: what it leaves behind does not hold up who waits for it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from twinpath import supervise
from twinpath.events import Event, EventTap, Wish

# A worker that tells of events, answers, and leaves a process that holds its pipes open.
LEAVES_A_CHILD = """
import json, os, sys
job = json.load(sys.stdin)
result, held = int(sys.argv[3]), [job["events"]["fd"]]
held += [result] * job["hold_result"]
os.write(job["events"]["fd"], b'{"t_ns":5,"kind":"tcp.rto","entity":"a","data":{}}\\n' * 3)
child = os.fork()
if child == 0:
    for fd in set(range(3, 64)) - set(held):
        try:
            os.close(fd)
        except OSError:
            pass
    os.execvp("sleep", ["sleep", "60"])
os.write(result, json.dumps({"status": "done", "child": child}).encode())
"""


@pytest.mark.parametrize("hold_result", [False, True])
def test_a_pipe_that_stays_open_is_not_waited_for(tmp_path: Path, monkeypatch,
                                                  hold_result: bool) -> None:
    worker = tmp_path / "_worker.py"
    worker.write_text(LEAVES_A_CHILD)
    monkeypatch.setattr(supervise, "WORKER", str(worker))
    monkeypatch.setattr(supervise, "DRAIN_S", 0.3)
    heard: list[Event] = []
    started = time.monotonic()
    end = supervise.run_worker("sim", {"hold_result": hold_result}, module="none", timeout=3.0,
                               tap=EventTap([Wish("tcp", heard.append)]))
    took = time.monotonic() - started
    assert end.result is not None and end.result["status"] == "done", end.stderr
    os.kill(end.result["child"], signal.SIGKILL)
    assert len(heard) == 3 and heard[0].kind == "tcp.rto"
    assert took < 20, "the child sleeps for a minute"
