#!/usr/bin/python3
"""`./twinpath test [TIER...] [--quick] [--json]`: builds the debug preset and runs every tier.

The last line is "N passed, N failed, N skipped" over all tiers; skips are listed with reasons.
With --json all that goes to standard error, and one object to standard output. Ends 0 if nothing
failed, 1 if something did, 2 for an unknown tier.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time

from outcome import Case, Outcome
from tiers import ROOT, TIERS, Build, Context, Tier

sys.path.append(str(ROOT / "bindings"))

from twinpath.cli.script_parser import Parser  # the path above first
from twinpath.errors import unknown


def run_tier(tier: Tier, build: Build, context: Context) -> Outcome:
    """Builds and runs one tier and prints its line."""
    started = time.monotonic()
    print(f"{tier.name:<10}", end="", flush=True)
    broken = build(tier)
    built = time.monotonic()
    if broken is None:
        outcome = tier.run(context)
    else:
        outcome = Outcome([Case(f"{tier.name} (build)", problem=broken)])
    print(
        f"{outcome}   build {built - started:.0f} s, run {time.monotonic() - built:.0f} s",
        flush=True,
    )
    for case in outcome.failed:
        print(f"\nFAILED {tier.name}: {case.name}\n{case.problem}\n", flush=True)
    return outcome


def print_skips(total: Outcome) -> None:
    by_reason: dict[str, list[str]] = {}
    for case in total.skipped:
        by_reason.setdefault(case.skipped or "", []).append(case.name)
    for reason, names in sorted(by_reason.items()):
        print(
            f"skipped {len(names)}: {reason} ({', '.join(names[:3])}{', …' if names[3:] else ''})"
        )


def chosen_tiers(names: list[str], quick: bool) -> list[Tier]:
    present = [t for t in TIERS if (ROOT / t.sources).is_dir()]
    if names:
        return [t for t in present if t.name in names]
    return [t for t in present if t.quick or not quick]


def main(arguments: list[str]) -> int:
    parser = Parser(prog="twinpath test", description=__doc__.splitlines()[0])
    known = [t.name for t in TIERS]
    parser.add_argument("tier", nargs="*", help=f"only these: {' '.join(known)}")
    parser.add_argument(
        "--quick", action="store_true", help="leave out the slow tiers, fewer seeds"
    )
    options = parser.read(arguments)
    for name in options.tier:
        if name not in known:
            parser.refuse(unknown("tier", name, "tier", known))
    with contextlib.redirect_stdout(sys.stderr) if options.json else contextlib.nullcontext():
        total = run_all(chosen_tiers(options.tier, options.quick), Context(quick=options.quick))
    if options.json:
        print(json.dumps(as_object(total), ensure_ascii=False, indent=1))
    return 1 if total.failed else 0


def run_all(tiers: list[Tier], context: Context) -> Outcome:
    """Every tier, then what was skipped, what failed, and the closing line."""
    context.reports.mkdir(parents=True, exist_ok=True)
    build, total = Build(context), Outcome()
    for tier in tiers:
        total += run_tier(tier, build, context)
    print_skips(total)
    for case in total.failed:
        print(f"failed: {case.name}")
    print(total)
    return total


def as_object(total: Outcome) -> dict[str, object]:
    """The JSON object of all tiers."""
    return {
        "schema": "twinpath.test/1",
        "passed": total.passed,
        "failed": [{"name": case.name, "problem": case.problem} for case in total.failed],
        "skipped": [{"name": case.name, "reason": case.skipped} for case in total.skipped],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
