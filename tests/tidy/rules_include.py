"""Include direction: the arrows of the design, folder by folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cpp import Include
from tree import Finding, Source, Tree, rule

STANDARD = set(
    """
    algorithm any array atomic barrier bit bitset cassert ccomplex cctype cerrno cfenv
    cfloat charconv chrono cinttypes climits clocale cmath codecvt compare complex concepts
    condition_variable coroutine csetjmp csignal cstdarg cstddef cstdint cstdio cstdlib
    cstring ctime cuchar cwchar cwctype deque exception execution filesystem format
    forward_list fstream functional future initializer_list iomanip ios iosfwd iostream
    istream iterator latch limits list locale map memory memory_resource mutex new numbers
    numeric optional ostream queue random ranges ratio regex scoped_allocator semaphore set
    shared_mutex source_location span sstream stack stdexcept stop_token streambuf string
    string_view strstream syncstream system_error thread tuple type_traits typeindex
    typeinfo unordered_map unordered_set utility valarray variant vector version
    """.split()
)
# What the standard library offers and a model must not touch, each with what to take instead.
NOT_IN_MODELS = {
    **dict.fromkeys(
        (
            "iostream",
            "istream",
            "ostream",
            "fstream",
            "sstream",
            "iomanip",
            "cstdio",
            "syncstream",
            "filesystem",
        ),
        "publish an event or return a value",
    ),
    **dict.fromkeys(
        (
            "thread",
            "mutex",
            "shared_mutex",
            "condition_variable",
            "future",
            "semaphore",
            "latch",
            "barrier",
            "stop_token",
        ),
        "a Stage and a ring of models/base",
    ),
    "random": "the Rng handed in",
    "cmath": "integer arithmetic (libm differs between machines)",
    "ctime": "Instant now, handed in",
    "csignal": "nothing: a driver's matter",
    "regex": "a parser of models/wire",
    "locale": "nothing",
    "cassert": "CHECK",
}
POSIX = re.compile(
    r"((sys|net|netinet|netpacket|linux|arpa)/.*"
    r"|unistd|fcntl|poll|sched|signal|pthread|dirent|errno"
    r"|time|malloc|ifaddrs|spawn|pwd|grp|termios|dlfcn|netdb|x86intrin|cpuid|numa)(\.h)?$"
)
NS3 = re.compile(r"ns3/.*\.h$")
NS3_REFUSED = re.compile(r"ns3/(.*-module|simulation-singleton)\.h$")
DPDK = re.compile(r"rte_\w+\.h$")
LWIP = re.compile(r"(lwip|netif)/.*\.h$")
MPI = re.compile(r"mpi\.h$")
PCAP = re.compile(r"pcap(/pcap)?\.h$")
SQLITE = re.compile(r"sqlite3\.h$")
PYBIND = re.compile(r"pybind11/")
JSON = re.compile(r"nlohmann/json\.hpp$")
GTEST = re.compile(r"(gtest|gmock)/")
# What opens copies of a library looks into them; what makes ns-3's calls direct, into ns-3's.
LOADER = re.compile(r"(elf|link)\.h$")
# The header of the C interface is C's: no <cstdint> there.
C_STANDARD = re.compile(r"(stddef|stdint|limits)\.h$")


@dataclass(frozen=True)
class Allowed:
    """What one folder may include beside the standard library."""

    folder: str
    ours: tuple[str, ...]
    foreign: tuple[re.Pattern[str], ...] = ()
    standard_refused: tuple[tuple[str, str], ...] = ()


MODELS_REFUSED = tuple(NOT_IN_MODELS.items())
BINDINGS = ("models/", "analysis/store/", "bindings/plan/", "bindings/lwip/", "bindings/common/")
# The first row whose folder is a prefix of the file's path holds.
TABLE = (
    Allowed("models/base/", ("models/base/",), (), MODELS_REFUSED),
    Allowed("models/wire/", ("models/base/", "models/wire/"), (), MODELS_REFUSED),
    # One third party each; its functions are handed in, its headers are types.
    Allowed("models/foreign/lwip/", ("models/",), (LWIP,), MODELS_REFUSED),
    Allowed("models/", ("models/",), (), MODELS_REFUSED),
    Allowed("sim/contrib/", ("models/", "sim/"), (NS3, MPI)),
    Allowed("sim/", ("models/", "sim/"), (NS3,)),
    Allowed("emu/", ("models/", "emu/"), (DPDK, PCAP, POSIX, LOADER)),
    Allowed("analysis/", ("models/base/", "analysis/"), (SQLITE, POSIX)),
    Allowed("bindings/lwip/", ("models/", "bindings/lwip/"), (POSIX, LOADER)),
    Allowed(
        "bindings/plan/",
        ("models/", "analysis/store/", "bindings/lwip/", "bindings/plan/"),
        (JSON, POSIX),
    ),
    Allowed(
        "bindings/sim/", (*BINDINGS, "sim/", "bindings/sim/"), (NS3, PYBIND, JSON, POSIX, LOADER)
    ),
    Allowed("bindings/emu/", (*BINDINGS, "emu/", "bindings/emu/"), (DPDK, PYBIND, JSON, POSIX)),
    Allowed(
        "bindings/bridge/",
        (*BINDINGS, "sim/", "emu/", "bindings/sim/", "bindings/emu/", "bindings/bridge/"),
        (NS3, PYBIND, JSON, POSIX),
    ),
    Allowed("bindings/c/ns3/", ("models/", "sim/", "bindings/c/"), (NS3,)),
    Allowed("bindings/c/ring/", ("models/", "emu/", "bindings/c/")),
    Allowed("bindings/c/", ("models/", "bindings/c/"), (POSIX, C_STANDARD)),
    Allowed("bindings/", BINDINGS, (PYBIND, JSON, POSIX)),
    Allowed("scenarios/native/", ("models/native/",)),
    Allowed("tests/unit/", ("models/", "tests/"), (GTEST,)),
    Allowed(
        "tests/",
        ("models/", "sim/", "emu/", "analysis/", "bindings/", "tests/"),
        (GTEST, NS3, DPDK, PCAP, SQLITE, JSON, POSIX),
    ),
)

# CHECK's last words before abort() are the one thing a model prints.
LAST_WORDS = ("models/base/check.cc", "cstdio")


@rule
def include_direction(tree: Tree) -> Iterator[Finding]:
    for source in tree.cpp():
        row = next((r for r in TABLE if source.path.startswith(r.folder)), None)
        if row is None:
            yield Finding(
                source.path, 1, "include_direction", "C++ lives in a folder of the design"
            )
            continue
        for include in source.cpp.includes:
            problem = refusal(tree, source.path, row, include)
            if problem:
                yield Finding(source.path, include.line, "include_direction", problem)


def refusal(tree: Tree, path: str, row: Allowed, include: Include) -> str | None:
    """Why this folder may not include that, or None."""
    name, here = include.name, row.folder.rstrip("/")
    if include.quoted:
        if name not in tree.files and name + ".in" not in tree.files:
            return f'"{name}" is no file; includes are from the project root'
        return None if name.startswith(row.ours) else f'{here} may not include "{name}"'
    if name in STANDARD:
        if (path, name) == LAST_WORDS:
            return None
        instead = dict(row.standard_refused).get(name)
        return f"{here} may not include <{name}>: take {instead}" if instead else None
    if NS3_REFUSED.match(name):
        return f"<{name}>: include the specific ns-3 headers, {name} does not compile as C++20"
    if any(pattern.match(name) for pattern in row.foreign):
        return None
    return f"{here} may not include <{name}>"


@rule
def own_header_first(tree: Tree) -> Iterator[Finding]:
    """x.cc includes x.h first, so compiling x.cc proves that x.h stands alone."""
    for source in tree.cpp():
        header = source.path[: -len(source.suffix)] + ".h"
        if source.suffix != ".cc" or header not in tree.files:
            continue
        first = next(iter(source.cpp.includes), None)
        if first is None or first.name != header:
            line = first.line if first else 1
            yield Finding(source.path, line, "own_header_first", f'include "{header}" first')


def headers_without_source(tree: Tree) -> list[Source]:
    """Headers no .cc file opens with; these are compiled alone."""
    return [s for s in tree.cpp() if s.suffix == ".h" and s.path[:-2] + ".cc" not in tree.files]
