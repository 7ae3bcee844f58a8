"""Network ports of this machine, and why one may not be taken: deny by default.

Read from sysfs, /proc and `ip -json`, so that nothing is opened and nothing changes. A port with an
address, a route, a bond or bridge above it, or the remote login on it belongs to somebody.
"""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Callable

from .errors import PortRefused

NETWORK_CLASS = "0x02"  # of a PCI device
SSH_PORT = 22
ESTABLISHED = "01"
BITS_PER_MEGABIT = 1_000_000
FREE_DRIVERS = ("vfio-pci", "uio_pci_generic", "igb_uio")
SHARED_DRIVERS = ("mlx4_core", "mlx5_core")  # DPDK uses these beside the kernel

Json = dict[str, Any]
IpJson = Callable[..., list[Json]]


@dataclass(frozen=True)
class Nic:
    """One network port. `why_not` is empty when an experiment may take it."""

    device: str  # as a testbed.toml names it
    interface: str = ""
    driver: str = ""
    mac: str = ""
    speed_bps: int = 0  # 0: unknown
    numa: int = -1
    addresses: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    why_not: tuple[str, ...] = ()

    def as_dict(self) -> Json:
        return asdict(self)


def ask_ip(netns: str = "") -> IpJson:
    """`ip -json` in a namespace."""
    def ask(*words: str) -> list[Json]:
        place = ["-n", netns] if netns else []
        done = subprocess.run(["ip", *place, "-json", *words], capture_output=True, text=True,
                              check=False)
        return json.loads(done.stdout or "[]") if done.returncode == 0 else []

    return ask


@dataclass(frozen=True)
class System:
    """Where to look: a folder that holds sys and proc, and `ip`."""

    root: Path = Path("/")
    ip: IpJson = field(default_factory=ask_ip)
    ssh: str = field(default_factory=lambda: os.environ.get("SSH_CONNECTION", ""))
    netns: str = ""  # whose interfaces: another namespace's are not in our sysfs, `ip` sees them

    @staticmethod
    def of(netns: str) -> System:
        """This machine, or a network namespace of it."""
        return System(ip=ask_ip(netns), netns=netns)

    def read(self, path: Path) -> str:
        try:
            return path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def logins(self) -> dict[str, str]:
        """Local address -> where a remote login comes from."""
        words = self.ssh.split()
        found = {words[2]: words[0]} if len(words) == 4 else {}
        for name in ("tcp", "tcp6"):
            for line in self.read(self.root / "proc/net" / name).splitlines()[1:]:
                entry = line.split()
                local, remote, state = entry[1], entry[2], entry[3]
                if state == ESTABLISHED and int(local.split(":")[1], 16) == SSH_PORT:
                    found[_address(local)] = _address(remote)
        return found


