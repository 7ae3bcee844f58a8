"""The Linux hosts of a test-bed at work: nginx, curl and kernel sockets as the Plan's apps.

Servers run before the worker polls. Clients begin once it does, each at its own start time, and
the worker hears of each that is done, because a run may wait for it. What peers measured is
recorded beside what the worker did, under the same entities and names.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Iterator

from twinpath_analysis.database import connect

from . import linux_peer
from .errors import TwinpathError
from .lab_bed import LabBed
from .testbed import VethBed, require_tools

PYTHON = "/usr/bin/python3"
LINUX_PEER = str(Path(__file__).resolve().parent / "linux_peer.py")
SERVER_START_S = 10.0
SERVER_STOP_S = 5.0
NGINX = """daemon off;
master_process off;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ worker_connections 4096; }}
http {{
  access_log off;
  default_type application/octet-stream;
  keepalive_requests 1000000;
  client_body_temp_path {dir}/body;
  proxy_temp_path {dir}/proxy;
  fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi;
  scgi_temp_path {dir}/scgi;
  server {{ {listens} root {dir}/www; }}
}}
"""

Json = dict[str, Any]
Metrics = dict[str, float]


def pieces(size: int) -> Iterator[bytes]:
    """`size` bytes of content, in pieces."""
    for offset in range(0, size, linux_peer.PIECE):
        yield linux_peer.content(offset, min(linux_peer.PIECE, size - offset))


def content_sha256(size: int) -> str:
    """What the body of /bytes/SIZE must hash to."""
    digest = hashlib.sha256()
    for piece in pieces(size):
        digest.update(piece)
    return digest.hexdigest()


def other_cpus() -> str:
    """The CPUs left to peers: all but the last, on which the worker polls; taskset's notation."""
    allowed = sorted(os.sched_getaffinity(0))
    return ",".join(map(str, allowed[:-1] or allowed))


