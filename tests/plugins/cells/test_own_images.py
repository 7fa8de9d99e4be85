"""Images of one's own: stacks with named channels, sizes, pixel values and the way back to them."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from gantk_basics.files.images.decode import decode
from gantk_basics.image_sizes import fitted
from gantk_basics.pixel_values import Levels
from gantk_cells.data.layouts import images_spec
from gantk_cells.data.lin import Lin
from gantk_cells.data.stacks import Stacks
from gantk_cells.files.ome_tiff import OmeTiff
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gantk.cli import run_command_line
from gantk.data import generated, take
from gantk.errors import DataError
from gantk.interfaces import Samples
from gantk.recipe import parameters_of

NAMES = ["mCherry <Bgs4>", "Arp3/GFP & co", "µ-Tea1"]


def write_stack(path: Path, pixels: np.ndarray, names: list[str] | None = None, **metadata: object) -> Path:
    """A stack (C, H, W) as OME-TIFF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {"axes": "CYX", **({"Channel": {"Name": names}} if names else {}), **metadata}
    tifffile.imwrite(path, pixels, ome=True, photometric="minisblack", metadata=about)
    return path


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """Twelve cells of three named channels, 16 bits, in one folder."""
    pixels = np.random.default_rng(0).integers(200, 3000, (12, 3, 12, 16), np.uint16)
    for i, image in enumerate(pixels):
        write_stack(tmp_path / f"own/cell {i:02} é.ome.tif", image, NAMES, PhysicalSizeX=65, PhysicalSizeXUnit="nm")
    return tmp_path / "own"


def original(root: Path) -> np.ndarray:
    return np.stack([tifffile.imread(path) for path in sorted(root.iterdir())])


def test_stacks_of_complete_cells(stacks: Path) -> None:
    data = {split: Stacks(split, root=stacks, white=4095) for split in ("train", "validation", "test")}
    spec = data["train"].spec
    assert sum(map(len, data.values())) == 12
    assert spec.shape == (3, 12, 16) and spec.names["channel"] == tuple(NAMES)
    assert spec.attributes["pixel_size_um"] == 0.065 and spec.attributes["stack"]
    assert data["test"].spec == spec
    expected = original(stacks) / 4095 * 2 - 1
    for part in data.values():
        for image in take(part, 12).samples.numpy():
            assert np.isclose(expected, image, atol=1e-6).all(axis=(1, 2, 3)).sum() == 1


def test_pairs_of_complete_cells_are_of_one_cell_and_turned_together(stacks: Path) -> None:
    pairs = Stacks("train", root=stacks, layout="per_class", channels=[NAMES[1], NAMES[0], NAMES[2]], white=4095)
    assert pairs.spec.names["protein"] == (NAMES[0], NAMES[2]) and pairs.spec.unit_axes == 1
    drawn = pairs.batch(torch.arange(len(pairs)).repeat(8), torch.Generator().manual_seed(0)).samples
    assert torch.equal(drawn[:, 0, 0], drawn[:, 1, 0])
    as_stacks = Stacks("train", root=stacks, channels=[NAMES[1], NAMES[0], NAMES[2]], white=4095)
    same = as_stacks.judged.batch(torch.arange(len(pairs)), None).samples
    assert torch.equal(same, pairs.batch(torch.arange(len(pairs)), None).samples)
    plain = as_stacks.batch(torch.arange(len(pairs)), None).samples
    assert torch.equal(as_stacks.as_judged(plain), same)
    turned = torch.stack([plain.flip(axes) for axes in ([], [2], [3], [2, 3])])  # (4, N, C, H, W)
    seen = torch.cat([drawn[:, :1, 0], drawn[:, :, 1]], 1).unflatten(0, (8, -1))
    assert (turned[:, None] == seen).flatten(3).all(3).any(0).all()  # all channels of a cell in the same way


def test_classes_of_stacks_choose_red_and_green_by_name_in_any_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, order in (("Arp3", [0, 1, 2]), ("Tea1", [2, 0, 1])):
        for i in range(6):
            pixels = rng.integers(0, 100, (3, 8, 12), np.uint8) + np.uint8([0, 50, 100])[:, None, None]
            names = np.array(["DIC", "GFP", "mCherry"])[order].tolist()
            write_stack(tmp_path / f"own/{name}/{i}.ome.tif", pixels[order], names)
    data = Lin("train", root=tmp_path / "own", channels=["mCherry", "GFP"])
    assert data.spec.names["channel"] == ("mCherry", "GFP") and data.spec.classes == ("Arp3", "Tea1")
    assert data.stored[:, 0].min() >= 100 and data.stored[:, 1].max() < 150


