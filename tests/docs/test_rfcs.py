"""The tables of RFCs are true: what they name exists, every script and every departure the code
admits to stands there, and nothing is called implemented that no test shows."""

from __future__ import annotations

import re

import pytest
from pages import ROOT
from rfcs import FOLDER, RFC, SCRIPTS, SECTION, Row, citations, is_script, matching, rows

ROWS = rows()
README = ROOT / "models" / "tcp" / "README.md"
CODE = [path for folder in ("tcp", "host", "wire") for suffix in ("*.h", "*.cc")
        for path in sorted((ROOT / "models" / folder).glob(suffix))]


def title(row: Row) -> str:
    return f"{row.page}: {row.heading}"


def sections_of(rfc: str) -> set[str]:
    return {section for row in ROWS if rfc in row.rfcs for section in row.sections}


def covers(listed: str, cited: str) -> bool:
    """§3.10 covers 3.10.7.4, and a script about all of 3.8 may stand under §3.8.1."""
    return f"{cited}.".startswith(f"{listed}.") or f"{listed}.".startswith(f"{cited}.")


def comments() -> list[tuple[str, str]]:
    """(file, its comments as one line)."""
    return [(str(path.relative_to(ROOT)), " ".join(
        line.partition("//")[2].strip() for line in path.read_text().splitlines() if "//" in line))
        for path in CODE]


def test_the_readme_lists_what_the_pages_have() -> None:
    listed = dict(re.findall(r"^\| \[[^]]+\]\(rfc/(\w+)\.md\) \| (.*) \|$", README.read_text(),
                             re.MULTILINE))
    assert sorted(listed) == sorted(page.stem for page in FOLDER.glob("*.md"))
    for page, numbers in listed.items():
        there = {rfc for row in ROWS if row.page == page for rfc in row.rfcs}
        assert set(RFC.findall(numbers)) == there, page
    assert len(ROWS) > 60


@pytest.mark.parametrize("row", ROWS, ids=title)
def test_a_row_is_shown_by_tests_that_exist(row: Row) -> None:
    proofs = row.proofs()
    assert bool(proofs) == row.is_implemented
    gone = [proof for proof in proofs if not matching(proof)]
    assert not gone


@pytest.mark.parametrize("row", ROWS, ids=title)
def test_its_scripts_cite_it(row: Row) -> None:
    citing = {cited.script for cited in citations() if cited.rfc in row.rfcs}
    strangers = [proof for proof in row.proofs()
                 if is_script(proof) and not citing & set(matching(proof))]
    assert not strangers


def test_every_script_is_of_a_section_that_is_listed() -> None:
    listed = {rfc for row in ROWS for rfc in row.rfcs if row.is_implemented}
    assert {cited.script for cited in citations()} == {path.stem for path in SCRIPTS.glob("*.pkt")}
    for cited in citations():
        assert cited.rfc in listed, f"{FOLDER.relative_to(ROOT)} has no row for {cited}"
        gone = [section for section in cited.sections
                if not any(covers(there, section) for there in sections_of(cited.rfc))]
        assert not gone, f"no row of RFC {cited.rfc} has §{', §'.join(gone)} of {cited.script}"


def test_every_script_is_named_in_a_row_of_its_rfc() -> None:
    shown = {(rfc, script) for row in ROWS for rfc in row.rfcs for proof in row.proofs()
             if is_script(proof) for script in matching(proof)}
    gone = sorted({(cited.script, cited.rfc) for cited in citations()
                   if (cited.rfc, cited.script) not in shown})
    assert not gone, f"no row of that RFC in {FOLDER.relative_to(ROOT)} names these: {gone}"


def test_departures_the_code_admits_to_are_told() -> None:
    found = 0
    for path, text in comments():
        for rfc, section in re.findall(r"Deviates from RFC (\d+) §([\d.]+\d)", text):
            found += 1
            told = [row for row in ROWS if rfc in row.rfcs
                    and (row.departs or not row.is_implemented)]
            listed = {there for row in told for there in row.sections}
            assert any(covers(there, section) for there in listed), f"{path}: RFC {rfc} §{section}"
    assert found > 5


def test_every_rfc_the_code_was_written_by_is_listed() -> None:
    listed = {rfc for row in ROWS for rfc in row.rfcs}
    gone = sorted({(path, rfc) for path, text in comments()
                   for rfc in re.findall(r"RFC (\d{3,5})", text) if rfc not in listed})
    assert not gone


def test_sections_are_written_as_elsewhere() -> None:
    for row in ROWS:
        assert row.rfcs, row.heading
        assert not re.search(r"(?<!§)\b\d+\.\d+\.\d+\b", SECTION.sub("", row.done)), row.done
