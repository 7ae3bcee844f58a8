"""A run as Chrome's trace JSON, which ui.perfetto.dev and chrome://tracing open: cores with their
stages' turns, queues, flows, series as counters, events. Times are microseconds of model time.

Turns and queues come from an emulation's turn log; a simulation has none, since its CPU time is not
modelled."""

from __future__ import annotations

import json
import os
import struct
from dataclasses import dataclass, field
from typing import Any, Iterator

from .queries import Results, RunRow

CORES, QUEUES, FLOWS, APPS, RUN = 1, 2, 3, 4, 5  # processes of the trace
NAMES = {CORES: "cores", QUEUES: "queues", FLOWS: "flows", APPS: "apps and others", RUN: "run"}
MOST_EVENTS = 1_000_000  # beyond it turns are left out, and the trace says so
FRAME, SENT, ROOM = 0x81, 0x82, 0x83  # models/base/turn_log.h
BEGIN, END = b"TWPTLOG1", b"TWPTEND1"

Event = dict[str, Any]


@dataclass
class _Tracks:
    """Numbers threads within processes by name, and names them for the viewer."""

    threads: dict[tuple[int, str], int] = field(default_factory=dict)

    def pair(self, process: int, name: str) -> tuple[int, int]:
        return process, self.of(process, name)

    def of(self, process: int, name: str) -> int:
        return self.threads.setdefault((process, name), len(self.threads) + 1)

    def events(self) -> list[Event]:
        used = {process for process, _ in self.threads}
        processes = [{"ph": "M", "name": "process_name", "pid": pid, "args": {"name": NAMES[pid]}}
                     for pid in sorted(used)]
        return processes + [{"ph": "M", "name": "thread_name", "pid": pid, "tid": tid,
                             "args": {"name": name}} for (pid, name), tid in self.threads.items()]


def write_trace(db: str, run_id: int, path: str) -> int:
    """Writes the trace of one run to `path`; the number of its events."""
    with Results(db) as results:
        trace = build_trace(results, results.run(run_id))
    with open(path, "w", encoding="utf-8") as file:
        json.dump(trace, file, allow_nan=False)
    return len(trace["traceEvents"])


def build_trace(results: Results, run: RunRow) -> dict[str, Any]:
    """The trace as Python values."""
    tracks = _Tracks()
    events = [_slice(tracks.pair(RUN, f"run {run.run_id}"), f"{run.scenario} ({run.driver})",
                     (0, int((run.model_s or 0) * 1e9)),
                     {"status": run.status, "seed": str(run.unsigned_seed)})]
    events += _flows(results, run, tracks)
    events += _series(results, run, tracks)
    events += _events(results, run, tracks)
    left_out = 0
    for log in _logs(results, run):
        for event in _turns(log, tracks):
            if len(events) < MOST_EVENTS:
                events.append(event)
            else:
                left_out += 1
    return {"displayTimeUnit": "ns", "traceEvents": tracks.events() + events,
            "otherData": {"program": "Twinpath", "scenario": run.scenario, "driver": run.driver,
                          "fingerprint": run.fingerprint, "events left out": left_out}}


def _slice(thread: tuple[int, int], name: str, span_ns: tuple[int, int],
           args: dict[str, Any]) -> Event:
    """`thread`: process and thread."""
    begin, end = span_ns
    return {"ph": "X", "pid": thread[0], "tid": thread[1], "name": name,
            "ts": begin / 1000, "dur": max(0, end - begin) / 1000, "args": args}


def _process_of(entity: str, kinds: dict[str, str]) -> int:
    kind = kinds.get(entity, "")
    if kind in ("link", "queue", "port"):
        return QUEUES
    return {"flow": FLOWS, "core": CORES}.get(kind, APPS)


def _kinds(results: Results, run: RunRow) -> dict[str, str]:
    query = "SELECT path, kind FROM entity WHERE run_id = ?"
    return {path: kind for path, kind in results.connection.execute(query, (run.run_id,))}


def _flows(results: Results, run: RunRow, tracks: _Tracks) -> Iterator[Event]:
    """A slice per flow from its first to its last packet, by its row or else by its samples."""
    found = set()
    for row in results.table("flow", run.run_id).itertuples():
        span = int(row.first_tx_ns or 0), int(row.last_rx_ns or 0)
        args = {"proto": row.proto, "from": f"{row.src}:{row.src_port}",
                "to": f"{row.dst}:{row.dst_port}", "end": row.end_reason}
        found.add(row.entity)
        yield _slice(tracks.pair(FLOWS, row.entity), row.entity, span, args)
    frame, kinds = results.table("series", run.run_id), _kinds(results, run)
    for entity, samples in frame.groupby("entity"):
        if entity not in found and kinds.get(str(entity)) == "flow":
            span = int(samples["t_ns"].min()), int(samples["t_ns"].max())
            yield _slice(tracks.pair(FLOWS, str(entity)), str(entity), span,
                         {"samples": len(samples)})


