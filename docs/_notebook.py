"""The notebooks as pages of the site, made from their files each time the site is built.

mkdocs calls the functions named `on_…` (mkdocs.yml, `hooks`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files


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
    """Adds a page for each notebook."""
    for path in sorted(Path(config.docs_dir).glob("notebooks/*.ipynb")):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=page(notebook)))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Links to a notebook, which are right where they are read without the site, lead to its page."""
    return re.sub(r"(\]\([^)\s]*)\.ipynb\)", r"\1.md)", markdown)
