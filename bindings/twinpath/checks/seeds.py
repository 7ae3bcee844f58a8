"""Runs of several seeds side by side; what comes out does not depend on how many at a time."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, Sequence

from ..run import Run

NO_STOP = -1


def default_jobs() -> int:
    """Simulations at a time unless told otherwise: one core is left to whoever waits."""
    return max(1, len(os.sched_getaffinity(0)) - 1)


def run_seeds(once: Callable[[int, int], Run], seeds: Sequence[int], jobs: int,
              take: Callable[[Run], None]) -> None:
    """`once(seed, stop_fd)` for every seed, `jobs` at a time; `take` gets the runs in the order of
    the seeds. What one of them raises is raised when those before it are taken, as is Ctrl-C;
    whoever still runs is interrupted by `stop_fd` then."""
    if jobs == 1 or len(seeds) == 1:
        for seed in seeds:
            take(once(seed, NO_STOP))
        return
    read, write = os.pipe()
    pool = ThreadPoolExecutor(min(jobs, len(seeds)))
    try:
        for future in [pool.submit(once, seed, read) for seed in seeds]:
            take(future.result())
    finally:
        os.close(write)
        pool.shutdown(cancel_futures=True)
        os.close(read)
