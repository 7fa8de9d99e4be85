"""cells/paired and cells/unpaired: what is given and wanted, tiles, held-out regions, scaling and its way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from gantk_cells.data.field_splits import strips
from gantk_cells.data.paired import Paired
from gantk_cells.data.stainings import Stainings, two_stainings
from gantk_cells.data.stored_fields import undone
from gantk_cells.data.tiles import Tiles, Window
from gantk_cells.data.unpaired import Unpaired
from PIL import Image
from torch import Tensor

from gantk.data import as_dataset
from gantk.errors import DataError, MissingData

RNG = np.random.default_rng(0)
EYE = np.eye(8, dtype=np.uint8)


def field(height: int = 40, width: int = 60, low: int = 0) -> np.ndarray:
    """A picture in which every pixel is another number."""
    return (low + RNG.permutation(height * width)).reshape(height, width).astype(np.uint16)


def write(path: Path, planes: np.ndarray, **more: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        Image.fromarray(planes).save(path)
    else:
        tifffile.imwrite(path, planes, photometric="minisblack", **more)


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Six pairs; what is wanted is what is given, twice as bright and upside down."""
    for number in range(6):
        given = field()
        write(tmp_path / "A" / f"f{number}.png", given)
        write(tmp_path / "B" / f"f{number}.tif", (2 * given[::-1]).astype(np.uint16))
    return tmp_path


RAW: dict[str, Any] = {"background": 0.0, "white": 4800.0, "condition_background": 0.0, "condition_white": 2400.0}


def test_pairs_by_folders_stay_pairs_however_they_are_turned(tmp_path: Path) -> None:
    given = field(32, 32)
    write(tmp_path / "A" / "f.png", given)
    write(tmp_path / "B" / "f.png", (2 * given).astype(np.uint16))
    data = Paired("train", root=tmp_path, size=8, gap=0, test=0.25, **RAW)
    batch = data.batch(torch.zeros(200, dtype=torch.int64), torch.Generator().manual_seed(0))
    assert batch.condition is not None and batch.condition.shape == batch.samples.shape == (200, 1, 8, 8)
    torch.testing.assert_close(batch.samples, batch.condition, rtol=0, atol=1e-6)  # twice as bright, half the scale
    assert len({tuple(each) for each in batch.samples.reshape(200, -1).tolist()}) > 150  # tiles from anywhere


def test_all_eight_ways_and_all_places_are_shown_equally_often() -> None:
    """Tiles of 2 x 2 pixels from 3 x 3: each pixel's number says where it came from."""
    fields = torch.arange(9.0).reshape(1, 1, 3, 3)
    tiles = Tiles(fields, [Window(0, 0, 0, 3, 3)], (2, 2), "all")
    shown, _ = tiles.at_random(6400, torch.Generator().manual_seed(0))
    kinds, counts = shown.reshape(-1, 4).unique(dim=0, return_counts=True)
    assert len(kinds) == 4 * 8 and counts.min() > 140 and counts.max() < 270  # 200 each, sd 14
    flipped, _ = Tiles(fields, [Window(0, 0, 0, 3, 3)], (2, 2), "flips").at_random(2000, torch.Generator())
    assert len(flipped.reshape(-1, 4).unique(dim=0)) == 4 * 4
    plain, _ = Tiles(fields, [Window(0, 0, 0, 3, 3)], (2, 2), "none").at_random(2000, torch.Generator())
    assert len(plain.reshape(-1, 4).unique(dim=0)) == 4


def test_places_are_drawn_by_the_area_of_their_window() -> None:
    fields = torch.zeros(1, 1, 8, 40)
    fields[..., 20:] = 1
    windows = [Window(0, 0, 0, 8, 8), Window(0, 0, 20, 8, 20)]  # 5 and 17 places along, 5 down
    tiles = Tiles(fields, windows, (4, 4), "all")
    shown, _ = tiles.at_random(4000, torch.Generator().manual_seed(0))
    assert shown.flatten(1).std(1).max() == 0  # none reaches beyond its window
    assert abs(float(shown.mean()) - 17 / 22) < 0.03


