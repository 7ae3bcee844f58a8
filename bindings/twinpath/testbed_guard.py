"""Removes what a test-bed made, whatever becomes of its maker.

A process of its own session. It reads lines on standard input, one thing to be removed each, and
removes everything when that input ends: closed by the test-bed, or by the kernel when the maker was
killed. Nothing but the standard library is imported, so it starts in a few milliseconds.

    netns NAME    a network namespace; its processes are killed first
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

KILL_WAIT_S = 2.0  # from SIGTERM to SIGKILL for the processes of a namespace
NAMESPACES = "/run/netns"


def processes_of(netns: str) -> list[int]:
    """Processes in a namespace, by its inode."""
    try:
        wanted = os.stat(f"{NAMESPACES}/{netns}").st_ino
    except OSError:
        return []
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.stat(f"/proc/{entry}/ns/net").st_ino == wanted:
                found.append(int(entry))
        except OSError:
            continue  # it ended meanwhile
    return found


def signal_all(netns: str, number: int) -> bool:
    """Sends a signal to the processes of a namespace; whether there were any."""
    pids = [pid for pid in processes_of(netns) if pid != os.getpid()]
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
    return bool(pids)


def remove_netns(netns: str) -> None:
    """Ends the processes of a namespace and deletes it with its interfaces."""
    deadline = time.monotonic() + KILL_WAIT_S
    number = signal.SIGTERM
    while signal_all(netns, number) and time.monotonic() < deadline + 1.0:
        time.sleep(0.01)
        if time.monotonic() > deadline:
            number = signal.SIGKILL
    subprocess.run(["ip", "netns", "del", netns], stderr=subprocess.DEVNULL, check=False)


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    things = [line.rstrip("\n").split(" ", 1) for line in sys.stdin]
    for kind, name in reversed(things):
        if kind == "netns":
            remove_netns(name)
        elif kind == "dir":
            shutil.rmtree(name, ignore_errors=True)
    for journal in sys.argv[1:]:
        if os.path.exists(journal):
            os.unlink(journal)
    return 0


if __name__ == "__main__":
    sys.exit(main())