def _series(results: Results, run: RunRow, tracks: _Tracks) -> Iterator[Event]:
    """Every series as a counter."""
    frame, kinds = results.table("series", run.run_id), _kinds(results, run)
    frame = frame[frame["value"].notna()]
    for (entity, metric), samples in frame.groupby(["entity", "metric"]):
        process = _process_of(str(entity), kinds)
        thread = tracks.of(process, str(entity))
        unit = str(samples["unit"].iloc[0]) or "value"
        for t_ns, value in zip(samples["t_ns"], samples["value"]):
            yield {"ph": "C", "pid": process, "tid": thread, "name": f"{entity} {metric}",
                   "ts": int(t_ns) / 1000, "args": {unit: float(value)}}


def _events(results: Results, run: RunRow, tracks: _Tracks) -> Iterator[Event]:
    """Recorded events as instants."""
    kinds = _kinds(results, run)
    for row in results.table("event", run.run_id).itertuples():
        entity = row.entity or f"run {run.run_id}"
        process = _process_of(entity, kinds) if row.entity else RUN
        yield {"ph": "i", "s": "t", "pid": process, "tid": tracks.of(process, entity),
               "name": row.kind, "ts": int(row.t_ns) / 1000,
               "args": json.loads(row.data_json) if row.data_json else {}}


def _logs(results: Results, run: RunRow) -> list[str]:
    files = results.table("artifact", run.run_id)
    paths = [str(path) for path in files[files["kind"] == "log"]["path"]]
    return [path for path in paths if path.endswith(".turnlog") and os.path.isfile(path)]


def _turns(path: str, tracks: _Tracks) -> Iterator[Event]:
    """Turns as slices of their stage's track, frames waiting at each input as a counter."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:len(BEGIN)] != BEGIN or data[-len(END):] != END:
        return
    at = len(BEGIN) + 4 + struct.unpack_from("<I", data, len(BEGIN))[0]
    end = len(data) - len(END) - 4 - struct.unpack_from("<I", data, len(data) - len(END) - 4)[0]
    plan = json.loads(data[len(BEGIN) + 4:at])["plan"]
    stages = [host["name"] for host in plan["hosts"] if host.get("stack") != "linux"]
    populated = any(host.get("count", 1) != 1 for host in plan["hosts"])
    waiting: dict[int, int] = {}
    inputs = _ports(plan, stages)
    while at < end:
        mark = data[at + 7]
        if mark & 0x80:
            length, port = struct.unpack_from("<IH", data, at)
            if mark == FRAME:
                waiting[port] = waiting.get(port, 0) + 1
            at += 8 if mark == ROOM else 16 + (length if mark == FRAME else 0)
            continue
        now, core, stage, *items, took = struct.unpack_from("<qBB5HI", data, at)
        at += 24
        # A population's hosts are expanded by the worker: they have numbers here.
        known = stage < len(stages) and not populated
        host = stages[stage] if known else f"stage {stage}"
        yield _slice(tracks.pair(CORES, f"core{core} {host}"), host, (now, now + took),
                     {"items": sum(items)})
        for (number, name), taken in zip(inputs[stage] if known else [], items):
            waiting[number] = waiting.get(number, 0) - taken
            if taken:
                yield {"ph": "C", "pid": QUEUES, "tid": tracks.of(QUEUES, name), "ts": now / 1000,
                       "name": f"{name} waiting", "args": {"frames": waiting[number] + taken}}
                yield {"ph": "C", "pid": QUEUES, "tid": tracks.of(QUEUES, name),
                       "ts": (now + took) / 1000, "name": f"{name} waiting",
                       "args": {"frames": waiting[number]}}


def _ports(plan: dict[str, Any], stages: list[str]) -> list[list[tuple[int, str]]]:
    """Per stage its inputs, as number in the log and path: links in order, end a first."""
    found: list[list[tuple[int, str]]] = [[] for _ in stages]
    counts: dict[str, int] = {}
    number = 0
    for link in plan["links"]:
        for host in (link["a"], link["b"]):
            path = f"{host}/eth{counts.get(host, 0)}"
            counts[host] = counts.get(host, 0) + 1
            if host in stages:
                found[stages.index(host)].append((number, path))
                number += 1
    return found
