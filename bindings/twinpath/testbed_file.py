"""`testbed.toml`: the machine, its ports and cables, external devices, what stands for which port
of a Plan, and limits. The shipped test-beds `veth` and `net_ring` have the same form.

Everything wrong with a file is said at once, each problem with its field and what is allowed.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping

from .arguments import path_of
from .errors import ConfigError, Problem, nearest, unknown
from .quantities import Quantity, Rate, Time

FOLDER = Path(__file__).resolve().parent / "testbeds"
BUILT_IN = ("veth", "net_ring")
KINDS = ("linux", "server", "switch", "dut")
DRIVERS = ("vfio-pci", "uio_pci_generic", "igb_uio", "mlx4_core", "mlx5_core")
BENCHMARK_NETWORKS = ("198.18.0.0/15", "2001:2::/48")  # RFC 2544 and RFC 5180: for test-beds
PCI = re.compile(r"[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
MAC = re.compile(r"([0-9a-f]{2}:){5}[0-9a-f]{2}")
VDEV = re.compile(r"net_[a-z_]+\d*(,\S+)?")
NAME = re.compile(r"[A-Za-z0-9_.-]+|\*")
MTU = range(576, 9217)
QUEUES = range(1, 65)
RATE_MAX_BPS = 1e15

Json = dict[str, Any]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class BedPort:
    """One port of the machine. `driver`: what a PCI device must be bound to for DPDK."""

    name: str
    device: str
    mac: str = ""
    speed_bps: int = 0  # 0: not stated
    queues: int = 1
    mtu: int = 1500
    driver: str = "vfio-pci"
    cabled_to: str = ""

    @property
    def is_pci(self) -> bool:
        return PCI.fullmatch(self.device.split(",")[0]) is not None

    @property
    def interface(self) -> str:
        """The network interface of a vdev over one; empty when there is none."""
        match = re.search(r",iface=([^,]+)", self.device)
        return match[1] if match else ""


@dataclass(frozen=True)
class External:
    """A device that is not ours. `linux`: a namespace of this machine, where we start the apps;
    `server`: its servers run already; `switch`, `dut`: what a cable leads to."""

    name: str
    kind: str
    address: str = ""
    mac: str = ""
    netns: str = ""


@dataclass(frozen=True)
class Limits:
    """What a run may do here."""

    rate_bps: int = 0  # per port; 0: none
    networks: tuple[Network, ...] = ()
    check_lasts_s: float = 24 * 3600.0


@dataclass(frozen=True)
class TestbedFile:
    """A test-bed as described by its file."""

    __test__ = False  # no test, whatever pytest reads from the name

    name: str
    path: str
    text: str
    cores: int = 1
    numa: int | None = None
    netns: str = ""  # of the interfaces; empty: the machine's own
    ports: Mapping[str, BedPort] = field(default_factory=dict)
    externals: Mapping[str, External] = field(default_factory=dict)
    bindings: Mapping[str, str] = field(default_factory=dict)
    limits: Limits = Limits()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def kind(self) -> str:
        """veth and net_ring are made for each run; everything else is a lab."""
        made = self.ports.get("*")
        return made.device if made else "lab"


def load(name: str) -> TestbedFile:
    """The test-bed `veth`, `net_ring` or of a file. ConfigError lists all that is wrong with it."""
    name = path_of(name, "testbed")
    if name in BUILT_IN:
        return parse((FOLDER / f"{name}.toml").read_text(encoding="utf-8"), name)
    if not name.endswith(".toml") and "/" not in name:
        raise ConfigError([unknown("testbed", name, "testbed", [*BUILT_IN, "FILE.toml"])])
    try:
        return parse(Path(name).read_text(encoding="utf-8"), name)
    except (OSError, UnicodeDecodeError) as error:
        text = f"cannot read {name}: {_why(error)}"
        raise ConfigError([Problem("testbed", name, text)]) from None


def _why(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or "") if isinstance(error, OSError) else "it is not a text in UTF-8"


def parse(text: str, path: str) -> TestbedFile:
    """A file's text. `path` is for messages."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Problem(path, "", f"not TOML: {error}")]) from None
    return _Reader(text, path).testbed(data)


