"""Debian's ns-3 source package, unpacked, with our module in its contrib/ and built there.

The system's package sources stay as they are: apt reads a list of our own, kept beside the sources.
"""

from __future__ import annotations

import os
from pathlib import Path

from promise import ROOT, Ran, run

MODULES = "core;network;internet;applications;point-to-point;csma;bridge;traffic-control;stats"
SOURCES = """Types: deb-src
URIs: http://deb.debian.org/debian
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""


class Ns3Tree:
    """`folder` is kept between runs when it is not a scratch one: sources and objects stay."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = folder / "ns-allinone-3.37" / "ns-3.37"
        self.build = folder / "build"

    def fetch(self) -> Ran:
        """Downloads and unpacks ns-3 3.37; nothing when it is there already."""
        if (self.source / "VERSION").is_file():
            return Ran(0, "", "", 0.0)
        parts = self.folder / "apt" / "parts"
        for path in (parts, self.folder / "apt" / "lists" / "partial", self.folder / "apt/cache"):
            path.mkdir(parents=True, exist_ok=True)
        (parts / "src.sources").write_text(SOURCES)
        apt = ["apt-get", "-o", "Dir::Etc::sourcelist=/dev/null"]
        apt += ["-o", f"Dir::Etc::sourceparts={parts}"]
        apt += ["-o", f"Dir::State::lists={self.folder / 'apt/lists'}"]
        apt += ["-o", f"Dir::Cache={self.folder / 'apt/cache'}"]
        updated = run([*apt, "update"], cwd=self.folder)
        if updated.code != 0:
            return updated
        fetched = run([*apt, "source", "--download-only", "ns3=3.37-2"], cwd=self.folder)
        if fetched.code != 0:
            return fetched
        return run(["tar", "xf", self.folder / "ns3_3.37.orig.tar.bz2"], cwd=self.folder)

    def link(self) -> None:
        """Our module into contrib/, as its README says."""
        place = self.source / "contrib" / "twinpath"
        if place.is_symlink():
            place.unlink()
        place.symlink_to(ROOT / "sim" / "contrib")

    def configure(self) -> Ran:
        command = ["cmake", "-G", "Ninja", "-S", self.source, "-B", self.build]
        command += ["-DCMAKE_BUILD_TYPE=release", "-DNS3_MPI=ON", "-DNS3_EXAMPLES=ON"]
        command += ["-DNS3_TESTS=ON", "-DNS3_PYTHON_BINDINGS=OFF"]
        command += [f"-DNS3_ENABLED_MODULES={MODULES};mpi;twinpath"]
        return run(command)

    def make(self) -> Ran:
        """The module, its examples and the test runner."""
        targets = ["twinpath-with-ns3", "twinpath-distributed", "test-runner"]
        # ns-3's build uses ccache where it is there; the tree has another name each time.
        cache = {"CCACHE_BASEDIR": str(self.folder), "CCACHE_NOHASHDIR": "1"}
        cache["CCACHE_SLOPPINESS"] = "pch_defines,time_macros"
        return run(["ninja", "-C", self.build, *targets], env=cache, timeout_s=2 * 3600)

    def program(self, name: str) -> Path:
        """The newest program of this name: ns-3 adds version and profile to it."""
        found = sorted(
            (path for path in (self.source / "build").rglob(f"ns3.37-{name}*") if path.is_file()),
            key=lambda path: path.stat().st_mtime,
        )
        return found[-1] if found else self.build / name

    def run(self, name: str, *arguments: str, ranks: int = 0) -> Ran:
        """Under mpirun when `ranks` are given."""
        mpi = ["mpirun", "--oversubscribe", "-np", str(ranks)] if ranks else []
        root = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
        environment = root if os.geteuid() == 0 else {}
        return run([*mpi, self.program(name), *arguments], env=environment)
