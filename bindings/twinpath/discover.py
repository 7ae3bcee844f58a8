"""Finding scenarios: those of the tree by name, a user's own by file."""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType

from .errors import ConfigError, Problem, unknown
from .provenance import ROOT
from .scenario import Scenario


def scenario_folder() -> Path:
    return Path(os.environ.get("TWINPATH_ROOT") or ROOT) / "scenarios"


def names() -> list[str]:
    """The names of the tree's scenarios."""
    return sorted(p.stem for p in scenario_folder().glob("*.py") if not p.stem.startswith("_"))


def load(path: Path) -> ModuleType:
    """A user's file as a module; ConfigError when it does not load."""
    spec = importlib.util.spec_from_file_location(f"twinpath_scenario_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError([Problem("scenario", str(path), f"{path} is not a Python file")])
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        text = f"{path} does not load: {type(error).__name__}: {error}{_line(error, path)}"
        raise ConfigError([Problem("scenario", str(path), text)]) from error
    return module


def _line(error: BaseException, path: Path) -> str:
    """The innermost line of the user's file an error came through; a syntax error names its own."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__)
              if frame.filename == str(path)]
    return f" (line {frames[-1].lineno})" if frames else ""


def _scenarios_of(module: ModuleType) -> dict[str, Scenario]:
    return {s.name: s for s in vars(module).values() if isinstance(s, Scenario)}


def find(text: str) -> Scenario:
    """The scenario called `text`, or of the file `./mine.py` or `./mine.py:function`."""
    path, _, wanted = text.partition(":")
    if path.endswith(".py") or os.sep in path:
        return _from_file(Path(path), wanted)
    if text not in names() and Path(path).is_file():
        raise ConfigError([Problem("scenario", text, f"{path} is no Python file", "FILE.py")])
    if text not in names():
        raise ConfigError([unknown("scenario", text, "scenario", names())])
    return _from_file(scenario_folder() / f"{text}.py", text)


def _from_file(path: Path, wanted: str) -> Scenario:
    if not path.is_file():
        raise ConfigError([Problem("scenario", str(path), f"no file {path}")])
    found = _scenarios_of(load(path))
    if wanted:
        if wanted not in found:
            raise ConfigError([unknown("scenario", wanted, f"scenario in {path}", list(found))])
        return found[wanted]
    if len(found) != 1:
        what = "has no @scenario" if not found else "has several scenarios"
        hint = f"write {path}:NAME" if found else ""
        raise ConfigError([Problem("scenario", str(path), f"{path} {what}", " ".join(found), hint)])
    return next(iter(found.values()))
