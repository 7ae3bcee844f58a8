"""What test-beds made and must be undone: a guard process per maker, a journal file per guard, one
lock per port.

The guard removes everything when its maker ends, however. If the guard was killed as well, its
journal remains, and `twinpath testbed clean` works it off. Bindings of PCI devices outlive the
command that made them on purpose; they have a journal of their own.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import re
import stat
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Sequence

from .errors import PortRefused, TwinpathError

PYTHON = "/usr/bin/python3"
GUARD = str(Path(__file__).resolve().parent / "testbed_guard.py")
NAMESPACES = "/run/netns"
GUARD_WAIT_S = 60.0  # a busy kernel takes seconds for each namespace
BINDINGS = "bindings.journal"
_numbers = itertools.count()


def folder() -> Path:
    """Where journals and locks are: gone with the next boot, like what they tell of.
    TwinpathError when somebody else could have written them."""
    chosen = os.environ.get("TWINPATH_RUN")
    user = os.geteuid()
    path = Path(chosen).resolve() if chosen else Path(
        "/run/twinpath" if user == 0 else f"/tmp/twinpath-{user}")
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = os.lstat(path)
    except OSError as error:
        raise TwinpathError(f"no folder for journals and locks: {path}: {error.strerror}"
                            ) from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user or found.st_mode & 0o022:
        raise TwinpathError(f"{path} is not only yours (a folder of user {user} that nobody else "
                            "writes to): what it says cannot be trusted; remove it or set "
                            "TWINPATH_RUN to another folder")
    return path


def is_alive(pid: int) -> bool:
    """Whether a process exists."""
    return os.path.exists(f"/proc/{pid}")


def started(pid: int) -> str:
    """When a process started, in the kernel's ticks: a number used again is another process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    return text.rpartition(")")[2].split()[19]


class Guard:
    """The process that removes things. `note` a thing before making it."""

    def __init__(self) -> None:
        pid = os.getpid()
        self.journal = folder() / f"{pid}-{started(pid)}-{next(_numbers)}.journal"
        self._noted: list[tuple[str, str]] = []
        self._file = open(self.journal, "w", encoding="utf-8")
        self._process = subprocess.Popen([PYTHON, "-I", "-S", GUARD, str(self.journal)],
                                         stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, start_new_session=True,
                                         text=True, bufsize=1, cwd="/")

    def note(self, kind: str, name: str) -> None:
        self._noted.append((kind, name))
        self._file.write(f"{kind} {name}\n")
        self._file.flush()
        assert self._process.stdin is not None
        self._process.stdin.write(f"{kind} {name}\n")

    def close(self) -> None:
        self._file.close()
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(GUARD_WAIT_S)
        except subprocess.TimeoutExpired as error:
            left = [name for kind, name in self._noted if exists(kind, name)]
            raise TwinpathError(f"the test-bed could not be removed within {GUARD_WAIT_S:g} s: "
                                f"{', '.join(left) or 'its guard does not end'}; run `twinpath "
                                "testbed clean`") from error


def stale_namespaces(names: Sequence[str]) -> list[str]:
    """Those of `names` whose maker is gone."""
    matches = [(name, re.match(r"tp-(\d+)-", name)) for name in names]
    return [name for name, match in matches if match and not is_alive(int(match.group(1)))]


def stale_things() -> list[tuple[str, str]]:
    """(kind, name) of all that makers left who are gone: by their journals, then by name."""
    found: dict[tuple[str, str], None] = {}
    for path in stale_journals():
        for line in path.read_text(encoding="utf-8").splitlines():
            kind, _, name = line.partition(" ")
            found[kind, name] = None
    names = sorted(os.listdir(NAMESPACES)) if os.path.isdir(NAMESPACES) else []
    temporary = tempfile.gettempdir()
    folders = [entry for entry in os.listdir(temporary) if entry.startswith("tp-")]
    found.update({("dir", os.path.join(temporary, name)): None
                  for name in stale_namespaces(folders)})
    found.update({("netns", name): None for name in stale_namespaces(names)})
    return [thing for thing in found if exists(*thing)]


def exists(kind: str, name: str) -> bool:
    """Whether a thing is still there to be removed."""
    return os.path.exists(name if kind == "dir" else f"{NAMESPACES}/{name}")


def stale_journals() -> list[Path]:
    """Journals whose maker is gone."""
    found = []
    for path in sorted(folder().glob("*-*-*.journal")):
        pid, ticks, _ = path.name.split("-", 2)
        if not pid.isdigit() or started(int(pid)) != ticks:
            found.append(path)
    return found


