"""`testbed check`: what a test-bed's ports are and can do, against what its file says.

Facts come from a worker that opens the ports and sends tagged frames; here they become rows with a
value and a bound, and a record in the database that expires.
"""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from twinpath_analysis.database import connect, create, read_only

from . import provenance
from .errors import NoVerdict, PortRefused, RunFailed, raise_for_result
from .lab_bed import device_of, interfaces, lock_all, refuse_held, refuse_used
from .machine_lock import Held, one_at_a_time
from .ports import Survey, System, find
from .supervise import run_worker
from .testbed import VethBed, offloads_command, offloads_on, require_rights
from .testbed_file import BedPort, TestbedFile
from .testbed_journal import NAMESPACES, bind, note_binding

Json = dict[str, Any]
TRIAL_NS = 200_000_000
PROBE_TIMEOUT_S = 120.0
DRIFT_PER_SECOND_NS = 20_000  # between the counter and the kernel's clock: 20 ppm
STAMP = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Row:
    """One finding. `ok` is None where there is no bound, only a figure."""

    item: str
    port: str
    value: str
    bound: str = ""
    ok: bool | None = None
    hint: str = ""


@dataclass(frozen=True)
class Checked:
    """A finished check."""

    bed: TestbedFile
    rows: list[Row]
    facts: Json
    when_utc: str
    expires_utc: str

    @property
    def ok(self) -> bool:
        return all(row.ok is not False for row in self.rows)


def steps(bed: TestbedFile, system: System) -> list[str]:
    """What a check of `bed` will do, for --dry-run."""
    if bed.kind != "lab":
        return [f"make two ports of the test-bed {bed.name}, measure them and remove them"]
    survey = Survey(system)
    found = [f"lock port {port.name} ({port.device})" for port in bed.ports.values()]
    found += [f"bind {port.device} from {old or 'no driver'} to {port.driver} (with --yes only)"
              for port, old in to_bind(bed, survey)]
    found += [f"send tagged frames out of {port.name}, at most "
              f"{bed.limits.rate_bps / 1e6:g} Mbit/s" if bed.limits.rate_bps else
              f"send tagged frames out of {port.name}" for port in bed.ports.values()]
    return found + [f"ask {e.name} for its MAC address by ARP" for e in bed.externals.values()
                    if e.address]


def to_bind(bed: TestbedFile, survey: Survey) -> list[tuple[BedPort, str]]:
    """PCI ports that are free but bound to another driver than DPDK needs, with that driver."""
    found = []
    for port in bed.ports.values():
        nic = find(port.device, survey) if port.is_pci else None
        if nic is not None and not nic.why_not and nic.driver != port.driver:
            found.append((port, nic.driver))
    return found


def bind_all(bed: TestbedFile, system: System) -> list[str]:
    """Binds as the file says, journal first; the addresses. Requires: the user said --yes."""
    bound = []
    for port, old in to_bind(bed, Survey(system)):
        address = port.device.split(",")[0]
        note_binding(address, old)
        bind(address, port.driver, system.root)
        bound.append(address)
    return bound


def check(bed: TestbedFile) -> Checked:
    """Opens every port of the test-bed and measures, alone on the machine. PortRefused when one may
    not be taken."""
    if bed.ports:  # before waiting for a run's end: it may be days away, and hold these very ports
        refuse_held(bed, list(bed.ports.values()))
    require_rights(bed.kind)
    with one_at_a_time() as held:  # before any port is locked, as runs do it
        facts, on = _measured(bed, held)
    now = datetime.now(timezone.utc)
    expires = now + timedelta(seconds=bed.limits.check_lasts_s)
    rows = judge(bed, facts) + [_offloads(on)]
    return Checked(bed, rows, facts, now.strftime(STAMP), expires.strftime(STAMP))


def _measured(bed: TestbedFile, held: Held) -> tuple[Json, list[str]]:
    """What the measuring process says, and the offloads that are on."""
    if bed.kind == "veth":
        with VethBed(_two_hosts()) as made:
            job = made.job()
            wanted = [{"name": entry["host"], "device": entry["device"], "mtu": 1500}
                      for entry in job["ports"]]
            facts = _probe({"netns": job["netns"], "ports": wanted}, held)
            return facts, job["offloads_on"]
    if bed.kind == "net_ring":
        ends = [{"name": name, "device": "net_ring"} for name in ("a", "b")]
        return _probe({"ports": ends}, held), []
    ports = list(bed.ports.values())
    refuse_used(bed, ports)
    locks = lock_all(bed, ports)
    try:
        return _probe(_job(bed, ports), held), offloads_on(interfaces(bed, ports))
    finally:
        locks.close()


