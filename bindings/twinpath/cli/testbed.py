"""`ports` and `testbed check|clean|show`: what may be taken, and whether it can be trusted."""

from __future__ import annotations

import os
from typing import Any, Optional

import typer
from rich.markup import escape

from ..errors import ConfigError, Problem, TwinpathError
from ..execute import DEFAULT_DB
from ..ports import Nic, Survey, System
from ..testbed_file import TestbedFile, load
from ..testbed_journal import (Restored, bindings_noted, clean_stale, restore_bindings,
                               stale_things)
from .output import console, errors, print_json
from .scenarios import DB, DRY_RUN, JSON, print_steps

app = typer.Typer(add_completion=False)
testbed = typer.Typer(add_completion=False, help="Check, show or clean up a test-bed.")
app.add_typer(testbed, name="testbed")

DEFAULT_FILE = "testbed.toml"
FILE = typer.Argument(None, metavar="[FILE]", help="testbed.toml, veth or net_ring")
YES = typer.Option(False, "--yes", help="bind or unbind PCI devices as announced")
VDEVS = ("net_ring", "net_null", "net_memif", "net_pcap", "net_tap", "net_af_packet", "net_af_xdp")


def chosen(name: str | None) -> TestbedFile:
    """The named test-bed; else testbed.toml here, else what needs no file."""
    if name is None:
        plain = "veth" if os.geteuid() == 0 else "net_ring"
        name = DEFAULT_FILE if os.path.exists(DEFAULT_FILE) else plain
    return load(name)


def database(db: str | None) -> str:
    return os.path.abspath(db or os.environ.get("TWINPATH_DB") or DEFAULT_DB)


def _speed(nic: Nic) -> str:
    return f"{nic.speed_bps / 1e9:g} Gbit/s" if nic.speed_bps else "–"


@app.command("ports", help="Network ports of this machine, and why one may not be taken.")
def ports_command(netns: str = typer.Option("", "--netns", help="of a network namespace"),
                  as_json: bool = JSON) -> int:
    from twinpath_analysis.tables import plain_table

    survey = Survey(System.of(netns))
    if not survey.links:
        raise ConfigError([Problem("--netns", netns, f"no namespace {netns!r}",
                                   "see `ip netns list`")])
    nics = survey.nics()
    if as_json:
        print_json({"schema": "twinpath.ports/1", "ports": [nic.as_dict() for nic in nics],
                    "vdevs": list(VDEVS), "problems": []})
        return 0
    rows = [(nic.device, nic.interface or "–", nic.driver or "–", nic.mac or "–", _speed(nic),
             "–" if nic.numa < 0 else str(nic.numa),
             "refused: it " + " and ".join(nic.why_not) if nic.why_not else "free")
            for nic in nics]
    console.print(plain_table(["device", "interface", "driver", "MAC", "speed", "NUMA", "use"],
                              [tuple(escape(cell) for cell in row) for row in rows]))
    console.print(f"Without hardware: {' '.join(VDEVS)}")
    return 0


@testbed.command("check", help="Open the ports of a test-bed, measure them and compare with what "
                               "its file says; kept in the database until it expires.")
def check_command(file: Optional[str] = FILE, *, db: Optional[str] = DB, yes: bool = YES,
                  dry_run: bool = DRY_RUN, as_json: bool = JSON) -> int:
    from .. import testbed_check

    bed = chosen(file)
    system = System.of(bed.netns)
    if dry_run:
        return print_steps(testbed_check.steps(bed, system), as_json)
    if yes:
        for address in testbed_check.bind_all(bed, system):
            console.print(f"bound {address}; `twinpath testbed clean --yes` gives it back")
    checked = testbed_check.check(bed)
    testbed_check.store(checked, database(db))
    if as_json:
        print_json({"schema": "twinpath.testbed/1", "testbed": bed.name, "ok": checked.ok,
                    "rows": [vars(row) for row in checked.rows], "facts": checked.facts,
                    "checked_utc": checked.when_utc, "expires_utc": checked.expires_utc,
                    "db": database(db), "problems": _problems(checked.rows)})
    else:
        _print_rows(checked.rows)
        console.print(f"{bed.name}: {'as described' if checked.ok else 'not as described'}; "
                      f"holds until {checked.expires_utc}")
    return 0 if checked.ok else 1


