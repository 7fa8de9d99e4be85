"""HTML for notebooks: tables and pictures that need no style sheet, and that can be read in light and in dark."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

WIDEST = 760  # pixels of a picture in a notebook; wider ones are made smaller


def html_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of text, escaped.

    Args:
        headings: of the columns.
        rows: as many cells each as there are headings.
    """
    head = "".join(f'<th style="text-align:left">{escape(heading)}</th>' for heading in headings)
    body = "".join(
        "<tr>" + "".join(f'<td style="text-align:left">{escape(cell)}</td>' for cell in row) + "</tr>" for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def html_line(text: str, tag: str = "div") -> str:
    """One line of text, escaped, as an element of its own."""
    return f"<{tag}>{escape(text)}</{tag}>"


def png(picture: Image.Image) -> bytes:
    """A picture as the bytes of a PNG, no wider than a notebook."""
    if picture.width > WIDEST:
        picture = picture.convert("RGB").resize((WIDEST, round(picture.height * WIDEST / picture.width)))
    buffer = io.BytesIO()
    picture.convert("RGB").save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def image(picture: Image.Image, alt: str) -> str:
    """A picture as an element that holds it, so that the notebook needs no file beside it."""
    source = base64.b64encode(png(picture)).decode("ascii")
    return f'<div><img alt="{escape(alt)}" style="max-width:100%" src="data:image/png;base64,{source}"></div>'
