"""Every notebook of the handbook runs from its first cell to its last, by Jupyter's kernel."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from pages import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
CELL_TIMEOUT_S = 240


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment `./twinpath notebook` starts Jupyter in."""
    build = ROOT / "build" / "release"
    folders = (ROOT / "bindings", build / "bindings", ROOT / "analysis")
    monkeypatch.setenv("PYTHONPATH", ":".join(map(str, folders)))
    monkeypatch.setenv("TWINPATH_ROOT", str(ROOT))
    monkeypatch.setenv("TWINPATH_BUILD", str(build))


def outputs(notebook: nbformat.NotebookNode) -> list[str]:
    """Kinds of what the cells showed: text, HTML, figures."""
    return [kind for cell in notebook.cells if cell.cell_type == "code"
            for output in cell.outputs for kind in output.get("data", {})]


@pytest.mark.usefixtures("package")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=CELL_TIMEOUT_S, kernel_name="python3",
                   resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = outputs(notebook)
    assert "text/html" in shown, shown
    assert {"image/png", "image/svg+xml"} & set(shown), shown
    with sqlite3.connect(f"file:{tmp_path / 'notebook.db'}?mode=ro", uri=True) as database:
        counted = database.execute("SELECT count(*) FROM run WHERE status = 'done'").fetchone()
    assert counted == (31,)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    """What it shows depends on the code, so it is not kept in git."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS
