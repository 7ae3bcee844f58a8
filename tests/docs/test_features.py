"""The feature table is held to what it names: every yes of ours to a test that exists, lwIP's words
to its headers, and every cell says something."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import ROOT
from rfcs import TEST

PAGE = ROOT / "docs" / "features.md"
STACKS = ["Twinpath", "Linux", "mTCP", "F-Stack", "smoltcp", "lwIP"]
LINK = re.compile(r"\[([^]]+)\]\(([^)]+)\)")
LWIP = Path("/usr/include/lwip")
LWIP_WORD = re.compile(r"`((?:LWIP|TCP|IP|SO)_[A-Z0-9_]+|lwip_\w+|tcp_write|sys_\w+)`")


def rows() -> list[tuple[str, list[str]]]:
    """(feature, a cell for each stack)."""
    found = []
    for line in PAGE.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 1 + len(STACKS) and cells[1] != STACKS[0]:
            found.append((cells[0], cells[1:]))
    return found


ROWS = rows()


def test_the_table_is_whole() -> None:
    heads = re.findall(r"^\| \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    assert len(heads) == 5 and all(head.split(" | ") == STACKS for head in heads)
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    described = len(STACKS)  # the first table: a head and a line for each peer
    assert len(ROWS) == len(lines) - len(heads) - described > 45
    assert len({feature for feature, _ in ROWS}) == len(ROWS)


@pytest.mark.parametrize("feature, cells", ROWS, ids=[feature for feature, _ in ROWS])
def test_a_cell_says_yes_no_or_what_part(feature: str, cells: list[str]) -> None:
    for cell in cells:
        assert re.match(r"(yes|no|partly)\b", cell), (feature, cell)
        assert cell != "partly", f"{feature}: what part?"


@pytest.mark.parametrize("feature, ours", [(feature, cells[0]) for feature, cells in ROWS],
                         ids=[feature for feature, _ in ROWS])
def test_every_yes_of_ours_is_shown_by_a_test(feature: str, ours: str) -> None:
    links = LINK.findall(ours)
    assert bool(links) == ours.startswith("yes")
    for name, to in links:
        path = (PAGE.parent / to).resolve()
        assert path.is_file() and path.is_relative_to(ROOT / "tests")
        if path.suffix == ".cc":
            assert tuple(name.split(".")) in TEST.findall(path.read_text())
        else:
            assert name in (path.stem, path.name)


def test_lwips_words_are_its_own() -> None:
    if not LWIP.is_dir():
        pytest.skip("the Debian package liblwip-dev is not installed")
    headers = "\n".join(path.read_text(errors="replace") for path in LWIP.rglob("*.h"))
    words = {word for _, cells in ROWS for word in LWIP_WORD.findall(cells[-1])}
    gone = [word for word in sorted(words) if not re.search(rf"\b{word}\b", headers)]
    assert len(words) > 15 and not gone
