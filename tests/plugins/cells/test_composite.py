"""The composite view: its pixels are the samples' pixels, its words say what they are."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from gantk_cells.data.simulated import Simulated
from gantk_cells.stack import is_stack, shares_red, stack
from gantk_cells.views import sheet as sheets
from gantk_cells.views.composite import COLOURS, Composite, colour_of, heading
from gantk_cells.views.sheet import MARGIN, Line, SheetBlock, sheet
from PIL import Image

from gantk.data import generated, take
from gantk.errors import DoesNotFit
from gantk.interfaces import Samples
from gantk.spec import DataSpec

SMALL = {"cells": 20, "test_cells": 6, "proteins": ["Arp3", "Mkh1", "Tea1"]}


def shared_red(count: int = 2) -> Samples:
    """What a star-shaped net would make: one red for the pairs of a cell."""
    samples = take(Simulated("test", layout="per_class", **SMALL), count)
    samples.samples[:, :, 0] = samples.samples[:, :1, 0]
    return generated(samples.samples, samples.spec, step=7)


def holds(picture: Image.Image, panel: np.ndarray) -> bool:
    """Whether `panel` (H, W, 3) is somewhere in the picture, pixel for pixel."""
    pixels = np.asarray(picture)
    height, width = panel.shape[:2]
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (height, width, 3))[:, :, 0]
    corners = np.argwhere(
        (windows[:, :, 0, 0] == panel[0, 0]).all(-1) & (windows[:, :, 24, 40] == panel[24, 40]).all(-1)
    )
    return any(np.array_equal(windows[y, x], panel) for y, x in corners)


def composite(pair: torch.Tensor, magenta: bool = False) -> np.ndarray:
    red, green = np.round((pair.numpy() + 1) / 2 * 255).astype(np.uint8)
    return np.stack([red, green, red if magenta else np.zeros_like(red)], -1)


def test_a_row_is_a_cell() -> None:
    samples = shared_red()
    picture = Composite(samples.spec, scale=1).draw(samples, caption="step 7")
    assert picture.width == 4 * 80 + 3 * sheets.GAP + 2 * MARGIN
    for cell in samples.samples:
        for pair in cell:
            assert holds(picture, composite(pair))
        assert holds(picture, composite(cell[0]) * np.array([1, 0, 0], np.uint8))  # red alone
    assert np.array_equal(picture, Composite(samples.spec, scale=1).draw(stack(samples), caption="step 7"))


def test_real_images_stand_below_and_share_no_red() -> None:
    samples = shared_red()
    real = take(Simulated("test", layout="per_class", **SMALL), 3)
    view = Composite(samples.spec, scale=1, scale_bar=0)
    alone, both = view.draw(samples), view.draw(samples, real=real)
    assert both.height > alone.height and np.array_equal(np.asarray(both)[: alone.height - 9], np.asarray(alone)[:-9])
    assert holds(both, composite(real.samples[1, 2]))
    assert heading(real) == "simulated cells (not real data); each image another cell"
    assert heading(samples) == "generated, modelled on simulated data"


def test_pairs_and_scale() -> None:
    samples = take(Simulated("test", **SMALL), 10)
    view = Composite(samples.spec, scale=2, columns=4, colours="magenta/green")
    picture = view.draw(samples)
    assert picture.width == 4 * 160 + 3 * sheets.GAP + 2 * MARGIN
    for pair in samples.samples:
        assert holds(picture, composite(pair, magenta=True).repeat(2, 0).repeat(2, 1))


def test_pictures_of_each_protein() -> None:
    samples = shared_red()
    view = Composite(samples.spec, scale=1)
    for given in (samples, stack(samples)):
        drawn = view.pictures(given, "step 7")
        assert list(drawn) == ["Arp3", "Mkh1", "Tea1"]
        assert holds(drawn["Mkh1"], composite(samples.samples[1, 1]))
        assert holds(drawn["Mkh1"], composite(samples.samples[1, 1]) * np.array([0, 1, 0], np.uint8))
    pairs = take(Simulated("test", **SMALL), 7)
    assert list(view.pictures(pairs)) == ["Arp3", "Mkh1", "Tea1"]
    pairs.labels = None
    assert list(view.pictures(pairs)) == ["all"]
    awkward = replace(samples.spec, names={"protein": ("a/b", "../c", "d e"), "channel": ("Bgs4", "protein")})
    assert not {"/", " "} & set("".join(view.pictures(replace(samples, spec=awkward))))


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_any_number_of_channels(channels: int) -> None:
    spec = DataSpec(shape=(channels, 48, 80), axes=("channel", "y", "x"), range=None)
    samples = Samples(samples=torch.rand(3, channels, 48, 80) * 9, spec=spec)
    view = Composite(spec)
    assert view.draw(samples).width > 3 * 160
    assert list(view.pictures(samples)) == ["all"]


def test_text_is_never_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[float, float]] = []
    text = sheets.ImageDraw.ImageDraw.text

    def watch(self, at, words, ink, font):
        drawn.append((at[0] + font.getlength(words), self.im.size[0]))
        text(self, at, words, ink, font)

    monkeypatch.setattr(sheets.ImageDraw.ImageDraw, "text", watch)
    panel = np.zeros((8, 40, 3), np.uint8)
    sheet("a caption " * 40 + "W" * 200, [SheetBlock("h" * 300, [Line(["a long title"] * 2, [panel, panel])])], 1)
    assert len(drawn) > 10 and all(end <= width for end, width in drawn)


def test_refusals() -> None:
    with pytest.raises(DoesNotFit, match="coordinate"):
        Composite(DataSpec(shape=(2,), axes=("coordinate",)))
    samples = take(Simulated("test", layout="per_class", **SMALL), 2)
    assert not shares_red(samples) and not is_stack(samples.spec)
    with pytest.raises(DoesNotFit, match="star-shaped"):
        stack(samples)


def test_a_scale_bar_is_as_long_as_it_says() -> None:
    samples = take(Simulated("test", layout="per_class", **SMALL), 2)  # pixels of 0.1 µm
    for wanted, micrometres in ((None, 5), (2.0, 2)):
        picture = np.asarray(Composite(samples.spec, scale=3, scale_bar=wanted).draw(samples))
        foot = (picture[-24:] == sheets.INK).all(-1)
        assert foot[9, MARGIN : MARGIN + 30 * micrometres].all()
        assert foot[9].sum() == 30 * micrometres + foot[9, MARGIN + 30 * micrometres :].sum()
        assert not foot[9, MARGIN + 30 * micrometres]
    without = np.asarray(Composite(samples.spec, scale=3, scale_bar=0).draw(samples))
    assert len(without) == len(picture) - 24
    unknown = replace(samples, spec=replace(samples.spec, attributes={}))
    assert np.array_equal(without, np.asarray(Composite(unknown.spec, scale=3).draw(unknown)))
    assert sheets.scale_bar(80, 0.65, None) == sheets.ScaleBar(20 / 0.65, "20 µm")


@pytest.mark.parametrize("palette", COLOURS.values())
def test_no_two_channels_have_one_colour(palette: tuple[tuple[float, float, float], ...]) -> None:
    colours = np.array([colour_of(channel, palette) for channel in range(24)])
    apart = np.abs(colours[:, None] - colours[None]).max(-1)[np.triu_indices(24, 1)]
    assert apart.min() > 0.03
    spec = DataSpec(shape=(4, 6, 8), axes=("channel", "y", "x"), range=(0.0, 1.0))
    image = np.zeros((4, 6, 8), np.float32)
    image[3] = 1
    assert (Composite(spec).composite(image) == 255).all()  # the fourth is grey, not red again


@pytest.mark.parametrize(("side", "columns", "lines"), [(1024, 8, 1), (100, 8, 20), (900, 5, 2), (48, 41, 4)])
def test_sheets_can_be_looked_at_and_show_the_mean_of_what_they_shrink(side: int, columns: int, lines: int) -> None:
    pictures = [np.full((side, side, 3), 10 * (k % 20), np.uint8) for k in range(columns)]
    block = SheetBlock("cells", [Line([], list(pictures)) for _ in range(lines)])
    page = sheet("a sheet", [block], scale=2, bar=sheets.ScaleBar(side / 2, "5 µm"))
    assert page.width <= sheets.MOST_WIDTH + 2 * MARGIN + sheets.LEAST_WIDTH
    assert page.height <= sheets.MOST_HEIGHT + 200
    seen = np.bincount(np.asarray(page)[:, :, 2].ravel(), minlength=256)
    for k in range(1, columns):
        assert seen[10 * (k % 20)] >= 24 * 24 * lines or k % 20 == 0
