"""The handbook builds without a warning, its pages do what they say, its links lead somewhere."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import ROOT, Reader, blocks

PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md") if "generated" not in path.parts)
RUN_PAGES = [page for page in PAGES if any(b.language in ("sh", "python") for b in blocks(page))]
PAGE_TIMEOUT_S = 900  # a page has the demo in it, and a machine may be busy
LINK = re.compile(r"\]\((?!https?:|#|generated/)([^)#\s]+)")  # generated: Sphinx knows


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_the_handbook_builds_without_a_warning(tmp_path: Path) -> None:
    command = ["sphinx-build", "-W", "--keep-going", "-q", "-b", "html", "docs", str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    assert (tmp_path / "index.html").is_file()
    reference = (tmp_path / "reference" / "python.html").read_text()
    names = [name for name in public_names() if not name.startswith("__")]
    gone = [n for n in names if not re.search(rf'id="twinpath\.(?:\w+\.)*{n}"', reference)]
    assert len(names) > 40 and not gone


def public_names() -> list[str]:
    """`__all__` of the package, read without importing it."""
    tree = ast.parse((ROOT / "bindings" / "twinpath" / "__init__.py").read_text())
    values = [node.value for node in tree.body if isinstance(node, ast.Assign)
              and getattr(node.targets[0], "id", "") == "__all__"]
    return list(ast.literal_eval(values[0]))


@pytest.mark.timeout(PAGE_TIMEOUT_S)
@pytest.mark.parametrize("page", RUN_PAGES, ids=name)
def test_a_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    for block in blocks(page):
        wrong = reader.follow(block)
        assert wrong is None, f"{name(page)}:{block.line}: {wrong}\n{block.text}"
    for reason in reader.undecided:
        print(f"{name(page)}: no verdict on this machine: {reason}")


def test_generated_pages_say_where_they_come_from() -> None:
    """Nobody who reads the sources is led to a page that is not there yet without a word."""
    told = [page for page in PAGES for line in page.read_text().splitlines()
            if "](generated/" in line and "./twinpath docs" not in line]
    assert not told


def test_the_tours_second_step_shows_its_effect(tmp_path: Path) -> None:
    tour = blocks(ROOT / "docs" / "tour.md")
    step = next(block for block in tour if "congestion=bbr" in block.text)
    runs = [line for line in step.text.splitlines() if "--seed 7" in line]
    took = []
    for line in runs:
        words = [str(ROOT / "twinpath"), *line.split()[1:], "--json"]
        ran = subprocess.run(words, cwd=tmp_path, text=True, capture_output=True, check=True)
        took.append(json.loads(ran.stdout)["metrics"]["fct_s"]["value"])
    assert len(took) == 2 and 0.3 < took[1] / took[0] < 0.7


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=name)
def test_links_lead_to_files(page: Path) -> None:
    gone = [to for to in LINK.findall(page.read_text()) if not (page.parent / to).exists()]
    assert not gone


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_page_is_in_a_table_of_contents(page: Path) -> None:
    if page.name in ("index.md", "README.md"):
        return
    index = (ROOT / "docs" / "index.md").read_text()
    assert str(page.relative_to(ROOT / "docs").with_suffix("")) in index


def test_the_readme_and_the_contract_name_every_command() -> None:
    tree = ast.parse((ROOT / "bindings" / "twinpath" / "cli" / "app.py").read_text())
    values = [node.value for node in tree.body if isinstance(node, ast.Assign)
              and getattr(node.targets[0], "id", "") == "COMMANDS"]
    commands = set(ast.literal_eval(values[0]))
    rows = re.findall(r"^\| (`.*?`) \| ", (ROOT / "README.md").read_text(), re.MULTILINE)
    told = set(re.findall(r"`(\w+)[ `]", " ".join(rows)))
    contract = (ROOT / "docs" / "contract.md").read_text().partition("## 3.")[2].split("`")[1]
    assert len(commands) > 20
    assert commands <= told, commands - told
    assert commands == set(contract.split())


def test_what_the_readme_claims_has_its_acceptance_line() -> None:
    claimed = re.findall(r"`(0\d)\.([\w-]+)`", (ROOT / "README.md").read_text())
    assert len(claimed) > 15
    sys.path.insert(0, str(ROOT / "tests" / "accept"))
    from accept import promises

    gone = [f"{lst}.{line}" for lst, line in claimed
            if line not in {promise.id for promise in promises(lst)}]
    assert not gone