class Peers:
    """The apps of all Linux hosts of one bed. `metrics` is filled as they end."""

    def __init__(self, bed: VethBed | LabBed) -> None:
        self.bed, self.plan = bed, bed.plan
        self.metrics: dict[str, Metrics] = {}
        self.problems: dict[str, str] = {}  # per app why it failed, in words
        self._servers: list[tuple[str, subprocess.Popen[str]]] = []
        self._clients: list[threading.Thread] = []
        self._running: list[subprocess.Popen[str]] = []
        self._stopping = threading.Event()

    def apps(self, host: str) -> list[Json]:
        return [app for app in self.plan["apps"] if app["host"] == host]

    def address_towards(self, host: str, other: str) -> str:
        """The address of `other` on the link that joins it with `host`."""
        counts: dict[str, int] = {}
        for link in self.plan["links"]:
            ends = (link["a"], link["b"])
            if set(ends) == {host, other}:
                hosts = {entry["name"]: entry for entry in self.plan["hosts"]}
                return str(hosts[other]["addresses"][counts.get(other, 0)]).split("/")[0]
            for end in ends:
                counts[end] = counts.get(end, 0) + 1
        raise TwinpathError(f"no link joins {host} and {other}")

    def _start(self, host: str, *words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            ["ip", "netns", "exec", self.bed.namespaces[host], "taskset", "-c", other_cpus(),
             *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True)
        self._running.append(process)
        return process

    def start_servers(self) -> None:
        """Returns when all listen."""
        if any(app["kind"] == "http_get" for host in self.bed.namespaces
               for app in self.apps(host)):
            require_tools("curl")
        for host in self.bed.namespaces:
            apps = self.apps(host)
            web = [app for app in apps if app["kind"] == "http_server"]
            others = [app for app in apps if app["kind"] in linux_peer.KINDS]
            if web:
                self._start_nginx(host, web)
            if others:
                self._start_sockets(host, others)

    def _start_nginx(self, host: str, apps: list[Json]) -> None:
        require_tools("nginx")
        folder = os.path.join(self.bed.directory, host)
        os.makedirs(os.path.join(folder, "www", "bytes"))
        for size in self._wanted_sizes(host):
            with open(os.path.join(folder, "www", "bytes", str(size)), "wb") as file:
                file.writelines(pieces(size))
        ports = [app["args"].get("port", 80) for app in apps]
        ends = ["", "[::]:"] if self._has_ipv6(host) else [""]
        listens = " ".join(f"listen {end}{port};" for port in ports for end in ends)
        conf = os.path.join(folder, "nginx.conf")
        Path(conf).write_text(NGINX.format(dir=folder, listens=listens), encoding="utf-8")
        process = self._start(host, "nginx", "-p", folder, "-c", conf)
        deadline = time.monotonic() + SERVER_START_S
        pid = Path(folder, "nginx.pid")
        while not (pid.exists() and pid.stat().st_size):
            if process.poll() is not None or time.monotonic() > deadline:
                raise TwinpathError(f"nginx did not start on {host}: {self._words(process)}")
            time.sleep(0.002)

    def _has_ipv6(self, host: str) -> bool:
        return any(":" in address for entry in self.plan["hosts"] if entry["name"] == host
                   for address in entry["addresses"])

    def _wanted_sizes(self, host: str) -> list[int]:
        return sorted({app["args"].get("size_bytes", 1_000_000) for app in self.plan["apps"]
                       if app["kind"] == "http_get" and app["to"] == host})

    def _start_sockets(self, host: str, apps: list[Json]) -> None:
        ports = {"bulk_sink": 5001, "udp_sink": 5001, "echo_server": 7, "udp_echo_server": 7}
        any_address = "::" if self._has_ipv6(host) else "0.0.0.0"
        specs = [{"path": app["path"], "kind": app["kind"], "address": any_address,
                  "port": app["args"].get("port", ports[app["kind"]])} for app in apps]
        process = self._start(host, PYTHON, "-I", LINUX_PEER, json.dumps(specs))
        assert process.stdout is not None
        if process.stdout.readline() != "ready\n":
            raise TwinpathError(f"the servers of {host} did not start: {self._words(process)}")
        self._servers.append((host, process))

    @staticmethod
    def _words(process: subprocess.Popen[str]) -> str:
        process.kill()
        return (process.communicate()[1] or "").strip()[-500:]

    def start_clients(self, done: Callable[[str], None]) -> None:
        """Begins the clients, each at its own start time; `done(path)` hears of each that ends.
        Returns at once."""
        clients = [app for host in self.bed.namespaces for app in self.apps(host)
                   if app["kind"] == "http_get"]
        for app in clients:
            thread = threading.Thread(target=self._run_client, args=(app, done), daemon=True)
            thread.start()
            self._clients.append(thread)

    def _run_client(self, app: Json, done: Callable[[str], None]) -> None:
        if self._stopping.wait(app["start_ns"] / 1e9):
            return
        self.metrics[app["path"]] = self._fetch(app)
        done(app["path"])

    def _fetch(self, app: Json) -> Metrics:
        """curl as the app http_get: its own times, the content checked by SHA-256."""
        args, host = app["args"], app["host"]
        size = args.get("size_bytes", 1_000_000)
        target = self.address_towards(host, app["to"])
        target = f"[{target}]" if ":" in target else target
        body = os.path.join(self.bed.directory, app["path"].replace("/", "-"))
        process = self._start(host, "curl", "-sS", "--globoff", "-o", body, "-w", "%{json}",
                              f"http://{target}:{args.get('port', 80)}/bytes/{size}")
        output, errors = process.communicate()
        if process.returncode != 0:
            return self._not_fetched(app["path"], errors.strip()[-500:])
        said = json.loads(output)
        with open(body, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.unlink(body)
        right = args.get("verify", "sha256") == "none" or digest == content_sha256(size)
        seconds = said["time_total"] - said["time_starttransfer"]
        metrics = {"fct_s": said["time_total"], "connect_s": said["time_connect"],
                   "app_bytes": float(said["size_download"]) if right else 0.0, "failures": 0.0,
                   "requests": float(right), "verify_errors": float(not right)}
        if right and seconds > 0:
            metrics["goodput_bps"] = said["size_download"] * 8 / seconds
        if not right:
            self.problems[app["path"]] = "the body is not the content asked for"
        return metrics

    def _not_fetched(self, path: str, errors: str) -> Metrics:
        """A curl that the end of the run cut off has not failed."""
        if self._stopping.is_set():
            return {"failures": 0.0, "requests": 0.0, "app_bytes": 0.0}
        self.problems[path] = errors or "curl failed and did not say why"
        return {"failures": 1.0, "requests": 0.0, "app_bytes": 0.0}

    def stop(self) -> None:
        """Ends everything and collects what servers counted. Harmless when done already."""
        self._stopping.set()
        servers, self._servers = self._servers, []
        for host, process in servers:
            process.send_signal(signal.SIGTERM)
            try:
                output, _ = process.communicate(timeout=SERVER_STOP_S)
                self.metrics.update(json.loads(output.strip().splitlines()[-1]))
            except (subprocess.TimeoutExpired, ValueError, IndexError):
                process.kill()
                words = (process.communicate()[1] or "").strip()[-500:]
                self._no_account(host, words)
        for process in self._running:
            if process.poll() is None:
                process.kill()
            process.wait()
        for thread in self._clients:
            thread.join(SERVER_STOP_S)

    def _no_account(self, host: str, words: str) -> None:
        text = f"the servers of {host} gave no account" + (f": {words}" if words else "")
        for app in self.apps(host):
            if app["kind"] in linux_peer.KINDS:
                self.metrics[app["path"]] = {"failures": 1.0}
                self.problems[app["path"]] = text


# name -> unit, which way is better, whose clock. A metric is what models/app/metrics.h says it is,
# whoever measures it; in an emulation the clock of the model is the real one.
UNITS = {"fct_s": ("s", "lower", "model"), "connect_s": ("s", "lower", "model"),
         "app_bytes": ("byte", "higher", "none"), "goodput_bps": ("bit/s", "higher", "model"),
         "failures": ("", "lower", "none"), "verify_errors": ("", "lower", "none"),
         "requests": ("", "higher", "none"), "datagrams": ("", "higher", "none"),
         "duplicates": ("", "lower", "none"), "lost_fraction": ("fraction", "lower", "none")}


class PeeredBed:
    """A test-bed around one run, `veth` unless given: the network and the Linux peers on it. A
    context manager and a worker's companion."""

    def __init__(self, plan: Json, bed: VethBed | LabBed | None = None) -> None:
        self._bed = bed or VethBed(plan)
        self._stack = ExitStack()

    def __enter__(self) -> PeeredBed:
        try:
            self._stack.enter_context(self._bed)
            self.peers = Peers(self._bed)
            self._stack.callback(self.peers.stop)
            self.peers.start_servers()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def fds(self) -> tuple[int, ...]:
        return self._bed.fds

    def job(self) -> Json:
        return self._bed.job()

    def on_ready(self, done: Callable[[str], None]) -> None:
        self.peers.start_clients(done)

    def _is_asked(self, metric: str) -> bool:
        """As MetricFilter of bindings/plan/measure.h."""
        asked = self.peers.plan.get("measure", {}).get("metrics")
        return not asked or metric in asked or metric in ("failures", "verify_errors")

    def record(self, path: str, run_id: int) -> None:
        """Ends the peers and adds what they measured to the run in the database `path`."""
        self.peers.stop()
        connection = connect(path)
        try:
            connection.execute("BEGIN")
            for entity, metrics in self.peers.metrics.items():
                connection.execute("INSERT OR IGNORE INTO entity (run_id, path, kind) "
                                   "VALUES (?, ?, 'app')", (run_id, entity))
                for scalar in metrics.items():
                    if self._is_asked(scalar[0]):
                        _insert(connection, run_id, entity, scalar)
            for entity, text in self.peers.problems.items():
                _insert_problem(connection, run_id, entity, text)
            connection.execute("COMMIT")
        finally:
            connection.close()


def _insert(connection: Any, run_id: int, entity: str, scalar: tuple[str, float]) -> None:
    name, value = scalar
    unit, better, clock = UNITS[name]
    connection.execute("INSERT OR IGNORE INTO metric (name, unit, kind, better, clock, help) "
                       "VALUES (?, ?, 'scalar', ?, ?, 'as a Linux peer measured it')",
                       (name, unit, better, clock))
    connection.execute(
        "INSERT OR REPLACE INTO scalar (entity_id, metric_id, value, n) "
        "SELECT entity_id, metric_id, ?, 1 FROM entity, metric "
        "WHERE run_id = ? AND path = ? AND metric.name = ?", (value, run_id, entity, name))


def _insert_problem(connection: Any, run_id: int, entity: str, text: str) -> None:
    """The event by which a run names why an app failed, as AppReport::problem() writes it."""
    connection.execute(
        "INSERT INTO event (run_id, seq, t_ns, entity_id, kind, data_json) "
        "SELECT ?1, (SELECT coalesce(max(seq), 0) + 1 FROM event WHERE run_id = ?1), 0, entity_id, "
        "'app.problem', ?3 FROM entity WHERE run_id = ?1 AND path = ?2",
        (run_id, entity, json.dumps({"problem": text})))
