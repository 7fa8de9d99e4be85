"""The picture of strings: letters where they belong, motifs and only motifs in colour."""

from __future__ import annotations

import numpy as np
import torch
from gantk_motif.data import MotifStrings
from gantk_motif.views.strings import MARGIN, MARKED, PLAIN, StringsView

from gantk.data import generated, take


def cells(picture: object, cell: int, letters: int, rows: int) -> np.ndarray:
    """Colours at the middle of each cell, (rows, letters, 3), of a picture that ends with `rows` rows of strings."""
    pixels = np.asarray(picture)
    pitch = 2 * cell
    top = pixels.shape[0] - MARGIN - rows * pitch
    y = top + np.arange(rows) * pitch + cell // 2
    x = MARGIN + np.arange(letters) * cell + cell // 2
    return pixels[y][:, x]


def test_each_letter_has_its_colour() -> None:
    data = MotifStrings("test", length=30, held_out=8, motif="11001")
    shown = take(data, 8)
    picture = StringsView(data.spec, cell=4).draw(shown, caption="eight strings")
    colours = cells(picture, 4, 30, 8)
    for row, drawn in zip(shown.samples[:, 0].int().tolist(), colours, strict=True):
        text = "".join(map(str, row))
        inside = {place for start in range(26) if text[start:].startswith("11001") for place in range(start, start + 5)}
        assert inside
        for place, colour in enumerate(drawn):
            expected = (MARKED if place in inside else PLAIN)[row[place]]
            assert tuple(colour) == tuple(expected.astype(np.uint8))


def test_real_strings_are_drawn_below_and_rows_are_limited() -> None:
    data = MotifStrings("test", held_out=20)
    made = generated(torch.rand(20, 1, 128), data.spec)
    view = StringsView(data.spec, rows=5)
    alone, both = view.draw(made), view.draw(made, real=take(data, 20))
    assert both.width == alone.width and both.height > 1.9 * alone.height
    assert np.array_equal(np.asarray(both)[: alone.height], np.asarray(alone))
    assert alone.height < 5 * 14 + 60
