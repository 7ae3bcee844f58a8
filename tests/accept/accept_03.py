"""The researcher's tool: studies, checks, test-bed, reports."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import bridge
import evidence
import handbook
import studies
from edited import CLOCK, STACK, EditedTree
from ns3_tree import Ns3Tree
from promise import PYTHON, ROOT, Answer, Promise, Ran, modules, run, scratch, twinpath


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


def check(quick: bool) -> Answer:
    """A one-line edit of the stack is a change, a draw from the clock a nondeterminism."""
    with scratch("check") as folder:
        tree = EditedTree(folder)
        complaints = refuse(tree.cloned, "git clone") or refuse(tree.record(), "the first check")
        if complaints:
            return Answer("not built", complaints)
        said = []
        for edit, word in ((STACK, "changed"), (CLOCK, "nondeterministic")):
            tree.apply(edit)
            ran = tree.check()
            said.append(f"{edit.file} edited: exit {ran.code}, {failed(ran)}")
            complaints += expect_word(ran, word)
        tree.restore()
        again = tree.check()
        complaints += refuse(again, "the check of the restored tree")
        return Answer("; ".join([*said, f"restored: exit {again.code}"]), complaints)


def failed(ran: Ran) -> dict[str, str]:
    """Per failed metric the first word of what was found."""
    return {
        row["metric"]: row["message"].partition(":")[0]
        for row in ran.json.get("rows", [])
        if row["verdict"] == "fail"
    }


def expect_word(ran: Ran, word: str) -> list[str]:
    """What speaks against exit 1 with fingerprint and metric called `word`."""
    found = failed(ran)
    wrong = [] if ran.code == 1 else [f"check ended {ran.code}, not 1: {ran.tail}"]
    return wrong + [
        f"{metric} is called {found.get(metric, 'equal')}, not {word}"
        for metric in ("fingerprint", "fct_s")
        if found.get(metric) != word
    ]


TESTBED_SUITES = (
    "tests/python/test_testbed_file.py",
    "tests/python/test_ports.py",
    "tests/interop/test_lab.py",
    "tests/interop/test_testbed.py",
)


def testbed(quick: bool) -> Answer:
    """The vdev test-beds are checked; a laboratory of veths passes through everything but a NIC."""
    answer = Answer("")
    with scratch("testbed") as folder:
        answer.complaints += refuse(twinpath("ports", "--json", cwd=folder), "ports")
        for name in ("veth", "net_ring"):
            ran = twinpath("testbed", "check", name, "--json", cwd=folder)
            answer.complaints += refuse(ran, f"testbed check {name}")
            for path in ran.json.get("facts", {}).get("paths", [])[:1]:
                answer.measured += (
                    f"{name} floor {path['latency_min_ns'] / 1e3:.1f} us, "
                    f"{path['received_pps'] / 1e6:.2f} Mpps; "
                )
    ran = run([PYTHON, "-m", "pytest", "-q", *TESTBED_SUITES], env=modules())
    closing = (ran.output.strip().splitlines() or ["nothing"])[-1]
    answer.measured += closing
    answer.complaints += refuse(ran, "pytest")
    answer.undecided = "not all of it can run here" if "skipped" in closing else None
    return answer


OWN_SCENARIO = """
import twinpath as tp


@tp.scenario
def own(net: tp.Net, *, beta: float = 0.8):
    gentle = tp.native("gentle.cc", "Gentle", beta=beta)
    client, server = net.host("client", tcp={"congestion": gentle}), net.host("server")
    net.link(client, server, name="wire", rate="50Mbps", delay="5ms", loss="0.5%")
    net.stop(when=client.run(tp.Bulk(server, "2MB")).done, at_most="60s")
"""
STEPPING = """
import twinpath as tp
from twinpath import discover
case = discover.find("./own.py")()
with case.session("sim", seed=1) as s:
    while not s.done:
        s.step("13ms")
        s.metrics()
same = s.run.fingerprint == case.simulate(seed=1).fingerprint
with case.session("sim", seed=1) as s:
    beta = 0.9
    while not s.done:
        s.step("50ms")
        beta = max(0.2, beta - 0.05)
        s.set("client.tcp.congestion.beta", beta)
print("same", same, "steered apart", s.run.fingerprint != case.simulate(seed=1).fingerprint)
"""


def own_folder(folder: Path) -> Path:
    """A user's folder: a scenario and the congestion control beside it."""
    (folder / "own.py").write_text(OWN_SCENARIO)
    shutil.copy(ROOT / "scenarios" / "native" / "gentle.cc", folder)
    return folder


