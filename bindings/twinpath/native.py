"""`tp.native("mine.cc", "Mine", ...)`: a user's own C++ in a scenario.

The source is compiled once by the recipe of this build (native.json) and kept under its hash; the
same shared object runs in the simulator and in the emulator, and its hash stands in the Plan. What
the class takes is asked in a process of its own: this one loads nobody's code.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Mapping

from .apps import AppSpec
from .arguments import of_type, path_of
from .errors import ConfigError, Problem, TwinpathError, unknown
from .fields import Field

INTERFACE = "1"
COMPILE_TIMEOUT_S = 300
MACRO = re.compile(r"^\s*TWINPATH_[A-Z]+\(\s*(\w+)\s*\)", re.MULTILINE)
Json = dict[str, Any]


@dataclass(frozen=True)
class NativeSpec(AppSpec):
    """A class of a user's C++ file with its arguments: an app for `Host.run`, or a congestion
    control for `tcp={"congestion": ...}`."""

    source: str = ""
    cls: str = ""


def native(source: str, cls: str, **args: Any) -> NativeSpec:
    """The class `cls` of the C++ file `source`, which ends with TWINPATH_APP(cls) or
    TWINPATH_CONGESTION(cls). A relative `source` is relative to the file that calls this. `args`
    are fields of the class's Config, with units where these have one ("40ms", "64KiB"); an app
    that talks to a host takes it as `to`."""
    source = path_of(source, "native.source")
    of_type(cls, str, "native.cls", "the name of a class")
    caller = sys._getframe(1).f_code.co_filename
    folder = os.path.dirname(os.path.abspath(caller)) if os.path.isfile(caller) else os.getcwd()
    to = args.pop("to", None)
    return NativeSpec("native", args, to, None, os.path.join(folder, source), cls)


@dataclass(frozen=True)
class Built:
    """A compiled class. `object` is the hash of the file at `path`; `includes` maps the user's own
    headers to their hashes."""

    object: str
    kind: str  # app, congestion
    has_target: bool
    fields: dict[str, Field]
    includes: dict[str, str]

    @property
    def path(self) -> str:
        return object_path(self.object)


@dataclass(frozen=True)
class Recipe:
    """How this build compiles: see cmake/TwinpathNative.cmake."""

    compiler: str
    compile: tuple[str, ...]
    link: tuple[str, ...]
    include: str
    archive: str
    describe: str  # the program that tells what a class takes
    abi: str

    @property
    def key(self) -> str:
        compiler = os.path.realpath(shutil.which(self.compiler) or self.compiler)
        parts = [INTERFACE, compiler, _file_sha256(compiler), self.abi, _file_sha256(self.archive),
                 *self.compile, *self.link]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def cache_folder() -> Path:
    """Where objects are kept: $XDG_CACHE_HOME/twinpath/native."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "twinpath" / "native"


def object_path(sha256: str) -> str:
    return str(cache_folder() / "objects" / f"{sha256}.so")


def objects_of(plan: Json) -> dict[str, str]:
    """Where this machine keeps every object a Plan names; ConfigError if it has not got one."""
    used = [host["congestion"] for host in plan["hosts"] if host.get("congestion")]
    used += [app["native"] for app in plan["apps"] if app.get("native")]
    paths = {use["object"]: object_path(use["object"]) for use in used}
    missing = [Problem(use["source"], use["class"],
                       f"the compiled {use['class']} ({use['object'][:12]}) is not on this machine",
                       hint="run the scenario itself once to compile it")
               for use in used if not os.path.isfile(paths[use["object"]])]
    if missing:
        raise ConfigError(missing)
    return paths


def recipe() -> Recipe:
    """This build's recipe. With TWINPATH_SDK=PREFIX headers and library of an installed one."""
    for folder in sys.path:
        path = os.path.join(folder or ".", "native.json")
        if os.path.isfile(path):
            return _read_recipe(path)
    raise TwinpathError("native.json is missing; build first: ./twinpath setup")


def _read_recipe(path: str) -> Recipe:
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    folder = os.path.dirname(path)
    built = Path(folder, "native_abi.txt").read_text(encoding="utf-8").strip()
    prefix = os.environ.get("TWINPATH_SDK")
    if prefix:
        data |= _installed(os.path.abspath(prefix))
    abi = headers_sha256(data["include"])
    if abi != built:
        helps = "install this build there: cmake --install build/release --prefix" if prefix else \
            "run ./twinpath setup"
        raise ConfigError([Problem("TWINPATH_SDK" if prefix else "native", data["include"],
                                   f"the headers in {data['include']} are not those of this build",
                                   hint=f"{helps} {prefix or ''}".strip())])
    return Recipe(data["compiler"], tuple(data["compile"]), tuple(data["link"]), data["include"],
                  data["archive"], os.path.join(folder, "native_json"), abi)


