"""Dead files: what nobody includes, imports or starts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tree import Finding, Source, Tree, rule

ENTRY = re.compile(r"(^|/)(test_\w+|\w+_test|conftest|__init__|__main__|accept_\d+)\.py$")


@rule
def dead_header(tree: Tree) -> Iterator[Finding]:
    """A header somebody other than its own source includes."""
    users: dict[str, set[str]] = {}
    for source in tree.cpp():
        for include in source.cpp.includes:
            users.setdefault(include.name, set()).add(source.path)
    for source in tree.cpp():
        own = source.path[:-2] + ".cc"
        if source.suffix == ".h" and not users.get(source.path, set()) - {own}:
            yield Finding(source.path, 1, "dead_header", "included by nobody but its own source")


@rule
def dead_python(tree: Tree) -> Iterator[Finding]:
    """A module somebody imports or starts by name; tests, scenarios and scripts are entries."""
    sources = list(tree.python())
    used = {s.path: words_used(s) for s in sources}
    for source in sources:
        stem = source.path.rsplit("/", 1)[-1][:-3]
        if ENTRY.search(source.path) or source.top == "scenarios" or is_script(source):
            continue
        if not any(stem in words for path, words in used.items() if path != source.path):
            yield Finding(source.path, 1, "dead_python", f"nobody imports or starts {stem}")


def is_script(source: Source) -> bool:
    return source.text.startswith("#!") or '__name__ == "__main__"' in source.text


def words_used(source: Source) -> set[str]:
    """Names a file imports, and the words of its strings (modules started by `-m`)."""
    words: set[str] = set()
    for node in ast.walk(ast.parse(source.text)):
        if isinstance(node, ast.Import):
            words.update(part for alias in node.names for part in alias.name.split("."))
        elif isinstance(node, ast.ImportFrom):
            words.update((node.module or "").split("."))
            words.update(alias.name for alias in node.names)
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 80
        ):
            words.update(re.findall(r"\w+", node.value))
    return words


@rule
def python_syntax(tree: Tree) -> Iterator[Finding]:
    for source in tree.python():
        try:
            ast.parse(source.text)
        except SyntaxError as error:
            yield Finding(source.path, error.lineno or 1, "python_syntax", str(error))
