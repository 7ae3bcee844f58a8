"""Checks for continuous integration: expectations, baselines kept as text, verdicts, JUnit."""

from .expect import at_least, at_most, no_worse, same
from .outcome import Outcome
from .suite import Suite, suite

__all__ = ["Outcome", "Suite", "at_least", "at_most", "no_worse", "same", "suite"]