@pytest.mark.parametrize("type", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("layout", ["pairs", "per_class", "composite"])
def test_pixel_values_survive_the_round_trip(tmp_path: Path, type: str, layout: str) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.uniform(20, 200, (20, 2, 8, 12)) * (1 if type == "uint8" else 1.25 if type == "float32" else 20)
    pixels[:, 1] *= 0.5
    pixels = pixels.astype(type)
    for i, image in enumerate(pixels):
        write_stack(tmp_path / f"own/{'AB'[i % 2]}/{i:02}.ome.tif", image)
    parameters = {"background": "0%", "white": "100%"}
    train = Lin("train", root=tmp_path / "own", layout=layout, **parameters)
    test = Lin("test", root=tmp_path / "own", layout=layout, **parameters)
    assert test.spec == train.spec  # levels come from the training images alone
    samples = take(train, 5)
    assert samples.samples.min() == -1 and samples.samples.max() <= 1
    OmeTiff().write(tmp_path / "out.ome.tif", generated(samples.samples, samples.spec))
    with tifffile.TiffFile(tmp_path / "out.ome.tif") as file:
        written, said = file.series[0].asarray(), file.ome_metadata
    assert written.dtype == type and f"unit of the training images ({type}" in said
    known = {image.tobytes() for image in pixels.reshape(-1, 8, 12)}
    own = written.reshape(-1, 8, 12) if layout != "composite" else written[:, 0]  # greens are cut to the cell there
    if type == "float32":
        near = np.abs(own[:, None] - pixels.reshape(1, -1, 8, 12)).max((2, 3)).min(1)
        assert near.max() < 1e-4
    else:
        assert all(image.tobytes() in known for image in own)
    back = OmeTiff().read(tmp_path / "out.ome.tif")
    torch.testing.assert_close(back.samples.flatten(), samples.samples.flatten(), atol=0.02, rtol=0)


@given(st.sampled_from(["uint8", "uint16"]), st.integers(0, 200), st.integers(201, 254), st.integers(0, 2**32 - 1))
def test_levels_undo_themselves_within_rounding(type: str, background: int, white: int, seed: int) -> None:
    levels = Levels((float(background), 0.0), (float(white), 255.0), type)
    pixels = np.random.default_rng(seed).integers(background, white + 1, (3, 2, 4, 5)).astype(type)
    samples = levels.samples(pixels)
    assert samples.min() >= -1 and samples.max() <= 1
    assert np.array_equal(levels.pixels(samples, (-1.0, 1.0)), pixels)
    torch.testing.assert_close(levels.values(pixels, (-1.0, 1.0)), samples, atol=1e-6, rtol=0)


def test_percentiles_are_those_of_the_training_pixels_that_are_not_padded(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for i in range(20):
        write_stack(tmp_path / f"own/A/{i:02}.ome.tif", rng.integers(100, 1000, (2, 8, 12 - i % 2), np.uint16))
    parameters = {"root": tmp_path / "own", "size": [16, 12], "fit": "pad", "background": ["10%", 50], "white": "99%"}
    data = Lin("train", **parameters)
    names = {Path(file).name for file in _files(data, tmp_path / "own/A")}
    pixels = np.concatenate([tifffile.imread(tmp_path / "own/A" / name)[0].ravel() for name in names])
    levels = data.spec.attributes["pixels"]
    assert levels["background"] == [np.quantile(pixels, 0.1, method="inverted_cdf"), 50.0]
    assert levels["white"][0] == np.quantile(pixels, 0.99, method="inverted_cdf")
    assert (data.stored[:, :, :4] == -1).all()  # what was padded is background


def _files(data: Lin, folder: Path) -> list[str]:
    """The files whose images are in a data set, found by their pixels."""
    levels = Levels.of(data.spec)
    kept = data.stored[:, :, 4:12]
    found = []
    for path in folder.iterdir():
        image, _ = fitted(tifffile.imread(path), (8, 12), "pad")
        if (levels.samples(image[None]) - kept).abs().amax((1, 2, 3)).min() < 1e-6:
            found.append(path.name)
    assert len(found) == len(data)
    return found


@pytest.mark.parametrize(
    ("have", "fit", "want"),
    [((5, 7), "pad", (6, 9)), ((9, 8), "crop", (4, 5)), ((5, 9), "crop_and_pad", (8, 4)), ((4, 4), "scale", (8, 8))],
    ids=["pad", "crop", "both", "scale"],
)
def test_sizes_are_made_around_the_middle(have: tuple[int, int], fit: str, want: tuple[int, int]) -> None:
    image = np.ones((2, *have), np.uint16)
    image[:, have[0] // 2, have[1] // 2] = 9
    made, padded = fitted(image, want, fit)
    assert made.shape == (2, *want) and made.dtype == np.uint16
    if fit != "scale":
        place = np.argwhere(made[0] == 9)[0]
        assert np.abs(place - np.array(want) / 2).max() <= 1
        assert padded == (made[0] == 0).sum()


@pytest.mark.parametrize(("fit", "word"), [("crop", "data.fit=pad"), ("pad", "data.fit=crop")])
def test_a_size_that_does_not_fit_says_what_would(stacks: Path, fit: str, word: str) -> None:
    size = {"crop": [16, 16], "pad": [8, 16]}[fit]
    with pytest.raises(DataError, match=rf"\.tif is 12 × 16 .*{word}"):
        Stacks("train", root=stacks, size=size, fit=fit)


def test_every_parameter_that_changes_content_has_its_own_cache(stacks: Path, own_cache: Path) -> None:
    sets = [
        {},
        {"channels": [1, 0]},
        {"channels": [NAMES[1], NAMES[0]]},
        {"size": [8, 12]},
        {"size": [8, 12], "fit": "crop"},
        {"size": [16, 16], "fit": "pad"},
    ]
    shapes = []
    for number, parameters in enumerate(sets, start=1):
        fresh = take(Stacks("train", root=stacks, **parameters), 20).samples
        assert len(list(own_cache.glob("*.h5"))) == number
        shapes.append(fresh)
        assert torch.equal(take(Stacks("train", root=stacks, **parameters), 20).samples, fresh)
    assert not torch.equal(shapes[3], shapes[4])
    low, high = (take(Stacks("train", root=stacks, white=white), 20).samples for white in (3000, 60000))
    assert low.mean() > high.mean()  # levels are applied to what is cached


def tiff(path: Path, shape: tuple[int, ...], **how: object) -> None:
    tifffile.imwrite(path, np.ones(shape, np.uint16), photometric="minisblack", **how)


ODD: dict[str, tuple[Callable[[Path], object], dict, list[str]]] = {
    "z-stack": (
        lambda p: tiff(p, (5, 3, 12, 16), imagej=True, metadata={"axes": "ZCYX"}),
        {},
        ["z-stack", "Z Project", "Max Intensity"],
    ),
    "slices": (
        lambda p: tiff(p, (3, 12, 16), imagej=True, metadata={"axes": "ZYX"}),
        {},
        ["z-stack", "Channels 3, Slices 1"],
    ),
    "series": (lambda p: tiff(p, (4, 12, 16), metadata={"axes": "TYX"}), {}, ["time series", "Stack Splitter"]),
    "pages": (lambda p: tiff(p, (40, 12, 16), metadata=None), {}, ["40 pages", "Channels 40"]),
    "counts": (lambda p: write_stack(p, np.ones((4, 12, 16), np.uint16)), {}, ["a.tif has 4 channels", "have 3"]),
    "meanings": (
        lambda p: write_stack(p, np.ones((3, 12, 16), np.uint16), NAMES[::-1]),
        {},
        ["calls these channels 'µ-Tea1'", "data.channels="],
    ),
    "no names": (
        lambda p: write_stack(p, np.ones((3, 12, 16), np.uint16)),
        {"channels": NAMES[:2]},
        ["does not name its 3 channels", "data.channels=[0, 1, 2]"],
    ),
    "repeated": (
        lambda p: write_stack(p, np.ones((3, 12, 16), np.uint16), ["GFP", "GFP", NAMES[0]]),
        {"channels": [NAMES[0], "GFP"]},
        ["2 channels called 'GFP'", "0 or 1"],
    ),
    "unknown": (lambda p: None, {"channels": ["mCherry", NAMES[1]]}, ["no channel 'mCherry'", "Did you mean 'mCh"]),
    "signed": (
        lambda p: write_stack(p, np.ones((3, 12, 16), np.int16)),
        {},
        ["type int16", "sign", "Image › Type › 32-bit"],
    ),
    "mixed": (
        lambda p: write_stack(p, np.ones((3, 12, 16), np.uint8), NAMES),
        {},
        ["different types", "uint8", "uint16"],
    ),
    "nan": (lambda p: write_stack(p, np.full((3, 12, 16), np.nan, np.float32), NAMES), {}, ["not numbers", "=skip"]),
    "levels": (lambda p: None, {"background": 4000, "white": 300}, ["white (300) is not above data.background"]),
    "lists": (lambda p: None, {"white": [1, 2]}, ["data.white has 2 values for 3 channels"]),
}


@pytest.mark.parametrize("case", ODD)
def test_what_cannot_be_read_says_what_to_do(stacks: Path, case: str) -> None:
    spoil, parameters, says = ODD[case]
    spoil(stacks / "a.tif")
    with pytest.raises(DataError) as caught:
        Stacks("train", root=stacks, **parameters)
    for text in says:
        assert text in str(caught.value)


def test_floating_point_images_need_a_white(tmp_path: Path) -> None:
    for i in range(8):
        image = np.full((2, 8, 12), i / 10 - 0.2, np.float32)
        image[1, 0] = 0.1
        write_stack(tmp_path / f"own/A/{i}.ome.tif", image)
    with pytest.raises(DataError, match=r"data\.white=99\.99%"):
        Lin("train", root=tmp_path / "own")
    data = Lin("train", root=tmp_path / "own", background=-0.2, white="100%", size=[16, 16], fit="pad")
    assert data.stored[:, 0, 8, 8].max() == 1 and (data.stored[:, :, 0] == -1).all()


def test_forms_of_microscope_files(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "a.tif"
    pixels = rng.integers(0, 4000, (2, 9, 7), np.uint16)
    about = {"axes": "CYX", "unit": "micron", "Labels": ["GFP", "mCherry"]}
    tifffile.imwrite(path, pixels, imagej=True, resolution=(10, 10), metadata=about)
    decoded = decode(path)
    assert (decoded.names, decoded.pixel_size) == (("GFP", "mCherry"), 0.1)
    assert np.array_equal(decoded.images[0], pixels) and decoded.images.dtype.isnative
    shades = rng.integers(0, 256, (3, 256)).astype(np.uint16) * 257
    numbers = rng.integers(0, 256, (9, 7), np.uint8)
    tifffile.imwrite(path, numbers, photometric="palette", colormap=shades, metadata=None)
    assert np.array_equal(decode(path).images[0], numbers[None])  # palettes are for display
    tifffile.imwrite(path, numbers, photometric="palette", colormap=shades, imagej=True)
    assert np.array_equal(decode(path).images[0], numbers[None])
    write_stack(path, pixels, ["a\u200eb", " b "])
    assert decode(path).names == ("a\\u200eb", "b")  # a mark that does not print


def test_a_file_that_is_one_of_several_is_not_read_as_all_of_them(tmp_path: Path) -> None:
    path = write_stack(tmp_path / "a.ome.tif", np.ones((2, 8, 8), np.uint16))
    with tifffile.TiffFile(path) as file:
        text = file.ome_metadata
    parts = "".join(
        f'<TiffData IFD="0" FirstC="{k}" PlaneCount="1"><UUID FileName="{name}">urn:uuid:{k}</UUID></TiffData>'
        for k, name in enumerate("ab")
    )
    start, end = text.index("<TiffData"), text.index("</Pixels>")
    tifffile.imwrite(
        path, np.ones((2, 8, 8), np.uint16), description=(text[:start] + parts + text[end:]).encode(), metadata=None
    )
    with pytest.raises(DataError, match="one of 2 files"):
        decode(path)


MICROSCOPE = """<?xml version="1.0" encoding="UTF-8"?><!-- Please edit cautiously (if at all) -->
<OME:OME xmlns:OME="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:1">
  <OME:Image ID="Image:0" Name="Cy3, DAPI"><OME:Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16"
      SignificantBits="12" SizeX="9" SizeY="8" SizeC="2" SizeZ="1" SizeT="1"
      PhysicalSizeX="0.16250000000000002" PhysicalSizeXUnit="&#181;m">
    <OME:Channel ID="Channel:0" Name="Cy3" SamplesPerPixel="1" EmissionWavelength="565"><OME:DetectorSettings/>
    </OME:Channel><OME:Channel ID="Channel:1" SamplesPerPixel="1"/>
    <OME:TiffData IFD="0" FirstC="0" PlaneCount="1"><OME:UUID FileName="was.tif">urn:uuid:1</OME:UUID></OME:TiffData>
    <OME:TiffData IFD="1" FirstC="1" PlaneCount="1"><OME:UUID FileName="was.tif">urn:uuid:1</OME:UUID></OME:TiffData>
  </OME:Pixels></OME:Image></OME:OME>"""


def test_a_renamed_file_of_a_microscope_with_prefixed_names(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 4096, (2, 8, 9), np.uint16)
    about = {"photometric": "minisblack", "description": MICROSCOPE, "metadata": None}
    tifffile.imwrite(tmp_path / "renamed.ome.tif", pixels, **about)
    decoded = decode(tmp_path / "renamed.ome.tif")
    assert (decoded.names, decoded.pixel_size) == (("Cy3", ""), 0.1625)
    assert np.array_equal(decoded.images[0], pixels)


def test_what_gantk_writes_is_such_a_data_set(stacks: Path, tmp_path: Path) -> None:
    data = Stacks("train", root=stacks, layout="per_class", background="1%", white="99.99%")
    made = generated(take(data, 9).samples, data.spec, latent_seed=3)
    OmeTiff().write(tmp_path / "cells.ome.tif", made)
    again = Stacks("train", root=tmp_path / "cells.ome.tif")
    assert again.spec.names["channel"] == tuple(NAMES) and again.spec.origin == "generated"
    assert len(again) + len(Stacks("test", root=tmp_path / "cells.ome.tif")) < 9 == len(made)
    assert again.spec.attributes["pixel_size_um"] == 0.065
    units = images_spec((8, 8), ("r", "g"), "real", None, Levels.whole("uint8", 2), ("A", "B"), units=True)
    raw = Samples(samples=torch.rand(2, 2, 2, 8, 8), spec=units)
    OmeTiff().write(tmp_path / "raw.ome.tif", raw)
    with pytest.raises(DataError, match="not of one cell"):
        Stacks("train", root=tmp_path / "raw.ome.tif")


def lines_of(message: str) -> list[str]:
    """The settings that a message names: data.channels=[0, 1, 2]."""
    return [each.removeprefix("data.") for each in re.findall(r"data\.\w+=\[[^\]]*\]", message)]


def test_channels_that_are_left_out_are_told_and_every_line_that_is_named_works(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    for i in range(12):
        pixels = rng.integers(0, 256, (8, 10, 3), np.uint8)
        (tmp_path / "own").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / f"own/{i:02}.png")
    assert Lin("train", root=tmp_path / "own").spec.shape[0] == 2
    told = capsys.readouterr().err
    assert "more channels that are not empty (2)" in told
    every, two = lines_of(told)
    assert Lin("train", root=tmp_path / "own", **parameters_of([every])).spec.shape[0] == 3
    assert Lin("train", root=tmp_path / "own", **parameters_of([two])).spec.shape[0] == 2
    assert capsys.readouterr().err == ""  # whoever chose need not be told


@pytest.mark.parametrize("names", [["GFP", "RFP"], ["GFP", "DAPI"], ["GFP", "mCherry"]])
@pytest.mark.parametrize("across", [False, True])
def test_the_cure_for_channels_of_several_names_works(
    tmp_path: Path, names: list[str], across: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    for i in range(20):
        folder = "own/B" if across and i % 2 else "own/A"
        given = names[::-1] if i % 2 else ["GFP", "RFP"]
        write_stack(tmp_path / f"{folder}/{i:02}.ome.tif", rng.integers(0, 99, (2, 16, 24), np.uint8), given)
    with pytest.raises(DataError, match="calls these channels") as caught:
        Lin("train", root=tmp_path / "own", channels=[0, 1])
    (cure,) = lines_of(str(caught.value))
    for split in ("train", "test"):
        assert len(Lin(split, root=tmp_path / "own", **parameters_of([cure])))
    monkeypatch.chdir(tmp_path)
    assert run_command_line(["inspect", "own", "-q"]) == 0
    assert run_command_line(["validate", "inspected.yaml"]) == 0
