"""The two checks that run a tool: clang-format, and the compiler on headers without a source.

A header that has a source of its own name needs no extra run: `own_header_first` makes the build
compile it first, so the build is the proof. The others are compiled alone here, and the answer is
kept under the hash of everything it depends on.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from rules_include import headers_without_source
from tree import ROOT, Finding, Source, Tree

CACHE = ROOT / "build" / "tidy-headers.json"
LWIP = "-isystem/usr/include/lwip"  # Debian's liblwip-dev
FLAGS = [
    "-std=c++20",
    "-fsyntax-only",
    "-Wall",
    "-Wextra",
    "-Wpedantic",
    "-Wshadow",
    "-Wconversion",
    "-Werror",
    f"-I{ROOT}",
    "-x",
    "c++",
]
BATCH = 40


def formatter() -> str:
    """clang-format 14, Debian 12's: another version formats differently."""
    found = shutil.which("clang-format-14") or shutil.which("clang-format")
    if found is None:
        raise FileNotFoundError("clang-format is missing: apt-get install clang-format-14")
    return found


def clang_format(tree: Tree, root: Path = ROOT) -> Iterator[Finding]:
    """Every C++ file as .clang-format has it."""
    paths = [s.path for s in tree.cpp()]
    for start in range(0, len(paths), BATCH):
        command = [formatter(), "--dry-run", "--ferror-limit=1", *paths[start : start + BATCH]]
        said = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False).stderr
        for line in said.splitlines():
            parts = line.split(":", 3)
            if len(parts) == 4 and "clang-format-violations" in line:
                yield Finding(
                    parts[0], int(parts[1]), "clang_format", f"run {command[0]} -i {parts[0]}"
                )


def headers_alone(tree: Tree) -> Iterator[Finding]:
    """Every header compiles when it is the first and only include."""
    known = json.loads(CACHE.read_text()) if CACHE.exists() else {}
    wanted = {s.path: fingerprint(tree, s) for s in headers_without_source(tree)}
    missing = [p for p, key in wanted.items() if known.get(p) != key]
    with ThreadPoolExecutor(max_workers=2) as pool:
        for path, complaint in zip(missing, pool.map(lambda p: compile_alone(p), missing)):
            if complaint is None:
                known[path] = wanted[path]
            else:
                yield Finding(path, 1, "headers_alone", complaint)
    CACHE.parent.mkdir(exist_ok=True)
    CACHE.write_text(json.dumps({p: k for p, k in known.items() if p in wanted}, indent=1))


def compile_alone(path: str, root: Path = ROOT) -> str | None:
    """The compiler's first complaint about one header, or None."""
    flags = FLAGS + (dpdk_flags() if path.startswith(("emu/", "tests/", "bindings/emu")) else [])
    flags += [LWIP] if "lwip" in path else []
    text = f'#include "{path}"\n'
    command = ["g++", *flags, f"-I{root}", "-"]
    ran = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if ran.returncode == 0:
        return None
    errors = [line for line in ran.stderr.splitlines() if "error" in line]
    return (errors or ran.stderr.splitlines() or ["the compiler failed"])[0]


def dpdk_flags() -> list[str]:
    command = ["pkg-config", "--cflags", "libdpdk"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    return [f.replace("-I", "-isystem") if f.startswith("-I") else f for f in ran.stdout.split()]


def fingerprint(tree: Tree, source: Source) -> str:
    """Hash of a header and of everything of ours it includes, directly or not."""
    seen: dict[str, str] = {}
    waiting = [source.path]
    while waiting:
        path = waiting.pop()
        if path in seen or path not in tree.files:
            continue
        seen[path] = tree.files[path].text
        waiting += [i.name for i in tree.files[path].cpp.includes if i.quoted]
    return hashlib.sha256("\0".join(f"{p}\0{seen[p]}" for p in sorted(seen)).encode()).hexdigest()
