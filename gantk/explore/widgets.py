"""Pieces of the page, of the library panel: imported, it says which extra is missing where that is not installed."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from PIL import Image

from gantk.errors import MissingExtra

LARGEST_SEED = 2**31 - 1
LABEL_HEIGHT = 18  # pixels of the words above a widget, by which a button beside it is lowered


def import_panel() -> Any:
    """The package panel.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        import panel
    except ImportError as error:
        raise MissingExtra(
            "the page to explore needs the package panel, which is not here: pip install 'gantk[explore]'"
        ) from error
    return panel


pn = import_panel()


def heading(text: str) -> Any:
    """A heading."""
    return pn.widgets.StaticText(value=text, styles={"font-weight": "600", "font-size": "15px"})


def seed_input(name: str) -> Any:
    """Where a seed is typed."""
    return pn.widgets.IntInput(name=name, value=0, start=0, end=LARGEST_SEED, width=150)


def button(name: str, pressed: Callable[..., None], width: int = 150, *, lowered: bool = True) -> Any:
    """A button.

    Args:
        name: what stands on it.
        pressed: called with the event.
        width: in pixels.
        lowered: whether it stands beside a widget with words above it.
    """
    made = pn.widgets.Button(name=name, width=width)
    made.on_click(pressed)
    return pn.Column(pn.Spacer(height=LABEL_HEIGHT), made) if lowered else made


def show(pane: Any, picture: Image.Image) -> None:
    """Shows a picture in its own size, or in the page's width where that is less."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    pane.param.update(object=buffer.getvalue(), max_width=picture.width)