def test_held_out_regions_share_no_pixel_with_training_and_keep_the_gap(tmp_path: Path) -> None:
    given = field(24, 100)
    write(tmp_path / "s_in.png", given)
    write(tmp_path / "s_out.png", given)
    ways = {"condition": ["_in"], "target": ["_out"], "size": 8, "test": 0.25, "gap": 6}
    scaled = {**RAW, "white": 2400.0}
    for fold in range(4):
        data = {
            split: Paired(split, root=tmp_path, fold=fold, validation=0.1, **ways, **scaled)  # type: ignore[arg-type]
            for split in ("train", "validation", "test")
        }
        columns = {}
        for split, part in data.items():
            seen: set[int] = set()
            for window in part.windows:
                seen |= set(range(window.left, window.left + window.width))
            columns[split] = seen
        assert columns["test"] == set(range(25 * fold, 25 * fold + 25))
        for one, other in (("train", "test"), ("train", "validation"), ("validation", "test")):
            assert min(abs(a - b) for a in columns[one] for b in columns[other]) > 6
        drawn = data["train"].batch(torch.zeros(300, dtype=torch.int64), torch.Generator().manual_seed(1)).samples
        tested = torch.cat([region.target.flatten() for region in data["test"].regions()])
        assert not torch.isin(drawn.unique(), tested).any()
        region = data["test"].regions()[0]
        inside = region.condition[:, region.inside[0], region.inside[1]]
        assert torch.equal(inside, region.target) and region.condition.shape[2] > region.target.shape[2]


def test_whole_fields_are_held_out_where_there_are_several(folders: Path) -> None:
    seen = {}
    for fold in range(3):
        parts = [Paired(split, root=folders, size=8, test=1 / 3, fold=fold) for split in ("train", "test")]
        names = [sorted({part.fields[window.field].name for window in part.windows}) for part in parts]
        assert sorted(names[0] + names[1]) == [f"f{k}" for k in range(6)] and len(names[1]) == 2
        seen[fold] = names[1]
    assert sorted(name for names in seen.values() for name in names) == [f"f{k}" for k in range(6)]  # each once
    again = Paired("test", root=folders, size=8, test=1 / 3, fold=0)
    assert sorted({again.fields[window.field].name for window in again.windows}) == seen[0]


def test_scaling_is_measured_on_what_is_trained_on_and_undone(tmp_path: Path) -> None:
    given = field(16, 64)
    given[:, 48:] += 20000  # of the strip that is tested
    write(tmp_path / "p_x.png", given)
    write(tmp_path / "p_y.png", given)
    data = Paired("test", root=tmp_path, condition=["_x"], target=["_y"], size=16, test=0.25, fold=3, gap=0)
    (known,) = data.spec.attributes["normalisation"]["target"]
    trained = given[:, :48]
    assert known["name"] == "y" and abs(known["high"] - np.quantile(trained, 0.999)) <= 2
    assert known["high"] < 2000 and data.batch(torch.tensor([0]), None).samples.max() == 1  # clipped
    train = Paired("train", root=tmp_path, condition=["_x"], target=["_y"], size=16, test=0.25, fold=3, gap=0)
    region = train.regions()[0]
    back = undone(region.target.numpy(), train.spec.attributes["normalisation"]["target"])
    right = np.clip(trained, known["low"], known["high"])
    np.testing.assert_allclose(back[0], right, atol=0.01)
    assert region.condition.max() > 1 or known["high"] == trained.max()  # what is given is not clipped


