"""A fresh Debian 12 with a clean clone in it, made by debootstrap and entered by chroot.

Everything a run mounts lives in a mount namespace of its own and is gone with the process. Without
root or debootstrap the clone stands on this machine, and the measurement says so.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from promise import ROOT, Ran, run, scratch

MIRROR = "http://deb.debian.org/debian"
CLEAN = [
    "env",
    "-i",
    "HOME=/root",
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL=C.UTF-8",
    "TERM=dumb",
    "CCACHE_DISABLE=1",
]
# The root is a mount of its own: `ip netns exec` makes it a slave, which a plain folder refuses.
MOUNTS = """
mount --bind {root} {root}
mount --bind /dev {root}/dev
mount -t proc proc {root}/proc
mount --bind /sys {root}/sys
exec chroot {root} "$@"
"""


@dataclass(frozen=True)
class Machine:
    """Where a user's commands run. `root` is "/" or the top of the fresh system."""

    name: str
    root: Path
    clone: Path  # as seen from outside
    here: Path  # an empty folder of the user's, as seen from outside

    @property
    def fresh(self) -> bool:
        return self.root != Path("/")

    def run(self, program: str, *arguments: str) -> Ran:
        """A program of the clone, run in the user's folder."""
        if not self.fresh:
            command = ["env", "CCACHE_DISABLE=1", str(self.clone / program), *arguments]
            return run(command, cwd=self.here, timeout_s=7200)
        inside = f'cd /{self.here.relative_to(self.root)} && exec /{self.clone.name}/{program} "$@"'
        command = [
            "unshare",
            "--mount",
            "sh",
            "-ec",
            MOUNTS.format(root=self.root),
            "enter",
            *CLEAN,
            "sh",
            "-c",
            inside,
            "user",
            *arguments,
        ]
        return run(command, cwd=self.here, timeout_s=7200)


@contextmanager
def fresh_machine() -> Iterator[Machine]:
    """A fresh Debian 12, or this machine where none can be made."""
    with scratch("fresh") as folder:
        root = folder / "root"
        name = "fresh Debian 12"
        if os.geteuid() != 0 or shutil.which("debootstrap") is None or not bootstrap(root):
            root, name = Path("/"), "this machine (no root or no debootstrap for a fresh one)"
        base = folder if root == Path("/") else root
        clone, here = base / "twinpath", base / "user"
        here.mkdir()
        run(["git", "clone", "-q", ROOT, clone])
        yield Machine(name, root, clone, here)


def bootstrap(root: Path) -> bool:
    ran = run(["debootstrap", "--variant=minbase", "bookworm", root, MIRROR], timeout_s=1800)
    return ran.code == 0
