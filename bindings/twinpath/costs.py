"""What CPU time costs in a simulation: `costs=` as it stands in a Plan.

A profile is in the Plan, so its numbers are part of the run's key and of every rerun.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

from .errors import ConfigError, Problem
from .plan import Plan, canonical, sha256
from .quantities import Time

FREE = "zero"
COST_NS_MAX = 10**9
ALLOWED = ('zero, constant:2us, or a JSON file '
           '{"kind":"constant","per_turn_ns":..,"per_frame_ns":..}')


def with_costs(plan: Plan, costs: str) -> Plan:
    """`plan` with the profile `costs` names: "zero" (CPU time is free; the Plan stays as it is),
    "constant:2us" per turn, or the path of a JSON file. Simulations only."""
    if costs == FREE:
        return plan
    if not isinstance(costs, str):
        raise _refused(costs, f"{costs!r} is no profile")
    body = _constant(costs) if costs.startswith("constant:") else _from_file(costs)
    if plan.driver != "sim":
        raise _refused(costs, "is for simulations; an emulation takes the time it takes", FREE)
    return replace(plan, data={**plan.data, "costs": body})


def profile_row(plan: Plan) -> dict[str, Any] | None:
    """The `profile` row of what CPU time costs in `plan`; None when it is free. Equal prices are
    one profile, however they were given."""
    body = plan.data.get("costs")
    if body is None:
        return None
    turn, frame = (Time(f"{body[name]}ns") for name in ("per_turn_ns", "per_frame_ns"))
    name = f"constant:{turn}" + (f"+{frame}/frame" if frame else "")
    return {"sha256": sha256(canonical(body)), "name": name, "kind": body["kind"],
            "body_json": canonical(body)}


def _refused(value: Any, message: str, allowed: str = ALLOWED) -> ConfigError:
    return ConfigError([Problem("costs", str(value), message, allowed)])


def _constant(costs: str) -> dict[str, Any]:
    price = Time(costs.partition(":")[2], "costs")
    return _checked({"kind": "constant", "per_turn_ns": price.ns, "per_frame_ns": 0}, costs)


def _from_file(path: str) -> dict[str, Any]:
    if not os.path.isfile(path):
        raise _refused(path, f"{path!r} is no profile and no file")
    try:
        with open(path, encoding="utf-8") as file:
            body = json.load(file)
    except (OSError, ValueError) as error:
        raise _refused(path, f"cannot be read: {error}") from None
    if not isinstance(body, dict) or set(body) != {"kind", "per_turn_ns", "per_frame_ns"}:
        raise _refused(path, "has other keys than kind, per_turn_ns and per_frame_ns")
    return _checked(body, path)


def _checked(body: dict[str, Any], source: str) -> dict[str, Any]:
    if body["kind"] != "constant":
        raise _refused(body["kind"], f"{source}: the kind is not available yet", "constant")
    for name in ("per_turn_ns", "per_frame_ns"):
        value = body[name]
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= COST_NS_MAX:
            raise _refused(value, f"{source}: {name} is no whole number of nanoseconds",
                           f"0..{COST_NS_MAX}")
    return body