def _two_hosts() -> Json:
    hosts = [{"name": name, "stack": "twinpath", "tcp": {}, "addresses": []} for name in "ab"]
    return {"hosts": hosts, "links": [{"name": "wire", "a": "a", "b": "b"}], "apps": []}


def _job(bed: TestbedFile, ports: list[BedPort]) -> Json:
    asked = [{"port": port.name, "address": e.address} for e in bed.externals.values()
             for port in ports if e.address and ":" not in e.address and port.cabled_to == e.name]
    return {"netns": f"{NAMESPACES}/{bed.netns}" if bed.netns else "",
            "rate_bps": bed.limits.rate_bps, "ask": asked,
            "ports": [{"name": port.name, "device": device_of(port, number), "mtu": port.mtu,
                       "queues": port.queues} for number, port in enumerate(ports)]}


def _probe(job: Json, held: Held) -> Json:
    end = run_worker("emu", {"trial_ns": TRIAL_NS, **job}, function="probe",
                     timeout=PROBE_TIMEOUT_S, kept=held.fds)
    if end.stopped == "interrupted":
        raise KeyboardInterrupt
    if end.result is None:
        how = end.signal or end.stopped or f"exit code {end.exit_code}"
        raise RunFailed(f"the measuring process ended by {how}", stderr=end.stderr)
    raise_for_result(end.result, end.stderr)
    return end.result


def judge(bed: TestbedFile, facts: Json) -> list[Row]:
    """Facts against what the file says."""
    rows = [_machine(bed)]
    for fact in facts["ports"]:
        port = bed.ports.get(fact["name"], BedPort(fact["name"], ""))
        rows += _port_rows(bed, port, fact)
        rows += _cable_rows(bed, port, facts["cables"])
    rows += [row for path in facts["paths"] for row in _path_rows(path)]
    rows += [_answer(bed, answer) for answer in facts["answers"]]
    tsc = facts["tsc"]
    allowed = max(1.0, tsc["over_ns"] / 1e9) * DRIFT_PER_SECOND_NS
    return rows + [
        Row("tsc_invariant", "", "yes" if tsc["invariant"] else "no", "yes",
            bool(tsc["invariant"]), "" if tsc["invariant"] else "this CPU's counter changes its "
            "rate; times of emulations will be wrong"),
        Row("tsc_drift", "", f"{tsc['drift_ns']} ns", f"{allowed:.0f} ns",
            abs(tsc["drift_ns"]) <= allowed and tsc["steps_back"] == 0)]


def _machine(bed: TestbedFile) -> Row:
    cores = len(os.sched_getaffinity(0))
    return Row("cores", "", str(cores), f"at least {bed.cores}", cores >= bed.cores)


def _port_rows(bed: TestbedFile, port: BedPort, fact: Json) -> list[Row]:
    name = port.name
    rows = [Row("link", name, "up" if fact["up"] else "down", "up", bool(fact["up"]),
                "" if fact["up"] else "is the cable in, is the other end up?"),
            Row("driver", name, fact["driver"])]
    rows.append(Row("mac", name, fact["mac"], port.mac, fact["mac"] == port.mac if port.mac
                    else None))
    speed = f"{fact['speed_bps'] / 1e9:g} Gbit/s" if fact["speed_bps"] else "unknown"
    rows.append(Row("speed", name, speed, f"{port.speed_bps / 1e9:g} Gbit/s" if port.speed_bps
                    else "", fact["speed_bps"] == port.speed_bps if port.speed_bps else None))
    rows.append(Row("queues", name, str(fact["queues_max"]), f"at least {port.queues}",
                    fact["queues_max"] >= port.queues))
    if bed.numa is not None and fact["numa"] >= 0:
        rows.append(Row("numa", name, str(fact["numa"]), str(bed.numa), fact["numa"] == bed.numa))
    rows.append(Row("others_frames", name, str(fact["strangers"]), hint="" if not
                    fact["strangers"] else "somebody else sends on this cable"))
    return rows


