"""Ports of fake machines and the real: what is refused, in what words; binding, giving back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from twinpath import testbed_journal
from twinpath.errors import PortRefused, TwinpathError
from twinpath.ports import Survey, System, refusal
from twinpath.testbed_check import bind_all, steps
from twinpath.testbed_file import parse

ROOT = Path(__file__).resolve().parents[2]
PCI = "0000:03:00.0"
ADDRESS = {"ifname": "eth5", "addr_info": [
    {"local": "203.0.113.9", "prefixlen": 24, "scope": "global"},
    {"local": "fe80::1", "prefixlen": 64, "scope": "link"}]}
DEFAULT = {"dst": "default", "dev": "eth5", "gateway": "203.0.113.1"}
LAB = f'name = "lab"\n[port.p0]\ndevice = "{PCI}"\n'


class Tree:
    """A folder that holds sys and proc of a machine with one NIC, and what `ip` answers."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.answers: dict[tuple[str, ...], list[dict]] = {}
        self.device = root / "sys/bus/pci/devices" / PCI
        self.write(self.device / "class", "0x020000")
        self.write(self.device / "numa_node", "1")
        self.write(root / "sys/bus/pci/drivers_probe", "")

    @staticmethod
    def write(path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")

    def bound_to(self, driver: str) -> Tree:
        folder = self.root / "sys/bus/pci/drivers" / driver
        self.write(folder / "unbind", "")
        (self.device / "driver").unlink(missing_ok=True)
        (self.device / "driver").symlink_to(folder)
        return self

    def interface(self, name: str = "eth5", **files: str) -> Tree:
        (self.device / "net" / name).mkdir(parents=True, exist_ok=True)
        for key, text in {"address": "3c:fd:fe:00:00:01", "speed": "10000", **files}.items():
            self.write(self.root / "sys/class/net" / name / key, text)
        return self

    def below(self, upper: str, kind: str, lower: str = "eth5") -> Tree:
        (self.root / "sys/class/net" / upper / kind).mkdir(parents=True)
        (self.root / "sys/class/net" / lower / f"upper_{upper}").mkdir()
        return self

    def answer(self, *words: str, entries: list[dict]) -> Tree:
        self.answers[words] = entries
        return self

    def system(self, ssh: str = "") -> System:
        return System(self.root, lambda *words: self.answers.get(words, []), ssh)

    def refused(self, ssh: str = "") -> str:
        error = refusal("p0", PCI, Survey(self.system(ssh)))
        return str(error) if error else ""


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "machine").bound_to("ixgbe").interface()


@pytest.fixture
def run_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TWINPATH_RUN", str(tmp_path / "run"))
    return tmp_path / "run"


def test_a_port_is_listed_with_what_sysfs_says(tree: Tree) -> None:
    tree.answer("address", entries=[ADDRESS]).answer("-4", "route", entries=[DEFAULT])
    (nic,) = Survey(tree.system()).nics()
    assert (nic.device, nic.interface, nic.driver, nic.numa) == (PCI, "eth5", "ixgbe", 1)
    assert (nic.mac, nic.speed_bps) == ("3c:fd:fe:00:00:01", 10_000_000_000)
    assert nic.addresses == ("203.0.113.9/24",) and nic.routes == ("default",)


def test_the_default_route_is_refused_in_these_words(tree: Tree) -> None:
    tree.answer("address", entries=[ADDRESS]).answer("-4", "route", entries=[DEFAULT])
    assert tree.refused() == ("DPDK refused port p0: it is bound to ixgbe and carries your default "
                              "route; choose another, see `twinpath ports`")


def test_an_address_or_a_route_alone_refuses(tree: Tree) -> None:
    tree.answer("address", entries=[ADDRESS])
    assert "it is bound to ixgbe and has the address 203.0.113.9/24" in tree.refused()
    tree.answer("address", entries=[])
    tree.answer("-6", "route", entries=[{"dst": "2001:db8::/32", "dev": "eth5"}])
    assert "carries the route 2001:db8::/32" in tree.refused()


def test_a_link_local_address_means_nothing(tree: Tree) -> None:
    tree.bound_to("vfio-pci")
    tree.answer("address", entries=[{"ifname": "eth5", "addr_info": ADDRESS["addr_info"][1:]}])
    tree.answer("-6", "route", entries=[{"dst": "fe80::/64", "dev": "eth5"}])
    assert tree.refused() == ""


@pytest.mark.parametrize("upper, kind, words", [
    ("bond0", "bonding", "is part of the bond bond0"),
    ("br0", "bridge", "is part of the bridge br0"),
    ("eth5.7", "statistics", "is part of the interface eth5.7")])
def test_what_stands_on_a_port_refuses_it(tree: Tree, upper: str, kind: str, words: str) -> None:
    tree.below(upper, kind)
    assert words in tree.refused()


def test_the_address_of_a_bond_counts_for_its_ports(tree: Tree) -> None:
    tree.below("bond0", "bonding")
    tree.answer("address", entries=[{**ADDRESS, "ifname": "bond0"}])
    tree.answer("-4", "route", entries=[{**DEFAULT, "dev": "bond0"}])
    assert "is part of the bond bond0 and carries your default route" in tree.refused()


def test_the_remote_login_is_refused_with_and_without_ssh_telling(tree: Tree) -> None:
    tree.answer("address", entries=[ADDRESS])
    words = "carries your login from 198.51.100.7"
    assert words in tree.refused(ssh="198.51.100.7 50000 203.0.113.9 22")
    assert words not in tree.refused()
    line = "  0: 097100CB:0016 076433C6:C350 01 00000000:00000000"
    tree.write(tree.root / "proc/net/tcp", f"  sl  local_address rem_address\n{line}")
    assert words in tree.refused()


