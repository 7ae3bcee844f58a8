"""The test-bed `veth`: our hosts over DPDK on veth pairs, Linux hosts in namespaces of their own.

Every name begins with `tp-` and the maker's process id. A guard process removes everything when the
maker closes the bed or dies; what an earlier guard could not remove (it was killed as well) is
found by the dead process id in its name.
"""

from __future__ import annotations

import ipaddress
import itertools
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from typing import Any, Iterable

from .errors import ConfigError, MissingPrivilege, Problem, TwinpathError
from .testbed_journal import NAMESPACES, Guard, clean_stale

OFFLOADS = ("tso", "gso", "gro", "tx")  # switched off: no wire carries what they make
LONG_NAMES = {"tso": "tcp-segmentation-offload", "gso": "generic-segmentation-offload",
              "gro": "generic-receive-offload", "tx": "tx-checksumming"}
RING = "blocksz=65536,framesz=2048,framecnt=8192"  # frames of 2 kB the kernel keeps for a poller
_numbers = itertools.count()

Json = dict[str, Any]
Address = ipaddress.IPv4Interface | ipaddress.IPv6Interface


def run_command(*words: str, text: str | None = None) -> str:
    """Runs a command; its standard output. TwinpathError with its own words when it fails."""
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise TwinpathError(f"`{' '.join(words)}` failed: {done.stderr.strip()}")
    return done.stdout


def require_tools(*tools: str) -> None:
    """MissingPrivilege with the command that installs what is missing."""
    packages = {"ip": "iproute2", "ethtool": "ethtool", "nginx": "nginx", "curl": "curl",
                "taskset": "util-linux"}
    missing = [packages[tool] for tool in tools if shutil.which(tool) is None]
    if missing:
        raise MissingPrivilege(f"the test-bed needs {', '.join(missing)}",
                               f"sudo apt-get install {' '.join(missing)}")


def require_rights(kind: str) -> None:
    """MissingPrivilege when a test-bed of this kind cannot be made here; asked before anybody waits
    for the machine."""
    if kind != "veth":
        return
    if os.geteuid() != 0:
        raise MissingPrivilege("the test-bed veth makes network namespaces and needs root; "
                               "net_ring does without", "sudo ./twinpath …")
    require_tools("ip", "ethtool", "taskset")


def offloads_on(interfaces: Iterable[tuple[str, str]]) -> list[str]:
    """What ethtool still reports as on, "NETNS/INTERFACE OFFLOAD" each. An empty namespace is the
    machine's own."""
    found = []
    for netns, name in interfaces:
        place = ["ip", "netns", "exec", netns] if netns else []
        answer = run_command(*place, "ethtool", "-k", name)
        found += [f"{netns}/{name} {offload}" for offload in OFFLOADS
                  if f"{LONG_NAMES[offload]}: on" in answer]
    return found


def offloads_command(netns: str, name: str) -> str:
    """What switches them off."""
    place = f"ip netns exec {netns} " if netns else ""
    return f"{place}ethtool -K {name} {' '.join(f'{offload} off' for offload in OFFLOADS)}"


@dataclass(frozen=True)
class BedLink:
    """A veth pair: `device` per end of ours, `interface` per Linux end, by host name."""

    name: str
    devices: dict[str, str] = field(default_factory=dict)
    interfaces: dict[str, tuple[str, str]] = field(default_factory=dict)  # (namespace, interface)


