"""Removes what a test-bed made, whatever becomes of its maker.

A process of its own session. It reads lines on standard input, one thing to be removed each, and
removes everything when that input ends: closed by the test-bed, or by the kernel when the maker was
killed. Nothing but the standard library is imported, so it starts in a few milliseconds.

    netns NAME    a network namespace; the processes of all are ended first
    dir PATH      a folder with everything in it

The files named on its command line are journals of the same lines, for whoever finds them when this
process was killed too: removed last.
"""

import os
import shutil
import signal
import subprocess
import sys
import time

TERM_WAIT_S = 2.0  # from SIGTERM to SIGKILL for the processes of namespaces
KILL_WAIT_S = 1.0  # and from there to going on
NAMESPACES = "/run/netns"


def number_of(netns: str) -> int:
    """What the kernel knows a namespace by; 0 when there is none of that name."""
    try:
        return os.stat(f"{NAMESPACES}/{netns}").st_ino
    except OSError:
        return 0


def processes_of(numbers: set[int]) -> list[int]:
    """Processes in these namespaces, but for this one."""
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.stat(f"/proc/{entry}/ns/net").st_ino in numbers:
                found.append(int(entry))
        except OSError:
            continue  # it ended meanwhile
    return [pid for pid in found if pid != os.getpid()]


def end_processes(netnses: list[str]) -> None:
    """Ends the processes of all these namespaces together: one that takes its time does not add to
    the time of the next."""
    numbers = {number_of(netns) for netns in netnses} - {0}
    began = time.monotonic()
    while numbers and (pids := processes_of(numbers)):
        waited = time.monotonic() - began
        if waited > TERM_WAIT_S + KILL_WAIT_S:
            return
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL if waited > TERM_WAIT_S else signal.SIGTERM)
            except ProcessLookupError:
                pass
        time.sleep(0.01)


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    things = [line.rstrip("\n").split(" ", 1) for line in sys.stdin]
    end_processes([name for kind, name in things if kind == "netns"])
    for kind, name in reversed(things):
        if kind == "netns":  # with its interfaces
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL, check=False)
        elif kind == "dir":
            shutil.rmtree(name, ignore_errors=True)
    for journal in sys.argv[1:]:
        if os.path.exists(journal):
            os.unlink(journal)
    return 0


if __name__ == "__main__":
    sys.exit(main())
