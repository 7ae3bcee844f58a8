"""What `diff` compares: recorded runs and turn logs, each able to give its chunks and, run again,
its frames."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from typing import Any

from twinpath_analysis.queries import Results, RunRow

from . import builds, turn_log
from .arguments import path_of
from .builds import Build
from .errors import ConfigError, Problem, RunFailed
from .execute import DEFAULT_DB
from .fill import STOPPED, WorkerCall, crash_text, fill
from .frames import Frame, read_pcapng
from .plan import Plan
from .prepare import RunRequest
from .replay import Windows, replay_log, window_json
from .run import Run
from .turn_log import TurnLog

Chunks = dict[str, list[tuple[int, str]]]  # "client/eth0/tx" -> (time of its last frame, hash)


@dataclass
class Side:
    """One of the two. `unable` says why its frames cannot be had again; None when they can."""

    label: str
    driver: str
    fingerprint: str | None
    chunks: Chunks
    content_hash: str | None = None
    row: RunRow | None = None
    log: TurnLog | None = None
    build: Build | None = None
    unable: str | None = None
    delivered: dict[str, str] = field(default_factory=dict)  # by flow, what it brought

    def frames(self, windows: Windows) -> dict[str, list[Frame]]:
        """Its frames within `windows`, from a run of its own; RunFailed when that run came out
        otherwise than the recorded one."""
        assert self.build is not None
        with tempfile.TemporaryDirectory(prefix="twinpath-diff-") as folder:
            capture = os.path.join(folder, "frames.pcapng")
            again = (self._replay if self.log else self._simulate)(windows, capture)
            if again != self.fingerprint:
                raise RunFailed(f"{self.label} is not deterministic: run again by the same build "
                                f"it has the fingerprint {again}, recorded is {self.fingerprint}")
            if not os.path.exists(capture):
                raise RunFailed(f"the build of {self.label} is too old to capture frames")
            return read_pcapng(capture)

    def _replay(self, windows: Windows, capture: str) -> str:
        assert self.log is not None and self.build is not None
        return replay_log(self.log, self.build, capture=capture, windows=windows).fingerprint

    def _simulate(self, windows: Windows, capture: str) -> str:
        assert self.row is not None and self.build is not None
        plan = Plan(json.loads(self.row.plan_json))
        own = os.path.join(os.path.dirname(capture), "run.db")
        job = {"pcapng": {"path": capture, "windows": window_json(windows)}}
        _, end = fill(own, RunRequest(plan, {}, self.row.unsigned_seed, None, ""),
                      call=WorkerCall(job=job, module=self.build.sim))
        if end.stopped == "interrupted":
            raise KeyboardInterrupt
        if end.result is None or end.result["status"] == "failed":
            why = crash_text(end) if end.result is None else end.result["error"]
            raise RunFailed(f"{self.label}, run again: {why}", stderr=end.stderr)
        return str(end.result["fingerprint"])


def side_of(what: str, db: str | None, others: list[Build]) -> Side:
    """`7` (a run of `db`), `FILE.db:7`, or the path of a turn log: its replay by this build."""
    what = path_of(what, "RUN")
    path, colon, number = what.rpartition(":")
    if what.isdigit():
        return side_of_run(Run(db or DEFAULT_DB, int(what)), others)
    if colon and number.isdigit():
        return side_of_run(Run(path, int(number)), others)
    if os.path.isfile(what):
        return replayed(what, Build.current())
    raise ConfigError([Problem("RUN", what, "is neither a run nor a turn log",
                               "7, FILE.db:7, FILE.turnlog")])


def side_of_run(run: Run, others: list[Build]) -> Side:
    """A recorded run."""
    row = run.row
    if row.fingerprint is None:
        raise ConfigError([Problem("RUN", str(run.run_id), f"it recorded no frames ({row.status}"
                                   f"{': ' + row.error if row.error else ''})", "runs that ended")])
    with Results(run.db) as results:
        frame = results.table("chunk", run.run_id)
        files = results.table("artifact", run.run_id)
        flows = results.table("flow", run.run_id)
    chunks: Chunks = {}
    for entity, t_ns, value in zip(frame["entity"], frame["t_ns"], frame["hash"]):
        chunks.setdefault(str(entity), []).append((int(t_ns), str(value)))
    side = Side(f"run {run.run_id}", row.driver, row.fingerprint, chunks,
                row.values.get("content_hash"), row,
                delivered={str(flow.entity): _brought(flow) for flow in flows.itertuples()
                           if flow.rx_bytes and flow.end_reason != "moved"})
    if row.driver == "sim":
        side.build = builds.find(row.build_sha256, others)
        side.unable = None if side.build else _other_build(row.build_sha256, row.git_commit)
        if (row.error or "").startswith(STOPPED):
            side.unable = "it was stopped at no certain moment and cannot be run again up to there"
    else:
        _find_log(side, [str(path) for path in files[files["kind"] == "log"]["path"]], others)
    return side


def _brought(flow: Any) -> str:
    """In datagrams their number counts too; segments are cut as time has it."""
    text = f"{flow.rx_bytes:,.0f} B"
    return text if flow.proto == "tcp" else f"{text} in {flow.rx_packets:,.0f} datagrams"


def _find_log(side: Side, paths: list[str], others: list[Build]) -> None:
    """An emulation's frames come from its turn log."""
    found = [path for path in paths if os.path.isfile(path)]
    if not found:
        side.unable = "its turn log is gone" if paths else \
            "an emulation without a turn log cannot be run again (run it with --turn-log)"
        return
    side.log = turn_log.read(found[0])
    side.build = builds.find(side.log.sim_build, others)
    if side.build is None:
        side.unable = _other_build(side.log.sim_build, side.log.header["build"].get("git_commit"))


def replayed(path: str, build: Build) -> Side:
    """The replay of a log by a build, whichever made the log."""
    log = turn_log.read(path)
    again = replay_log(log, build)
    if again.difference is not None:  # it stopped there; the chunks of all of it are wanted
        with tempfile.TemporaryDirectory(prefix="twinpath-diff-") as folder:
            again = replay_log(log, build, capture=os.path.join(folder, "none.pcapng"),
                               windows={"none/rx": (0, 0)})
    return Side(f"replay of {os.path.basename(path)}", "replay", again.fingerprint, again.chunks,
                log=log, build=build)


def _other_build(sha256: str, commit: str | None) -> str:
    return (f"it was made by another build ({sha256[:16]}, commit {(commit or 'unknown')[:12]}); "
            "name its folder with --build")
