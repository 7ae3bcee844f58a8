"""Builds of the simulator's module: this one, and others a user names by their folder."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from . import provenance
from .errors import ConfigError, Problem


@dataclass(frozen=True)
class Build:
    """`sim` is the module's file, `sha256` its hash: the one a run's build row has."""

    sim: str
    sha256: str

    @classmethod
    def current(cls) -> "Build":
        """The build this program uses."""
        return cls(provenance.module_path("sim"), provenance.build_row("sim")["sha256"])

    @classmethod
    def at(cls, folder: str) -> "Build":
        """The build in a folder: a build folder, its `bindings`, or a checkout that was built."""
        for below in ("", "bindings", "build/release/bindings"):
            for path in sorted(Path(folder, below).glob("_sim.*.so")):
                with path.open("rb") as file:
                    return cls(str(path.resolve()), hashlib.file_digest(file, "sha256").hexdigest())
        raise ConfigError([Problem("--build", folder, "has no built module _sim",
                                   "a build folder such as build/release")])


def find(sha256: str, others: list[Build]) -> Build | None:
    """The build with this hash, None when neither this one nor one of `others` is it."""
    for build in [Build.current(), *others]:
        if build.sha256 == sha256:
            return build
    return None
