"""The report opened and clicked in a browser: nothing from outside, no complaint in the console,
tables sort, figures show."""

from __future__ import annotations

from pathlib import Path

import pytest

import chromium
import sample_db
from twinpath_analysis.report import write_report

HEADING = "[...document.querySelectorAll('#{section} ~ .scroll')][0].querySelectorAll('th button')"
COLUMN = ("[...[...document.querySelectorAll('#{section} ~ .scroll')][0].querySelectorAll("
          "'tbody tr')].map(row => row.cells[{column}].dataset.sort ?? "
          "row.cells[{column}].textContent)")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    database = sample_db.make(folder / "sample.db")
    return Path(write_report(str(database), None, str(folder / "report.html")))


@pytest.fixture
def page(report: Path):
    if why := chromium.missing():
        pytest.skip(why)
    with chromium.Page(report) as opened:
        yield opened


def column(page: chromium.Page, section: str, number: int) -> list[str]:
    return page.value(COLUMN.format(section=section, column=number))


def test_nothing_comes_from_outside_and_nothing_complains(page, report: Path) -> None:
    page.value("document.body.offsetHeight")  # laid out, so whatever it loads was asked for
    assert page.asked == [report.resolve().as_uri()]
    assert page.complaints == []


def test_a_click_on_a_heading_sorts_by_number_and_a_second_one_turns_it(page) -> None:
    for section, number in (("comparison", 3), ("validity", 0), ("runs", 0)):
        before = column(page, section, number)
        heading = f"{HEADING.format(section=section)}[{number}]"
        page.click(heading)
        rising = column(page, section, number)
        page.click(heading)
        falling = column(page, section, number)
        assert rising == sorted(before, key=float) and falling == rising[::-1], section
        assert len(rising) > 1


def test_a_click_sorts_words(page) -> None:
    page.click(f"{HEADING.format(section='comparison')}[0]")
    words = column(page, "comparison", 0)
    assert words == sorted(words, key=str.casefold) and len(words) > 1


def test_figures_show_and_say_where_they_come_from(page) -> None:
    sizes = page.value("[...document.querySelectorAll('figure svg')].map(svg => {const b = "
                       "svg.getBoundingClientRect(); return [b.width, b.height, "
                       "svg.querySelectorAll('path').length];})")
    assert len(sizes) >= 3
    assert all(width > 300 and height > 100 and paths > 5 for width, height, paths in sizes)
    shown = "document.querySelector('figure details').open"
    assert page.value(shown) is False
    page.click("document.querySelector('figure summary')")
    assert page.value(shown) is True
    assert "SELECT" in page.value("document.querySelector('figure details').textContent")
