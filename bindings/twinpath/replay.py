"""Running an emulation's turn log again, in the simulator's worker: same turns, same bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import turn_log
from .builds import Build
from .errors import ConfigError, Problem, RunFailed
from .native import objects_of
from .supervise import WorkerEnd, run_worker
from .turn_log import TurnLog

Windows = dict[str, tuple[int, int]]  # "client/eth0/tx" -> first frame, behind the last


@dataclass(frozen=True)
class Replayed:
    """What a replay gave. `difference` is None when all that was sent is equal, byte by byte."""

    log: TurnLog
    fingerprint: str
    turns: int
    frames: int
    chunks: dict[str, list[tuple[int, str]]]
    difference: dict[str, Any] | None
    wall_s: float

    @property
    def equal(self) -> bool:
        """Every port gave the same frames at the same instants, both ways."""
        return self.difference is None and self.fingerprint == self.log.fingerprint

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        if self.equal:
            return (f"equal: {self.turns} turns, {self.frames} frames received, fingerprint "
                    f"{self.fingerprint}")
        found = self.difference
        if found is None:
            return (f"differs: fingerprint {self.fingerprint}, the emulation's is "
                    f"{self.log.fingerprint}")
        at = f"turn {found['turn']} at {found['t_ns'] / 1e9:.9f} s"
        if found["what"] == "items":
            return f"differs in {at}: a stage took another number of frames"
        sides = " and ".join(f"{name} {_frame(found[name])}" for name in ("logged", "replayed"))
        return (f"differs in {at}: {found['port']} {found['direction']}, frame {found['index']}: "
                f"{sides}")


def _frame(frame: dict[str, Any] | None) -> str:
    return "nothing" if frame is None else f"{frame['length']} bytes with hash {frame['hash']}"


def replay(path: str, *, timeout: float | None = None) -> Replayed:
    """Replays the log at `path` with this build. ConfigError: the log is damaged, or of another
    build."""
    log = turn_log.read(path)
    build = Build.current()
    if log.sim_build != build.sha256:
        made = log.header["build"]
        raise ConfigError([Problem(
            "log", path, f"is of another build ({log.sim_build[:16]}, commit "
            f"{(made.get('git_commit') or 'unknown')[:12]}); this one is {build.sha256[:16]}",
            "a log of this build", "go back to that commit and build it, or see where the builds "
            "part with `twinpath diff LOG LOG --build DIR`")])
    return replay_log(log, build, timeout=timeout)


def replay_log(log: TurnLog, build: Build, *, capture: str | None = None,
               windows: Windows | None = None, timeout: float | None = None) -> Replayed:
    """Replays `log` with any build. With `capture`, frames of the windows go into that file and the
    replay goes on behind the first difference."""
    job: dict[str, Any] = {
        "plan": log.plan, "plan_sha256": log.header.get("plan_sha256", ""), "seed": log.seed,
        "db": "none", "objects": objects_of(log.plan),
        "log": {"path": log.path, "begin": log.begin, "end": log.end,
                "stop_at_difference": capture is None}}
    if capture:
        job["pcapng"] = {"path": capture, "windows": window_json(windows or {})}
    end = run_worker("sim", job, function="replay", module=build.sim, timeout=timeout)
    answer = _answer(end)
    chunks = {port: [(int(t), str(h)) for t, h in rows] for port, rows in answer["chunks"].items()}
    return Replayed(log, answer["fingerprint"], answer["turns"], answer["frames"], chunks,
                    answer["difference"], end.wall_s)


def window_json(windows: Windows) -> dict[str, dict[str, int]]:
    """Windows as a worker's job has them."""
    return {port: {"from": begin, "to": end} for port, (begin, end) in windows.items()}


def _answer(end: WorkerEnd) -> dict[str, Any]:
    from .fill import crash_text

    if end.result is None:
        raise RunFailed(f"the replay failed: {crash_text(end)}", stderr=end.stderr)
    if end.result["status"] != "done":
        if end.result.get("problems"):
            raise ConfigError([Problem(**problem) for problem in end.result["problems"]])
        raise ConfigError([Problem("log", "", end.result["error"])])
    return end.result