def _installed(prefix: str) -> Json:
    """Headers and library of an installed prefix, in place of the tree's."""
    found = sorted(Path(prefix).glob("lib*/**/libtwinpath_models.a"))
    if not found:
        raise ConfigError([Problem("TWINPATH_SDK", prefix, f"{prefix} has no libtwinpath_models.a",
                                   "a prefix of cmake --install build/release --prefix PREFIX")])
    return {"include": os.path.join(prefix, "include", "twinpath"), "archive": str(found[0])}


def headers_sha256(include: str) -> str:
    """The hash of every header of models/, as cmake/NativeAbi.cmake computes it."""
    names = sorted(str(path.relative_to(include)) for path in Path(include, "models").rglob("*.h"))
    lines = "".join(f"{name} {_file_sha256(os.path.join(include, name))}\n" for name in names)
    return hashlib.sha256(lines.encode()).hexdigest()


def _file_sha256(path: str) -> str:
    stat = os.stat(path)
    return _known_sha256(path, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=4096)
def _known_sha256(path: str, mtime_ns: int, size: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def build(spec: NativeSpec) -> Built:
    """The class compiled, from the cache when nothing of it changed. ConfigError has the
    compiler's errors, each with the user's line."""
    if not os.path.isfile(spec.source):
        raise ConfigError([Problem("native", spec.source, f"no file {spec.source}")])
    how = recipe()
    text = Path(spec.source).read_bytes()
    _check_class(spec, text.decode(errors="replace"))
    parts = [how.key.encode(), os.path.realpath(spec.source).encode(), spec.cls.encode(), text]
    key = hashlib.sha256(b"\0".join(parts)).hexdigest()
    if (known := _cached(key)) is not None:
        return known
    with _locked(key):
        return _cached(key) or _compile(spec, how, key)


def _check_class(spec: NativeSpec, text: str) -> None:
    names = MACRO.findall(text)
    if spec.cls in names:
        return
    name = os.path.basename(spec.source)
    if names:
        raise ConfigError([unknown(name, spec.cls, f"class in {name}", names)])
    raise ConfigError([Problem(name, spec.cls, f"{name} offers no class",
                               hint=f"end it with TWINPATH_APP({spec.cls}) or "
                                    f"TWINPATH_CONGESTION({spec.cls})")])


def _cached(key: str) -> Built | None:
    """What the cache has, if the user's own headers are still the same."""
    try:
        data = json.loads((cache_folder() / "recipes" / f"{key}.json").read_text(encoding="utf-8"))
        if any(_file_sha256(path) != sha256 for path, sha256 in data["includes"].items()):
            return None
    except (OSError, ValueError):
        return None
    return _built(data) if os.path.isfile(object_path(data["object"])) else None


def _built(data: Json) -> Built:
    fields = {f["name"]: Field(**{**f, "choices": tuple(f["choices"])}) for f in data["fields"]}
    return Built(data["object"], data["kind"], data["has_target"], fields, data["includes"])


@contextlib.contextmanager
def _locked(key: str) -> Iterator[None]:
    """One process compiles a source at a time; who waited finds it in the cache."""
    folder = cache_folder()
    try:
        for name in ("objects", "recipes", "locks"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        file = open(folder / "locks" / key, "w", encoding="utf-8")
    except OSError as error:
        raise ConfigError([Problem("native", str(folder), f"cannot write to {folder}: "
                                   f"{error.strerror}", hint="set XDG_CACHE_HOME")]) from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _compile(spec: NativeSpec, how: Recipe, key: str) -> Built:
    folder = cache_folder()
    with tempfile.TemporaryDirectory(prefix="compile-", dir=folder) as work:
        made = os.path.join(work, "native.so")
        _run(spec, how, _compile_command(spec, how, work), work)
        _run(spec, how, [how.compiler, os.path.join(work, "native.o"), *how.link, how.archive,
                         "-o", made], work)
        described = _describe(spec, how, made)
        sha256 = _file_sha256(made)
        includes = {path: _file_sha256(path) for path in _own_includes(work, how)}
        data = {**described, "object": sha256, "includes": includes}
        recipe_file = os.path.join(work, "recipe.json")
        Path(recipe_file).write_text(json.dumps(data), encoding="utf-8")
        os.replace(made, object_path(sha256))
        os.replace(recipe_file, folder / "recipes" / f"{key}.json")
    return _built(data)


def _compile_command(spec: NativeSpec, how: Recipe, work: str) -> list[str]:
    """Paths are mapped away, so that equal sources give equal objects wherever they lie."""
    source = os.path.realpath(spec.source)
    maps = [f"-ffile-prefix-map={folder}=." for folder in (os.path.dirname(source), work)]
    return [how.compiler, *how.compile, f"-I{how.include}", f'-DTWINPATH_NATIVE_ABI="{how.abi}"',
            *maps, f"-ffile-prefix-map={how.include}=twinpath", "-fno-diagnostics-color",
            "-MMD", "-MF", os.path.join(work, "native.d"), "-c", source,
            "-o", os.path.join(work, "native.o")]


def _run(spec: NativeSpec, how: Recipe, command: list[str], work: str) -> None:
    environment = {**os.environ, "LC_ALL": "C", "SOURCE_DATE_EPOCH": "0"}
    try:
        done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True,
                              errors="replace", timeout=COMPILE_TIMEOUT_S, check=False)
    except FileNotFoundError as error:
        raise ConfigError([Problem("native", how.compiler, f"no compiler {how.compiler}",
                                   hint="apt-get install g++")]) from error
    except subprocess.TimeoutExpired as error:
        raise ConfigError([Problem("native", spec.source, "took more than "
                                   f"{COMPILE_TIMEOUT_S} s to compile")]) from error
    if done.returncode != 0:
        from .native_errors import compile_problems

        raise ConfigError(compile_problems(os.path.realpath(spec.source), how.include, done.stderr))


def _own_includes(work: str, how: Recipe) -> list[str]:
    """Files the source includes that are neither ours nor the system's."""
    words = Path(work, "native.d").read_text(encoding="utf-8").replace("\\\n", " ").split()[1:]
    paths = [os.path.join(work, word) for word in words]
    foreign = (os.path.join(how.include, "models"), "/usr/")
    return sorted({path for path in paths if not path.startswith(foreign)})


def _describe(spec: NativeSpec, how: Recipe, path: str) -> Json:
    done = subprocess.run([how.describe, path, spec.cls], capture_output=True, text=True,
                          timeout=COMPILE_TIMEOUT_S, check=False)
    name = os.path.basename(spec.source)
    try:
        described: Json = json.loads(done.stdout)
    except ValueError:
        text = f"{spec.cls} could not be asked what it takes: {done.stderr.strip()[-400:]}"
        raise ConfigError([Problem(name, spec.cls, text)]) from None
    if "error" in described:
        raise ConfigError([Problem(name, spec.cls, described["error"], hint=described["hint"])])
    return described


def plan_native(spec: NativeSpec, kind: str, path: str) -> Json:
    """`spec` as it stands in a Plan: the object's hash, the class, the arguments it takes. `kind`
    is what is wanted at `path`: app or congestion."""
    built = build(spec)
    if built.kind != kind:
        raise ConfigError([Problem(path, spec.cls, f"{spec.cls} is of kind {built.kind}, not "
                                   f"{kind}")])
    problems = []
    if kind == "app" and built.has_target != (spec.to is not None):
        text = "takes no host as `to`" if spec.to is not None else "needs `to`, a host"
        problems.append(Problem(f"{path}.to", "", f"{spec.cls} {text}"))
    args, more = _arguments(built.fields, spec.args, path)
    if problems or more:
        raise ConfigError([*problems, *more])
    return {"object": built.object, "class": spec.cls, "source": os.path.basename(spec.source),
            "args": args}


def _arguments(fields: Mapping[str, Field], given: Mapping[str, Any],
               path: str) -> tuple[Json, list[Problem]]:
    values: Json = {}
    problems: list[Problem] = []
    for name, value in given.items():
        if name not in fields:
            problems.append(unknown(f"{path}.{name}", name, "argument", list(fields)))
            continue
        try:
            values[name] = fields[name].plan_value(value, f"{path}.{name}")
        except ConfigError as error:
            problems.extend(error.problems)
    return values, problems
