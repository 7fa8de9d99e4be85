"""Runs the notebook from top to bottom in an empty folder, and writes it with its outputs.

python docs/notebooks/execute.py            # in place: after every change of the notebook
python docs/notebooks/execute.py OUT.ipynb
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).with_name("gantk.ipynb")


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


if __name__ == "__main__":
    nbformat.write(executed(NOTEBOOK), sys.argv[1] if len(sys.argv) > 1 else NOTEBOOK)
