"""A laboratory's test-bed around one run: locks, refusals, and which device is which port of the
Plan. Everything is denied unless the file allows it and a check of these very ports has passed.
"""

from __future__ import annotations

import ipaddress
import os
import tempfile
from typing import Any

from .errors import Problem, nearest
from .plan import plan_ports
from .ports import Survey, System, refusal
from .testbed import RING, offloads_on, require_tools
from .testbed_file import BedPort, TestbedFile
from .testbed_journal import NAMESPACES, Guard, PortLocks, place_of, refuse_locked

Json = dict[str, Any]


def target_of(bed: TestbedFile, host: str, port: str) -> str:
    """The name of what stands for a port of the Plan; empty when nothing does."""
    return bed.bindings.get(port) or bed.bindings.get(host, "")


def problems(plan: Json, bed: TestbedFile) -> list[Problem]:
    """Why this Plan cannot run here, all of it."""
    if bed.kind != "lab":
        return []
    found: list[Problem] = []
    for host in plan["hosts"]:
        found += _host_problems(host, plan, bed)
    targets: dict[str, list[str]] = {}
    for link, host, port in plan_ports(plan):
        target = target_of(bed, host, port)
        targets.setdefault(link["name"], []).append(target)
        found += _target_problems(plan, bed, host, port)
    for link in plan["links"]:
        found += _link_problems(link, targets[link["name"]], bed)
    used = [name for pair in targets.values() for name in pair if name in bed.ports]
    found += [Problem(f"bindings in {bed.path}", name, f"port {name} stands for two ends")
              for name in dict.fromkeys(used) if used.count(name) > 1]
    return found


def _host_problems(host: Json, plan: Json, bed: TestbedFile) -> list[Problem]:
    found = []
    for text in host["addresses"]:
        address = ipaddress.ip_interface(text).ip
        if not any(address in network for network in bed.limits.networks):
            listed = " ".join(str(network) for network in bed.limits.networks)
            found.append(Problem(f"{host['name']}.address", text, f"{address} may not be used on "
                                 f"the test-bed {bed.name}", listed,
                                 f"or list its network in limits.addresses of {bed.path}"))
    external = bed.externals.get(bed.bindings.get(host["name"], ""))
    if external is None or host["stack"] != "linux":
        return found
    own = [str(ipaddress.ip_interface(text).ip) for text in host["addresses"]]
    if external.address and external.address not in own:
        found.append(Problem(f"{host['name']}.address", " ".join(own), f"the external device "
                             f"{external.name} has the address {external.address}"))
    if external.kind == "server":
        found += [Problem(app["path"], app["kind"], f"{external.name} is a server that runs "
                          "already: we cannot start clients there", "kind = \"linux\"")
                  for app in plan["apps"] if app["host"] == host["name"] and app["to"]]
    return found


def _target_problems(plan: Json, bed: TestbedFile, host: str, port: str) -> list[Problem]:
    stack = next(h["stack"] for h in plan["hosts"] if h["name"] == host)
    target, place = target_of(bed, host, port), f"bindings in {bed.path}"
    if stack == "linux":
        peers = [e.name for e in bed.externals.values() if e.kind in ("linux", "server")]
        if target in peers:
            return []
        return [Problem(place, target or host, f"{host} is a Linux host and needs an external "
                        "device", " ".join(peers) or "[external.NAME] of kind linux or server")]
    if target in bed.ports:
        return []
    message = f"nothing stands for {port}" if not target else f"{target} is no port of ours"
    return [Problem(place, port, message, " ".join(bed.ports), nearest(target or port,
                                                                         list(bed.ports)))]


def _link_problems(link: Json, targets: list[str], bed: TestbedFile) -> list[Problem]:
    found = []
    limit, rate = bed.limits.rate_bps, link["rate_bps"]
    if limit and (rate is None or rate > limit):
        shown = "unlimited" if rate is None else f"{rate / 1e6:g}Mbps"
        found.append(Problem(f"{link['name']}.rate", shown, f"{shown} is above the limit of the "
                             f"test-bed {bed.name}", f"at most {limit / 1e6:g}Mbps"))
    for one, other in (targets, targets[::-1]):
        end = bed.ports[one].cabled_to if one in bed.ports else ""
        if end and other and end != other and end not in _passive(bed):
            found.append(Problem(f"link {link['name']}", f"{one} {other}", f"{one} is cabled to "
                                 f"{end}, not to {other}", "", f"see port.{one} in {bed.path}"))
    return found


def _passive(bed: TestbedFile) -> list[str]:
    return [e.name for e in bed.externals.values() if e.kind in ("switch", "dut")]


