"""Rules about lines, lengths and words: what a page may look like."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator

from tree import Finding, Source, Tree, rule

LINE_COLUMNS = 100
HEADER_LINES, SOURCE_LINES, TEST_LINES = 200, 500, 800
PAGE_LINES = 60
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.])/(wo" r"rk|far" r"m|sha" r"red|ro" r"ot|home/\w+)/")
BANNER = re.compile(r"(//|#)\s*[-=*#/~+_]{4,}")
SUPPRESSION = re.compile(
    r"NOLI" r"NT|clang-format\s+of" r"f|type:\s*ign" r"ore|noq" r"a\b|pylint:\s*dis"
)
CODE_COMMENT = re.compile(r"//\s*[\w:>*&.\[\]-]+[^.]*(\)\s*;|=\s*[^ ;]+;|\)\s*\{)\s*$")
RFC = re.compile(r"\bRFC[\s_-]*\d+", re.I)
RFC_RIGHT = re.compile(
    r"RFC \d{3,5}(?!\d)(?!,? [Ss]ec)(?!, ?§)(?! ?\(\d+(\.\d+)*\))(?!§)(?! §(?![0-9A-Z]))"
)


def comments(source: Source) -> list[tuple[int, str]]:
    """(line, text) of every comment; in prose every line is one."""
    if source.is_cpp:
        return source.cpp.comments
    if source.is_python:
        tokens = tokenize.generate_tokens(io.StringIO(source.text).readline)
        return [(t.start[0], t.string) for t in tokens if t.type == tokenize.COMMENT]
    return list(enumerate(source.lines, 1))


@rule
def line_length(tree: Tree) -> Iterator[Finding]:
    for source in tree.files.values():
        if source.is_cpp or source.is_python or source.suffix in ("", ".sh", ".cmake"):
            for number, line in enumerate(source.lines, 1):
                if len(line) > LINE_COLUMNS:
                    yield Finding(
                        source.path,
                        number,
                        "line_length",
                        f"{len(line)} columns, the limit is {LINE_COLUMNS}",
                    )


@rule
def file_length(tree: Tree) -> Iterator[Finding]:
    for source in tree.files.values():
        if not (source.is_cpp or source.is_python):
            continue
        limit = HEADER_LINES if source.suffix == ".h" else SOURCE_LINES
        limit = TEST_LINES if source.top == "tests" else limit
        if len(source.lines) > limit:
            yield Finding(
                source.path,
                len(source.lines),
                "file_length",
                f"{len(source.lines)} lines, the limit is {limit}: find the joint and split",
            )


@rule
def opening_comment(tree: Tree) -> Iterator[Finding]:
    """A file opens with what it is and why; Python with its docstring."""
    for source in tree.files.values():
        first = source.lines[0] if source.lines else ""
        c_header = source.path == "bindings/c/twinpath.h"  # C89 has no //
        opening = "/*" if c_header else "//"
        if source.is_cpp and not first.startswith(opening):
            yield Finding(
                source.path, 1, "opening_comment", "open with // what it is and why it exists"
            )
        if source.is_python and source.lines and not first.startswith(('"""', 'r"""', "#!")):
            yield Finding(
                source.path, 1, "opening_comment", "open with a docstring: what it is and why"
            )


@rule
def pragma_once(tree: Tree) -> Iterator[Finding]:
    for source in tree.cpp():
        if source.suffix == ".h" and "#pragma once" not in source.lines:
            yield Finding(source.path, 1, "pragma_once", "a header says #pragma once")


@rule
def unfinished(tree: Tree) -> Iterator[Finding]:
    for source in tree.files.values():
        for number, text in comments(source):
            match = UNFINISHED.search(text)
            if match:
                yield Finding(
                    source.path,
                    number,
                    "unfinished",
                    f"{match.group(0)}: finish it, or write an issue",
                )


@rule
def machine_path(tree: Tree) -> Iterator[Finding]:
    for source in tree.files.values():
        for number, line in enumerate(source.lines, 1):
            match = MACHINE_PATH.search(line)
            if match:
                yield Finding(
                    source.path,
                    number,
                    "machine_path",
                    f"{match.group(0)} exists on one machine only",
                )


@rule
def suppression(tree: Tree) -> Iterator[Finding]:
    """No line may excuse itself from a check."""
    for source in tree.files.values():
        for number, text in comments(source):
            match = SUPPRESSION.search(text)
            if match:
                yield Finding(
                    source.path,
                    number,
                    "suppression",
                    f"{match.group(0)}: mend the line instead of excusing it",
                )


@rule
def commented_out_code(tree: Tree) -> Iterator[Finding]:
    for source in tree.cpp():
        for number, text in source.cpp.comments:
            example = text.startswith("//   ")
            if not example and CODE_COMMENT.match(text.strip()):
                yield Finding(source.path, number, "commented_out_code", "git remembers; delete it")


@rule
def banner(tree: Tree) -> Iterator[Finding]:
    for source in tree.files.values():
        if source.is_cpp or source.is_python:
            for number, text in comments(source):
                if BANNER.match(text.strip()):
                    yield Finding(
                        source.path, number, "banner", "no banners; a file has one subject"
                    )


@rule
def rfc_citation(tree: Tree) -> Iterator[Finding]:
    """`RFC nnnn §x.y`, so that one search finds every branch of one document."""
    for source in tree.files.values():
        for number, text in comments(source):
            for match in RFC.finditer(text):
                if not RFC_RIGHT.match(text, match.start()):
                    shown = text[match.start() : match.start() + 24]
                    yield Finding(
                        source.path, number, "rfc_citation", f"'{shown}': write `RFC nnnn §x.y`"
                    )


@rule
def deviation(tree: Tree) -> Iterator[Finding]:
    """A departure opens with the words a reader searches for."""
    for source in tree.cpp():
        for number, text in source.cpp.comments:
            if re.search(r"\b[Dd]eviat(e|es|ing)\b", text) and not re.search(
                r"Deviates from RFC \d{3,5}", text
            ):
                yield Finding(
                    source.path, number, "deviation", "write 'Deviates from RFC nnnn §x.y:'"
                )


@rule
def readme_page(tree: Tree) -> Iterator[Finding]:
    """Every folder of the design says on a page what lives there and what may not."""
    for folder in sorted(folders_with_code(tree)):
        page = tree.files.get(f"{folder}/README.md")
        if page is None:
            yield Finding(
                f"{folder}/README.md", 1, "readme_page", "missing: what lives here, what may not"
            )
        elif len(page.lines) > PAGE_LINES:
            yield Finding(
                page.path,
                PAGE_LINES,
                "readme_page",
                f"{len(page.lines)} lines, a page is {PAGE_LINES}",
            )


def folders_with_code(tree: Tree) -> set[str]:
    """Top folders, and the folders right below models and tests."""
    found = set()
    for source in tree.files.values():
        parts = source.path.split("/")
        if source.is_cpp or source.is_python:
            found.add(parts[0]) if len(parts) > 1 else None
            if parts[0] in ("models", "tests") and len(parts) > 2:
                found.add("/".join(parts[:2]))
    return found
