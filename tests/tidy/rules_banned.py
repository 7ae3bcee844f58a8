"""Banned calls, each with the replacement named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tree import Finding, Source, Tree, rule


@dataclass(frozen=True)
class Ban:
    pattern: str
    instead: str
    folders: tuple[str, ...]


MODELS = ("models/",)
NS3_USERS = ("sim/", "bindings/")
EVERYWHERE = ("models/", "sim/", "emu/", "analysis/", "bindings/", "tests/")
PRODUCT = ("models/", "sim/", "emu/", "analysis/", "bindings/")
LIBM = r"\bstd::(pow|sqrt|cbrt|exp2?|expm1|log(2|10|1p)?|hypot|sin|cos|tan|fma)\s*\("

BANS = (
    Ban(r"\b(system|steady|high_resolution|utc|tai)_clock\b", "`Instant now`, handed in", MODELS),
    Ban(
        r"\b(clock_gettime|gettimeofday|time\s*\(\s*(NULL|nullptr|0)\s*\))",
        "`Instant now`, handed in",
        MODELS,
    ),
    Ban(r"\b__?rdtscp?\b|\b__builtin_ia32_rdtsc", "`charged(now, Duration)`", MODELS),
    Ban(r"(?<![\w.>])s?rand\s*\(|\brandom_device\b|\bmt19937", "the Rng handed in", MODELS),
    Ban(r"\bstd::\w+_distribution\b", "the samplers of models/base", MODELS),
    # A task's own sleep(), models/app/task_app.h, is no system call: it is awaited.
    Ban(
        r"\b(usleep|nanosleep|sleep_for|sleep_until)\s*\(|(?<!co_await )(?<!SleepOp )\bsleep\s*\(",
        "`next_deadline()`",
        MODELS,
    ),
    Ban(r"\b(secure_)?getenv\b", "a field of the Config", MODELS),
    Ban(
        r"\b(v?[sf]?n?printf|puts|fputs|putchar|fwrite)\s*\(",
        "an event, or a returned value",
        MODELS,
    ),
    Ban(r"\bstd::(cout|cerr|clog|cin)\b", "an event, or a returned value", MODELS),
    Ban(
        r"\bstd::(j?thread|mutex|lock_guard|unique_lock|async|call_once)\b",
        "a Stage and a ring",
        MODELS,
    ),
    Ban(r"\bthread_local\b", "an argument", MODELS),
    Ban(r"\bvolatile\b", "std::atomic in a ring, nothing elsewhere", MODELS),
    Ban(r"\b(std::)?fopen\s*\(|\bstd::[io]?fstream\b", "bytes handed in, or a ResultSink", MODELS),
    Ban(LIBM, "integer arithmetic (models/base), the same on every machine", MODELS),
    Ban(r"\bConfig::SetDefault\s*\(", "Config::SetDefaultFailSafe", NS3_USERS),
    Ban(r"\bConfig::SetGlobal\s*\(", "Config::SetGlobalFailSafe", NS3_USERS),
    Ban(r"\bConfig::Set\s*\(", "Config::SetFailSafe", NS3_USERS),
    Ban(r"\bConfig::Connect(WithoutContext)?\s*\(", "Config::Connect…FailSafe", NS3_USERS),
    # ns-3's helpers have no FailSafe twin; objects do.
    Ban(r"->SetAttribute\s*\(", "SetAttributeFailSafe", NS3_USERS),
    Ban(r"(?<![\w.])assert\s*\(", "CHECK, on in every build", EVERYWHERE),
    Ban(r"\bstd::endl\b", r"'\n'", EVERYWHERE),
    Ban(
        r"\busing\s+namespace\s+(?!std::chrono_literals|std::literals)",
        "the names you use",
        PRODUCT,
    ),
    Ban(
        r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok)\s*\(",
        "std::string or std::span",
        EVERYWHERE,
    ),
    Ban(
        r"(?<![\w.>:])(std::)?(malloc|calloc|realloc)\s*\(|\bstd::free\s*\(",
        "a pool, a container, std::unique_ptr",
        EVERYWHERE,
    ),
    Ban(r"\bsystem\s*\(", "posix_spawn with an argument list", ("emu/", "bindings/", "analysis/")),
    Ban(r"\bDISABLED_\w+", "a test that runs, or none", ("tests/",)),
    Ban(r"\bGTEST_SKIP\s*\(\s*\)\s*;", "GTEST_SKIP() << the reason", ("tests/",)),
)


# CHECK's last words before abort() are the one thing a model prints.
LAST_WORDS = "models/base/check.cc"


@rule
def banned_calls(tree: Tree) -> Iterator[Finding]:
    compiled = [(re.compile(b.pattern), b) for b in BANS]
    for source in tree.cpp():
        here = [(p, b) for p, b in compiled if source.path.startswith(b.folders)]
        for number, line in enumerate(source.cpp.code.split("\n"), 1):
            for pattern, ban in here:
                match = pattern.search(line)
                if match and not (source.path == LAST_WORDS and "fputs" in match.group(0)):
                    yield Finding(
                        source.path,
                        number,
                        "banned_calls",
                        f"{match.group(0).strip()}: use {ban.instead}",
                    )


@rule
def feature_switch(tree: Tree) -> Iterator[Finding]:
    """A model has one shape: no conditional compilation."""
    for source in tree.cpp("models"):
        for number, text in source.cpp.directives:
            if re.match(r"#\s*(if|ifdef|ifndef|elif)\b", text):
                yield Finding(
                    source.path,
                    number,
                    "feature_switch",
                    "no conditional compilation in models; use a field of the Config",
                )


@rule
def mutable_global(tree: Tree) -> Iterator[Finding]:
    """State has an owner: nothing mutable at namespace scope, no mutable static."""
    for source in tree.cpp("models"):
        for declaration in source.cpp.declarations:
            words = [t.text for t in declaration.tokens]
            if is_mutable(words, declaration.scope):
                yield Finding(
                    source.path,
                    declaration.tokens[0].line,
                    "mutable_global",
                    f"'{' '.join(words[:6])}': give the state an owner",
                )
        for function in source.cpp.functions:
            for token, following in zip(function.body, function.body[1:]):
                if token.text == "static" and following.text not in ("const", "constexpr"):
                    yield Finding(
                        source.path,
                        token.line,
                        "mutable_global",
                        "static local: give the state an owner",
                    )


def is_mutable(words: list[str], scope: str) -> bool:
    head = words[: words.index("=")] if "=" in words else words
    if {"const", "constexpr", "constinit", "using", "typedef", "friend", "extern"} & set(head):
        return False
    if words[0] in (
        "class",
        "struct",
        "union",
        "enum",
        "template",
        "namespace",
        "static_assert",
        "concept",
        "requires",
        "public",
        "private",
        "protected",
    ):
        return False
    if scope == "type":
        return "static" in head
    return len(head) >= 2 and re.match(r"[A-Za-z_]", words[0]) is not None


@rule
def unordered_iteration(tree: Tree) -> Iterator[Finding]:
    """The order of a hash table is nobody's promise, so a model never walks one."""
    for source in tree.cpp("models", "sim"):
        names = unordered_names(source) | unordered_names(sibling_header(tree, source))
        if not names:
            continue
        walk = re.compile(
            rf"\bfor\s*\([^;)]*:\s*(\w+(\.|->))*({'|'.join(sorted(names))})\s*\)"
            rf"|\b({'|'.join(sorted(names))})\s*\.\s*c?begin\s*\("
        )
        for number, line in enumerate(source.cpp.code.split("\n"), 1):
            if walk.search(line):
                yield Finding(
                    source.path,
                    number,
                    "unordered_iteration",
                    "walks a hash table: use std::map, or sort the keys first",
                )


def unordered_names(source: Source | None) -> set[str]:
    if source is None:
        return set()
    found = re.findall(r"unordered_(?:map|set)\s*<[^;]*?>\s*(\w+)\s*[;{=]", source.cpp.code)
    return set(found)


def sibling_header(tree: Tree, source: Source) -> Source | None:
    return tree.files.get(source.path[: -len(source.suffix)] + ".h")