def _cable_rows(bed: TestbedFile, port: BedPort, cables: list[Json]) -> list[Row]:
    seen = [cable for cable in cables if cable["from"] == port.name]
    where = " ".join(cable["to"] for cable in seen) or "none of our ports"
    if bed.kind != "lab":
        rows = [Row("cabling", port.name, where, "the other end", len(seen) == 1)]
    elif not port.cabled_to:
        rows = [Row("cabling", port.name, where)]
    elif port.cabled_to in bed.ports:
        right = [cable["to"] for cable in seen] == [port.cabled_to]
        rows = [Row("cabling", port.name, where, port.cabled_to, right,
                    "" if right else "tagged frames did not arrive where the file says")]
    else:
        external = bed.externals[port.cabled_to]
        ours = bool(seen) and external.kind in ("linux", "server")
        rows = [Row("cabling", port.name, where, f"no port of ours ({port.cabled_to})", not ours)]
    for cable in seen:
        rows += [Row(item, port.name, f"{cable[size]} of {cable['sent']}", str(cable["sent"]),
                     cable[size] == cable["sent"])
                 for item, size in (("small_frames", "small"), ("mtu_frames", "full"))]
    return rows


def _path_rows(path: Json) -> list[Row]:
    way = f"{path['from']} → {path['to']}"
    lost = path["sent"] - path["received"]
    return [Row("latency_floor", way, f"{path['latency_min_ns'] / 1e3:.1f} us, p50 "
                f"{path['latency_p50_ns'] / 1e3:.1f}, p99 {path['latency_p99_ns'] / 1e3:.1f}",
                "an answer", path["rounds"] > 0),
            Row("capacity", way, f"{path['received_pps'] / 1e6:.3f} Mpps of 64 B, {lost} of "
                f"{path['sent']} lost")]


def _answer(bed: TestbedFile, answer: Json) -> Row:
    external = next(e for e in bed.externals.values() if e.address == answer["address"])
    said = answer["mac"] or "no answer"
    right = bool(answer["mac"]) and external.mac in ("", answer["mac"])
    return Row("answers", answer["port"], f"{external.address} is at {said}",
               external.mac or "an answer", right)


def _offloads(on: list[str]) -> Row:
    command = ""
    if on:
        netns, _, name = on[0].split(" ")[0].rpartition("/")
        command = f"run `{offloads_command(netns, name)}`"
    return Row("offloads", "", " ".join(on) or "off", "off", not on, command)


def store(checked: Checked, db: str) -> None:
    """Keeps a check; the newest of a test-bed's file counts."""
    connection = connect(db)
    try:
        create(connection)  # a database of an older build has no such table
        connection.execute("BEGIN IMMEDIATE")
        row = provenance.testbed_row(checked.bed)
        connection.execute("INSERT OR IGNORE INTO testbed (sha256, name, toml) VALUES (?, ?, ?)",
                           (row["sha256"], row["name"], row["toml"]))
        machine = provenance.machine_row()
        body = json.dumps({"rows": [asdict(r) for r in checked.rows], "facts": checked.facts})
        connection.execute(
            "INSERT INTO testbed_check (testbed_id, machine, checked_utc, expires_utc, ok, "
            "body_json) SELECT testbed_id, ?, ?, ?, ?, ? FROM testbed WHERE sha256 = ?",
            (machine["hostname"], checked.when_utc, checked.expires_utc, int(checked.ok), body,
             row["sha256"]))
        connection.execute("COMMIT")
    finally:
        connection.close()


def last(bed: TestbedFile, db: str) -> Json | None:
    """The newest check of exactly this file in `db`."""
    if not os.path.exists(db):
        return None
    connection = read_only(db)
    try:
        row = connection.execute(
            "SELECT checked_utc, expires_utc, ok, body_json FROM testbed_check JOIN testbed "
            "USING (testbed_id) WHERE sha256 = ? ORDER BY check_id DESC LIMIT 1",
            (bed.sha256,)).fetchone()
    except sqlite3.OperationalError:
        return None  # written by a build without checks
    finally:
        connection.close()
    return None if row is None else {**dict(row), "body": json.loads(row["body_json"])}


def require(bed: TestbedFile, db: str) -> None:
    """A run on a lab's ports needs a passed check that has not expired."""
    if bed.kind != "lab":
        return
    command = f"run `twinpath testbed check {bed.path} --db {os.path.relpath(db)}`"
    found = last(bed, db)
    if found is None:
        raise PortRefused(f"the test-bed {bed.name} has not been checked since {bed.path} was "
                          f"last changed; {command}")
    if not found["ok"]:
        wrong = [f"{row['item']} {row['port']}".strip() for row in found["body"]["rows"]
                 if row["ok"] is False]
        raise NoVerdict(f"the test-bed {bed.name} failed its check: {', '.join(wrong)}; {command}")
    if found["expires_utc"] < datetime.now(timezone.utc).strftime(STAMP):
        raise PortRefused(f"the check of the test-bed {bed.name} expired at "
                          f"{found['expires_utc']}; {command}")