def native(quick: bool) -> Answer:
    """A user's C++ under both drivers; changed code is another run; a mistake is exit 2."""
    with scratch("native") as folder:
        own_folder(folder)
        runs = [twinpath("run", "./own.py", "--json", cwd=folder) for _ in range(2)]
        emulate = ("--driver", "emu", "--testbed", "net_ring", "--json")
        emu = twinpath("run", "./own.py", *emulate, cwd=folder)
        answer = Answer(f"fingerprints {[ran.json.get('fingerprint') for ran in runs]}, emulation "
                        f"{emu.json.get('status')}")
        for ran in runs:
            answer.complaints += refuse(ran, "own.py")
        # 4: too busy a machine to be valid; the user's code ran all the same.
        if emu.code not in (0, 4) or emu.json.get("status") != "done":
            answer.complaints.append(f"own.py emulated ended {emu.code}: {emu.tail}")
        source = folder / "gentle.cc"
        source.write_text(source.read_text().replace("credit_bytes_ = 0;", "credit_bytes_ = 1;", 1))
        changed = twinpath("run", "./own.py", "--json", cwd=folder)
        keys = {ran.json.get("run_key") for ran in (*runs, changed)}
        if len(keys) != 2 or runs[0].json.get("fingerprint") != runs[1].json.get("fingerprint"):
            answer.complaints.append(f"run keys {keys}")
        source.write_text(source.read_text().replace("window.cwnd_bytes +=", "window.cwnd +="))
        wrong = twinpath("run", "./own.py", cwd=folder)
        if wrong.code != 2 or not re.search(r"gentle\.cc:\d+: .*window\.cwnd \+=", wrong.errors):
            answer.complaints.append(f"a mistake ended {wrong.code}: {wrong.tail}")
        return answer


def session(quick: bool) -> Answer:
    """Steps alone are the plain run, settings are not."""
    with scratch("session") as folder:
        (own_folder(folder) / "steps.py").write_text(STEPPING)
        ran = twinpath("python", "steps.py", cwd=folder)
        answer = Answer(ran.output.strip() or "nothing", refuse(ran, "steps.py"))
        if ran.output.strip() != "same True steered apart True":
            answer.complaints.append("not so")
        return answer


PROMISES = (
    Promise(
        "contrib",
        "ln -s sim/contrib NS3/contrib/twinpath; ./ns3 build; mpirun -np 2 twinpath-distributed",
        "builds in Debian's ns-3 3.37 sources; the same fingerprint on 1 rank and on 2",
        contrib,
        long=True,
    ),
    Promise(
        "check",
        "edit one line of models/tcp; ./twinpath check gate.py; then draw from the clock",
        "ends 1 with the metric called changed, then nondeterministic; 0 again when restored",
        check,
        long=True,
    ),
    Promise(
        "resume",
        "twinpath sweep web_transfer ... --db x.db, kill -9, again",
        "killed at 20 random moments: the uninterrupted table, no row added by a rerun",
        studies.resume,
        long=True,
    ),
    Promise(
        "dask",
        "twinpath sweep web_transfer ... --scheduler ADDRESS",
        "a cluster of two workers gives the rows of local processes",
        studies.dask,
    ),
    Promise(
        "study-overhead",
        "twinpath sweep web_transfer -p size=200kB --seeds 1..200",
        "at most 100 ms per run beyond the 10 ms of the run itself",
        studies.overhead,
    ),
    Promise("merge", "merge 100 files", "1 M samples within 10 s", studies.merge),
    Promise(
        "report-1000",
        "twinpath report",
        "a study of 1,000 runs within 20 s",
        studies.report,
        long=True,
    ),
    Promise(
        "testbed",
        "./twinpath ports; ./twinpath testbed check veth; pytest " + " ".join(TESTBED_SUITES),
        "as described; refusals, locks, limits, dry run, expiry and clean hold without a NIC",
        testbed,
    ),
    Promise(
        "native",
        "twinpath run ./own.py [--driver emu] beside a C++ congestion control",
        "runs in both drivers; equal code has an equal run key, changed code another; a mistake "
        "ends 2 with the line",
        native,
    ),
    Promise(
        "session",
        "twinpath python steps.py",
        "a session that only steps has the plain run's fingerprint; one that sets has another",
        session,
    ),
    *bridge.PROMISES,
    *evidence.PROMISES,
    *handbook.PROMISES,
)
