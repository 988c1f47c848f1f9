"""The notebook runs from top to bottom, and is kept without what it showed."""

import json
import os

import pytest
from helpers import ROOT
from image_files import files

TOUR = ROOT / "docs" / "tour.ipynb"


def test_no_outputs_are_kept():
    cells = [cell for cell in json.loads(TOUR.read_text())["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 4
    assert not any(cell["outputs"] or cell["execution_count"] for cell in cells)


@pytest.mark.process
def test_the_tour(tmp_path, monkeypatch):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    tour = nbformat.read(TOUR, as_version=4)
    (steps,) = (cell for cell in tour.cells if cell.source.startswith("steps ="))
    steps.source = "steps = 4"
    nbclient.NotebookClient(tour, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in tour.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in shown) == 4
    compared = "".join(output.get("text", "") for output in shown if output.output_type == "stream")
    assert all(name in compared for name in ("grey ", "reference", "mine", "in the package"))
    assert "runs/tour/curves.png" in files(tmp_path)