def test_channels_of_stacks_by_number_and_by_name(tmp_path: Path) -> None:
    for number in range(3):
        stack = np.stack([field(16, 16, 1000 * k) for k in range(3)])
        names = {"Channel": {"Name": ["phase", "DAPI", "MAP2"]}, "axes": "CYX", "PhysicalSizeX": 0.5}
        write(tmp_path / f"s{number}.ome.tif", stack, ome=True, metadata=names)
    parts = {"size": 8, "test": 0.34}
    by_name = Paired("train", root=tmp_path, condition=["phase", "MAP2"], target=["DAPI"], **parts)  # type: ignore[arg-type]
    by_number = Paired("train", root=tmp_path, condition=[0, 2], target=[1], **parts)  # type: ignore[arg-type]
    one, other = (each.batch(torch.arange(4), None) for each in (by_name, by_number))
    assert torch.equal(one.samples, other.samples) and by_name.spec == by_number.spec
    assert by_name.spec.condition_shape == (2, 8, 8) and by_name.spec.names["channel"] == ("DAPI",)
    assert [each["name"] for each in by_name.spec.attributes["normalisation"]["condition"]] == ["phase", "MAP2"]


def test_what_is_missing_is_told_or_left_out_of_the_truth(folders: Path) -> None:
    (folders / "B" / "f2.tif").unlink()
    with pytest.raises(DataError, match=r"1 of 6 fields \(f2\) without all that is wanted.*data\.missing=keep"):
        Paired("train", root=folders, size=8)
    for split in ("train", "test"):
        data = Paired(split, root=folders, size=8, missing="keep")
        batch = data.batch(torch.arange(len(data)), None)
        measured = batch.truth["measured"]
        assert measured.shape == (len(data), 1) and measured.dtype == torch.bool
        assert (batch.samples[~measured[:, 0]] == -1).all()
    every = [Paired(split, root=folders, size=8, missing="keep") for split in ("train", "test")]
    shares = [float(each.batch(torch.arange(len(each)), None).truth["measured"].float().sum()) for each in every]
    assert sum(shares) == 5 * 35
    random = every[0].batch(torch.zeros(64, dtype=torch.int64), torch.Generator().manual_seed(0))
    assert torch.equal((random.samples == -1).flatten(1).all(1), ~random.truth["measured"][:, 0])
    (folders / "A" / "f3.png").unlink()
    with pytest.raises(DataError, match=r"f3.*without all that is given"):
        Paired("train", root=folders, size=8, missing="keep")


def test_folders_of_the_splits_and_cyclegans_layout(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("test", 2)):
        for number in range(count):
            for domain in "AB":
                write(tmp_path / "one" / split / domain / f"{number}.png", field(16, 16))
                write(tmp_path / "two" / f"{split}{domain}" / f"{number}.png", field(16, 16))
    for root in ("one", "two"):
        for kind in (Paired, Unpaired):
            sizes = [len(kind(split, root=tmp_path / root, size=8)) for split in ("train", "test", "validation")]  # type: ignore[operator]
            assert sizes == [12, 8, 0], (root, kind)


