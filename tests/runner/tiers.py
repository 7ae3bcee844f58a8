"""The tiers of `./twinpath test`, in the order they run: one entry each.

A tier builds its targets, runs its command and hands back counted cases. `quick` ones also run with
--quick. A tier whose sources do not exist has nothing to say and is left out.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from outcome import Case, Outcome, last_lines, read_junit

ROOT = Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"
FUZZ_SECONDS = 8  # per target, after its stored corpus
SWARM_SEEDS = 2000


@dataclass
class Context:
    """Where a tier works and how much it may take."""

    quick: bool
    build: Path = ROOT / "build" / "debug"
    fuzz_build: Path = ROOT / "build" / "fuzz"
    reports: Path = ROOT / "build" / "test-reports"
    jobs: int = os.cpu_count() or 1

    def run(self, command: list[str], log: str, timeout_s: int = 1200) -> tuple[int, str]:
        """Exit code and output of a command; the output is also kept as reports/LOG.log."""
        try:
            ran = subprocess.run(
                command,
                cwd=ROOT,
                env=environment(),
                text=True,
                timeout=timeout_s,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
                errors="replace",
            )
            code, output = ran.returncode, ran.stdout
        except subprocess.TimeoutExpired as late:
            output = late.stdout.decode(errors="replace") if late.stdout else ""
            code, output = 124, f"{output}\nstopped after {timeout_s} s"
        (self.reports / f"{log}.log").write_text(output)
        return code, output


@dataclass(frozen=True)
class Tier:
    """One tier: `sources` is the folder without which it does not exist."""

    name: str
    sources: str
    run: Callable[[Context], Outcome]
    targets: tuple[str, ...] = ()
    preset: str = "debug"
    quick: bool = True


def environment() -> dict[str, str]:
    """The launcher's environment, or the same made here when a tier is run by hand."""
    build = ROOT / "build" / "release"
    path = f"{ROOT / 'bindings'}:{build / 'bindings'}:{ROOT / 'analysis'}"
    return {
        **os.environ,
        "TWINPATH_ROOT": str(ROOT),
        "TWINPATH_BUILD": str(build),
        "PYTHONPATH": path,
    }


def pytest(folder: str, *options: str) -> Callable[[Context], Outcome]:
    """A tier that is a folder of pytest files."""

    def run(context: Context) -> Outcome:
        report = context.reports / f"{Path(folder).name}.xml"
        report.unlink(missing_ok=True)
        command = [
            PYTHON,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"--junit-xml={report}",
            "-o",
            "junit_family=xunit1",
            *options,
            folder,
        ]
        code, output = context.run(command, Path(folder).name)
        return from_report(report, folder, code, output)

    return run


def ctest(label: str) -> Callable[[Context], Outcome]:
    """A tier that is the ctest entries of one label."""

    def run(context: Context) -> Outcome:
        report = context.reports / f"{label}.xml"
        report.unlink(missing_ok=True)
        command = [
            "ctest",
            "--test-dir",
            str(context.build),
            "-L",
            f"^{label}$",
            "--output-on-failure",
            "-j",
            str(context.jobs),
            "--output-junit",
            str(report),
            "--no-tests=error",
        ]
        code, output = context.run(command, label)
        return from_report(report, label, code, output)

    return run


def from_report(report: Path, name: str, code: int, output: str) -> Outcome:
    """The cases of a report; a tool that ended badly without a failed case is a failure too."""
    outcome = read_junit(report) if report.exists() else Outcome()
    if not outcome.cases or (code != 0 and not outcome.failed):
        outcome.cases.append(Case(name, problem=f"ended {code}\n{last_lines(output)}"))
    return outcome


def swarm(context: Context) -> Outcome:
    """Some thousand random worlds; ten thousand are `./twinpath accept 02.swarm`."""
    seeds = SWARM_SEEDS // 10 if context.quick else SWARM_SEEDS
    command = [str(context.build / "tests" / "swarm"), "--count", str(seeds)]
    code, output = context.run(command, "swarm")
    return Outcome(
        [Case(f"swarm of {seeds} seeds", problem=None if code == 0 else last_lines(output))]
    )


