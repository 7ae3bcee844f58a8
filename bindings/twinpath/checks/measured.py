"""What runs of one entry gave, per metric, in the order of the runs."""

from __future__ import annotations

import math
from typing import Sequence

from twinpath_analysis.compare import comparable
from twinpath_analysis.queries import Results

from ..run import Run, combined
from .expect import FINGERPRINT
from .judge import Sample


def name_of(run: Run, index: int) -> str:
    """How a message calls a run."""
    return f"seed {run.seed}" if run.driver == "sim" else f"repetition {index + 1}"


def samples_of(runs: Sequence[Run], labels: Sequence[str] = ()) -> dict[str, Sample]:
    """Metrics of model time and counts that every run has, over all entities, and those of
    `labels` ("ENTITY:METRIC"). CPU and wall time belong to the machine, never to a baseline."""
    names = tuple(name_of(run, index) for index, run in enumerate(runs))
    values: dict[str, list[float]] = {}
    about: dict[str, tuple[str, str]] = {}
    for run in runs:
        with Results(run.db) as results:
            frame = comparable(results.scalars([run.run_id]))
        groups = {str(metric): rows for metric, rows in frame.groupby("metric")}
        for label in (label for label in labels if ":" in label):
            entity, _, metric = label.rpartition(":")
            groups[label] = frame[(frame["entity"] == entity) & (frame["metric"] == metric)]
        for label, rows in groups.items():
            if len(rows) and not math.isnan(value := combined(rows)):
                values.setdefault(label, []).append(value)
                about[label] = (str(rows["unit"].iloc[0]), str(rows["better"].iloc[0]))
    found = {label: Sample(tuple(given), *about[label], names)
             for label, given in sorted(values.items()) if len(given) == len(runs)}
    if runs and all(run.driver == "sim" and run.fingerprint for run in runs):
        found[FINGERPRINT] = Sample(tuple(str(run.fingerprint) for run in runs), names=names)
    return found