class _Reader:
    """Collects problems while values are read."""

    def __init__(self, text: str, path: str) -> None:
        self.text, self.path = text, path
        self.problems: list[Problem] = []

    def problem(self, where: str, value: Any, message: str, allowed: str = "") -> None:
        self.problems.append(Problem(where, str(value), message, allowed))

    def testbed(self, data: Json) -> TestbedFile:
        self.known("", data, ("name", "machine", "port", "external", "bindings", "limits"))
        name = self.text_of("name", data.get("name"), NAME, "letters, digits, . _ -")
        machine = self.table("machine", data)
        self.known("machine", machine, ("cores", "numa", "netns"))
        ports = {key: self.port(key, entry) for key, entry in self.named("port", data)}
        externals = {key: self.external(key, entry) for key, entry in self.named("external", data)}
        made = TestbedFile(
            name, self.path, self.text, self.number("machine.cores", machine.get("cores", 1),
                                                    range(1, 1025)),
            None if "numa" not in machine else self.number("machine.numa", machine["numa"],
                                                           range(0, 64)),
            str(machine.get("netns", "")), ports, externals, self.bindings(data), self.limits(data))
        self.cross_check(made)
        if self.problems:
            raise ConfigError(self.problems)
        return made

    def known(self, where: str, table: Json, allowed: tuple[str, ...]) -> None:
        for key in table:
            if key not in allowed:
                name = f"{where}.{key}" if where else key
                found = unknown(name, key, "field" if where else "table or field", list(allowed))
                self.problems.append(found)

    def table(self, name: str, data: Json) -> Json:
        found = data.get(name, {})
        if isinstance(found, dict):
            return found
        self.problem(name, found, f"{name} is a table", f"[{name}]")
        return {}

    def named(self, name: str, data: Json) -> list[tuple[str, Json]]:
        found = []
        for key, entry in self.table(name, data).items():
            if not isinstance(entry, dict):
                self.problem(f"{name}.{key}", entry, f"{name}.{key} is a table", f"[{name}.{key}]")
            elif not NAME.fullmatch(key):
                self.problem(f"{name}.{key}", key, "not a name", "letters, digits, . _ -")
            else:
                found.append((key, entry))
        return found

    def text_of(self, where: str, value: Any, pattern: re.Pattern[str], allowed: str) -> str:
        if value is None:
            self.problem(where, "", "missing", allowed)
        elif not isinstance(value, str) or not pattern.fullmatch(value):
            self.problem(where, value, f"{value!r} is none", allowed)
        else:
            return value
        return ""

    def number(self, where: str, value: Any, allowed: range) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and value in allowed:
            return value
        self.problem(where, value, f"{value!r} is out of range",
                     f"{allowed.start}..{allowed.stop - 1}")
        return allowed.start

    def choice(self, where: str, value: Any, allowed: tuple[str, ...]) -> str:
        if value in allowed:
            return str(value)
        self.problems.append(Problem(where, str(value), f"no {where.rsplit('.', 1)[-1]} {value!r}",
                                     " ".join(allowed), nearest(str(value), allowed)))
        return allowed[0]

    def quantity(self, where: str, value: Any, kind: type[Quantity]) -> float:
        try:
            return float(kind(value, where))
        except ConfigError as error:
            self.problems += error.problems
            return 0.0

    def rate(self, where: str, value: Any) -> int:
        """A stated rate; 0 would mean that none is stated."""
        known = len(self.problems)
        found = self.quantity(where, value, Rate)
        if 1 <= found <= RATE_MAX_BPS:
            return int(found)
        if len(self.problems) == known:
            self.problem(where, value, f"{value!r} is out of range", "1bps..1000Tbps")
        return 0

    def port(self, name: str, entry: Json) -> BedPort:
        where = f"port.{name}"
        self.known(where, entry, ("device", "mac", "speed", "queues", "mtu", "driver", "cabled_to"))
        return BedPort(
            name, self.device(where, name, entry.get("device")),
            self.optional(f"{where}.mac", entry, MAC, "02:00:00:00:00:0a, small letters"),
            0 if "speed" not in entry else self.rate(f"{where}.speed", entry["speed"]),
            self.number(f"{where}.queues", entry.get("queues", 1), QUEUES),
            self.number(f"{where}.mtu", entry.get("mtu", 1500), MTU),
            self.choice(f"{where}.driver", entry.get("driver", DRIVERS[0]), DRIVERS),
            str(entry.get("cabled_to", "")))

    def device(self, where: str, name: str, value: Any) -> str:
        allowed = "a PCI address 0000:03:00.0, or a vdev: net_af_packet0,iface=eth1"
        if name == "*":
            return self.choice(f"{where}.device", value, BUILT_IN)
        if isinstance(value, str) and (PCI.fullmatch(value.split(",")[0]) or VDEV.fullmatch(value)):
            return value
        message = "missing" if value is None else f"{value!r} is no device"
        self.problem(f"{where}.device", "" if value is None else value, message, allowed)
        return ""

    def optional(self, where: str, entry: Json, pattern: re.Pattern[str], allowed: str) -> str:
        key = where.rsplit(".", 1)[-1]
        return self.text_of(where, entry[key], pattern, allowed) if key in entry else ""

    def external(self, name: str, entry: Json) -> External:
        where = f"external.{name}"
        self.known(where, entry, ("kind", "address", "mac", "netns"))
        made = External(
            name, self.choice(f"{where}.kind", entry.get("kind"), KINDS),
            self.address(f"{where}.address", entry.get("address", "")),
            self.optional(f"{where}.mac", entry, MAC, "02:00:00:00:00:0a, small letters"),
            str(entry.get("netns", "")))
        if name != "*" and made.kind == "linux" and not made.netns:
            self.problem(f"{where}.netns", "", "missing: apps are started in it",
                         "the name of a network namespace, see `ip netns list`")
        return made

    def address(self, where: str, value: Any) -> str:
        try:
            return str(ipaddress.ip_address(str(value))) if value else ""
        except ValueError:
            self.problem(where, value, f"{value!r} is no address", "198.18.0.2 or 2001:2::2")
            return ""

    def bindings(self, data: Json) -> dict[str, str]:
        found = {}
        for key, value in self.table("bindings", data).items():
            if isinstance(value, str):
                found[key] = value
            else:
                self.problem(f"bindings.{key}", value, f"{value!r} names no port",
                             "the name of a port or an external device")
        return found

    def limits(self, data: Json) -> Limits:
        table = self.table("limits", data)
        self.known("limits", table, ("rate", "addresses", "check_lasts"))
        listed = table.get("addresses", [])
        if not isinstance(listed, list):
            self.problem("limits.addresses", listed, "a list of networks", '["192.0.2.0/24"]')
            listed = []
        networks = [self.network(value) for value in [*BENCHMARK_NETWORKS, *listed]]
        rate = 0 if "rate" not in table else self.rate("limits.rate", table["rate"])
        lasts = self.quantity("limits.check_lasts", table.get("check_lasts", "24h"), Time)
        return Limits(rate, tuple(n for n in networks if n is not None), lasts)

    def network(self, value: Any) -> Network | None:
        try:
            return ipaddress.ip_network(str(value))
        except ValueError as error:
            self.problem("limits.addresses", value, str(error), "192.0.2.0/24")
            return None

    def cross_check(self, bed: TestbedFile) -> None:
        """What one table says of another."""
        targets = [*bed.ports, *bed.externals]
        if not bed.ports:
            self.problem("port", "", "no port", "[port.NAME] with its device")
        for port in bed.ports.values():
            self.cable(bed, port, targets)
        for name, target in bed.bindings.items():
            if target not in targets:
                self.problems.append(Problem(
                    f"bindings.{name}", target, f"no port or external device {target!r}",
                    " ".join(targets), nearest(target, targets)))
        self.twice("device", [(p.name, p.device) for p in bed.ports.values() if p.device])
        self.twice("mac", [(p.name, p.mac) for p in bed.ports.values() if p.mac])

    def cable(self, bed: TestbedFile, port: BedPort, targets: list[str]) -> None:
        where, end = f"port.{port.name}.cabled_to", port.cabled_to
        if not end:
            return
        if end not in targets:
            self.problems.append(Problem(where, end, f"no port or external device {end!r}",
                                         " ".join(targets), nearest(end, targets)))
        elif end in bed.ports and bed.ports[end].cabled_to not in ("", port.name):
            self.problem(where, end, f"{end} is cabled to {bed.ports[end].cabled_to}: a cable has "
                                     "two ends", port.name)

    def twice(self, what: str, pairs: list[tuple[str, str]]) -> None:
        seen: dict[str, str] = {}
        for name, value in pairs:
            if value in seen:
                self.problem(f"port.{name}.{what}", value, f"port {seen[value]} has it already")
            seen.setdefault(value, name)
