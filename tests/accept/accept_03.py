"""The researcher's tool: studies, checks, test-bed, reports."""

from __future__ import annotations

import re

from ns3_tree import Ns3Tree
from promise import Answer, Promise, Ran, scratch


def refuse(ran: Ran, what: str) -> list[str]:
    return [] if ran.code == 0 else [f"{what} ended {ran.code}: {ran.tail}"]


def contrib(quick: bool) -> Answer:
    """The ns-3 side as a module of an ns-3 source tree; one fingerprint on one rank and on two."""
    with scratch("ns3") as folder:
        tree = Ns3Tree(folder)
        complaints = refuse(tree.fetch(), "the source package")
        if not complaints:
            tree.link()
        for what, step in (("configure", tree.configure), ("build", tree.make)):
            complaints = complaints or refuse(step(), what)
        if complaints:
            return Answer("not built", complaints)
        return try_module(tree)


def try_module(tree: Ns3Tree) -> Answer:
    complaints = refuse(tree.run("twinpath-with-ns3"), "twinpath-with-ns3")
    suite = tree.run("test-runner", "--suite=twinpath")
    complaints += refuse(suite, "the test suite")
    prints = {}
    for ranks in (1, 2):
        ran = tree.run("twinpath-distributed", ranks=ranks)
        complaints += refuse(ran, f"{ranks} ranks")
        found = re.search(r"fingerprint ([0-9a-f]{16})", ran.output)
        prints[ranks] = found.group(1) if found else f"none on {ranks}"
    if len(set(prints.values())) != 1:
        complaints.append("the fingerprint depends on the number of ranks")
    return Answer(f"fingerprints by ranks {prints}", complaints)


PROMISES = (
    Promise(
        "contrib",
        "ln -s sim/contrib NS3/contrib/twinpath; ./ns3 build; mpirun -np 2 twinpath-distributed",
        "builds in Debian's ns-3 3.37 sources; the same fingerprint on 1 rank and on 2",
        contrib,
        long=True,
    ),
)
