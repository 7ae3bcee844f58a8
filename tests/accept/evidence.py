"""Lines about what a run leaves behind: logs, captures, reports, and a database that survives."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from edited import STACK, EditedTree
from promise import ROOT, Answer, Promise, Ran, run, scratch, twinpath

sys.path.append(str(ROOT / "tests" / "python"))
import chromium

TRANSFER = ("-p", "size=1MB", "-p", "loss=1%")
SWEEP = ("sweep", "bulk_transfer", "-p", "size=1MB", "-g", "loss=0%,1%,2%", "--seeds", "1..20")
RUNS = 60
KILLED_AFTER_RUNS = (3, 20, 40)
SORTED = (
    "[...document.querySelector('#comparison ~ .scroll').querySelectorAll('tbody tr')]"
    ".map(row => Number(row.cells[3].dataset.sort)).filter(value => !isNaN(value))"
)
HEADING = "document.querySelector('#comparison ~ .scroll').querySelectorAll('th button')[3]"


def refuse(ran: Ran, what: str) -> list[str]:
    return [] if ran.code == 0 else [f"{what} ended {ran.code}: {ran.tail}"]


def diff(quick: bool) -> Answer:
    """The same seed before and after one line of the stack was edited."""
    with scratch("diff") as folder:
        tree = EditedTree(folder)
        before = twinpath("run", "bulk_transfer", *TRANSFER, cwd=tree.here, root=tree.clone)
        if complaints := refuse(tree.cloned, "git clone") + refuse(before, "the first run"):
            return Answer("not built", complaints)
        shutil.copytree(tree.clone / "build" / "release" / "bindings", folder / "before")
        tree.apply(STACK)
        after = twinpath("run", "bulk_transfer", *TRANSFER, cwd=tree.here, root=tree.clone)
        words = ("diff", "1", "2", "--build", folder / "before", "--json")
        told = twinpath(*words, cwd=tree.here, root=tree.clone)
        same = twinpath("diff", "1", "1", cwd=tree.here, root=tree.clone)
        complaints = refuse(after, "the second run") + refuse(same, "diff 1 1")
        found = told.json
        if told.code != 1 or found.get("by") != "frames":
            complaints.append(f"diff ended {told.code}: {told.tail}")
        slices = [path for path in found.get("slices", []) if (tree.here / path).is_file()]
        if len(slices) != 2:
            complaints.append(f"slices: {slices}")
        return Answer(f"{STACK.file} edited: {found.get('verdict')}", complaints)


def replay(quick: bool) -> Answer:
    """Emulations between two of ours and, as root, against Linux; then a damaged log."""
    said, complaints = [], []
    with scratch("replay") as folder:
        beds = [("bulk_transfer", "net_ring"), ("web_transfer", "veth")][: 2 if is_root() else 1]
        for scenario, bed in beds:
            words = ("--driver", "emu", "--testbed", bed, "--turn-log", "--json")
            ran = twinpath("run", scenario, *TRANSFER, *words, cwd=folder)
            logs = [p for p in ran.json.get("artifacts", []) if p.endswith(".turnlog")]
            # 4: too busy a machine to be valid, but what happened is in the log all the same.
            if ran.code not in (0, 1, 4) or len(logs) != 1:
                complaints.append(f"{scenario} on {bed} ended {ran.code}: {ran.tail}")
                continue
            again = twinpath("replay", logs[0], "--json", cwd=folder)
            complaints += refuse(again, f"replay of {scenario} on {bed}")
            if again.json.get("fingerprint") != ran.json["fingerprint"]:
                complaints.append(f"{scenario}: another fingerprint: {again.tail}")
            said.append(f"{scenario} on {bed}: {again.json.get('verdict')}")
            damaged = folder / "damaged.turnlog"
            damaged.write_bytes(Path(logs[0]).read_bytes()[:-100])
            refused = twinpath("replay", damaged, cwd=folder)
            if refused.code != 2:
                complaints.append(f"a damaged log ended {refused.code}")
        undecided = None if is_root() else "without root there is no Linux peer"
    return Answer("; ".join(said), complaints, undecided)


def is_root() -> bool:
    return os.geteuid() == 0


def pcapng(quick: bool) -> Answer:
    """One file per driver, read by tshark."""
    said, complaints = [], []
    with scratch("pcapng") as folder:
        for driver in ("sim", "emu"):
            path = folder / f"{driver}.pcapng"
            bed = ("--testbed", "net_ring") if driver == "emu" else ()
            words = ("--driver", driver, *bed, "--pcapng", path)
            ran = twinpath("run", "bulk_transfer", *TRANSFER, *words, cwd=folder)
            complaints += refuse(ran, f"the {driver} run")
            fields = ("-T", "fields", "-e", "frame.interface_name", "-e", "frame.comment")
            dropped = ("-Y", 'frame.comment contains "dropped"')
            read = run(["tshark", "-n", "-r", path, *dropped, *fields], cwd=folder)
            lines = [line for line in read.output.splitlines() if "dropped: loss (asked)" in line]
            complaints += refuse(read, f"tshark of {driver}")
            if not lines or not all(line.startswith("wire\t") for line in lines):
                complaints.append(f"{driver}: no drop comments")
            said.append(f"{driver}: {len(lines)} drops, e.g. {lines[0] if lines else 'none'}")
    return Answer("; ".join(said), complaints)


def report(quick: bool) -> Answer:
    """The report of real runs of both drivers, opened and clicked in a browser."""
    with scratch("report") as folder:
        complaints = []
        for words in (("run", "bulk_transfer", *TRANSFER, "--seed", "2"),
                      ("run", "bulk_transfer", *TRANSFER),
                      ("run", "bulk_transfer", *TRANSFER, "--driver", "emu", "--testbed",
                       "net_ring"), ("report",)):
            complaints += refuse(twinpath(*words, cwd=folder), " ".join(words))
        if complaints:
            return Answer("no report", complaints)
        path = folder / "report.html"
        with chromium.Page(path) as page:
            figures = page.value("[...document.querySelectorAll('figure svg')]"
                                 ".map(svg => svg.getBoundingClientRect().height)")
            page.click(HEADING)
            rising = page.value(SORTED)
            page.click(HEADING)
            falling = page.value(SORTED)
            complaints += [f"asked for {url}" for url in page.asked if url != path.as_uri()]
            complaints += [f"console: {text}" for text in page.complaints]
    if not figures or min(figures) < 100:
        complaints.append(f"figures are {figures} pixels high")
    if len(rising) < 2 or rising != sorted(rising) or falling != sorted(falling, reverse=True):
        complaints.append("a click does not sort")
    return Answer(f"{len(figures)} figures, {len(rising)} rows sorted by a click", complaints)


def recover(quick: bool) -> Answer:
    """A study killed with its workers, resumed; its database copied alone to another place."""
    said, complaints = [], []
    for rows in KILLED_AFTER_RUNS[: 1 if quick else None]:
        with scratch("recover") as folder:
            kill_sweep(folder, rows)
            cut = count(folder / "results.db")
            resumed = twinpath(*SWEEP, "--json", cwd=folder)
            complaints += refuse(resumed, "the resumed study")
            elsewhere = folder / "elsewhere"
            elsewhere.mkdir()
            shutil.copy(folder / "results.db", elsewhere / "results.db")
            complaints += what_is_wrong(elsewhere / "results.db")
            shown = twinpath("report", cwd=elsewhere)
            complaints += refuse(shown, "report of the copy")
            said.append(f"killed at {cut} runs, the copy has {count(elsewhere / 'results.db')}")
    return Answer("; ".join(said), complaints)


def kill_sweep(folder: Path, rows: int) -> None:
    """Starts the study and ends it and its workers by SIGKILL once it has so many runs."""
    words = [str(ROOT / "twinpath"), *SWEEP]
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 300
    while count(folder / "results.db") < rows and time.monotonic() < deadline:
        time.sleep(0.003)
    children = run(["pgrep", "-P", str(process.pid)]).output.split()
    for pid in [process.pid, *map(int, children)]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()


def count(database: Path) -> int:
    """Runs in a database that may be written at this moment; 0 when there is none."""
    if not database.is_file():
        return 0
    try:
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        try:
            return int(connection.execute("SELECT count(*) FROM run").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.Error:
        return 0


def what_is_wrong(database: Path) -> list[str]:
    """A database that is not whole, or lacks a finished run of the study."""
    connection = sqlite3.connect(database)
    try:
        checked = connection.execute("PRAGMA integrity_check").fetchone()[0]
        done = connection.execute(
            "SELECT count(*), count(DISTINCT run_key) FROM run WHERE status = 'done'").fetchone()
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        lacking = connection.execute(
            "SELECT count(*) FROM run WHERE status = 'done' AND run_id NOT IN (SELECT run_id "
            "FROM entity JOIN scalar USING (entity_id))").fetchone()[0]
    finally:
        connection.close()
    wrong = [] if checked == "ok" else [f"integrity: {checked}"]
    wrong += [] if done == (RUNS, RUNS) else [f"{done} finished runs, not {RUNS}"]
    wrong += [] if mode == "delete" else [f"journal {mode}"]
    return wrong + ([f"{lacking} runs without a result"] if lacking else [])


PROMISES = (
    Promise(
        "diff",
        "edit one line of models/tcp; ./twinpath run; ./twinpath diff 1 2 --build OLD",
        "ends 1 and names the first differing frame; two slices are there",
        diff,
        long=True,
    ),
    Promise(
        "replay",
        "./twinpath run SCENARIO --driver emu --turn-log; ./twinpath replay LOG",
        "the same fingerprint, on net_ring and against Linux; a damaged log ends 2",
        replay,
    ),
    Promise(
        "pcapng",
        "./twinpath run bulk_transfer --pcapng FILE; tshark -r FILE",
        "tshark reads it and shows the drop comments, from both drivers",
        pcapng,
    ),
    Promise(
        "report",
        "./twinpath report, opened and clicked in headless Chromium",
        "no outside address, no console error, tables sort, figures show",
        report,
    ),
    Promise(
        "recover",
        "kill -9 of ./twinpath sweep, sweep again, cp results.db elsewhere",
        "the copy alone is whole, has every run once and reports",
        recover,
        long=True,
    ),
)
