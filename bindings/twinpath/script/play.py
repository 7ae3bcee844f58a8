"""Plays scripts in a process of its own: ns-3 and DPDK start once per process, and print.

`play()` is the caller's side, `python3 -m twinpath.script.play` the other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from typing import Iterator

from ..errors import RunFailed
from .runner import Outcome, Settings, run_file

ERRORS_BYTES = 2000


def play(paths: list[str], settings: Settings) -> Iterator[Outcome]:
    """The outcomes, in order. Under virtual time of our own in this process, else in a child."""
    if settings.under == "fake":
        for path in paths:
            settings.say(f"{path}:")
            yield run_file(path, settings)
        return
    reading, writing = os.pipe()
    job = {"paths": paths, "under": settings.under, "options": settings.options,
           "peer_isn": settings.peer_isn, "at_most_s": settings.at_most_s}
    command = [sys.executable, "-m", "twinpath.script.play", str(writing), json.dumps(job)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, pass_fds=[writing], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, env=environment) as child:
        os.close(writing)
        count = 0
        with open(reading, encoding="utf-8") as lines:
            for line in lines:
                count += 1
                yield Outcome(**json.loads(line))
        errors = child.stderr.read() if child.stderr else ""
    if count < len(paths):
        raise RunFailed(f"{paths[count]}: the process that played it ended {child.returncode}",
                        stderr=errors[-ERRORS_BYTES:])


def main(descriptor: str, job_json: str) -> int:
    job = json.loads(job_json)
    settings = Settings(job["under"], tuple(map(tuple, job["options"])), job["peer_isn"],
                        at_most_s=job["at_most_s"])
    with open(int(descriptor), "w", encoding="utf-8") as answers:
        for path in job["paths"]:
            answers.write(json.dumps(asdict(run_file(path, settings))) + "\n")
            answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