def steps(plan: Json, bed: TestbedFile) -> list[str]:
    """What a run of this Plan will take and do, for --dry-run."""
    if bed.kind != "lab":
        return [f"make the test-bed {bed.name} for this run and remove it after"]
    limit = f", sending at most {bed.limits.rate_bps / 1e6:g} Mbit/s" if bed.limits.rate_bps else ""
    found = []
    for _, host, port in plan_ports(plan):
        target = target_of(bed, host, port)
        if target in bed.ports:
            device = bed.ports[target].device
            found.append(f"lock port {target} and open {device} as {port}{limit}")
        elif bed.externals[target].kind == "linux":
            found.append(f"start the apps of {host} in the namespace {bed.externals[target].netns}")
        else:
            found.append(f"use {target} as {host}: its servers run already")
    return found


def device_of(port: BedPort, number: int) -> str:
    """As DPDK takes it: vdevs get a number of their own and a ring that outlasts a pause."""
    if not port.interface or not port.device.startswith("net_af_packet"):
        return port.device
    ring = "" if "framesz" in port.device else f",{RING}"
    return f"net_af_packet{number},{port.device.partition(',')[2]}{ring}"


def refuse_used(bed: TestbedFile, ports: list[BedPort], system: System | None = None) -> None:
    """PortRefused for the first of `ports` that belongs to somebody."""
    survey = Survey(system or System.of(bed.netns))
    for port in ports:
        error = refusal(port.name, port.device, survey)
        if error is not None:
            raise error


def _locked_as(bed: TestbedFile, port: BedPort) -> str:
    place = f"{place_of(bed.netns)}:" if port.interface else ""
    return place + (port.interface or port.device.split(",")[0])


def refuse_held(bed: TestbedFile, ports: list[BedPort]) -> None:
    """PortRefused when another process has one of `ports`, without touching its lock."""
    for port in ports:
        refuse_locked(port.name, _locked_as(bed, port))


def lock_all(bed: TestbedFile, ports: list[BedPort]) -> PortLocks:
    """The locks of `ports`, all or none."""
    locks = PortLocks()
    try:
        for port in ports:
            locks.take(port.name, _locked_as(bed, port))
    except BaseException:
        locks.close()
        raise
    return locks


class LabBed:
    """The ports one Plan uses, ours while inside. A context manager."""

    def __init__(self, plan: Json, bed: TestbedFile) -> None:
        self.plan, self.bed = plan, bed
        self.ends = [(link, host, target_of(bed, host, port))
                     for link, host, port in plan_ports(plan)]
        self.ports = list({name: bed.ports[name] for *_, name in self.ends
                           if name in bed.ports}.values())
        self.namespaces = {host: bed.externals[name].netns for _, host, name in self.ends
                           if name in bed.externals and bed.externals[name].kind == "linux"}
        self.directory = ""
        self._locks: PortLocks | None = None
        self._guard: Guard | None = None

    @property
    def fds(self) -> tuple[int, ...]:
        """What the worker inherits: the locks are its own, should we die first."""
        return tuple(self._locks.fds) if self._locks else ()

    def __enter__(self) -> LabBed:
        require_tools("ip", "ethtool", "taskset")
        refuse_used(self.bed, self.ports)
        self._locks = lock_all(self.bed, self.ports)
        try:
            self._guard = Guard()
            self.directory = tempfile.mkdtemp(prefix=f"tp-{os.getpid()}-lab-")
            self._guard.note("dir", self.directory)
            os.chmod(self.directory, 0o755)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        guard, self._guard = self._guard, None
        locks, self._locks = self._locks, None
        if locks is not None:
            locks.close()
        if guard is not None:
            guard.close()

    def job(self) -> Json:
        """What the worker is told about the bed."""
        numbers = {port.name: number for number, port in enumerate(self.ports)}
        return {"netns": f"{NAMESPACES}/{self.bed.netns}" if self.bed.netns else "",
                "ports": [{"host": host, "link": link["name"],
                           "device": device_of(self.bed.ports[name], numbers[name]),
                           "rate_bps": self.bed.limits.rate_bps}
                          for link, host, name in self.ends if name in self.bed.ports],
                "offloads_on": offloads_on(interfaces(self.bed, self.ports))}


def interfaces(bed: TestbedFile, ports: list[BedPort]) -> list[tuple[str, str]]:
    """(namespace, interface) of the ports, and of external devices that are namespaces here."""
    found = [(bed.netns, port.interface) for port in ports if port.interface]
    for external in bed.externals.values():
        if external.kind == "linux" and external.netns:
            survey = Survey(System.of(external.netns))
            found += [(external.netns, name) for name, addresses in survey.addresses.items()
                      if external.address in [a.split("/")[0] for a in addresses]]
    return found