def test_an_interface_in_another_namespace_is_somebodys(tree: Tree) -> None:
    (tree.device / "net/eth5").rmdir()
    assert "is bound to ixgbe and has its interface in another network namespace" in tree.refused()


def test_a_namespace_hides_no_port_of_the_machine() -> None:
    machine = [nic for nic in Survey(System()).nics()
               if nic.why_not and not nic.device.startswith("net_")]
    if not machine:
        pytest.skip("this machine has no PCI port in use")
    inside = Survey(System(ip=lambda *words: [], netns="tp-lab"))
    error = refusal("p0", machine[0].device, inside)
    assert inside.nics() == []
    assert error is not None and machine[0].why_not[0] in str(error)


def test_a_free_port_on_a_kernel_driver_says_how_to_bind_it(tree: Tree) -> None:
    assert tree.refused() == ("DPDK refused port p0: it is bound to ixgbe, which DPDK cannot use; "
                              "`twinpath testbed check FILE --yes` binds it as the file says")
    assert tree.bound_to("vfio-pci").refused() == ""


def test_a_port_that_is_not_there(tree: Tree) -> None:
    error = refusal("p0", "0000:09:00.0", Survey(tree.system()))
    assert isinstance(error, PortRefused) and "this machine has no 0000:09:00.0" in str(error)
    assert refusal("p0", "net_null0", Survey(tree.system())) is None


def test_binding_is_noted_first_and_given_back(tree: Tree, run_folder: Path) -> None:
    bed = parse(LAB, "lab.toml")
    assert any("bind 0000:03:00.0 from ixgbe to vfio-pci" in step
               for step in steps(bed, tree.system()))
    assert (tree.device / "driver_override").exists() is False, "a dry run writes nothing"
    assert bind_all(bed, tree.system()) == [PCI]
    assert (tree.device / "driver_override").read_text() == "vfio-pci\n"
    assert (tree.root / "sys/bus/pci/drivers/ixgbe/unbind").read_text() == PCI
    assert (tree.root / "sys/bus/pci/drivers_probe").read_text() == PCI
    assert testbed_journal.bindings_noted() == [(PCI, "ixgbe")]
    tree.bound_to("vfio-pci")
    assert bind_all(bed, tree.system()) == [], "bound already"
    assert testbed_journal.restore_bindings(tree.root).back == [PCI]
    assert (tree.root / "sys/bus/pci/drivers/vfio-pci/unbind").read_text() == PCI
    assert (tree.device / "driver_override").read_text() == "\n"
    assert testbed_journal.bindings_noted() == []


def test_devices_are_given_back_whatever_became_of_the_others(tree: Tree, run_folder: Path) -> None:
    gone, stuck = "0000:09:00.0", "0000:09:00.1"
    (tree.root / "sys/bus/pci/devices" / stuck / "driver_override").mkdir(parents=True)
    for address in (gone, stuck, PCI):
        testbed_journal.note_binding(address, "ixgbe")
    tree.bound_to("vfio-pci")
    restored = testbed_journal.restore_bindings(tree.root)
    assert restored.back == [PCI] and restored.gone == [gone] and list(restored.failed) == [stuck]
    assert "cannot be bound to ixgbe" in restored.failed[stuck]
    assert testbed_journal.bindings_noted() == [(stuck, "ixgbe")], "the next try begins with it"
    (tree.root / "sys/bus/pci/devices" / stuck / "driver_override").rmdir()
    assert testbed_journal.restore_bindings(tree.root).back == [stuck]
    assert testbed_journal.bindings_noted() == []


def test_a_used_port_is_never_bound(tree: Tree, run_folder: Path) -> None:
    tree.answer("-4", "route", entries=[DEFAULT])
    assert bind_all(parse(LAB, "lab.toml"), tree.system()) == []
    assert not (tree.device / "driver_override").exists()


def test_a_kernel_that_refuses_to_bind_is_heard(tree: Tree, run_folder: Path) -> None:
    (tree.root / "sys/bus/pci/drivers_probe").unlink()
    (tree.root / "sys/bus/pci/drivers_probe").mkdir()
    with pytest.raises(TwinpathError, match="cannot be bound to vfio-pci"):
        bind_all(parse(LAB, "lab.toml"), tree.system())
    assert testbed_journal.bindings_noted() == [(PCI, "ixgbe")], "what was begun can be undone"


def test_this_machine_refuses_the_port_of_its_default_route() -> None:
    routes = json.loads(subprocess.run(["ip", "-json", "route"], capture_output=True, text=True,
                                       check=True).stdout)
    device = next((r["dev"] for r in routes if r["dst"] == "default"), None)
    if device is None:
        pytest.skip("this machine has no default route")
    error = refusal("p0", f"net_af_packet0,iface={device}", Survey(System()))
    assert error is not None and "carries your default route" in str(error)


HOLDER = """
import sys
from twinpath.testbed_journal import PortLocks
locks = PortLocks()
locks.take("p0", "0000:03:00.0")
print("held", flush=True)
sys.stdin.readline()
"""


def test_one_lock_per_port(run_folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'bindings'}:{ROOT / 'analysis'}"}
    holder = subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, env=environment)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    locks = testbed_journal.PortLocks()
    locks.take("p1", "0000:03:00.1")
    with pytest.raises(PortRefused, match=f"port p0 .* in use by process {holder.pid}"):
        locks.take("p0", PCI)
    holder.kill()
    holder.wait()
    locks.take("p0", PCI)
    locks.close()
