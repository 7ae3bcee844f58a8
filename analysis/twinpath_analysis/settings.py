"""What settings (`-s`) and modelled CPU costs made of Plans of equal scenario and parameters, as
texts: no parameter tells such runs apart."""

from __future__ import annotations

import json
from typing import Any, Iterable

from .queries import RunRow
from .units import show

ENDINGS = {"_ns": ("s", 1e-9), "_bytes": ("byte", 1.0), "_bps": ("bit/s", 1.0)}
FRACTIONS = ("loss", "reorder", "duplicate", "corrupt")
NAMES = ("name", "a", "b")  # of a link: what it is, not how it behaves


def costs_text(plan: dict[str, Any]) -> str:
    """What CPU time costs in a Plan: "2 µs per turn"; empty where it is free."""
    costs = plan.get("costs")
    if costs is None:
        return ""
    parts = [f"{show(costs[f'per_{what}_ns'], 'ns')} per {what}" for what in ("turn", "frame")
             if costs.get(f"per_{what}_ns")]
    return ", ".join(parts) or "0 s"


def of_plan(plan: dict[str, Any]) -> dict[str, str]:
    """What `-s` can set, by its path: "wire.delay" is "10 ms"."""
    found = {}
    for link in plan.get("links") or ():
        found.update(_texts(link["name"], {k: v for k, v in link.items() if k not in NAMES}))
    for host in plan.get("hosts") or ():
        found.update(_texts(f"{host['name']}.tcp", host.get("tcp") or {}))
    return found


def _texts(place: str, values: dict[str, Any]) -> dict[str, str]:
    found = {}
    for name, value in values.items():
        ending = next((end for end in ENDINGS if name.endswith(end)), "")
        found[f"{place}.{name.removesuffix(ending)}"] = _text(name, value, ending)
    return found


def _text(name: str, value: Any, ending: str) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if ending:
        unit, scale = ENDINGS[ending]
        return show(value * scale, unit)
    return show(value, "fraction") if name in FRACTIONS else f"{value:g}"


def prices(runs: Iterable[RunRow]) -> dict[int, str]:
    """Per run_id what CPU time costs in it; empty when it is free in all of them."""
    texts: dict[str, str] = {}
    found = {}
    for run in runs:
        if run.plan_sha256 not in texts:
            texts[run.plan_sha256] = costs_text(json.loads(run.plan_json))
        found[run.run_id] = texts[run.plan_sha256]
    return found if any(found.values()) else {}


def told_apart(runs: Iterable[RunRow]) -> dict[int, str]:
    """Per run_id "wire.delay 20 ms": the settings in which runs of equal scenario and parameters
    differ. Runs that need no such word are left out."""
    groups: dict[tuple[str, str], list[RunRow]] = {}
    for run in runs:
        groups.setdefault((run.scenario, run.params_json), []).append(run)
    texts: dict[int, str] = {}
    for group in groups.values():
        plans = {run.plan_sha256: run.plan_json for run in group}
        if len(plans) > 1:
            parsed = {key: json.loads(text) for key, text in plans.items()}
            texts.update(_differing(group, parsed))
    return texts


def _differing(group: list[RunRow], plans: dict[str, Any]) -> dict[int, str]:
    known = {key: of_plan(plan) for key, plan in plans.items()}
    names = list(dict.fromkeys(name for values in known.values() for name in values))
    names = [name for name in names if len({v.get(name) for v in known.values()}) > 1]
    found = {}
    for run in group:
        values = known[run.plan_sha256]
        words = [f"{name} {values[name]}" for name in names if name in values]
        if words:
            found[run.run_id] = ", ".join(words)
    return found
