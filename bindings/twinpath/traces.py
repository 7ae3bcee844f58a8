"""What a run is asked to leave beside its rows: captures and a turn log, as keys of its job."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from . import turn_log
from .arguments import path_of, refused, written_path
from .errors import ConfigError, Problem
from .prepare import RunRequest

PCAPNG = ".pcapng"


@dataclass(frozen=True)
class Traces:
    """`pcap`: a folder, one file per port, or a file NAME.pcapng with everything in it. `log`:
    write a turn log beside the database (True) or at this path; emulations only."""

    pcap: str | None = None
    log: bool | str = False

    def job(self, request: RunRequest, database: str) -> dict[str, Any]:
        """The keys of the worker's job; makes the folders."""
        keys: dict[str, Any] = {"pcap": None}
        pcap = path_of(self.pcap, "pcap") if self.pcap else ""
        if pcap.endswith(PCAPNG):
            keys["pcapng"] = {"path": os.path.abspath(written_path(pcap, "pcap"))}
        elif pcap:
            keys["pcap"] = _folder(pcap)
        if not self.log:
            return keys
        if request.plan.driver == "bridge":
            raise ConfigError([Problem("log", str(self.log), "a turn log has the turns of our "
                                       "hosts only; in a bridge run ns-3 decides them",
                                       "driver emu")])
        if request.plan.driver != "emu":
            raise ConfigError([Problem(
                "log", str(self.log), "a simulation needs no turn log: its seed is enough",
                "driver emu", "leave it out; `twinpath rerun` gives the same frames again")])
        path = turn_log.path_beside(database, request) if self.log is True else \
            os.path.abspath(written_path(self.log, "log"))
        keys["turn_log"] = {"path": path, "header": turn_log.header_json(request)}
        return keys


def _folder(path: str) -> str:
    whole = os.path.abspath(path)
    try:
        os.makedirs(whole, exist_ok=True)
    except OSError as error:
        raise refused("pcap", path, f"cannot make the folder: {error.strerror}",
                      "a folder, or a file NAME.pcapng") from error
    return whole
