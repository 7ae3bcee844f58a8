"""The promises about the handbook: its first page is true and short, every page builds and runs."""

from __future__ import annotations

import re
import sys
import time

from promise import PYTHON, ROOT, Answer, Promise, run, scratch, twinpath
from studies import modules

TOUR_BOUND_S = 600


def tour(quick: bool) -> Answer:
    """The ten-minute page followed on a clean clone after set-up, block by block."""
    sys.path.insert(0, str(ROOT / "tests" / "docs"))
    from pages import Reader, blocks

    with scratch("tour") as folder:
        clone, here = folder / "clone", folder / "user"
        here.mkdir()
        run(["git", "clone", "-q", ROOT, clone])
        ready = twinpath("setup", cwd=here, root=clone)
        if ready.code != 0:
            return Answer("not set up", [f"setup ended {ready.code}: {ready.tail}"])
        reader, complaints = Reader(here, clone), []
        started, steps = time.monotonic(), blocks(clone / "docs" / "tour.md")
        for block in steps:
            wrong = reader.follow(block)
            complaints += [f"tour.md:{block.line}: {wrong}"] if wrong else []
        took_s = time.monotonic() - started
    if took_s > TOUR_BOUND_S:
        complaints.append(f"longer than {TOUR_BOUND_S} s")
    measured = f"{len(steps)} blocks in {took_s:.0f} s after a setup of {ready.seconds:.0f} s"
    return Answer("; ".join([measured, *reader.undecided]), complaints)


def docs(quick: bool) -> Answer:
    """The handbook's own tests: no warning, every snippet, every link, every JSON schema."""
    with scratch("docs") as folder:
        report = folder / "docs.xml"
        ran = run(
            [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={report}",
             "tests/docs"],
            env=modules(),
        )
    counted = re.findall(r"\d+ (?:passed|failed|skipped|errors?)", ran.output)
    complaints = [] if ran.code == 0 else [f"ended {ran.code}: {ran.tail}"]
    if not any("passed" in words for words in counted):
        complaints.append("no test passed")
    return Answer(f"{', '.join(counted)} in {ran.seconds:.0f} s", complaints)


PROMISES = (
    Promise(
        "tour",
        "follow docs/tour.md on a clean clone after ./twinpath setup",
        "every block does what the page says, within ten minutes",
        tour,
        long=True,
    ),
    Promise(
        "docs",
        "./twinpath docs; ./twinpath test docs",
        "the handbook builds without a warning, every snippet runs",
        docs,
        long=True,
    ),
)
