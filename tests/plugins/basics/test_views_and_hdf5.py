"""Pictures hold every sample and their whole caption; HDF5 files hold everything, and are read as they were written."""

import json
import pickle
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from gantk_basics.files.hdf5 import Hdf5
from gantk_basics.views.images import Images, _wrapped
from gantk_basics.views.points import Points
from matplotlib import _pylab_helpers
from PIL import Image, ImageFont

from gantk.data import generated
from gantk.errors import DoesNotFit, FileError
from gantk.interfaces import Samples
from gantk.spec import DataSpec


@pytest.fixture(scope="module", autouse=True)
def drawn_in_part() -> None:
    """These tests look at pictures with axes."""


POINTS = DataSpec((2,), ("coordinate",), range=None)
LONG = "step 12000 of a run whose name is long: " + "w" * 70
SPECS = {
    "grey": DataSpec((1, 8, 8), ("channel", "y", "x")),
    "colour": DataSpec((3, 20, 30), ("channel", "y", "x"), range=(0, 1)),
    "two channels": DataSpec((2, 12, 20), ("channel", "y", "x"), names={"channel": ("Bgs4", "protein")}),
    "units": DataSpec((4, 2, 12, 20), ("protein", "channel", "y", "x"), unit_axes=1),
    "no range": DataSpec((1, 70, 9), ("channel", "y", "x"), range=None),
}


def some(spec: DataSpec, count: int, **more: object) -> Samples:
    low, high = spec.range or (-3.0, 3.0)
    values = torch.rand(count, *spec.shape, generator=torch.Generator().manual_seed(count)) * (high - low) + low
    return Samples(samples=values, spec=spec, **more)  # type: ignore[arg-type]


