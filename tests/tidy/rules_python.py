"""The same limits for Python, read from its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tree import Finding, Source, Tree, rule

FUNCTION_LINES = 70
PARAMETERS = 5
NESTING = 4
Function = ast.FunctionDef | ast.AsyncFunctionDef
BLOCKS = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.AsyncFor, ast.AsyncWith, ast.Match)


@rule
def python_function(tree: Tree) -> Iterator[Finding]:
    """Length, positional parameters (keyword-only ones are named at the call) and nesting."""
    for source, function in functions(tree):
        length = (function.end_lineno or function.lineno) - function.lineno + 1
        positional = [a for a in function.args.args if a.arg not in ("self", "cls")]
        depth = max((nesting(child, 1) for child in function.body), default=0)
        if length > FUNCTION_LINES:
            yield at(source, function, f"{length} lines, the limit is {FUNCTION_LINES}")
        if len(positional) > PARAMETERS:
            yield at(source, function, f"{len(positional)} positional parameters, the limit is 5")
        if depth > NESTING:
            yield at(source, function, f"nests {depth} deep, the limit is {NESTING}")


@rule
def python_types(tree: Tree) -> Iterator[Finding]:
    """Type hints on every parameter outside tests."""
    for source, function in functions(tree):
        if source.top == "tests":
            continue
        arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        bare = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
        if bare:
            yield at(source, function, f"no type for {', '.join(bare)}")


@rule
def python_bare_except(tree: Tree) -> Iterator[Finding]:
    """An error is named, or it passes."""
    for source in tree.python():
        for node in ast.walk(ast.parse(source.text)):
            if isinstance(node, ast.ExceptHandler) and node.type is None:
                yield Finding(source.path, node.lineno, "python_bare_except", "name the exception")


@rule
def python_imports(tree: Tree) -> Iterator[Finding]:
    """The parent process loads neither driver; analysis reads the SQLite file only."""
    for source in tree.python():
        for node, name in imports(source):
            worker = source.path.rsplit("/", 1)[-1].startswith("_worker") or source.top == "tests"
            if name.split(".")[-1] in ("_sim", "_emu", "_bridge") and not worker:
                yield Finding(
                    source.path,
                    node.lineno,
                    "python_imports",
                    f"{name}: only workers load a driver",
                )
            if source.top == "scenarios" and name.split(".")[0] not in ("twinpath", "__future__"):
                yield Finding(
                    source.path,
                    node.lineno,
                    "python_imports",
                    f"{name}: a scenario imports twinpath only",
                )


def imports(source: Source) -> Iterator[tuple[ast.stmt, str]]:
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node, node.module or ""
            yield from ((node, alias.name) for alias in node.names if node.level)


def functions(tree: Tree) -> Iterator[tuple[Source, Function]]:
    for source in tree.python():
        for node in ast.walk(ast.parse(source.text)):
            if isinstance(node, Function):
                yield source, node


def nesting(node: ast.AST, depth: int) -> int:
    """Depth of the deepest block below; elif is not deeper than if."""
    inside = isinstance(node, BLOCKS)
    deepest = depth if inside else depth - 1
    for child in ast.iter_child_nodes(node):
        chained = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        if isinstance(child, (*BLOCKS, ast.ExceptHandler, ast.match_case)):
            deepest = max(deepest, nesting(child, depth + inside - chained))
    return deepest


def at(source: Source, function: Function, message: str) -> Finding:
    return Finding(source.path, function.lineno, "python_function", f"{function.name}: {message}")
