"""What is written about the stack: its RFCs and what it can beside others, held to the code."""

from __future__ import annotations

import functools
import re

from promise import PYTHON, ROOT, Answer, Promise, modules, run

RFCS = "tests/docs/test_rfcs.py"
FEATURES = "tests/docs/test_features.py"
ROWS_MIN = {RFCS: 60, FEATURES: 45}


def held(suite: str, quick: bool) -> Answer:
    """Every row of the tables is a test."""
    ran = run([PYTHON, "-m", "pytest", "-q", suite], cwd=ROOT, env=modules())
    closing = (ran.output.strip().splitlines() or ["nothing"])[-1]
    passed = re.search(r"(\d+) passed", closing)
    problems = [] if ran.code == 0 else [f"pytest ended {ran.code}: {ran.tail}"]
    if "skipped" in closing or int(passed[1] if passed else 0) < ROWS_MIN[suite]:
        problems.append(f"not every row was looked at: {closing}")
    return Answer(closing, problems)


PROMISES = (
    Promise(
        "rfcs",
        f"pytest {RFCS}",
        "models/tcp/README.md lists every RFC the code was written by; each row's scripts and "
        "tests exist, every script stands in a row of its RFC and section, every departure is told",
        functools.partial(held, RFCS),
    ),
    Promise(
        "features",
        f"pytest {FEATURES}",
        "the table beside Linux, mTCP, F-Stack, smoltcp and lwIP: every yes of ours is a test "
        "that exists, no cell is empty",
        functools.partial(held, FEATURES),
    ),
)
