"""`setup`, `doctor`, `test`, `accept`, `docs`, `python`: the machine and the build."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from ..errors import ConfigError, MissingPrivilege, Problem, TwinpathError
from ..provenance import ROOT, machine_row, module_path
from ..supervise import PYTHON
from .output import console, print_json
from .scenarios import JSON

app = typer.Typer(add_completion=False)
PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


class CheckFailed(ConfigError):
    """What was checked is not as it should be."""

    exit_code = 1


@dataclass(frozen=True)
class Finding:
    """One thing a machine has or lacks; `command` helps where it lacks it."""

    what: str
    found: bool
    detail: str
    command: str = ""


def _module(driver: str, library: str) -> Finding:
    try:
        return Finding(f"driver {driver} ({library})", True, module_path(driver))
    except TwinpathError:
        return Finding(f"driver {driver} ({library})", False, "not built", "./twinpath setup")


def _tool(name: str, package: str, why: str) -> Finding:
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    return Finding(name, bool(path), path or f"missing: {why}",
                   "" if path else f"sudo apt-get install {package}")


def _huge_pages() -> Finding:
    try:
        count = int(Path("/proc/sys/vm/nr_hugepages").read_text(encoding="ascii"))
    except (OSError, ValueError):
        count = 0
    detail = f"{count} of 2 MiB" if count else "none: packet buffers on 4 kB pages are slower"
    return Finding("huge pages", count > 0, detail,
                   "" if count else "echo 128 | sudo tee /proc/sys/vm/nr_hugepages")


def findings() -> list[Finding]:
    """What this machine has."""
    root = os.geteuid() == 0
    rights = "namespaces and veth for emu against Linux" if root else \
        "not root: emu runs over net_ring, without a Linux peer"
    return [
        _module("sim", "ns-3"), _module("emu", "DPDK"), _module("bridge", "ns-3 among DPDK ports"),
        Finding("root", root, rights, "" if root else "sudo ./twinpath demo"),
        _huge_pages(), _tool("nginx", "nginx", "the Linux peer of the demo"),
        _tool("curl", "curl", "fetches from our server"),
        _tool("tshark", "tshark", "checks captures"),
        _tool("ip", "iproute2", "namespaces"), _tool("ethtool", "ethtool", "offloads off"),
    ]


@app.command("doctor", help="Say what this machine has and what helps where something is missing.")
def doctor(as_json: bool = JSON) -> int:
    found = findings()
    if as_json:
        print_json({"schema": "twinpath.doctor/1", "machine": machine_row(),
                    "findings": [asdict(f) for f in found], "problems": []})
    else:
        machine = machine_row()
        console.print(f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}")
        for finding in found:
            mark = "[green]yes[/]" if finding.found else "[yellow]no [/]"
            helps = f"  →  {finding.command}" if finding.command else ""
            console.print(f"{mark} {finding.what}: {finding.detail}{helps}")
    return 0 if all(f.found for f in found if f.what.startswith("driver")) else 4


@app.command("setup", help="Install what is missing and build (done by the launcher).")
def setup(as_json: bool = JSON) -> int:
    return doctor(as_json)


def _script(path: Path, arguments: list[str]) -> int:
    return subprocess.call([PYTHON, str(path), *arguments])


@app.command("test", context_settings=PASS_ON, help="Run the test suites.")
def test(context: typer.Context) -> int:
    return _script(ROOT / "tests" / "runner" / "run.py", context.args)


@app.command("accept", context_settings=PASS_ON, help="Check the project's promises.")
def accept(context: typer.Context) -> int:
    return _script(ROOT / "tests" / "accept" / "accept.py", context.args)


@app.command("docs", help="Build the handbook as HTML into build/docs.")
def docs(as_json: bool = JSON) -> int:
    if not shutil.which("sphinx-build") or not shutil.which("doxygen"):
        raise MissingPrivilege("the handbook is built by Sphinx with MyST, Breathe and Doxygen",
                               "sudo apt-get install python3-sphinx python3-myst-parser "
                               "python3-breathe python3-sphinx-rtd-theme doxygen")
    built = ROOT / "build" / "docs"
    code = subprocess.call(["sphinx-build", "-W", "--keep-going", "-q", "-b", "html",
                            str(ROOT / "docs"), str(built)], stdout=sys.stderr)
    if code != 0:
        problem = Problem("docs", str(ROOT / "docs"), "the handbook has a warning or an error; "
                          "Sphinx names it above")
        raise CheckFailed([problem])
    if as_json:
        print_json({"schema": "twinpath.docs/1", "path": str(built / "index.html"),
                    "problems": []})
    else:
        console.print(f"{built / 'index.html'}")
    return 0


@app.command("notebook", context_settings=PASS_ON,
             help="Start Jupyter with the right interpreter; options go to `jupyter notebook`.")
def notebook(context: typer.Context) -> None:
    modules = {"notebook": "jupyter-notebook", "ipykernel": "python3-ipykernel"}
    script = "import importlib.util, sys; print(*(m for m in sys.argv[1:] if not " \
             "importlib.util.find_spec(m)))"
    missing = subprocess.run([PYTHON, "-c", script, *modules], capture_output=True, text=True,
                             check=True).stdout.split()
    if missing:
        packages = " ".join(modules[name] for name in missing)
        raise MissingPrivilege(f"notebook needs the Debian package {packages}",
                               f"sudo apt-get install {packages}")
    sys.stdout.flush()
    os.execv(PYTHON, [PYTHON, "-m", "notebook", *context.args])


@app.command("python", context_settings=PASS_ON, help="Start the right interpreter.")
def python(context: typer.Context) -> None:
    sys.stdout.flush()
    os.execv(PYTHON, [PYTHON, *context.args])