def _address(text: str) -> str:
    """An address as /proc/net/tcp writes it: words of 32 bits, each in the machine's order."""
    digits = text.split(":")[0]
    words = [bytes.fromhex(digits[at:at + 8])[::-1] for at in range(0, len(digits), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


class Survey:
    """All ports of a System, read once."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.net = system.root / "sys/class/net"
        self.links = {str(entry.get("ifname")): entry for entry in system.ip("-details", "link")}
        self.addresses = {str(entry.get("ifname")): _global(entry)
                          for entry in system.ip("address")}
        self.routes: dict[str, list[str]] = {}
        for family in ("-4", "-6"):
            for route in system.ip(family, "route"):
                if not str(route.get("dst", "")).startswith(("fe80", "multicast", "ff00")):
                    self.routes.setdefault(str(route.get("dev", "")), []).append(str(route["dst"]))
        self.logins = system.logins()

    def nics(self) -> list[Nic]:
        """PCI devices of the network class first, then interfaces without one. Of a namespace its
        interfaces: PCI devices belong to the machine."""
        if self.system.netns:
            return [self.interface(name) for name in sorted(self.links) if name != "lo"]
        found = [self._pci(path) for path in self._pci_devices()]
        of_pci = {nic.interface for nic in found}
        names = sorted(entry.name for entry in self.net.iterdir()) if self.net.is_dir() else []
        return found + [self.interface(name) for name in names
                        if name not in of_pci and name != "lo"]

    def _pci_devices(self) -> list[Path]:
        folder = self.system.root / "sys/bus/pci/devices"
        every = sorted(folder.iterdir()) if folder.is_dir() else []
        return [path for path in every
                if self.system.read(path / "class").startswith(NETWORK_CLASS)]

    def _pci(self, path: Path) -> Nic:
        interface = next((entry.name for pattern in ("net/*", "*/net/*")
                          for entry in sorted(path.glob(pattern))), "")
        driver = os.path.basename(os.readlink(path / "driver")) if (path / "driver").is_symlink() \
            else ""
        numa = self.system.read(path / "numa_node")
        nic = self._nic(path.name, interface, driver, int(numa or -1))
        if interface or driver in ("", *FREE_DRIVERS, *SHARED_DRIVERS):
            return nic
        return replace(nic, why_not=("has its interface in another network namespace",))

    def interface(self, name: str) -> Nic:
        """An interface, opened by a packet socket."""
        return self._nic(f"net_af_packet0,iface={name}", name, self._virtual_driver(name), -1)

    def _virtual_driver(self, name: str) -> str:
        link = self.net / name / "device/driver"
        return os.path.basename(os.readlink(link)) if link.is_symlink() else ""

    def _nic(self, device: str, interface: str, driver: str, numa: int) -> Nic:
        folder = self.net / interface
        own = interface and not self.system.netns
        speed = self.system.read(folder / "speed") if own else ""
        megabits = int(speed) if speed.lstrip("-").isdigit() else 0
        above = self._above(interface) if interface else []
        names = [interface, *above] if interface else []
        return Nic(device, interface, driver,
                   self.system.read(folder / "address") if own else
                   str(self.links.get(interface, {}).get("address", "")),
                   max(megabits, 0) * BITS_PER_MEGABIT, numa,
                   tuple(a for name in names for a in self.addresses.get(name, [])),
                   tuple(r for name in names for r in self.routes.get(name, [])),
                   self._why_not(names))

    def _above(self, interface: str) -> list[str]:
        """Bonds, bridges and VLANs that stand on it, and what stands on those."""
        found: list[str] = []
        waiting = [interface]
        while waiting:
            lower = waiting.pop()
            uppers = [entry.name.removeprefix("upper_")
                      for entry in (self.net / lower).glob("upper_*") if not self.system.netns]
            uppers += [str(entry["master"]) for name, entry in self.links.items()
                       if name == lower and "master" in entry]
            uppers += [name for name, entry in self.links.items() if entry.get("link") == lower
                       and entry.get("linkinfo", {}).get("info_kind") != "veth"]
            new = [name for name in dict.fromkeys(uppers) if name not in found]
            found += new
            waiting += new
        return found

    def _why_not(self, names: list[str]) -> tuple[str, ...]:
        routes = [route for name in names for route in self.routes.get(name, [])]
        addresses = [address for name in names for address in self.addresses.get(name, [])]
        reasons = [f"carries your login from {source}" for local, source in self.logins.items()
                   if local in [address.split("/")[0] for address in addresses]]
        reasons += [self._part_of(name) for name in names[1:]]
        if "default" in routes:
            return (*reasons, "carries your default route")
        reasons += [f"has the address {addresses[0]}"] if addresses else []
        reasons += [f"carries the route {routes[0]}"] if routes and not addresses else []
        return tuple(reasons)

    def _part_of(self, upper: str) -> str:
        kind = self.links.get(upper, {}).get("linkinfo", {}).get("info_kind", "")
        what = "bond" if kind == "bond" or (self.net / upper / "bonding").is_dir() else \
            "bridge" if kind == "bridge" or (self.net / upper / "bridge").is_dir() else "interface"
        return f"is part of the {what} {upper}"


def _global(entry: Json) -> list[str]:
    """Addresses of an interface; a link-local one stands on every interface and means nothing."""
    return [f"{a['local']}/{a['prefixlen']}" for a in entry.get("addr_info", [])
            if a.get("scope") != "link" and "local" in a]


def find(device: str, survey: Survey) -> Nic | None:
    """The port a test-bed's device means; None when the machine has no such."""
    address = device.split(",")[0]
    if survey.system.netns and not device.startswith("net_"):
        survey = Survey(System())
    for nic in survey.nics():
        if nic.device == address:
            return nic
        if nic.interface and f",iface={nic.interface}," in f"{device},":
            return nic
    return None


def refusal(name: str, device: str, survey: Survey) -> PortRefused | None:
    """Why port `name` may not be taken; None when it may. A vdev over nothing always may."""
    is_vdev = device.startswith("net_")
    if is_vdev and ",iface=" not in device:
        return None
    nic = find(device, survey)
    if nic is None:
        interface = device.partition(",iface=")[2].split(",")[0]
        missing = f"there is no network interface {interface}" if interface else \
            f"this machine has no {device}"
        return PortRefused(f"DPDK refused port {name}: {missing}; see `twinpath ports`")
    reasons = list(nic.why_not)
    if reasons:
        bound = [f"is bound to {nic.driver}"] if nic.driver and not is_vdev else []
        return PortRefused(f"DPDK refused port {name}: it {' and '.join([*bound, *reasons])}; "
                           "choose another, see `twinpath ports`")
    if not is_vdev and nic.driver not in (*FREE_DRIVERS, *SHARED_DRIVERS):
        bound_to = f"is bound to {nic.driver}" if nic.driver else "has no driver"
        return PortRefused(f"DPDK refused port {name}: it {bound_to}, which DPDK cannot use; "
                           "`twinpath testbed check FILE --yes` binds it as the file says")
    return None
