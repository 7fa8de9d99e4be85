"""Runs notebooks from top to bottom, each in an empty folder, and writes them with their outputs.

python docs/notebooks/execute.py vae.ipynb             # in place: after every change of a notebook
python docs/notebooks/execute.py vae.ipynb OUT.ipynb
python docs/notebooks/execute.py                       # all of them, in place
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent


def executed(path: Path) -> nbformat.NotebookNode:
    """The notebook with fresh outputs, and nothing in it that says where or when it ran.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised; the message holds its traceback.
    """
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["OMP_NUM_THREADS"] = "1"
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def main(name: str = "", out: str = "") -> None:
    """Runs the notebook called `name`, or every one, and writes it to `out`, or in place."""
    for path in [FOLDER / name] if name else sorted(FOLDER.glob("*.ipynb")):
        nbformat.write(executed(path), out or path)


if __name__ == "__main__":
    main(*sys.argv[1:])
