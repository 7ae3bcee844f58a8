"""Baselines: what a suite was like when somebody said it is right. Text in git, one sorted JSON per
entry, so that a review shows which number moved, and who recorded it why."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Mapping

from twinpath_analysis.stats import summarize

from ..errors import ConfigError, Problem
from .expect import FINGERPRINT
from .judge import Sample

SCHEMA = "twinpath.baseline/1"
AGAIN = "record it again with --update --reason TEXT"
FOLDER = "baselines"  # beside the suite's file


@dataclass(frozen=True)
class Baseline:
    """One entry's recorded results. `subject` is what was run, `samples` what came of it."""

    subject: Mapping[str, Any]
    samples: Mapping[str, Sample]
    who: str = ""
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        found = dict(self.samples)
        prints = found.pop(FINGERPRINT, None)
        return {"schema": SCHEMA, **self.subject, "who": self.who, "why": self.why,
                "fingerprint": None if prints is None else list(prints.values),
                "metrics": {name: _metric(sample) for name, sample in found.items()}}

    @property
    def text(self) -> str:
        """Sorted JSON, a line per metric, so that a diff reads as a list of what moved."""
        data = self.as_json()
        metrics = data.pop("metrics")
        lines = [f"  {_dump(name)}: {_dump(metrics[name])}" for name in sorted(metrics)]
        data["metrics"] = None
        shell = json.dumps(data, sort_keys=True, indent=1, ensure_ascii=False)
        inside = ",\n".join(lines)
        return shell.replace('"metrics": null', f'"metrics": {{\n{inside}\n }}', 1) + "\n"

    def equals(self, other: "Baseline | None") -> bool:
        """Whether both say the same of the code; who and why aside."""
        return other is not None and (self.subject, dict(self.samples)) == (
            other.subject, dict(other.samples))


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _metric(sample: Sample) -> dict[str, Any]:
    summary = summarize(sample.numbers)
    return {"unit": sample.unit, "better": sample.better, "median": summary.median,
            "spread": [min(sample.numbers), max(sample.numbers)], "n": summary.n,
            "values": list(sample.values)}


@dataclass
class Baselines:
    """The folder with the baselines of one suite: FOLDER/SUITE/ENTRY.json."""

    folder: Path
    suite: str
    _read: dict[str, Baseline] = field(default_factory=dict)

    def path(self, file: str) -> Path:
        return self.folder / self.suite / f"{file}.json"

    def get(self, file: str) -> Baseline | None:
        """The baseline of an entry, None when there is none; ConfigError when it is broken."""
        path = self.path(file)
        try:
            return _parse(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except json.JSONDecodeError as error:
            text = f"{path} is not a baseline: no JSON at line {error.lineno}: {error.msg}"
            raise ConfigError([Problem("--baseline", str(path), text, hint=AGAIN)]) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            text = f"{path} is not a baseline: {type(error).__name__}: {error}"
            raise ConfigError([Problem("--baseline", str(path), text,
                                       hint=AGAIN)]) from error

    def put(self, file: str, baseline: Baseline) -> Path:
        """Writes a baseline whole or not at all."""
        path = self.path(file)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(".json.new")
            fresh.write_text(baseline.text, encoding="utf-8")
            os.replace(fresh, path)
        except OSError as error:
            raise ConfigError([Problem("--baseline", str(path),
                                       f"cannot write {path}: {error.strerror}")]) from error
        return path

    def orphans(self, files: set[str]) -> list[Path]:
        """Baselines of entries the suite no longer has."""
        return sorted(path for path in (self.folder / self.suite).glob("*.json")
                      if path.stem not in files)


def _parse(data: dict[str, Any]) -> Baseline:
    if data.get("schema") != SCHEMA:
        raise ValueError(f"schema is {data.get('schema')!r}, not {SCHEMA!r}")
    samples = {name: Sample(tuple(m["values"]), m["unit"], m["better"])
               for name, m in data["metrics"].items()}
    if data["fingerprint"] is not None:
        samples[FINGERPRINT] = Sample(tuple(data["fingerprint"]))
    own = ("schema", "who", "why", "fingerprint", "metrics")
    subject = {name: value for name, value in data.items() if name not in own}
    return Baseline(subject, samples, str(data["who"]), str(data["why"]))


def who() -> str:
    """The author as git knows them, else the user's name."""
    try:
        said = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True,
                              check=False, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        said = ""
    return said or getpass.getuser()
