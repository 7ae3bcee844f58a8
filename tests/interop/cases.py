"""The interop matrix: every combination of what two TCPs may negotiate, who sends, who opens and
what the path does; and the small part of it in which every pair of values meets."""

from __future__ import annotations

import itertools
from dataclasses import astuple, dataclass, fields
from typing import Any

from paths import BY_NAME, Faults, Profile

# Transfers are short: more of what is rare.
PROFILES = {name: BY_NAME[name] for name in ("clean", "loss_1", "loss_5")} | {
    "reorder": Profile("reorder", Faults(reorder=0.02)),
    "duplicate": Profile("duplicate", Faults(duplicate=0.02)),
    "corrupt": Profile("corrupt", Faults(corrupt=0.02)),
    "marked": Profile("marked", Faults(marked=0.02))}
VALUES: dict[str, tuple[Any, ...]] = {
    "congestion": ("cubic", "reno", "bbr"), "timestamps": (True, False), "sack": (True, False),
    "ecn": (True, False), "family": ("v4", "v6"), "sender": ("us", "them"),
    "opener": ("us", "them"), "profile": tuple(PROFILES)}


@dataclass(frozen=True)
class Case:
    """One connection. `congestion` is the sender's."""

    congestion: str
    timestamps: bool
    sack: bool
    ecn: bool
    family: str
    sender: str
    opener: str
    profile: str

    @property
    def name(self) -> str:
        options = [option for option in ("timestamps", "sack", "ecn") if getattr(self, option)]
        return "-".join([self.congestion, "+".join(options) or "plain", self.family,
                         f"{self.sender}_send", f"{self.opener}_open", self.profile])

    @property
    def is_possible(self) -> bool:
        """Only who negotiated ECN may be marked."""
        return self.ecn or self.profile != "marked"


FIELDS = tuple(field.name for field in fields(Case))
EVERY = tuple(case for values in itertools.product(*(VALUES[name] for name in FIELDS))
              if (case := Case(*values)).is_possible)
Pair = tuple[tuple[str, Any], tuple[str, Any]]


def pairs(case: Case) -> set[Pair]:
    """Each two of its values."""
    return set(itertools.combinations(zip(FIELDS, astuple(case)), 2))


def covering(every: tuple[Case, ...]) -> tuple[Case, ...]:
    """A small part in which each pair of values of the whole occurs: the case with the most new
    pairs, again and again. The first of equals, so it is always the same part."""
    of_case = {case: pairs(case) for case in every}
    missing = set().union(*of_case.values())
    chosen = []
    while missing:
        best = max(every, key=lambda case: len(of_case[case] & missing))
        chosen.append(best)
        missing -= of_case[best]
    return tuple(chosen)


COVERING = covering(EVERY)