def test_unpaired_domains_are_drawn_independently(tmp_path: Path) -> None:
    for number in range(8):
        write(tmp_path / "A" / f"{number}.png", np.full((8, 8), 10 * number + 1, np.uint8) + EYE)
    for number in range(5):
        write(
            tmp_path / "B" / f"x{number}.png", np.full((8, 8), 10 * number + 100, np.uint8) + np.eye(8, dtype=np.uint8)
        )
    data = Unpaired("train", root=tmp_path, size=8, background=0.0, white=255.0)
    batch = as_dataset(data).batch(torch.arange(400) % len(data), torch.Generator().manual_seed(0))
    assert batch.condition is not None and torch.equal(batch.condition, batch.samples)
    levels = ((batch.samples.amin((2, 3, 4)) + 1) * 127.5).round()
    pairs = {tuple(each) for each in levels.tolist()}
    first, second = ({pair[side] for pair in pairs} for side in (0, 1))
    assert len(first) == 6 and len(second) == 4 and len(pairs) == 24  # every one meets every other
    assert data.spec.units == (2,) and data.spec.condition_shape == data.spec.shape == (2, 1, 8, 8)
    assert set(data.spec.attributes["normalisation"]) == {"A", "B"}
    held = Unpaired("test", root=tmp_path, size=8, background=0.0, white=255.0)
    assert len(held) == 2
    held_levels = ((held.batch(torch.arange(2), None).samples[:, 0].amin((1, 2, 3)) + 1) * 127.5).round()
    assert not set(held_levels.tolist()) & first


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"condition": ["C"]}, r"not so C.*\nThere: folders: A, B"),
        ({"size": 100}, "is 100 x 100 pixels or larger"),
        ({"size": [8, 16]}, "turned by 90 degrees"),
        ({"target": ["A"]}, "stands twice"),
        ({"fold": 7, "test": 0.5}, "folds 0 to 1"),
        ({"test": 0.5, "validation": 0.45, "held_out": "fields"}, "too few"),
        ({"held_out": "region", "size": 32}, "too few to hold out"),
        ({"background": 5.0, "white": 1.0}, "not above"),
    ],
    ids=["part", "size", "turn", "twice", "fold", "few fields", "few pixels", "levels"],
)
def test_mistakes_are_told_with_the_cure(change: dict[str, Any], told: str, folders: Path) -> None:
    with pytest.raises(DataError, match=told):
        Paired("train", **{"root": folders, "size": 8, **change})


def test_files_that_do_not_belong_together_are_named(folders: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="no such folder"):
        Paired("train", root=tmp_path / "none")
    write(folders / "B" / "f1.tif", field(16, 16))
    with pytest.raises(DataError, match=r"'f1'.*f1.png 40 x 60, f1.tif 16 x 16"):
        Paired("train", root=folders, size=8)
    (folders / "B" / "f1.tif").write_bytes(b"II*\0broken")
    with pytest.raises(DataError, match=r"f1\.tif cannot be read"):
        Paired("train", root=folders, size=8)


@pytest.mark.parametrize("length", [1024, 100])
def test_strips_cover_what_they_should(length: int) -> None:
    size = length // 4
    for fold in range(4):
        cut = strips(length, 8, 4, fold, 0.25, 0.0)
        assert cut.test == ((fold * size, fold * size + size),) and cut.validation == ()
        trained = sum(end - start for start, end in cut.train)
        assert trained == length - size - 4 * (1 if fold in (0, 3) else 2)


def test_the_second_staining_is_beer_and_lamberts_law() -> None:
    """Without noise and blur, of a plain picture: offset + (0.92 - offset) exp(-8 density)."""
    images = np.full((1, 2, 24, 24), 51, np.uint8)
    both = two_stainings(images, np.random.default_rng(0))
    assert abs(both[0, 0].mean() - 0.2) < 0.01
    assert abs(both[0, 1].mean() - (0.06 + 0.86 * np.exp(-1.6))) < 0.01


def test_stainings_know_the_right_translation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GANTK_CACHE", str(tmp_path))
    data = Stainings("train", cells=60, test_cells=10)
    batch = data.batch(torch.arange(20), torch.Generator().manual_seed(0))
    right: Tensor = batch.truth["translated"]

    def r(one: Tensor, other: Tensor) -> float:
        pairs = zip(one.flatten(1), other.flatten(1), strict=True)
        return float(torch.stack([torch.corrcoef(torch.stack(each))[0, 1] for each in pairs]).mean())

    x, y = batch.samples.unbind(1)
    assert r(x, right[:, 1]) < -0.8 and r(y, right[:, 0]) < -0.8  # the same cells, darker where they are brighter
    assert abs(r(x, right[:, 1])) > abs(r(x, y)) + 0.05  # and chance brings others together
    still = data.batch(torch.arange(20), None)
    assert torch.equal(still.samples, data.batch(torch.arange(20), None).samples)