def _problems(rows: list[Any]) -> list[dict[str, str]]:
    return [Problem(f"{row.item} {row.port}".strip(), row.value, f"is {row.value}", row.bound,
                    row.hint).as_dict() for row in rows if row.ok is False]


def _print_rows(rows: list[Any]) -> None:
    from twinpath_analysis.tables import plain_table

    marks = {True: "[green]yes[/]", False: "[red]no[/]", None: ""}
    console.print(plain_table(["what", "port", "found", "wanted", "ok"], [
        (row.item, escape(row.port), escape(row.value), escape(row.bound), marks[row.ok])
        for row in rows]))
    for row in rows:
        if row.hint:
            console.print(f"[yellow]{escape(f'{row.item} {row.port}'.strip())}: "
                          f"{escape(row.hint)}[/]")


@testbed.command("clean", help="Undo what a killed run left: namespaces, veths, folders; with "
                               "--yes also give PCI devices back to their drivers.")
def clean_command(*, yes: bool = YES, dry_run: bool = DRY_RUN, as_json: bool = JSON) -> int:
    kept = bindings_noted()
    if dry_run:
        return print_steps([f"remove {name}" for _, name in stale_things()] +
                    [f"give {pci} back to {driver or 'no driver'} (with --yes only)"
                     for pci, driver in kept], as_json)
    removed = clean_stale()
    restored = restore_bindings() if yes else Restored()
    problems = [Problem(pci, "", text).as_dict() for pci, text in restored.failed.items()]
    if as_json:
        print_json({"schema": "twinpath.testbed/1", "removed": removed, "restored": restored.back,
                    "gone": restored.gone, "problems": problems})
    else:
        _print_cleaned(removed, restored)
        for pci, driver in kept if not yes else []:
            console.print(f"{pci} is still bound for DPDK, before: {driver or 'no driver'}; --yes "
                          "gives it back")
        if not removed and not kept:
            console.print("nothing to clean")
    return TwinpathError.exit_code if problems else 0


def _print_cleaned(removed: list[str], restored: Restored) -> None:
    for name in removed:
        console.print(f"removed {escape(name)}")
    for pci in restored.back:
        console.print(f"restored {pci}")
    for pci in restored.gone:
        console.print(f"{pci} is no longer in this machine: nothing to give back")
    for text in restored.failed.values():
        errors.print(f"[bold red]error:[/] {escape(text)}; it stays noted")


@testbed.command("show", help="A test-bed as its file describes it, and its last check.")
def show_command(file: Optional[str] = FILE, *, db: Optional[str] = DB,
                 as_json: bool = JSON) -> int:
    from .. import testbed_check

    bed = chosen(file)
    found = testbed_check.last(bed, database(db))
    if as_json:
        rows = found["body"]["rows"] if found else []
        print_json({"schema": "twinpath.testbed/1", "testbed": bed.name, "kind": bed.kind,
                    "sha256": bed.sha256, "toml": bed.text, "rows": rows, "problems": [],
                    **({key: found[key] for key in ("checked_utc", "expires_utc", "ok")}
                       if found else {})})
        return 0
    console.print(escape(bed.text.rstrip()))
    if found is None:
        console.print(f"[yellow]not checked; run `twinpath testbed check {escape(bed.path)}`[/]")
        return 0
    rows = [testbed_check.Row(**row) for row in found["body"]["rows"]]
    _print_rows(rows)
    console.print(f"checked {found['checked_utc']}, holds until {found['expires_utc']}")
    return 0
