"""Runs the entries of suites, judges them, tells changed from nondeterministic, retries what has
no verdict, and keeps the rows in the `comparison` table."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable, Sequence

from ..errors import (ConfigError, MissingPrivilege, NoVerdict, PortRefused, Problem, RunFailed,
                      TwinpathError)
from ..execute import execute
from ..matrix import REAL_TIME
from ..run import Run
from .baseline import Baseline, Baselines, who
from .expect import Expectation
from .judge import ERROR, FAIL, NEW, NO_BASELINE, NO_VERDICT, PASS, Judgment, Sample, judge
from .measured import name_of, samples_of
from .outcome import RUN, Outcome, Row, row_of
from .seeds import NO_STOP, default_jobs, run_seeds
from .suite import Entry, Suite, choose

ORDER = (FAIL, ERROR, NO_VERDICT, NEW, PASS)  # the worst first, for metrics expected twice of
PLAN = "plan"


@dataclass(frozen=True)
class Options:
    """How to check. `reason` records new baselines; `on_entry` is told of every entry's rows.
    `jobs`: simulations at a time, by default as many as leave a core free."""

    baseline: str | Path | None = None
    db: str | None = None
    retries: int = 1
    only: str | None = None
    reason: str | None = None
    on_entry: Callable[[Outcome], None] | None = None
    jobs: int | None = None


def check_suites(suites: Sequence[Suite], options: Options) -> Outcome:
    """Checks the chosen entries of suites; ConfigError before anything runs when a baseline is
    missing."""
    if options.reason is not None and not options.reason.strip():
        raise ConfigError([Problem("--reason", "", "say why these results are right now")])
    chosen = choose(suites, options.only)
    kept = {suite.name: Baselines(Path(options.baseline or suite.baseline), suite.name)
            for suite, _ in chosen}
    if options.reason is None:
        require_baselines(chosen, kept, options)
    outcome = Outcome()
    for suite, entries in chosen:
        for entry in entries:
            found = EntryCheck(entry, kept[suite.name], options).run()
            outcome.add(found)
            if options.on_entry is not None:
                options.on_entry(found)
        outcome.notes += [f"{path} belongs to no entry of {suite.name}; remove it"
                          for path in kept[suite.name].orphans({e.file for e in suite.entries})]
    return outcome


def command_of(entry: Entry, options: Options) -> str:
    """What checks this entry alone, in the same way."""
    if options.baseline is None:
        return entry.command
    return f"{entry.command} --baseline {shlex.quote(str(options.baseline))}"


def require_baselines(chosen: Sequence[tuple[Suite, list[Entry]]], kept: dict[str, Baselines],
                      options: Options) -> None:
    """ConfigError naming every entry whose baseline is missing, and what records it."""
    problems = []
    for suite, entries in chosen:
        for entry in entries:
            if missing_baseline(entry, kept[suite.name]):
                again = f"{command_of(entry, options)} --update --reason 'why it is right'"
                problems.append(Problem(
                    entry.name, "", f"no baseline {kept[suite.name].path(entry.file)}",
                    hint=f"record it: {again}"))
    if problems:
        raise ConfigError(problems)


def missing_baseline(entry: Entry, baselines: Baselines) -> bool:
    needed = any(expectation.needs_baseline for expectation in entry.expect)
    return needed and baselines.get(entry.file) is None


@dataclass
class EntryCheck:
    """One entry on its way: its runs, then its rows."""

    entry: Entry
    baselines: Baselines
    options: Options
    runs: list[Run] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    invalid: list[Run] = field(default_factory=list)

    def run(self) -> Outcome:
        """Runs and judges. What a run does wrong is a row, never an exception, Ctrl-C aside."""
        started = time.monotonic()
        try:
            rows = self._rows()
        except ConfigError:
            raise
        except RunFailed as error:
            rows = [self._row(RUN, Judgment(ERROR, _with_stderr(error)))]
        except (MissingPrivilege, PortRefused, NoVerdict) as error:
            rows = [self._row(RUN, Judgment(NO_VERDICT, str(error)))]
        except TwinpathError as error:
            rows = [self._row(RUN, Judgment(ERROR, str(error)))]
        spent = {self.entry.name: time.monotonic() - started}
        outcome = Outcome(rows, self.notes, spent)
        if self.runs:
            self._store(rows)
        return outcome

    def _rows(self) -> list[Row]:
        rows = self._attempt()
        for _ in range(self.options.retries if self.entry.driver in REAL_TIME else 0):
            if Outcome(rows).exit_code != NoVerdict.exit_code:
                break
            rows = self._attempt()
        return rows

    def _attempt(self) -> list[Row]:
        """One run per seed, added to those of earlier attempts; then every verdict."""
        run_seeds(self._once, self.entry.seeds, self._jobs(), self._take)
        if not self.runs:
            return [self._row(RUN, Judgment(NO_VERDICT, "no emulation was valid" + self._why()))]
        failures = [f"{name_of(run, i)}: {text}" for i, run in enumerate(self.runs)
                    for text in run.failures]
        if failures:
            return [self._row(RUN, Judgment(FAIL, "; ".join(failures)))]
        unequal = self._record() if self.options.reason is not None else []
        return unequal or self._judge(self.baselines.get(self.entry.file))

    def _why(self) -> str:
        """What the last invalid emulation broke."""
        broken = self.invalid[-1].problems if self.invalid else []
        return f" ({len(self.invalid)} invalid, the last: {'; '.join(broken)})" if broken else ""

    def _take(self, run: Run) -> None:
        (self.invalid if run.validity == "invalid" else self.runs).append(run)

    def _jobs(self) -> int:
        """Runs in real time are alone, and callbacks of net.on are called one by one."""
        if self.entry.driver in REAL_TIME or self.entry.plan.wishes:
            return 1
        return self.options.jobs or default_jobs()

    def _once(self, seed: int, stop_fd: int = NO_STOP) -> Run:
        entry = self.entry
        return execute(entry.case, entry.driver, seed, costs=entry.costs, db=self.options.db,
                       testbed=entry.testbed, stop_fd=stop_fd)

    def _judge(self, baseline: Baseline | None) -> list[Row]:
        samples = samples_of(self.runs, self.entry.labels)
        known = dict(baseline.samples) if baseline else {}
        judged = [(e, judge(e, samples.get(e.label), known.get(e.label),
                            self.entry.driver in REAL_TIME)) for e in self.entry.expect]
        told = self._tell_apart(judged, samples)
        rows = [self._row(label, _worst([j for e, j in told if e.label == label]), samples)
                for label in self.entry.labels]
        if baseline is None:
            return rows
        return self._plan_row(baseline) + rows + self._unexpected(samples, known)

    def _plan_row(self, baseline: Baseline) -> list[Row]:
        now = self.entry.subject()
        moved = [name for name in ("plan_sha256", "profile", "profile_sha256", "seeds")
                 if baseline.subject.get(name) != now[name]]
        if not moved:
            return []
        what = ", ".join(name.removesuffix("_sha256") for name in moved)
        text = (f"the experiment changed since the baseline ({what}): its numbers are of another "
                "one; if that was meant, --update --reason TEXT")
        return [self._row(PLAN, Judgment(FAIL, text))]

    def _unexpected(self, samples: dict[str, Sample], known: dict[str, Sample]) -> list[Row]:
        """Metrics nobody expects anything of, that came or went since the baseline."""
        gone = [self._row(name, Judgment(FAIL, "missing: the baseline has it, these runs do not"))
                for name in known if name not in samples and name not in self.entry.labels]
        fresh = [self._row(name, Judgment(NEW, f"new: {sample.text(0)}; {NO_BASELINE}"), samples)
                 for name, sample in samples.items()
                 if name not in known and name not in self.entry.labels]
        return gone + fresh

    def _tell_apart(self, judged: list[tuple[Expectation, Judgment]],
                    samples: dict[str, Sample]) -> list[tuple[Expectation, Judgment]]:
        """Runs what an exact expectation found different once more: the same again is a change,
        something else is nondeterminism. Emulations differing among themselves tell by that."""
        differing = sorted({i for _, j in judged for i in j.differing})
        if not differing:
            return judged
        if self.entry.driver in REAL_TIME:
            again = samples
        else:
            again = samples_of([self._once(self.entry.seeds[i]) for i in differing],
                               self.entry.labels)
        return [(e, _named(j, samples[e.label], again.get(e.label), differing)
                 if j.differing else j) for e, j in judged]

    def _record(self) -> list[Row]:
        """Writes the baseline; rows instead when the result cannot be one."""
        entry = self.entry
        if any(e.least_repeats > len(self.runs) for e in entry.expect
               if entry.driver in REAL_TIME and not e.exact):
            text = f"only {len(self.runs)} emulations were valid, too few for a baseline"
            return [self._row(RUN, Judgment(NO_VERDICT, text + self._why()))]
        samples = samples_of(self.runs, entry.labels)
        if entry.driver == "sim":
            again = samples_of([self._once(entry.seeds[0])], entry.labels)
            unequal = [name for name, sample in samples.items()
                       if name not in again or again[name].values[0] != sample.values[0]]
            if unequal:
                text = (f"nondeterministic: seed {entry.seeds[0]} gave two results; no baseline "
                        "was written")
                return [self._row(name, Judgment(FAIL, text), samples) for name in unequal]
        kept = {name: replace(sample, names=()) for name, sample in samples.items()}
        fresh = Baseline(entry.subject(), kept, who(), (self.options.reason or "").strip())
        if self._unchanged(fresh):
            self.notes.append(f"{self.baselines.path(entry.file)}: unchanged")
        else:
            self.notes.append(f"{self.baselines.put(entry.file, fresh)}: recorded")
        return []

    def _unchanged(self, fresh: Baseline) -> bool:
        """Whether the old baseline says the same: of simulations every digit, of emulations all
        that can be told, so that noise is no news."""
        old = self._old()
        if old is None or self.entry.driver == "sim":
            return fresh.equals(old)
        return all(row.verdict == PASS for row in self._judge(old))

    def _old(self) -> Baseline | None:
        try:
            return self.baselines.get(self.entry.file)
        except ConfigError:
            return None  # broken: what --update is for

    def _row(self, metric: str, judged: Judgment,
             samples: dict[str, Sample] | None = None) -> Row:
        entry, command = self.entry, command_of(self.entry, self.options)
        unit = samples[metric].unit if samples and metric in samples else ""
        return row_of((entry.suite, entry.name, command), metric, judged, unit)

    def _store(self, rows: list[Row]) -> None:
        from twinpath_analysis.compare import ComparisonRow, store_rows

        told = {PASS: "pass", FAIL: "fail", NO_VERDICT: "no-verdict", NEW: "info"}
        stored = []
        for row in rows:
            entity, _, metric = row.metric.rpartition(":")
            if row.metric not in (RUN, PLAN):
                stored.append(ComparisonRow(metric, entity or "*", row.value, row.baseline,
                                            row.lo, row.hi, row.n, row.bound, told[row.verdict]))
        store_rows(self.runs[0].db, "baseline", f"{self.entry.suite}/{self.entry.name}", stored)


def _named(judged: Judgment, first: Sample, again: Sample | None,
           differing: list[int]) -> Judgment:
    """`changed: ...` or `nondeterministic: ...`, by what the second runs gave."""
    if again is first:
        same = len(set(first.values)) == 1
        how = f"{len(first.values)} repetitions agree" if same else "the repetitions differ"
        return replace(judged, message=f"{'changed' if same else 'nondeterministic'}: "
                                       f"{judged.message}; {how}")
    unequal = [i for at, i in enumerate(differing)
               if again is None or again.values[at] != first.values[i]]
    if not unequal:
        return replace(judged, message=f"changed: {judged.message}; a second run gave the same")
    index = unequal[0]
    then = "nothing" if again is None else again.text(differing.index(index))
    return replace(judged, message=f"nondeterministic: {judged.message}; {first.name(index)} run "
                                   f"again gave {then}")


def _worst(judgments: list[Judgment]) -> Judgment:
    """One verdict for a metric: the worst; the messages of all with it."""
    worst = min(judgments, key=lambda j: ORDER.index(j.verdict))
    alike = [j.message for j in judgments if j.verdict == worst.verdict]
    return replace(worst, message="; ".join(alike))


def _with_stderr(error: RunFailed) -> str:
    return f"{error}\n{error.stderr}".strip()
