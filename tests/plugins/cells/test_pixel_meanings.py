"""What pixel values mean, by TIFF 6.0 and PNG: white as 0, palettes, alpha, grey in colour; the size of a pixel."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from gantk_basics.files.images.alpha import LEFT_OUT
from gantk_basics.files.images.decode import decode
from gantk_basics.files.images.pixel_size import COARSEST, micrometres
from gantk_basics.files.images.tiff_file import ODD_PALETTE
from gantk_basics.inspection.survey import survey
from gantk_cells.data.lin import Lin
from gantk_cells.inspection.recipe_proposal import data_block, warnings_of
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gantk.cli import run_command_line
from gantk.data import take
from gantk.errors import DataError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 9), np.uint8)
COLOUR = RNG.integers(0, 256, (6, 9, 3), np.uint8)
CLEAR = RNG.integers(0, 256, (6, 9, 1), np.uint8)
TWO = np.concatenate([GREY[..., None], CLEAR], -1)
FEW_COLOURS = Image.fromarray(COLOUR).quantize(8)
RAMP = np.arange(256, dtype=np.uint16) * 257


def written(path: Path, pixels: np.ndarray, **how: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        Image.fromarray(pixels).save(path, **how)
    else:
        tifffile.imwrite(path, pixels, **{"photometric": "minisblack", "metadata": None, **how})
    return path


@given(
    type_=st.sampled_from(["uint8", "uint16", "float32"]),
    pages=st.integers(1, 3),
    seed=st.integers(0, 2**16),
)
def test_white_as_0_is_black_as_0_turned_over(tmp_path_factory: pytest.TempPathFactory, type_, pages, seed) -> None:
    path = tmp_path_factory.mktemp("white") / "a.tif"
    pixels = np.random.default_rng(seed).integers(0, 256, (pages, 6, 9)).astype(type_)
    written(path, pixels, photometric="miniswhite")
    top = {"uint8": 255, "uint16": 65535, "float32": 0}[type_]
    decoded = decode(path)
    assert decoded.images.dtype == type_ and np.array_equal(decoded.images[0], top - pixels)


def test_of_12_bits_white_as_0_counts_from_4095(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    pytest.importorskip("imagecodecs", reason="pip install 'gantk[tiff]'")
    try:
        tifffile.imwrite(path, np.full((8, 8), 5, np.uint16), photometric="miniswhite", bitspersample=12, metadata=None)
    except NotImplementedError:
        pytest.skip("this version of imagecodecs writes no 12 bits")
    assert (decode(path).images == 4090).all()


FORMS: dict[str, tuple[Callable[[Path], Path], np.ndarray, tuple[str, ...], bool]] = {
    "palette of grey": (
        lambda folder: written(folder / "a.tif", GREY, photometric="palette", colormap=np.stack([RAMP] * 3)),
        GREY[None], (), False,
    ),
    "palette of green": (
        lambda folder: written(folder / "a.tif", GREY, photometric="palette", colormap=np.outer([0, 1, 0], RAMP)),
        GREY[None], (), False,
    ),
    "palette of labels": (
        lambda folder: written(
            folder / "a.tif", GREY, photometric="palette",
            colormap=np.random.default_rng(1).integers(0, 65536, (3, 256), np.uint16),
        ),
        GREY[None], (ODD_PALETTE,), False,
    ),
    "palette of a PNG": (
        lambda folder: (FEW_COLOURS.save(folder / "a.png"), folder / "a.png")[1],
        np.asarray(FEW_COLOURS.convert("RGB")).transpose(2, 0, 1), (), True,
    ),
    "grey and alpha, PNG": (
        lambda folder: written(folder / "a.png", TWO),
        GREY[None], (LEFT_OUT,), False,
    ),
    "colour and alpha, PNG": (
        lambda folder: written(folder / "a.png", np.concatenate([COLOUR, CLEAR], -1)),
        COLOUR.transpose(2, 0, 1), (LEFT_OUT,), True,
    ),
    "grey and alpha, TIFF": (
        lambda folder: written(
            folder / "a.tif", TWO, planarconfig="contig", extrasamples=["unassalpha"]
        ),
        GREY[None], (LEFT_OUT,), False,
    ),
    "colour and alpha, planes of a TIFF": (
        lambda folder: written(
            folder / "a.tif", np.concatenate([COLOUR, CLEAR], -1).transpose(2, 0, 1), photometric="rgb",
            planarconfig="separate", extrasamples=["assocalpha"],
        ),
        COLOUR.transpose(2, 0, 1), (LEFT_OUT,), True,
    ),
    "channels that are not said to be alpha": (
        lambda folder: written(
            folder / "a.tif", TWO, planarconfig="contig", extrasamples=["unspecified"]
        ),
        TWO.transpose(2, 0, 1), (), False,
    ),
    "one bit": (lambda folder: written(folder / "a.tif", GREY > 99), (GREY > 99)[None] * 255, (), False),
    "one bit, PNG": (lambda folder: written(folder / "a.png", GREY > 99), (GREY > 99)[None] * 255, (), False),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_forms(name: str, tmp_path: Path) -> None:
    write, expected, remarks, colour = FORMS[name]
    decoded = decode(write(tmp_path))
    assert np.array_equal(decoded.images[0], expected)
    assert (decoded.remarks, decoded.colour) == (remarks, colour)


@pytest.mark.parametrize(
    ("photometric", "word"), [("cielab", "CIELAB"), ("separated", "CMYK"), ("ycbcr", "YCBCR"), ("mask", "MASK")]
)
def test_colours_whose_numbers_are_no_intensities_are_refused(tmp_path: Path, photometric: str, word: str) -> None:
    shape = {"separated": (6, 9, 4), "mask": (6, 9)}.get(photometric, (6, 9, 3))
    path = written(tmp_path / "a.tif", np.zeros(shape, np.uint8), photometric=photometric)
    with pytest.raises(DataError, match=rf"a\.tif is a picture in {word}.*grey or RGB"):
        decode(path)


def test_what_is_left_out_is_said_once_with_a_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(8):
        clear = np.random.default_rng(i).integers(0, 256, (8, 12, 4), np.uint8)
        written(tmp_path / f"own/A/{i}.png", clear)
    data = Lin("train", root=tmp_path / "own")
    assert data.spec.shape == (2, 8, 12)
    for _ in range(2):
        assert capsys.readouterr().err.count(f"8 images, such as those in {tmp_path / 'own/A'}: alpha") == 1
        Lin("train", root=tmp_path / "own")  # from the cache
    assert survey(tmp_path / "own").classes[0].remarks[LEFT_OUT] == 8


@pytest.mark.parametrize(("more", "expected"), [([], 0), (["data.size=[5, 7]"], 1)], ids=["accepted", "refused"])
def test_inspect_says_once_what_is_left_out(
    more: list[str], expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(12):
        clear = np.random.default_rng(i).integers(0, 256, (16, 24, 4), np.uint8)
        written(tmp_path / f"own/A/{i}.png", clear)
    monkeypatch.chdir(tmp_path)
    code = run_command_line(["inspect", "own", "data.use=cells/lin", "data.channels=[0, 1]", *more])
    said = capsys.readouterr().err
    assert (code, said.count("12 images"), said.count(LEFT_OUT)) == (expected, 1, 1), said


def grey_as_colour(folder: Path, odd: bool = False) -> Path:
    rng = np.random.default_rng(0)
    for i in range(10):
        pixels = np.repeat(rng.integers(0, 256, (8, 12, 1), np.uint8), 3, -1)
        if odd and i == 4:
            pixels[0, 0, 2] ^= 1
        written(folder / f"A/{i}.png", pixels)
    return folder


def test_equal_channels_are_one(tmp_path: Path) -> None:
    root = grey_as_colour(tmp_path / "own")
    for channels, enough in (([0, 1], "0"), ([2, 0], "2"), ([1, 2, 0], "1")):
        with pytest.raises(DataError, match=rf"data\.channels=\[{enough}\]"):
            Lin("train", root=root, channels=channels)
    assert Lin("train", root=root, channels=[1]).spec.shape == (1, 8, 12)
    assert survey(root).repeats() == {1: 0, 2: 0}


def test_one_image_that_differs_makes_a_channel(tmp_path: Path) -> None:
    root = grey_as_colour(tmp_path / "own", odd=True)
    assert survey(root).repeats() == {1: 0}
    with pytest.raises(DataError, match=r"data\.channels=\[0, 2\]"):
        Lin("train", root=root, channels=[0, 1, 2])


def test_channels_that_show_nothing_are_not_called_equal(tmp_path: Path) -> None:
    for i in range(8):
        pixels = np.zeros((8, 12, 3), np.uint8)
        pixels[..., 0] = np.random.default_rng(i).integers(0, 256, (8, 12))
        written(tmp_path / f"own/A/{i}.png", pixels)
    assert Lin("train", root=tmp_path / "own", channels=[0, 1, 2]).spec.shape == (3, 8, 12)


SIZES: dict[str, tuple[str, float | None]] = {
    "µm": ("µm", 0.25), "μm": ("μm", 0.25), "um": ("um", 0.25), "UM": ("UM", 0.25), "micron": ("micron", 0.25),
    "nm": ("nm", 0.00025), "mm": ("mm", 250.0), "cm": ("cm", 2500.0), "m": ("m", 250000.0), "pm": ("pm", 2.5e-7),
    "Å": ("Å", 2.5e-5), "angstrom sign": ("\u212b", 2.5e-5), "inch": ("inch", 6350.0), "in": ("in", 6350.0),
    "metres": ("metre", 250000.0), "nanometers": ("nanometers", 0.00025), "pixel": ("pixel", None), "": ("", None),
}  # fmt: skip


@pytest.mark.parametrize("name", SIZES)
def test_units(name: str) -> None:
    unit, expected = SIZES[name]
    assert micrometres("0.25", unit) == expected
    for nothing in (None, "x", 0, -1, float("inf"), float("nan")):
        assert micrometres(nothing, unit) is None


@pytest.mark.parametrize("unit", ["m", "cm", "mm", "µm", "nm", "Å", "pm", "in"])
def test_ome_says_the_size_in_any_unit(unit: str, tmp_path: Path) -> None:
    size = 0.108 / micrometres(1, unit)
    about = {"axes": "YX", "PhysicalSizeX": size, "PhysicalSizeXUnit": unit, "PhysicalSizeY": size}
    tifffile.imwrite(tmp_path / "a.ome.tif", GREY, ome=True, photometric="minisblack", metadata=about)
    assert decode(tmp_path / "a.ome.tif").pixel_size == pytest.approx(0.108)


@pytest.mark.parametrize("unit", ["cm", "mm", "micron", "\\u00B5m", "nm", "inch"])
def test_imagej_says_the_size_in_any_unit(unit: str, tmp_path: Path) -> None:
    each = micrometres(1, unit) / 0.108
    tifffile.imwrite(tmp_path / "a.tif", GREY, imagej=True, resolution=(each, each), metadata={"unit": unit})
    assert decode(tmp_path / "a.tif").pixel_size == pytest.approx(0.108, rel=1e-4)


@given(size=st.floats(0.01, COARSEST * 0.99), unit=st.sampled_from([2, 3]))
def test_tiff_says_the_size_itself(tmp_path_factory: pytest.TempPathFactory, size: float, unit: int) -> None:
    path = tmp_path_factory.mktemp("resolution") / "a.tif"
    each = {2: 25400, 3: 10000}[unit] / size
    written(path, GREY, resolution=(each, each), resolutionunit=unit)
    assert decode(path).pixel_size == pytest.approx(size, rel=1e-3)


@pytest.mark.parametrize("dpi", [72, 96, 300, 600, 2400])
def test_the_resolution_of_a_screen_or_printer_says_nothing(dpi: int, tmp_path: Path) -> None:
    assert decode(written(tmp_path / "a.tif", GREY, resolution=(dpi, dpi), resolutionunit=2)).pixel_size is None
    assert decode(written(tmp_path / "a.png", GREY, dpi=(dpi, dpi))).pixel_size is None


def test_a_resolution_without_a_unit_says_nothing(tmp_path: Path) -> None:
    assert decode(written(tmp_path / "a.tif", GREY, resolution=(9, 9), resolutionunit=1)).pixel_size is None
    tifffile.imwrite(tmp_path / "b.tif", GREY, imagej=True, resolution=(9, 9))
    assert decode(tmp_path / "b.tif").pixel_size is None


def test_png_says_the_size_of_a_pixel(tmp_path: Path) -> None:
    path = written(tmp_path / "a.png", GREY, dpi=(25400 / 0.25, 25400 / 0.25))
    assert decode(path).pixel_size == pytest.approx(0.25, rel=1e-3)


@pytest.fixture
def field(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the field brought: a copy, and the working directory."""
    if not (root := os.environ.get("GANTK_TEST_DATA")) or not (Path(root) / "field/cells").is_dir():
        pytest.skip("GANTK_TEST_DATA has no field/cells")
    for name in ("05_miniswhite", "05_minisblack", "06_grey_as_colour_png", "16_units", "17_messages", "18_crop40"):
        shutil.copytree(Path(root) / "field/cells" / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_field(field: Path, capsys: pytest.CaptureFixture[str]) -> None:
    white, black = (
        take(Lin("train", root=field / name, channels=[0]), 99) for name in ("05_miniswhite", "05_minisblack")
    )
    assert np.array_equal(white.samples, black.samples)

    grey = survey(field / "06_grey_as_colour_png")
    assert (data := data_block(grey))["channels"] == [0]
    assert any("grey saved in colour" in text for text in warnings_of(grey, data))
    padded = data_block(survey(field / "18_crop40"))
    assert (padded["size"], padded["fit"]) == ([48, 48], "pad")
    for folder in ("ome_cm", "ome_m", "tiff_cm"):
        found = survey(field / "16_units" / folder)
        assert set(found.count("pixel_sizes")) == {0.108}, folder
    capsys.readouterr()
    assert run_command_line(["inspect", "17_messages/int16"]) == 2
    assert "int16" in (said := capsys.readouterr().err) and "sign" in said and "save it with 8 or 16 bits" not in said