def check(context: Context) -> Outcome:
    """Our own suite of checks, as CI would run a user's; in --quick its quickest entries."""
    report = context.reports / "check.xml"
    report.unlink(missing_ok=True)
    database = context.reports / "check.db"
    database.unlink(missing_ok=True)
    only = ["--only", "quick"] if context.quick else []
    command = [PYTHON, "-m", "twinpath", "check", "tests/suite/gate.py", f"--junit={report}",
               f"--db={database}", *only]
    code, output = context.run(command, "check")
    return from_report(report, "check", 0 if code == 4 else code, output)


def fuzz(context: Context) -> Outcome:
    """Every target: its stored corpus first, then a few seconds of new inputs."""
    names = sorted(source.stem for source in (ROOT / "tests" / "fuzz").glob("*.cc"))
    with ThreadPoolExecutor(max_workers=context.jobs) as pool:
        return Outcome(list(pool.map(lambda name: fuzz_one(context, name), names)))


def fuzz_one(context: Context, name: str) -> Case:
    corpus = ROOT / "tests" / "fuzz" / "corpus" / name
    found = context.reports / "fuzz" / name
    found.mkdir(parents=True, exist_ok=True)
    seconds = 1 if context.quick else FUZZ_SECONDS
    command = [
        str(context.fuzz_build / "tests" / f"fuzz_{name}"),
        f"-max_total_time={seconds}",
        "-rss_limit_mb=2048",
        "-timeout=10",
        f"-artifact_prefix={found}/",
        str(found),
    ]
    command += [str(corpus)] if corpus.is_dir() else []
    code, output = context.run(command, f"fuzz-{name}", timeout_s=120)
    return Case(f"fuzz.{name}", problem=None if code == 0 else last_lines(output))


SLOW = ("--timeout=300",)
TIERS = (
    Tier("tidy", "tests/tidy", pytest("tests/tidy")),
    Tier("runner", "tests/runner", pytest("tests/runner")),
    Tier("accept", "tests/accept", pytest("tests/accept")),
    Tier("unit", "tests/unit", ctest("unit"), ("unit_tests",)),
    Tier("plan", "tests/plan", ctest("plan"), ("plan_tests",)),
    Tier("store", "tests/store", ctest("store"), ("store_tests",)),
    Tier("sim", "tests/sim", ctest("sim"), ("sim_tests", "examples")),
    Tier("emu", "tests/emu", ctest("emu"), ("emu_tests",)),
    Tier("lwip", "tests/lwip", ctest("lwip"), ("lwip_tests",)),
    Tier("twin", "tests/twin", ctest("twin"), ("twin_tests",)),
    Tier("swarm", "tests/swarm", swarm, ("swarm",)),
    Tier("python", "tests/python", pytest("tests/python", *SLOW)),
    Tier("check", "tests/suite", check),
    Tier("docs", "tests/docs", pytest("tests/docs", *SLOW), ("bench_forward",), preset="release",
         quick=False),
    Tier("fuzz", "tests/fuzz", fuzz, ("fuzzers",), preset="fuzz"),
    Tier("interop", "tests/interop", pytest("tests/interop", *SLOW), quick=False),
)


@dataclass
class Build:
    """Configures a preset once and builds targets in it."""

    context: Context
    configured: set[str] = field(default_factory=set)

    def __call__(self, tier: Tier) -> str | None:
        """The compiler's words if a target of the tier does not build, else None."""
        if not tier.targets:
            return None
        if tier.preset not in self.configured:
            code, output = self.context.run(
                ["cmake", "--preset", tier.preset], f"cmake-{tier.preset}"
            )
            if code != 0:
                return last_lines(output)
            self.configured.add(tier.preset)
        command = [
            "ninja",
            "-C",
            f"build/{tier.preset}",
            "-j",
            str(self.context.jobs),
            *tier.targets,
        ]
        code, output = self.context.run(command, f"build-{tier.name}", timeout_s=3600)
        return None if code == 0 else last_lines(output)
