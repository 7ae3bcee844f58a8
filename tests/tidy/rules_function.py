"""Rules about functions and names in C++."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cpp import Function
from tree import Finding, Source, Tree, rule

FUNCTION_LINES = 70
MAIN_LINES = 60
PARAMETERS = 5
NESTING = 4
ARITHMETIC = re.compile(
    r"(std :: )?(bool|char|char8_t|char16_t|char32_t|wchar_t|float|double|size_t|ssize_t|ptrdiff_t"
    r"|u?int(8|16|32|64|ptr|max)?_t|int|((un)?signed|long|short)( (int|char|long|double))*)$"
)
CPP_NAME = re.compile(r"[A-Za-z_]\w*$")
SNAKE = re.compile(r"~?[a-z][a-z0-9]*(_[a-z0-9]+)*_?$")
CAMEL = re.compile(r"[A-Z][A-Za-z0-9]*$")
MACRO = re.compile(r"[A-Z][A-Z0-9_]*$")


@rule
def function_length(tree: Tree) -> Iterator[Finding]:
    """70 lines from the signature to the closing brace; ns-3's GetTypeId is the named exception."""
    for source, function in bodies(tree):
        if function.name == "GetTypeId":
            continue
        limit = MAIN_LINES if function.name == "main" else FUNCTION_LINES
        if function.lines > limit:
            yield at(
                source,
                function,
                "function_length",
                f"{function.name} has {function.lines} lines, the limit is {limit}",
            )


@rule
def function_nesting(tree: Tree) -> Iterator[Finding]:
    for source, function in bodies(tree):
        if function.nesting > NESTING:
            yield at(
                source,
                function,
                "function_nesting",
                f"{function.name} nests {function.nesting} deep, the limit is {NESTING}",
            )


@rule
def parameter_count(tree: Tree) -> Iterator[Finding]:
    for source, function in signatures(tree):
        if len(function.params) > PARAMETERS:
            yield at(
                source,
                function,
                "parameter_count",
                f"{function.name} takes {len(function.params)}: an options struct from "
                f"{PARAMETERS + 1} on",
            )


@rule
def adjacent_parameters(tree: Tree) -> Iterator[Finding]:
    """Two neighbours of one built-in type are swapped one day, and it compiles."""
    for source, function in signatures(tree):
        if function.name.startswith("operator") or is_comparison(function):
            continue
        kinds = [builtin(p) for p in function.params]
        for first, second in zip(kinds, kinds[1:]):
            if first is not None and first == second:
                yield at(
                    source,
                    function,
                    "adjacent_parameters",
                    f"{function.name} takes two {first} side by side: strong types, or a struct",
                )
                break


def is_comparison(function: Function) -> bool:
    """Two operands of one type, answered by bool or an ordering: swapping them is its meaning."""
    return len(function.params) == 2 and bool({"bool", "strong_ordering"} & set(function.before))


def builtin(param: list[str]) -> str | None:
    """The built-in arithmetic type of a by-value parameter, or None."""
    words = param[: param.index("=")] if "=" in param else param
    words = [w for w in words if w not in ("const", "constexpr", "volatile", "this")]
    named = len(words) > 1 and CPP_NAME.match(words[-1])
    for candidate in (words[:-1] if named else words, words):
        text = " ".join(candidate)
        if candidate and ARITHMETIC.match(text):
            return text.replace(" :: ", "::").replace("std::", "")
    return None


@rule
def names(tree: Tree) -> Iterator[Finding]:
    """snake_case functions and files, CamelCase types; in sim/ overridden ns-3 names stay."""
    for source in tree.cpp():
        yield from file_name(source)
        for token in source.cpp.types:
            if token.text != "anonymous" and not (CAMEL.match(token.text) or is_trait(token.text)):
                yield Finding(source.path, token.line, "names", f"type {token.text}: CamelCase")
        for function in source.cpp.functions:
            if function.has_body and not named_right(source, function):
                yield at(source, function, "names", f"function {function.name}: snake_case")


def is_trait(name: str) -> bool:
    """Specialisations of the standard library keep its spelling."""
    return name in ("std", "hash", "formatter", "tuple_size", "tuple_element", "numeric_limits")


def file_name(source: Source) -> Iterator[Finding]:
    stem = source.path.rsplit("/", 1)[-1][: -len(source.suffix)]
    if not SNAKE.match(stem):
        yield Finding(source.path, 1, "names", f"file {stem}: snake_case")


def named_right(source: Source, function: Function) -> bool:
    name = function.name
    constructor = name.lstrip("~") == function.owner or name.lstrip("~") in function.before
    special = name.startswith("operator") or MACRO.match(name) or name.startswith("LLVMFuzzer")
    foreign = source.top in ("sim", "tests", "bindings") and CAMEL.match(name)
    return bool(SNAKE.match(name) or constructor or special or foreign)


def bodies(tree: Tree) -> Iterator[tuple[Source, Function]]:
    for source in tree.cpp():
        for function in source.cpp.functions:
            if function.has_body:
                yield source, function


def signatures(tree: Tree) -> Iterator[tuple[Source, Function]]:
    """Signatures we chose: not overriders, not what ns-3 calls back, not definitions whose
    declaration was looked at, not the C interface, whose calls have POSIX's parameters."""
    for source in tree.cpp():
        called_back = set(re.findall(r"MakeCallback\s*\(\s*&(?:\w+::)*(\w+)", source.cpp.code))
        for function in source.cpp.functions:
            dictated = "override" in function.after or function.qualified
            dictated |= function.name in called_back or takes_device(source, function)
            dictated |= source.folder == "bindings/c" and function.name.startswith("twinpath_")
            if not dictated and not MACRO.match(function.name):
                yield source, function


def takes_device(source: Source, function: Function) -> bool:
    """ns-3's receive callback, declared in a header: it starts with the device."""
    first = " ".join(function.params[0]) if function.params else ""
    return source.top == "sim" and "Ptr < ns3 :: NetDevice >" in first


def at(source: Source, function: Function, rule_name: str, message: str) -> Finding:
    return Finding(source.path, function.first_line, rule_name, message)
