"""The notebook as a page of the site, made from the file each time the site is built.

mkdocs calls the functions named `on_…` (mkdocs.yml, `hooks`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

NOTEBOOK = "notebooks/gantk.ipynb"
PAGE = "notebooks/gantk.md"


def page(notebook: dict[str, Any]) -> str:
    """The cells and outputs of a notebook as Markdown."""
    return "\n\n".join(part for cell in notebook["cells"] for part in _cell(cell)) + "\n"


def _cell(cell: dict[str, Any]) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
        return
    yield f"```python\n{source}\n```"
    for output in cell["outputs"]:
        if output["output_type"] == "stream":
            yield _text("".join(output["text"]))
        elif "text/html" in output["data"]:
            yield f'<div class="output">{"".join(output["data"]["text/html"])}</div>'
        elif "image/png" in output["data"]:
            data = "".join(output["data"]["image/png"]).strip()
            yield f'<div class="output"><img alt="output of the cell above" src="data:image/png;base64,{data}"></div>'
        else:
            yield _text("".join(output["data"]["text/plain"]))


def _text(text: str) -> str:
    return f"````text\n{text.rstrip()}\n````"


def on_files(files: Files, *, config: Any) -> Files:
    """Adds the page."""
    notebook = json.loads((Path(config.docs_dir) / NOTEBOOK).read_text(encoding="utf-8"))
    files.append(File.generated(config, PAGE, content=page(notebook)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to the file, which are right where it is read without the site, lead to the page."""
    return markdown.replace(NOTEBOOK, PAGE)
