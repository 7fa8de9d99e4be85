"""The notebooks in docs run from top to bottom, and the outputs that stand in them are those that come."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
NUMBER = re.compile(r"-?\d[\d.]*(?:e[-+]?\d+)?")


def without_numbers(text: str) -> str:
    """The text with # for each number, whatever its sign and width: last digits differ between machines."""
    return re.sub(r"\[ +#", "[#", NUMBER.sub("#", text))


def outputs(notebook: Any) -> list[list[tuple[str, object]]]:
    """Of every code cell, what does not differ between machines: kinds of output, and text without numbers."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [[_kind(output) for output in cell.outputs] for cell in cells]


def _kind(output: Any) -> tuple[str, object]:
    if output.output_type == "stream":
        return output.name, without_numbers(output.text)
    if "text/html" in output.data:
        tags = re.findall(r"<(\w+)|>([a-z_.]+)</td>", output.data["text/html"])
        return "html", [one or other for one, other in tags]
    if "image/png" in output.data:
        return "picture", None
    return "text", without_numbers(output.data["text/plain"])


def names(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names)
def test_it_is_small_whole_and_says_nothing_of_this_machine(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert len(text) < 300_000
    assert all(cell.outputs for cell in notebook.cells if cell.cell_type == "code")
    shown = json.dumps([output for cell in notebook.cells for output in cell.get("outputs", [])])
    without_pictures = re.sub(r"[A-Za-z0-9+/=\\n]{200,}", "", shown)
    assert not re.search(r"/(tmp|home|work|root|Users)/", without_pictures)
    if path.name == "gan.ipynb":  # which is about a run that gantk warns of
        without_pictures = re.sub(r"warning:(\S*) step \d+", "", without_pictures)
    assert not re.search(r"warning", without_pictures, re.I)
    assert not any(output.output_type == "error" for cell in notebook.cells for output in cell.get("outputs", []))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names)
def test_its_links_lead_somewhere(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\(([^)#]+)\)", text)
    assert len(links) > 3
    for link in links:
        assert (FOLDER / link).exists(), link


@pytest.mark.parametrize("path", NOTEBOOKS, ids=names)
def test_its_page_of_the_site_has_every_cell_and_picture(path: Path) -> None:
    pytest.importorskip("mkdocs")
    page = runpy.run_path(str(FOLDER.parent / "_notebook.py"))["page"]
    notebook = nbformat.read(path, as_version=4)
    text = page(json.loads(path.read_text(encoding="utf-8")))
    assert all(cell.source in text for cell in notebook.cells)
    pictures = [kind for cell in outputs(notebook) for kind, _ in cell].count("picture")
    in_tables = path.read_text(encoding="utf-8").count("data:image/png;base64,")  # a run shows its own
    assert pictures > 2
    assert text.count("data:image/png;base64,") == pictures + in_tables


@pytest.mark.long  # what they call has quick tests of its own
@pytest.mark.parametrize("path", NOTEBOOKS, ids=names)
def test_it_runs_and_its_outputs_are_fresh(path: Path, tmp_path: Path) -> None:
    out = tmp_path / path.name
    command = [sys.executable, str(FOLDER / "execute.py"), path.name, str(out)]
    environment = os.environ | {"GANTK_CACHE": str(tmp_path / "cache"), "JUPYTER_PLATFORM_DIRS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    fresh = outputs(nbformat.read(out, as_version=4))
    kept = outputs(nbformat.read(path, as_version=4))
    assert fresh == kept, f"run python docs/notebooks/execute.py {path.name}"
