"""One reader for all commands, and pictures whose contrast is that of each channel: percentiles from a fair sample."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from gantk_basics.files.images.decode import decode
from gantk_basics.inspection.intensities import PERCENTILES, Channel
from gantk_basics.inspection.survey import survey
from gantk_basics.views.images import Images
from gantk_cells.files.plain_images import plain_samples
from gantk_cells.inspection.contact_sheet import contact_sheet
from gantk_cells.inspection.recipe_proposal import CUT, data_block
from gantk_cells.views.composite import Composite
from gantk_cells.views.contrast import brightness
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from gantk.api.view import samples_of
from gantk.interfaces import Samples
from gantk.reporting.pictures import picture_of
from gantk.spec import DataSpec


def cell(bits: int, type_: str = "uint16") -> np.ndarray:
    """A dim cell on a dark ground, with one hot pixel."""
    y, x = np.mgrid[:32, :40]
    light = np.exp(-(((y - 16) / 6) ** 2) - ((x - 20) / 8) ** 2)
    pixels = 0.01 + 0.2 * light
    pixels[0, 0] = 1.0
    return (pixels * (2**bits - 1)).astype(type_)


FORMS = {
    "12 bits": (".tif", cell(12), {}),
    "16 bits": (".tif", cell(16), {}),
    "8 bits": (".tif", cell(8, "uint8"), {}),
    "PNG of 16 bits": (".png", cell(12), {}),
    "floating point": (".tif", cell(12).astype(np.float32) / 99 - 3, {}),
    "white is 0": (".tif", (65535 - cell(12)).astype(np.uint16), {"photometric": "miniswhite"}),
    "OME-TIFF": (".ome.tif", cell(12), {"ome": True, "metadata": {"axes": "YX"}}),
}


@pytest.mark.parametrize("name", FORMS)
def test_view_shows_the_cell_whatever_the_form(name: str, tmp_path: Path) -> None:
    ending, pixels, how = FORMS[name]
    path = tmp_path / f"a{ending}"
    if ending == ".png":
        Image.fromarray(pixels).save(path)
    else:
        tifffile.imwrite(path, pixels, **{"photometric": "minisblack", "metadata": None, **how})
    samples, _ = samples_of(path, 4, 0)
    assert np.array_equal(plain_samples(decode(path)).samples, samples.samples)  # read as data sets read it
    shown = brightness(samples)[0, 0]
    inside, outside = shown[12:20, 14:26], shown[26:, :8]
    assert inside.mean() > 0.5 and outside.mean() < 0.15, (inside.mean(), outside.mean())
    drawn = np.asarray(picture_of(samples))[..., 0]
    assert (drawn > 128).sum() > 400  # of a picture of twice the size, beside a few letters


def test_each_channel_has_its_own_contrast() -> None:
    values = np.stack([cell(12) / 4095, cell(12) / 4095 / 100 + 5], 0)[None].repeat(3, 0)  # (3, 2, H, W)
    spec = DataSpec(shape=values.shape[1:], axes=("channel", "y", "x"), range=None, view="cells/composite")
    for contrast in (None, "percentiles"):
        shown = brightness(Samples(torch.tensor(values), spec=spec), contrast)
        assert np.abs(shown[:, 0] - shown[:, 1]).max() < 1e-2
    grid = np.asarray(Images(spec).draw(Samples(torch.tensor(values), spec=spec)))
    assert (grid[..., 0] > 200).mean() > 0.1


def test_training_data_are_drawn_by_their_range_and_both_sides_alike() -> None:
    spec = DataSpec(shape=(1, 32, 40), axes=("channel", "y", "x"), view="cells/composite")
    dim = Samples(torch.tensor(cell(12) / 4095 * 2 - 1)[None, None].float(), spec=spec)
    assert brightness(dim).max() == 1 and np.median(brightness(dim)) < 0.02  # as the nets see it
    bright = replace(dim, samples=(dim.samples + 1) * 2 - 1)
    alike = brightness(dim, "percentiles", like=bright), brightness(bright, "percentiles", like=bright)
    assert alike[0].mean() < 0.7 * alike[1].mean()
    drawn = [np.asarray(Composite(spec, contrast=each).draw(dim)) for each in ("range", "percentiles")]
    assert (drawn[1] > 128).sum() > 2 * (drawn[0] > 128).sum()


def exact(pixels: np.ndarray) -> list[float]:
    """In fractions: of 1,000 pixels 99.9 % are 999, and 1,000 × (99.9 / 100) is a little more."""
    ordered = np.sort(pixels, axis=None)
    return [float(ordered[ceil(Fraction(str(share)) / 100 * len(ordered)) - 1]) for share in PERCENTILES]


@example(seed=0, shapes=[(25, 40)], top=297)
@given(
    seed=st.integers(0, 2**16),
    shapes=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=5),
    top=st.integers(1, 65535),
)
def test_percentiles_of_integers_are_exact(seed: int, shapes: list[tuple[int, int]], top: int) -> None:
    rng = np.random.default_rng(seed)
    images = [rng.integers(0, top + 1, shape, np.uint16) for shape in shapes]
    one, first, second = Channel(), Channel(), Channel()
    for number, image in enumerate(images):
        one.add(image)
        (first if number % 2 else second).add(image)
    expected = exact(np.concatenate([image.ravel() for image in images]))
    assert one.percentiles() == expected and (one.lowest, one.highest) == (
        min(image.min() for image in images),
        max(image.max() for image in images),
    )
    if len(images) > 1:
        assert first.joined(second).percentiles() == expected


@pytest.mark.parametrize("columns", [500, 512, 499])
def test_a_sample_of_floating_point_pixels_is_fair(columns: int) -> None:
    """Rows whose length divides a stride, images that grow brighter, images of unequal size: any pixel is as likely."""
    channel, images = Channel(most=2**16), []
    for number in range(8):
        image = np.tile(np.linspace(0, 1, columns, dtype=np.float32), (100 + 20 * number, 1)) + number
        images.append(image.ravel())
        channel.add(image)
    assert sum(part.shape[1] for part in channel.kept) <= 2**16 and channel.share < 1
    every = np.concatenate(images)
    ranks = [(every <= value).mean() * 100 for value in channel.percentiles()]
    assert np.abs(np.array(ranks) - PERCENTILES).max() < 0.6 and abs(ranks[-1] - 99.99) < 0.02


def test_few_floating_point_pixels_are_all_kept() -> None:
    channel = Channel()
    image = np.random.default_rng(0).normal(size=(60, 70)).astype(np.float32)
    channel.add(image)
    assert np.allclose(channel.percentiles(), exact(image))


def test_the_contact_sheet_is_not_saturated(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(4):
        image = np.zeros((500, 500), np.uint16)
        image[:, :20] = rng.integers(0, 100, (500, 20))  # all that a stride of 500 would see
        image[:, 20:] = rng.integers(0, 2000, (500, 480))
        tifffile.imwrite(tmp_path / f"{number}.tif", image, metadata=None, photometric="minisblack")
    found = survey(tmp_path)
    assert found.channel(0).percentiles()[-1] == pytest.approx(1999, abs=1)
    sheet = np.asarray(contact_sheet(found, data_block(found), {}))
    assert (sheet[100:400, 100:400] > 250).mean() < 0.05


def test_one_hot_pixel_hides_no_dark_images_of_8_bits(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(10):
        image = rng.integers(0, 30, (64, 64), np.uint8)
        image[3, 3] = 255 if number == 0 else 0
        tifffile.imwrite(tmp_path / f"{number}.tif", image, metadata=None, photometric="minisblack")
    assert data_block(survey(tmp_path))["white"] == "99.99%"


@pytest.mark.parametrize("size", [(40, 40), (17, 25), (47, 81), (33, 70), (100, 30), (64, 64), (49, 83)])
def test_inspect_pads_rather_than_cuts(size: tuple[int, int], tmp_path: Path) -> None:
    for number in range(4):
        image = np.random.default_rng(number).integers(0, 256, size, np.uint8)
        tifffile.imwrite(tmp_path / f"{number}.tif", image, metadata=None, photometric="minisblack")
    data = data_block(survey(tmp_path))
    made = data.get("size", list(size))
    assert all(want >= have - CUT * have for have, want in zip(size, made, strict=True))
    assert data.get("fit") == ("pad" if tuple(made) > size else None if tuple(made) == size else "crop")