def clean_stale() -> list[str]:
    """Removes what makers left who are gone; the names. Needs root where there is anything."""
    things, journals = stale_things(), stale_journals()
    if things:
        guard = Guard()
        for thing in things:
            guard.note(*thing)
        guard.close()
    for path in journals:
        path.unlink(missing_ok=True)
    return [name for _, name in things]


def place_of(netns: str) -> str:
    """What tells an interface from one of the same name elsewhere: its namespace's number."""
    try:
        return str(os.stat(f"{NAMESPACES}/{netns}" if netns else "/proc/self/ns/net").st_ino)
    except FileNotFoundError:
        raise TwinpathError(f"no network namespace {netns!r}; see `ip netns list`") from None


def _lock_of(device: str) -> Path:
    return folder() / f"port-{re.sub(r'[^A-Za-z0-9.=:-]', '_', device)}.lock"


def _in_use(name: str, device: str, holder: str) -> PortRefused:
    return PortRefused(f"port {name} ({device}) is in use by process {holder}; wait for its "
                       "end or choose another, see `twinpath ports`")


def refuse_locked(name: str, device: str) -> None:
    """PortRefused when another process has port `name`. Only looks: a lock taken to try it would
    refuse the port to a run that starts just then."""
    path = _lock_of(device)
    try:
        inode = path.stat().st_ino
        held = Path("/proc/locks").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    if any(line.split()[1] == "FLOCK" and line.split()[5].endswith(f":{inode}") for line in held):
        raise _in_use(name, device, path.read_text(encoding="utf-8", errors="replace").strip())


class PortLocks:
    """One lock per port, held until close() and by every process that was handed `fds`."""

    def __init__(self) -> None:
        self.fds: list[int] = []

    def take(self, name: str, device: str) -> None:
        """PortRefused when another process has port `name`."""
        fd = os.open(_lock_of(device), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 64).decode(errors="replace").strip()
            os.close(fd)
            raise _in_use(name, device, holder) from None
        os.ftruncate(fd, 0)
        os.write(fd, f"{os.getpid()}\n".encode())
        self.fds.append(fd)

    def close(self) -> None:
        """Gives up this process's hold."""
        fds, self.fds = self.fds, []
        for fd in fds:
            os.close(fd)


def note_binding(pci: str, driver: str) -> None:
    """Remembers what a device was bound to before us; the first note counts."""
    path = folder() / BINDINGS
    known = dict(bindings_noted())
    if pci not in known:
        with open(path, "a", encoding="utf-8") as file:
            file.write(f"{pci} {driver or '-'}\n")


def bindings_noted() -> list[tuple[str, str]]:
    """(PCI address, former driver) of devices we bound; the driver is empty where it had none."""
    try:
        lines = (folder() / BINDINGS).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    pairs = [line.split() for line in lines if len(line.split()) == 2]
    return [(pci, "" if driver == "-" else driver) for pci, driver in pairs]


def bind(pci: str, driver: str, root: Path = Path("/")) -> None:
    """Gives a PCI device to a driver (none: empty). TwinpathError in words when the kernel refuses.
    Requires: the user said so."""
    device = root / "sys/bus/pci/devices" / pci
    try:
        (device / "driver_override").write_text(f"{driver}\n", encoding="ascii")
        if (device / "driver").exists():
            (device / "driver/unbind").write_text(pci, encoding="ascii")
        if driver:
            (root / "sys/bus/pci/drivers_probe").write_text(pci, encoding="ascii")
    except OSError as error:
        raise TwinpathError(f"{pci} cannot be bound to {driver or 'nothing'}: {error.strerror}; "
                            f"try `modprobe {driver}`") from error


@dataclass
class Restored:
    """What became of the devices we had bound, by PCI address. `gone`: this machine has them no
    more. `failed`: why they could not be given back; they stay noted."""

    back: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def restore_bindings(root: Path = Path("/")) -> Restored:
    """Gives every device back to its former driver, each whatever became of the others."""
    found, noted = Restored(), bindings_noted()
    for pci, driver in noted:
        device = root / "sys/bus/pci/devices" / pci
        if not device.exists():
            found.gone.append(pci)
            continue
        try:
            bind(pci, driver, root)
            (device / "driver_override").write_text("\n", encoding="ascii")
            found.back.append(pci)
        except (TwinpathError, OSError) as error:
            found.failed[pci] = str(error)
    _note_only([(pci, driver) for pci, driver in noted if pci in found.failed])
    return found


def _note_only(bindings: Sequence[tuple[str, str]]) -> None:
    """The journal of bindings holds these and no others."""
    path = folder() / BINDINGS
    if not bindings:
        path.unlink(missing_ok=True)
        return
    fresh = path.with_suffix(".new")
    fresh.write_text("".join(f"{pci} {driver or '-'}\n" for pci, driver in bindings),
                     encoding="utf-8")
    os.replace(fresh, path)