def ink(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L")) < 250


@pytest.mark.parametrize("count", [1, 64])
@pytest.mark.parametrize("with_real", [False, True], ids=["alone", "beside real"])
@pytest.mark.parametrize("caption", ["", LONG], ids=["no caption", "long caption"])
def test_pictures_keep_their_margins(count: int, with_real: bool, caption: str) -> None:
    for view, spec in [(Points(POINTS), POINTS), *((Images(spec), spec) for spec in SPECS.values())]:
        picture = view.draw(some(spec, count), real=some(spec, count) if with_real else None, caption=caption)
        drawn = ink(picture)
        assert drawn.any()
        assert not (drawn[:2].any() or drawn[-2:].any() or drawn[:, :2].any() or drawn[:, -2:].any())
    assert not _pylab_helpers.Gcf.figs  # no figure is left in pyplot


@pytest.mark.parametrize(("name", "panels"), [("grey", 1), ("colour", 1), ("two channels", 2), ("units", 8)])
def test_every_pixel_of_every_sample_is_there(name: str, panels: int) -> None:
    spec = SPECS[name]
    samples = some(spec, 5)
    low, high = spec.range or (0, 1)
    picture = np.asarray(Images(spec, tile=1).draw(samples))
    bytes_ = ((samples.samples.numpy() - low) / (high - low) * 255).round().astype(np.uint8)
    colour = spec.own_shape[0] == 3
    tiles = bytes_.reshape(-1, *spec.own_shape) if colour else bytes_.reshape(-1, 1, *spec.own_shape[1:])
    assert len(tiles) == 5 * panels
    for tile in tiles:
        expected = np.broadcast_to(tile, (3, *tile.shape[1:])).transpose(1, 2, 0)
        windows = np.lib.stride_tricks.sliding_window_view(picture[..., 0], expected.shape[:2])
        candidates = np.argwhere((windows[:, :, 0] == expected[0, :, 0]).all(-1))  # by the first row, then as a whole
        assert any((picture[y : y + len(tile[0]), x : x + tile.shape[2]] == expected).all() for y, x in candidates)


def test_captions_are_broken_and_nothing_is_lost() -> None:
    font = ImageFont.load_default(13)
    lines = _wrapped(LONG, 200, font)
    assert "".join(lines).replace(" ", "") == LONG.replace(" ", "")
    assert max(font.getlength(line) for line in lines) <= 200


def test_views_refuse_what_they_cannot_draw() -> None:
    with pytest.raises(DoesNotFit, match="points in a plane"):
        Points(SPECS["grey"])
    with pytest.raises(DoesNotFit, match="draws images"):
        Images(POINTS)


def test_a_picture_of_broken_numbers_is_still_a_picture() -> None:
    for view, spec in ((Images(SPECS["grey"]), SPECS["grey"]), (Points(POINTS), POINTS)):
        samples = some(spec, 4)
        samples.samples[0] = torch.nan
        view.draw(samples)
        samples.samples[:] = torch.inf
        view.draw(samples)


LETTERS = DataSpec(
    (4, 7), ("letter", "position"), categorical=True, range=(0, 1), names={"letter": ("A", "C", "G", "T")}
)


@pytest.mark.parametrize("spec", [*SPECS.values(), POINTS], ids=[*SPECS, "points"])
def test_round_trip(spec: DataSpec, tmp_path: Path) -> None:
    labels, truth = torch.arange(9) % 3, {"phase": torch.rand(9), "state": torch.arange(9)}
    given = some(spec, 9, labels=labels, truth=truth, attributes={"origin": "generated", "step": 12, "seeds": [1, 2]})
    Hdf5().write(tmp_path / "some.h5", given)
    found = Hdf5().read(tmp_path / "some.h5")
    assert torch.equal(found.samples, given.samples) and found.samples.dtype == given.samples.dtype
    assert found.labels is not None and torch.equal(found.labels, labels)
    assert found.condition is None
    assert all(torch.equal(found.truth[name], truth[name]) for name in truth)
    assert (found.spec, found.attributes) == (spec, given.attributes)
    assert [path.name for path in tmp_path.iterdir()] == ["some.h5"]


@pytest.mark.parametrize("units", [0, 1])
def test_one_hot_data_are_stored_as_letters(units: int, tmp_path: Path) -> None:
    spec = LETTERS
    if units:
        spec = DataSpec(
            (2, 4, 7), ("strand", *LETTERS.axes), unit_axes=1, categorical=True, range=(0, 1), names=LETTERS.names
        )
    chosen = torch.randint(4, (5, *spec.units, 7))
    one_hot = torch.nn.functional.one_hot(chosen, 4).movedim(-1, 1 + units).float()
    Hdf5().write(tmp_path / "dna.hdf5", Samples(samples=one_hot, spec=spec))
    with h5py.File(tmp_path / "dna.hdf5") as file:
        assert np.array_equal(file["samples"][()], chosen.numpy()) and file["samples"].dtype == np.uint8
        assert list(file["samples"].attrs["alphabet"]) == ["A", "C", "G", "T"]
        assert [axis.label for axis in file["samples"].dims] == ["sample", *spec.axes[:units], "position"]
    assert torch.equal(Hdf5().read(tmp_path / "dna.hdf5").samples, one_hot)


def test_files_can_be_read_without_gantk(tmp_path: Path) -> None:
    spec = SPECS["two channels"]
    Hdf5().write(tmp_path / "a.h5", some(spec, 3, attributes={"origin": "simulated"}))
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["samples"].shape == (3, 2, 12, 20)
        assert [axis.label for axis in file["samples"].dims] == ["sample", "channel", "y", "x"]
        assert list(file["samples"].attrs["channel_names"]) == ["Bgs4", "protein"]
        assert file["samples"].attrs["range"].tolist() == [-1, 1]
        assert json.loads(file.attrs["attributes"]) == {"origin": "simulated"}


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrong.h5"
    with pytest.raises(FileError, match="no such file"):
        Hdf5().read(path)
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(FileError, match="not a file of gantk samples"):
        Hdf5().read(path)
    with h5py.File(path, "w") as file:
        file["samples"] = np.zeros(3)
    with pytest.raises(FileError, match="not a file of gantk samples"):
        Hdf5().read(path)
    Hdf5().write(path, some(POINTS, 400))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileError, match=r"wrong\.h5"):
        Hdf5().read(path)
    Hdf5().write(path, some(POINTS, 4))
    with h5py.File(path, "a") as file:
        del file["samples"]
        file["samples"] = np.zeros((4, 3), np.float32)
    with pytest.raises(FileError, match="SHA-256"):  # changed since it was written
        Hdf5().read(path)
    with pytest.raises(FileError, match="cannot be written"):
        Hdf5().write(tmp_path / "nowhere" / "a.h5", some(POINTS, 4))


@pytest.mark.parametrize("side", [200, 1024])
def test_grids_of_large_images_can_be_looked_at(side: int) -> None:
    spec = DataSpec(shape=(1, side, side), axes=("channel", "y", "x"), range=(0.0, 1.0))
    samples = generated(torch.full((9, 1, side, side), 0.5), spec)
    picture = np.asarray(Images(spec, columns=9).draw(samples))
    assert picture.shape[1] <= 4200
    assert (picture == 128).all(-1).sum() >= 9 * min(side, 4096 // 9 - 1) ** 2 * 0.5