class VethBed:
    """The network of one Plan. A context manager; `links` and `namespaces` are valid inside."""

    def __init__(self, plan: Json) -> None:
        self.plan = plan
        self.fds: tuple[int, ...] = ()  # its ports are its own: nothing to lock
        self.prefix = f"tp-{os.getpid()}-{next(_numbers)}"
        self.emu_netns = f"{self.prefix}-emu"
        self.namespaces: dict[str, str] = {}  # Linux host -> its namespace
        self.links: list[BedLink] = []
        self.directory = ""
        self._stacks = {host["name"]: host["stack"] for host in plan["hosts"]}
        self._guard: Guard | None = None

    def __enter__(self) -> VethBed:
        require_rights("veth")
        self._check()
        clean_stale()
        self._guard = Guard()
        try:
            self._make()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Removes everything. Harmless when done already."""
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.close()

    def _check(self) -> None:
        problems = [Problem(link["name"], f"{link['a']} {link['b']}",
                            "both ends are Linux hosts: nothing of ours would be on it",
                            "at least one end on stack twinpath")
                    for link in self.plan["links"]
                    if all(self._stacks[link[end]] == "linux" for end in "ab")]
        if problems:
            raise ConfigError(problems)

    def _make(self) -> None:
        assert self._guard is not None
        self.directory = tempfile.mkdtemp(prefix=f"{self.prefix}-")
        self._guard.note("dir", self.directory)
        os.chmod(self.directory, 0o755)
        linux = [name for name, stack in self._stacks.items() if stack == "linux"]
        self.namespaces = {name: f"{self.prefix}-h{index}" for index, name in enumerate(linux)}
        every = [self.emu_netns, *self.namespaces.values()]
        for netns in every:
            self._guard.note("netns", netns)
        run_command("ip", "-batch", "-", text="".join(f"netns add {name}\n" for name in every))
        counts = {host["name"]: 0 for host in self.plan["hosts"]}
        for index, link in enumerate(self.plan["links"]):
            if self._is_simulated(link):
                counts.update({link[end]: counts[link[end]] + 1 for end in "ab"})
                continue
            self.links.append(self._make_link(index, link, counts))
        for netns in self.namespaces.values():
            run_command("ip", "-n", netns, "link", "set", "lo", "up")
        self._switch_offloads_off()

    def _is_simulated(self, link: Json) -> bool:
        """A link of a bridge run that never leaves ns-3."""
        return (self.plan.get("driver") == "bridge"
                and "linux" not in (self._stacks[link["a"]], self._stacks[link["b"]]))

    def _make_link(self, index: int, link: Json, counts: dict[str, int]) -> BedLink:
        made = BedLink(link["name"])
        ends: list[tuple[str, str]] = []
        for end in "ab":
            host = link[end]
            number, counts[host] = counts[host], counts[host] + 1
            if self._stacks[host] == "linux":
                made.interfaces[host] = (self.namespaces[host], f"eth{number}")
                ends.append(made.interfaces[host])
            else:
                interface = f"p{index}{end}"
                number = 2 * index + "ab".index(end)
                made.devices[host] = f"net_af_packet{number},iface={interface},{RING}"
                ends.append((self.emu_netns, interface))
        (netns_a, name_a), (netns_b, name_b) = ends
        run_command("ip", "link", "add", name_a, "netns", netns_a, "type", "veth",
                    "peer", "name", name_b, "netns", netns_b)
        for netns, name in ends:
            run_command("ip", "-n", netns, "link", "set", name, "addrgenmode", "none", "up")
        for host, (netns, name) in made.interfaces.items():
            address = self._address(host, int(name.removeprefix("eth")))
            # Nobody else is on the cable, so nobody is asked whether the address is taken.
            nodad = ["nodad"] if ":" in address else []
            run_command("ip", "-n", netns, "address", "add", address, "dev", name, *nodad)
            if nodad:  # Linux probes its neighbours from a link-local address, or not at all
                last = int(ipaddress.ip_interface(address).ip) & 0xFFFF
                run_command("ip", "-n", netns, "address", "add", f"fe80::{last:x}/64", "dev",
                            name, *nodad)
            self._choose_congestion(host, name, ipaddress.ip_interface(address))
        return made

    def _choose_congestion(self, host: str, name: str, address: Address) -> None:
        """What the Plan asks of a host's TCP; ours is CUBIC by default, a machine's may be BBR. By
        route: a namespace may not choose what its machine restricts."""
        tcp = next(h["tcp"] for h in self.plan["hosts"] if h["name"] == host)
        kind = (["metric", "256"] if address.version == 6
                else ["scope", "link", "src", str(address.ip)])
        run_command("ip", "-n", self.namespaces[host], "route", "change", str(address.network),
                    "dev", name, "proto", "kernel", *kind,
                    "congctl", str(tcp.get("congestion", "cubic")))

    def _address(self, host: str, number: int) -> str:
        addresses = next(h["addresses"] for h in self.plan["hosts"] if h["name"] == host)
        return str(addresses[number])

    def interfaces(self) -> list[tuple[str, str]]:
        """Every (namespace, interface), ours and theirs."""
        theirs = [end for link in self.links for end in link.interfaces.values()]
        names = [re.search(r"iface=(\w+)", device) for link in self.links
                 for device in link.devices.values()]
        return theirs + [(self.emu_netns, match.group(1)) for match in names if match]

    def _switch_offloads_off(self) -> None:
        words = [word for offload in OFFLOADS for word in (offload, "off")]
        for netns, name in self.interfaces():
            run_command("ip", "netns", "exec", netns, "ethtool", "-K", name, *words)

    def offloads_on(self) -> list[str]:
        """What should be off and is not; empty as required."""
        return offloads_on(self.interfaces())

    def job(self) -> Json:
        """What the worker is told about the bed."""
        return {"netns": f"{NAMESPACES}/{self.emu_netns}",
                "ports": [{"host": host, "link": link.name, "device": device}
                          for link in self.links for host, device in link.devices.items()],
                "offloads_on": self.offloads_on()}
